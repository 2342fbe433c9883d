//! A world of the lab's own around its engine: mount, PID and network
//! namespaces, and for an ordinary user a user namespace around these.
//!
//! Three processes: the one the user started stays outside, passes signals on
//! and returns the exit status. The first process of the PID namespace reaps
//! what nobody waits for, and its end is everyone's end. Its child, the engine,
//! does the lab's work. All of this happens before any thread exists.

mod advice;
mod init;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use mcr_sys::namespace::{WorldError, leave_world};
use mcr_sys::process::fork;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, geteuid, pipe};

pub use advice::SandboxError;

/// Where the namespaces' names are, inside.
pub const NAMES: &str = "/run/netns";

/// What the engine is given.
#[derive(Debug)]
pub struct Inside {
    /// The lab runs in a user namespace.
    pub rootless: bool,
    /// Where a detached engine reports to the process that started it, one
    /// line of JSON each; closing it ends the reports.
    pub report: Option<File>,
}

/// What the process outside does beside passing signals on.
pub trait Attendant {
    /// The first process inside is this one, in the caller's own count.
    fn started(&mut self, init: Pid, rootless: bool);
    /// What it waits for.
    fn waits_for(&self) -> Vec<BorrowedFd<'_>>;
    /// Something can be read there, or its other end is closed.
    fn attend(&mut self);
    /// Nothing is inside any more.
    fn ended(&mut self);
}

