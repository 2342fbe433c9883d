//! Processes that cannot get lost: forked while there is one thread, held by
//! pidfd, ended with their parent.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, Pid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How many threads the calling process has.
///
/// # Errors
/// The file system's, where `/proc` is not mounted.
pub fn thread_count() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

/// Forks the calling process, which must have one thread only.
///
/// # Errors
/// `InvalidInput` where there are more threads, the kernel's otherwise.
pub fn fork() -> io::Result<ForkResult> {
    if thread_count()? != 1 {
        return Err(Errno::EINVAL.into());
    }
    // SAFETY: no other thread exists, so none can hold a lock that the child
    // would wait for.
    unsafe { nix::unistd::fork() }.map_err(io::Error::from)
}

/// How long a thread that waits for packets asks to run at a time, in
/// nanoseconds: the least that the scheduler grants.
const SLICE: u64 = 100_000;

/// Asks for short turns: from Linux 6.12 on, a thread that asks for less than
/// the one that runs takes its place when it is woken, without more of the CPU
/// in all. Older kernels ignore it, and a scheduling policy that was chosen for
/// the process stays. Threads and processes started later inherit it.
///
/// # Errors
/// The kernel's.
pub fn take_short_turns() -> io::Result<()> {
    let mut scheduling = scheduling()?;
    if i32::try_from(scheduling.sched_policy) != Ok(libc::SCHED_OTHER) {
        return Ok(());
    }
    scheduling.sched_runtime = SLICE;
    // SAFETY: the kernel reads the struct, whose size is in it.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const scheduling, 0) };
    Errno::result(set)?;
    Ok(())
}

/// How the calling thread is scheduled.
fn scheduling() -> io::Result<libc::sched_attr> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).map_err(io::Error::other)?;
    let mut scheduling = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes at most `size` bytes, which the struct has.
    let got = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut scheduling, size, 0) };
    Errno::result(got)?;
    Ok(scheduling)
}

/// Makes the kernel kill the calling process when its parent ends. `parent` is
/// the read end of a pipe whose write end only the parent holds: it shows a
/// parent that ended before the call, which `getppid` cannot tell across PID
/// namespaces.
///
/// # Errors
/// `BrokenPipe` where the parent is gone already.
pub fn die_with_parent(parent: BorrowedFd<'_>) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let mut watched = [PollFd::new(parent, PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO)?;
    let gone = watched[0]
        .revents()
        .is_some_and(|events| events.contains(PollFlags::POLLHUP));
    if gone {
        Err(io::ErrorKind::BrokenPipe.into())
    } else {
        Ok(())
    }
}

/// A process, held so that its number cannot come to mean another one.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// Holds process `pid`, which the caller must know to be the right one at
    /// this moment: its own child, not yet waited for.
    ///
    /// # Errors
    /// ESRCH where there is no such process.
    pub fn open(pid: Pid) -> io::Result<Self> {
        // SAFETY: the system call takes two integers and touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let fd = Errno::result(fd)?;
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        // SAFETY: the kernel has just given this descriptor to us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends a signal to the process.
    ///
    /// # Errors
    /// ESRCH where it has ended and was waited for.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        // SAFETY: the descriptor is open, and the kernel accepts a null
        // siginfo pointer.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        Errno::result(result)?;
        Ok(())
    }

    /// Waits at most `timeout` for the process to end; tells if it has.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait_end(&self, timeout: PollTimeout) -> io::Result<bool> {
        let mut watched = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut watched, timeout)? > 0)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PidFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A process whose end can be awaited.
#[derive(Debug)]
pub struct WatchedProcess(AsyncFd<PidFd>);

impl WatchedProcess {
    /// Registers the process with the tokio runtime of the caller.
    ///
    /// # Errors
    /// The kernel's, where it takes no more descriptors.
    pub fn new(process: PidFd) -> io::Result<Self> {
        // SAFETY: PidFd owns its descriptor, keeps it open until it is
        // dropped, and always returns the same one.
        let watched = unsafe { AsyncFd::register_with_interest(process, Interest::READABLE) };
        watched.map(Self).map_err(|error| error.into_parts().1)
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &PidFd {
        self.0.get_ref()
    }

    /// Returns as soon as the process has ended, waited for or not.
    ///
    /// # Errors
    /// The runtime's, at its own end.
    pub async fn ended(&self) -> io::Result<()> {
        // A pidfd is readable from the process's end on, for ever.
        self.0.readable().await.map(drop)
    }

    /// The same for a poll by hand. Only the latest task that asked is woken.
    ///
    /// # Errors
    /// The runtime's, at its own end.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx).map_ok(drop)
    }
}

/// Starts a command in a network namespace, in a process group of its own.
/// The kernel kills it when the calling thread ends.
///
/// # Errors
/// The kernel's: from the namespace as from the command.
pub fn spawn_in(command: &mut Command, namespace: BorrowedFd<'_>) -> io::Result<(Child, PidFd)> {
    let namespace = namespace.try_clone_to_owned()?;
    command.process_group(0);
    let enter = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls; it
    // neither allocates nor takes a lock.
    unsafe { command.pre_exec(enter) };
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    match PidFd::open(Pid::from_raw(pid)) {
        Ok(pidfd) => Ok((child, pidfd)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
