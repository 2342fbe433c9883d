//! Descriptors whose last close waits.
//!
//! The last close of a packet socket waits until no CPU can be delivering to
//! it: for an RCU grace period, which is ten milliseconds and more. A thread
//! that moves packets or answers neighbours must not be the one that waits.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use tokio::runtime::Handle;

/// A descriptor that is closed on a thread for what blocks, where it is dropped
/// inside a tokio runtime.
#[derive(Debug)]
pub struct SlowClose(ManuallyDrop<OwnedFd>);

impl SlowClose {
    /// From now on its close holds up nobody.
    #[must_use]
    pub fn new(descriptor: OwnedFd) -> SlowClose {
        SlowClose(ManuallyDrop::new(descriptor))
    }

    /// Another descriptor of the same. As long as it is there, no close of the
    /// others is the last one.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub fn of(descriptor: impl AsFd) -> io::Result<SlowClose> {
        Ok(SlowClose::new(descriptor.as_fd().try_clone_to_owned()?))
    }
}

impl AsFd for SlowClose {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for SlowClose {
    fn drop(&mut self) {
        // SAFETY: it is taken only here, and dropped no more after that.
        let descriptor = unsafe { ManuallyDrop::take(&mut self.0) };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(descriptor));
        }
    }
}

#[cfg(test)]
mod tests;
