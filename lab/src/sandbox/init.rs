//! The first process of the PID namespace. It makes the mounts, starts the
//! engine, reaps what is left to it, and ends when the engine ends.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::exit;

use mcr_sys::namespace::{leave_mounts, mount_empty, mount_proc};
use mcr_sys::process::{die_with_parent, fork};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, setpgid, setsid};

use super::{NAMES, SandboxError, Signals, pass_on};
use crate::exit::Exit;

/// Exit statuses above this one stand for the signal that killed the engine.
const KILLED: i32 = 128;

/// What the first process is to do.
pub(super) struct Plan<'a> {
    /// A directory that must be the same inside and outside.
    pub(super) keep: &'a Path,
    /// The signals to pass on.
    pub(super) signals: Signals,
    /// How it depends on the process that started it.
    pub(super) life: Life,
}

/// How the first process depends on the one that started it.
pub(super) enum Life {
    /// It ends with it; `parent` is a pipe that only that process holds open.
    Attached {
        /// The pipe's read end.
        parent: OwnedFd,
    },
    /// It has a session and output of its own.
    Detached {
        /// Where its output goes.
        log: File,
    },
}

/// Runs the first process to its end.
pub(super) fn run(plan: Plan<'_>, engine: impl FnOnce() -> u8) -> ! {
    match start(plan, engine) {
        Ok(code) => exit(code),
        Err(error) => {
            anstream::eprintln!("lab: {error}");
            exit(error.exit().code().into())
        }
    }
}

fn start(plan: Plan<'_>, engine: impl FnOnce() -> u8) -> Result<i32, SandboxError> {
    match plan.life {
        Life::Attached { parent } => {
            die_with_parent(parent.as_fd())
                .map_err(SandboxError::system("depend on the parent process"))?;
            // The terminal's Ctrl-C goes to the process outside alone, which
            // passes it on once.
            setpgid(Pid::from_raw(0), Pid::from_raw(0))
                .map_err(SandboxError::system("make a process group"))?;
        }
        Life::Detached { log } => {
            setsid().map_err(SandboxError::system("make a session"))?;
            redirect(&log).map_err(SandboxError::system("redirect the output"))?;
        }
    }
    leave_mounts().map_err(SandboxError::Mount)?;
    mount_proc().map_err(SandboxError::Proc)?;
    mount_empty(Path::new("/run"), plan.keep).map_err(SandboxError::Mount)?;
    fs::create_dir(NAMES).map_err(SandboxError::Mount)?;
    match fork().map_err(SandboxError::system("start the engine"))? {
        ForkResult::Child => {
            plan.signals.restore()?;
            exit(engine().into())
        }
        ForkResult::Parent { child } => {
            // What the engine holds, as its reports, must end with the engine.
            drop(engine);
            reap(child, &plan.signals)
        }
    }
}

fn redirect(log: &File) -> io::Result<()> {
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(log)?;
    dup2_stderr(log)?;
    Ok(())
}

/// Passes signals on to the engine and reaps everything until it ends.
fn reap(engine: Pid, signals: &Signals) -> Result<i32, SandboxError> {
    loop {
        let signal = signals
            .waited
            .wait()
            .map_err(SandboxError::system("wait for signals"))?;
        if signal != Signal::SIGCHLD {
            pass_on(engine, signal)?;
            continue;
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == engine => return Ok(code),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == engine => {
                    return Ok(KILLED + signal as i32);
                }
                // One signal may stand for several ends.
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
                Ok(
                    WaitStatus::StillAlive
                    | WaitStatus::Stopped(..)
                    | WaitStatus::Continued(_)
                    | WaitStatus::PtraceEvent(..)
                    | WaitStatus::PtraceSyscall(_),
                )
                | Err(Errno::EINTR) => break,
                Err(errno) => return Err(SandboxError::system("wait for the engine")(errno)),
            }
        }
    }
}

/// What the first process's exit status says of the engine.
pub(super) fn exit_code(code: i32) -> Result<u8, SandboxError> {
    if code > KILLED
        && let Ok(signal) = Signal::try_from(code - KILLED)
    {
        return Err(SandboxError::Killed(signal));
    }
    Ok(u8::try_from(code).unwrap_or(Exit::Infrastructure.code()))
}
