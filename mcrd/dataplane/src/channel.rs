//! What supervisor and worker say to each other.
//!
//! The channel is a `SOCK_SEQPACKET` socket pair: one message is one packet,
//! encoded with postcard, and file descriptors travel beside the message they
//! belong to. A table of any size is sent as one message an entry, so no limit
//! on a message's size can limit the table.

use mcr_proto::fib::{FibDigest, FibEntry, FibKey};
use mcr_proto::id::IfIndex;
use serde::{Deserialize, Serialize};

use crate::counters::Slot;

/// The descriptor number on which a worker finds its channel after `exec`.
pub const CHANNEL_FD: i32 = 3;

/// The longest encoded message, in bytes; an entry with 256 outputs is below
/// half of it.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// From the supervisor to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message. Carries two descriptors: the packet socket that is
    /// bound to the input interface, and the memory file of the counters.
    Start(WorkerConfig),
    /// An output interface can be used. Carries one descriptor: a packet socket
    /// bound to it, for sending only. Replaces an earlier one.
    OpenOutput(IfIndex),
    /// An output interface is used no more; its socket is closed.
    CloseOutput(IfIndex),
    /// The key has this entry now; its counters start at `slot`: the entry's
    /// own first, then one for each output in order.
    Set {
        /// The key.
        key: FibKey,
        /// The entry.
        entry: FibEntry,
        /// Its first counter cell.
        slot: Slot,
    },
    /// The key has no entry now.
    Remove(FibKey),
    /// All messages before this one are to be in force; the worker answers
    /// [`FromWorker::Applied`] with the same number.
    Commit(u64),
    /// From now on, log messages up to this level are wanted.
    LogLevel(Level),
    /// End in order: send what is queued, then exit with code 0.
    Stop,
}

/// From a worker to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker has shut itself in and receives packets.
    Ready {
        /// How it moves packets.
        io: PacketIo,
        /// Each protection, and why it could not be had where it could not.
        sandbox: Vec<(String, Result<(), String>)>,
    },
    /// The table as of this commit is in force.
    Applied {
        /// The number of the commit.
        commit: u64,
        /// The digest of the whole table the worker holds.
        digest: FibDigest,
        /// How many entries it holds.
        entries: u64,
    },
    /// A line for the log.
    Log {
        /// How important it is.
        level: Level,
        /// What happened.
        message: String,
    },
}

/// What a worker must know before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerConfig {
    /// The input interface's name, for messages.
    pub interface: String,
    /// The input interface.
    pub iif: IfIndex,
    /// The CPU to stay on, if one was asked for.
    pub cpu: Option<u32>,
    /// `false` forbids io_uring, so that recvmmsg and sendmmsg are used.
    pub allow_io_uring: bool,
    /// The log level to start with.
    pub log_level: Level,
}

/// How a worker moves packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PacketIo {
    /// One io_uring.
    IoUring,
    /// recvmmsg and sendmmsg, and why.
    Mmsg {
        /// Why io_uring is not used.
        reason: String,
    },
}

/// How important a log message is, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}
