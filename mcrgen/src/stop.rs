//! Ending in order on SIGINT and SIGTERM.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;

use crate::error::{Context, Error};

/// Holds the two signals back and tells when one came.
pub struct Stop(SignalFd);

impl Stop {
    /// Holds them back from here on, in this thread and those it starts later.
    pub fn new() -> Result<Self, Error> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.add(Signal::SIGTERM);
        signals.thread_block().context("blocking signals")?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = SignalFd::with_flags(&signals, flags).context("opening a signalfd")?;
        Ok(Self(fd))
    }

    /// Waits this long, less when a signal comes. True: end now.
    pub fn wait(&self, nanoseconds: u64) -> Result<bool, Error> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let timeout = TimeSpec::from_duration(Duration::from_nanos(nanoseconds));
        match ppoll(&mut fds, Some(timeout), None) {
            Ok(ready) => Ok(ready > 0),
            Err(nix::errno::Errno::EINTR) => Ok(false),
            Err(error) => Err(error).context("waiting"),
        }
    }

    /// Waits this long, whatever comes.
    pub fn pause(&self, nanoseconds: u64) -> Result<(), Error> {
        let timeout = TimeSpec::from_duration(Duration::from_nanos(nanoseconds));
        match ppoll(&mut [], Some(timeout), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("waiting"),
        }
    }

    /// Readable when a signal came.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
