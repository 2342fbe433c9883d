//! Waiting for a descriptor inside tokio.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use tokio::io::unix::AsyncFd;

/// Follows the readiness of what `descriptor` refers to, through a duplicate,
/// so that the descriptor itself stays with its owner. Must be called inside a
/// tokio runtime.
///
/// # Errors
/// There is no descriptor left, or what it refers to cannot be waited for.
pub fn follow(descriptor: impl AsFd) -> io::Result<AsyncFd<OwnedFd>> {
    let duplicate = descriptor.as_fd().try_clone_to_owned()?;
    // SAFETY: an OwnedFd is open as long as it lives, gives the same number
    // each time, and nothing else closes it.
    let registered = unsafe { AsyncFd::register(duplicate) };
    registered.map_err(io::Error::from)
}
