//! What watches a daemon.

/// A program that watches a node's daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// strace: all system calls.
    Strace,
    /// perf record: where time is spent.
    Perf,
    /// valgrind: mistakes with memory.
    Valgrind,
    /// gdbserver: a debugger may come.
    Gdbserver,
}

impl Wrap {
    /// As the file names it, and the program.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Wrap::Strace => "strace",
            Wrap::Perf => "perf",
            Wrap::Valgrind => "valgrind",
            Wrap::Gdbserver => "gdbserver",
        }
    }

    /// What installs it on Debian.
    #[must_use]
    pub fn enable(self) -> &'static str {
        match self {
            Wrap::Strace => "apt-get install -y strace",
            Wrap::Perf => "apt-get install -y linux-perf",
            Wrap::Valgrind => "apt-get install -y valgrind",
            Wrap::Gdbserver => "apt-get install -y gdbserver",
        }
    }
}
