//! What workers need of the system, behind a trait: tests put an end of the
//! channel in the place of a process.

use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};

use mcr_dataplane::channel::{CHANNEL_FD, SupervisorEnd};
use mcr_proto::id::IfIndex;
use mcr_sys::packet::{self, Fanout};

/// How a process ended, in words.
pub(crate) type Ending = String;

/// What workers need of the system.
pub(crate) trait Platform {
    /// A packet socket that receives from the interface; with `fanout` it
    /// shares the packets with the other sockets of that group.
    fn open_input(&self, iif: IfIndex, fanout: Option<Fanout>) -> io::Result<OwnedFd>;
    /// The number of the group that the socket is in.
    fn fanout_group(&self, input: BorrowedFd<'_>) -> io::Result<u16>;
    /// Whether the interface takes the packets of all groups for the socket.
    fn all_multicast(&self, input: BorrowedFd<'_>, iif: IfIndex, on: bool) -> io::Result<()>;
    /// A packet socket that sends on the interface.
    fn open_output(&self, oif: IfIndex) -> io::Result<OwnedFd>;
    /// Packets the kernel dropped on the socket since the last call.
    fn drops(&self, input: BorrowedFd<'_>) -> io::Result<u64>;
    /// Starts a worker.
    fn launch(&self, label: &str) -> io::Result<Launched>;
}

/// A worker that was started.
pub(crate) struct Launched {
    /// The way to talk to it.
    pub(crate) channel: SupervisorEnd,
    /// Its process id.
    pub(crate) pid: u32,
    /// Its end.
    pub(crate) child: Box<dyn Child>,
}

/// A process to wait for.
pub(crate) trait Child: Send + Sync {
    /// Waits until it has ended.
    fn ended(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>>;
    /// Ends it at once.
    fn kill(&mut self);
}

/// Linux.
pub(crate) struct Linux;

impl Platform for Linux {
    fn open_input(&self, iif: IfIndex, fanout: Option<Fanout>) -> io::Result<OwnedFd> {
        packet::open_input(iif.get(), fanout)
    }

    fn fanout_group(&self, input: BorrowedFd<'_>) -> io::Result<u16> {
        packet::fanout_group(input)
    }

    fn all_multicast(&self, input: BorrowedFd<'_>, iif: IfIndex, on: bool) -> io::Result<()> {
        packet::all_multicast(input, iif.get(), on)
    }

    fn open_output(&self, oif: IfIndex) -> io::Result<OwnedFd> {
        packet::open_output(oif.get())
    }

    fn drops(&self, input: BorrowedFd<'_>) -> io::Result<u64> {
        Ok(u64::from(packet::statistics(input)?.drops))
    }

    fn launch(&self, label: &str) -> io::Result<Launched> {
        let (channel, worker_end) = mcr_dataplane::channel::pair()?;
        let mut command = std::process::Command::new("/proc/self/exe");
        command
            .arg0("mcrd")
            .args(["worker", label])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        mcr_sys::spawn::pass_descriptor(&mut command, worker_end, CHANNEL_FD);
        let child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("the worker ended at once"))?;
        Ok(Launched {
            channel,
            pid,
            child: Box::new(Process(child)),
        })
    }
}

struct Process(tokio::process::Child);

impl Child for Process {
    fn ended(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(async {
            match self.0.wait().await {
                Ok(status) => describe(status),
                Err(error) => format!("cannot be waited for: {error}"),
            }
        })
    }

    fn kill(&mut self) {
        if let Err(error) = self.0.start_kill() {
            tracing::debug!(target: "workers", %error, "the worker ended before it was killed");
        }
    }
}

fn describe(status: ExitStatus) -> Ending {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(name) => format!("killed by {name}"),
            Err(_) => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}
