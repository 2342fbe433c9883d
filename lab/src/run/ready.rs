//! Threads that wait for any of many sockets, and for a word from outside.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::EventFd;

/// Waits until something can be read; whether it can from `wake`, and from each
/// of the sockets. `None` where the kernel waits no more.
pub(super) fn wait<'a>(
    wake: &EventFd,
    sockets: impl Iterator<Item = &'a OwnedFd>,
) -> Option<(bool, Vec<bool>)> {
    let mut watched = vec![PollFd::new(wake.as_fd(), PollFlags::POLLIN)];
    watched.extend(sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)));
    match poll(&mut watched, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(_) => return None,
    }
    let mut ready = watched.iter().map(|fd| fd.any() == Some(true));
    let woken = ready.next() == Some(true);
    Some((woken, ready.collect()))
}