/// Nobody.
impl Attendant for () {
    fn started(&mut self, _: Pid, _: bool) {}
    fn waits_for(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
    fn attend(&mut self) {}
    fn ended(&mut self) {}
}

/// A detached engine, as the process that started it sees it.
#[derive(Debug)]
pub struct Detached {
    /// The first process of the engine's PID namespace, in the caller's own
    /// count.
    pub init: Pid,
    /// What the engine reports; it ends with the engine or its reports.
    pub report: File,
    /// The lab runs in a user namespace.
    pub rootless: bool,
}

/// Runs `engine` in a world of its own, attached to the caller: signals reach
/// it, and it ends with the caller, whatever ends that. `keep` is a directory
/// that must be the same inside and outside.
///
/// The result is what `engine` returned.
///
/// # Errors
/// [`SandboxError`] where the system does not allow it, or where something
/// killed the engine.
pub fn attached(keep: &Path, engine: impl FnOnce(Inside) -> u8) -> Result<u8, SandboxError> {
    attended(keep, (), engine)
}

/// The same with an attendant, of whom nothing is inside.
///
/// # Errors
/// Those of [`attached`].
pub fn attended(
    keep: &Path,
    mut attendant: impl Attendant,
    engine: impl FnOnce(Inside) -> u8,
) -> Result<u8, SandboxError> {
    let rootless = leave()?;
    let (parent, held_by_parent) = pipe().map_err(SandboxError::system("make a pipe"))?;
    let signals = Signals::block()?;
    match fork().map_err(SandboxError::system("start a process"))? {
        ForkResult::Child => {
            drop((held_by_parent, attendant));
            let plan = init::Plan {
                keep,
                signals,
                life: init::Life::Attached { parent },
            };
            init::run(plan, || {
                engine(Inside {
                    rootless,
                    report: None,
                })
            })
        }
        ForkResult::Parent { child } => {
            // What the engine has been given is its own alone.
            drop((parent, engine));
            attendant.started(child, rootless);
            let code = wait_for(child, &signals, &mut attendant);
            attendant.ended();
            drop(held_by_parent);
            code
        }
    }
}

/// Starts `engine` in a world of its own that outlives the caller. Its output
/// goes to `log`.
///
/// # Errors
/// [`SandboxError`] where the system does not allow it.
pub fn detached(
    keep: &Path,
    log: File,
    engine: impl FnOnce(Inside) -> u8,
) -> Result<Detached, SandboxError> {
    let rootless = leave()?;
    let (reports, reporter) = pipe().map_err(SandboxError::system("make a pipe"))?;
    let signals = Signals::block()?;
    match fork().map_err(SandboxError::system("start a process"))? {
        ForkResult::Child => {
            drop(reports);
            let reporter = File::from(reporter);
            let plan = init::Plan {
                keep,
                signals,
                life: init::Life::Detached { log },
            };
            init::run(plan, || {
                engine(Inside {
                    rootless,
                    report: Some(reporter),
                })
            })
        }
        ForkResult::Parent { child } => {
            signals.restore()?;
            Ok(Detached {
                init: child,
                report: reports.into(),
                rootless,
            })
        }
    }
}

/// Leaves the caller's world, with a user namespace where root's power is
/// missing. Tells whether one was needed.
fn leave() -> Result<bool, SandboxError> {
    // What is still buffered would be printed by each process.
    io::stdout()
        .flush()
        .map_err(SandboxError::system("write to standard output"))?;
    if geteuid().is_root() {
        match leave_world(false) {
            Ok(()) => return Ok(false),
            // Root in a container may lack the power over namespaces and yet
            // be allowed a user namespace.
            Err(WorldError::Namespaces(error)) if is(&error, Errno::EPERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    leave_world(true)?;
    Ok(true)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

/// The signals that are passed on, blocked so that they can be waited for.
#[derive(Debug)]
struct Signals {
    waited: SigSet,
    before: SigSet,
}

impl Signals {
    fn block() -> Result<Self, SandboxError> {
        let mut waited = SigSet::empty();
        for signal in [
            Signal::SIGCHLD,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
        ] {
            waited.add(signal);
        }
        let before = waited
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .map_err(SandboxError::system("block signals"))?;
        Ok(Self { waited, before })
    }

    fn restore(&self) -> Result<(), SandboxError> {
        self.before
            .thread_set_mask()
            .map_err(SandboxError::system("restore signals"))
    }
}

/// Waits for the first process inside, passing signals on to it.
fn wait_for(
    child: Pid,
    signals: &Signals,
    attendant: &mut impl Attendant,
) -> Result<u8, SandboxError> {
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let waited = SignalFd::with_flags(&signals.waited, flags)
        .map_err(SandboxError::system("listen for signals"))?;
    loop {
        let Some(signal) = next(&waited, attendant)? else {
            continue;
        };
        if signal != Signal::SIGCHLD {
            // It may have ended at this moment: SIGCHLD comes next then.
            pass_on(child, signal)?;
            continue;
        }
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => {
                signals.restore()?;
                return init::exit_code(code);
            }
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                signals.restore()?;
                return Err(SandboxError::Killed(signal));
            }
            Ok(
                WaitStatus::StillAlive
                | WaitStatus::Stopped(..)
                | WaitStatus::Continued(_)
                | WaitStatus::PtraceEvent(..)
                | WaitStatus::PtraceSyscall(_),
            )
            | Err(Errno::EINTR) => {}
            Err(errno) => return Err(SandboxError::system("wait for the engine")(errno)),
        }
    }
}

/// Waits until something happens: a signal, or something for the attendant.
fn next(
    signals: &SignalFd,
    attendant: &mut impl Attendant,
) -> Result<Option<Signal>, SandboxError> {
    let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let others = attendant.waits_for();
    watched.extend(others.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)));
    match poll(&mut watched, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(SandboxError::system("wait for signals")(errno)),
    }
    let mut others = watched.iter().skip(1);
    if others.any(|fd| fd.any() == Some(true)) {
        attendant.attend();
    }
    let signal = signals
        .read_signal()
        .map_err(SandboxError::system("wait for signals"))?;
    let number = signal.and_then(|signal| i32::try_from(signal.ssi_signo).ok());
    Ok(number.and_then(|number| Signal::try_from(number).ok()))
}

fn pass_on(to: Pid, signal: Signal) -> Result<(), SandboxError> {
    match kill(to, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(SandboxError::system("pass a signal on")(errno)),
    }
}
