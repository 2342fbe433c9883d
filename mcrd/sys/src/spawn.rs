//! Starting a child process: with one descriptor at a fixed number, or with
//! signals that its parent has blocked.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::SigSet;

/// Gives the child `descriptor` as number `target`, and lets the kernel kill
/// it when the thread that starts it ends. The command owns the descriptor and
/// closes the parent's copy when it is dropped.
pub fn pass_descriptor(command: &mut Command, descriptor: OwnedFd, target: RawFd) {
    let child_setup = move || {
        let source = descriptor.as_raw_fd();
        // SAFETY: prctl with PR_SET_PDEATHSIG takes numbers only.
        let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let result = if source == target {
            // SAFETY: the descriptor is open, and fcntl takes numbers only.
            unsafe { libc::fcntl(source, libc::F_SETFD, 0) }
        } else {
            // SAFETY: dup2 takes numbers only; what `target` was in the child
            // is not used there any more. The copy is not close-on-exec.
            unsafe { libc::dup2(source, target) }
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec and only makes system
    // calls that are async-signal-safe; it allocates nothing.
    unsafe { command.pre_exec(child_setup) };
}

/// Lets the child have signals that the thread which starts it has blocked: it
/// would inherit that.
pub fn unblock(command: &mut Command, signals: SigSet) {
    let child_setup = move || Ok(signals.thread_unblock()?);
    // SAFETY: between fork and exec the closure makes one system call; it neither
    // allocates nor takes a lock.
    unsafe { command.pre_exec(child_setup) };
}

/// Takes over a descriptor that the parent passed. To be called once for each
/// number.
///
/// # Errors
/// No such descriptor is open.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_GETFD takes numbers only.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nothing else in this process knows it: the
    // standard library owns only 0, 1 and 2 at the start.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
