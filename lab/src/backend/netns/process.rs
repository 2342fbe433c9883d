//! Processes in nodes: each is held by pidfd, and waited for by its own.

use std::cell::{Cell, RefCell};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use mcr_sys::process::{WatchedProcess, spawn_in};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::unix::pipe;

use super::{NetError, Network};
use crate::topology::model::NodeId;

/// A process to be started.
#[derive(Debug, Default)]
pub struct Process {
    /// The program and its arguments; the program is looked up in `PATH`.
    pub argv: Vec<OsString>,
    /// Variables set beside those of the lab itself.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory; the lab's own otherwise.
    pub cwd: Option<PathBuf>,
    /// Its standard input.
    pub stdin: Stdio,
    /// Its standard output.
    pub stdout: Stdio,
    /// Its standard error.
    pub stderr: Stdio,
}

impl Process {
    /// A process of these words, with nothing connected.
    #[must_use]
    pub fn new<I, S>(argv: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// What a standard stream is connected to.
#[derive(Debug, Default)]
pub enum Stdio {
    /// Nothing.
    #[default]
    Null,
    /// A pipe to the lab.
    Pipe,
    /// An open file.
    File(File),
}

impl From<Stdio> for std::process::Stdio {
    fn from(stdio: Stdio) -> Self {
        match stdio {
            Stdio::Null => Self::null(),
            Stdio::Pipe => Self::piped(),
            Stdio::File(file) => file.into(),
        }
    }
}

/// A process in a node. Dropping it kills the process.
#[derive(Debug)]
pub struct Child {
    /// Its standard input, where that is a pipe.
    pub stdin: Option<pipe::Sender>,
    /// Its standard output, where that is a pipe.
    pub stdout: Option<pipe::Receiver>,
    /// Its standard error, where that is a pipe.
    pub stderr: Option<pipe::Receiver>,
    held: Rc<Held>,
}

impl Child {
    /// Its process id, as the lab's PID namespace counts.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.held.pid
    }

    /// Waits for its end; answers at once from then on.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        self.held.wait().await
    }

    /// Its exit status, where it has ended.
    ///
    /// # Errors
    /// The kernel's.
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.held.try_wait()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// ESRCH where it has ended and was waited for.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.held.watched.process().signal(signal)
    }

    /// Sends a signal to it and to those of its descendants that stayed in its
    /// process group.
    ///
    /// # Errors
    /// ESRCH where none is left.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        // The group's number is the process's, which is taken for as long as
        // the process is not waited for.
        if self.held.status.get().is_some() {
            return Err(Errno::ESRCH.into());
        }
        killpg(self.held.pid, signal).map_err(io::Error::from)
    }

    /// Looks at it from beside, without keeping it.
    #[must_use]
    pub fn lookout(&self) -> Lookout {
        Lookout(Rc::downgrade(&self.held))
    }

    /// The process ids of its children.
    ///
    /// # Errors
    /// The file system's.
    pub fn children(&self) -> io::Result<Vec<Pid>> {
        children_of(Path::new("/proc"), self.held.pid)
    }
}

/// Looks at a process that another one holds.
#[derive(Debug)]
pub struct Lookout(Weak<Held>);

impl Lookout {
    /// Its exit status, where it has ended and is still held.
    ///
    /// # Errors
    /// The kernel's.
    pub fn status(&self) -> io::Result<Option<ExitStatus>> {
        self.0.upgrade().map_or(Ok(None), |held| held.try_wait())
    }

    /// Ready when it has ended and is still held. Only the latest task that
    /// asked is woken.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(held) = self.0.upgrade() else {
            return Poll::Pending;
        };
        held.watched.poll_ended(cx).map(drop)
    }
}

/// The part of a child that its network also knows, to end it at tear-down.
#[derive(Debug)]
pub(super) struct Held {
    pid: Pid,
    child: RefCell<std::process::Child>,
    watched: WatchedProcess,
    status: Cell<Option<ExitStatus>>,
}

impl Held {
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    async fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            self.watched.ended().await?;
        }
    }

    fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        if self.status.get().is_none() {
            self.status.set(self.child.borrow_mut().try_wait()?);
        }
        Ok(self.status.get())
    }

    /// Kills the process if it is still there, and waits for it.
    pub(super) async fn end(&self) -> io::Result<()> {
        if self.try_wait()?.is_none() {
            self.watched.process().signal(Signal::SIGKILL)?;
            self.wait().await?;
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.status.get().is_none() {
            // SIGKILL cannot be refused, so the wait is short. An error means
            // that the process is gone, which is all that is wanted.
            let mut child = self.child.borrow_mut();
            if child.kill().is_ok() {
                child.wait().ok();
            }
        }
    }
}

impl Network {
    /// Starts a process in a node's network namespace.
    ///
    /// # Errors
    /// [`NetError::Spawn`] with the program and the reason.
    pub fn spawn(&self, node: NodeId, process: Process) -> Result<Child, NetError> {
        let space = self.node_space(node)?;
        let program = process.argv.first().cloned().unwrap_or_default();
        let failed = |source| NetError::Spawn {
            node: space.name.clone(),
            program: program.to_string_lossy().into_owned(),
            source,
        };
        let namespace = self.namespace(node)?;
        let own = self.topology.nodes.get(node.0).map(|node| &node.env);
        let mut command = command(&program, own.into_iter().flatten(), process);
        let (mut child, pidfd) = spawn_in(&mut command, namespace).map_err(failed)?;
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let pid = i32::try_from(child.id()).map_err(io::Error::other);
        let watched = WatchedProcess::new(pidfd);
        let held = Rc::new(Held {
            pid: Pid::from_raw(pid.map_err(failed)?),
            child: RefCell::new(child),
            watched: watched.map_err(failed)?,
            status: Cell::new(None),
        });
        let mut children = self.children.borrow_mut();
        children.retain(|child| child.strong_count() > 0);
        children.push(Rc::downgrade(&held));
        Ok(Child {
            stdin: stdin
                .map(pipe::Sender::from_owned_fd)
                .transpose()
                .map_err(failed)?,
            stdout: stdout
                .map(pipe::Receiver::from_owned_fd)
                .transpose()
                .map_err(failed)?,
            stderr: stderr
                .map(pipe::Receiver::from_owned_fd)
                .transpose()
                .map_err(failed)?,
            held,
        })
    }
}

/// What the lab itself sets, as `PATH`, goes over the node's own environment.
fn command<'a>(
    program: &OsStr,
    own: impl Iterator<Item = &'a (String, String)>,
    process: Process,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(process.argv.iter().skip(1))
        .envs(own.map(|(name, value)| (name, value)))
        .envs(process.env)
        .stdin(process.stdin)
        .stdout(process.stdout)
        .stderr(process.stderr);
    if let Some(cwd) = process.cwd {
        command.current_dir(cwd);
    }
    command
}

/// The children of a process, by the `stat` files of `/proc`.
fn children_of(proc: &Path, parent: Pid) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir(proc)? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // A process that ends meanwhile is no child any more.
        let Ok(stat) = fs::read_to_string(proc.join(name).join("stat")) else {
            continue;
        };
        if parent_in_stat(&stat) == Some(parent.as_raw()) {
            children.push(Pid::from_raw(pid));
        }
    }
    children.sort_unstable();
    Ok(children)
}

/// proc_pid_stat(5): the parent is the second field after the name, which is in
/// parentheses and may contain any of them.
fn parent_in_stat(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
