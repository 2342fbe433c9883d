//! The engine of `lab up`: it builds the lab, holds it, answers the commands
//! that come later, and takes it down.

mod apply;
mod build;
pub mod describe;
pub mod paused;
mod processes;
pub mod protocol;
mod serve;

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use crate::backend::netns::NetError;
use crate::exit::Exit;
use crate::node::{Folders, NodeError, Programs};
use crate::sandbox::Inside;
use crate::topology::Source;
use crate::topology::model::Topology;
use protocol::Report;

/// The holder's socket and its log, in the lab's directory.
pub const SOCKET: &str = "holder.sock";
/// The holder's log.
pub const LOG: &str = "holder.log";
/// The diary of the steps by hand.
const EVENTS: &str = "events.ndjson";

/// What the holder is to build and hold.
#[derive(Debug)]
pub struct Job {
    /// The network and its daemons.
    pub topology: Topology,
    /// The file that it is made from.
    pub source: Source,
    /// The lab's directory.
    pub run_dir: PathBuf,
    /// Where the daemons' programs are.
    pub programs: Programs,
}

/// Why there is no lab, or none any more.
#[derive(Debug, thiserror::Error)]
enum HolderError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("cannot {action}: {source}")]
    System {
        action: &'static str,
        source: io::Error,
    },
    #[error("`lab up` ended before the lab was ready")]
    Abandoned,
    #[error("a signal ended it before the lab was ready")]
    Interrupted,
}

impl HolderError {
    fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Node(NodeError::Unfit(_)) => Exit::Unfit,
            Self::Net(_)
            | Self::Node(_)
            | Self::System { .. }
            | Self::Abandoned
            | Self::Interrupted => Exit::Infrastructure,
        }
    }
}

/// The files of a lab's daemons.
#[must_use]
pub fn folders(run_dir: &Path) -> Folders {
    Folders {
        configs: run_dir.join("configs"),
        logs: run_dir.join("logs"),
        sockets: run_dir.join("sockets"),
    }
}

/// Runs the holder to its end.
pub fn run(job: &Job, inside: Inside) -> u8 {
    let result = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HolderError::system("start the runtime"))
        .and_then(|runtime| LocalSet::new().block_on(&runtime, hold(job, inside)));
    match result {
        Ok(()) => Exit::Pass.code(),
        Err(error) => {
            anstream::eprintln!("lab: {error}");
            error.exit().code()
        }
    }
}

async fn hold(job: &Job, inside: Inside) -> Result<(), HolderError> {
    let reports = Reports::new(inside)?;
    let mut signals = Signals::new()?;
    let built = tokio::select! {
        built = build::build(job, &reports) => built,
        () = reports.abandoned() => Err(HolderError::Abandoned),
        () = signals.any() => Err(HolderError::Interrupted),
    };
    match built {
        Ok((lab, ready)) => {
            let told = reports.send(&ready).await.is_ok();
            drop(reports);
            serve::serve(lab, signals, told).await
        }
        Err(error) => {
            let (message, exit) = (error.to_string(), error.exit().code());
            // Where nobody listens any more, the log has it.
            reports.send(&Report::Failed { message, exit }).await.ok();
            Err(error)
        }
    }
}

/// The way to the `lab up` that started the holder.
struct Reports(pipe::Sender);

impl Reports {
    fn new(inside: Inside) -> Result<Self, HolderError> {
        let pipe = inside.report.ok_or(HolderError::Abandoned)?;
        let sender = pipe::Sender::from_file(pipe);
        sender
            .map(Self)
            .map_err(HolderError::system("report to lab up"))
    }

    async fn send(&self, report: &Report) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            self.0.writable().await?;
            match self.0.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns when `lab up` is gone.
    async fn abandoned(&self) {
        while let Ok(ready) = self.0.ready(Interest::ERROR).await {
            if ready.is_error() || ready.is_write_closed() {
                return;
            }
        }
    }
}

/// The signals that ask the holder to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Self, HolderError> {
        let listen = |kind| signal(kind).map_err(HolderError::system("listen for signals"));
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ];
        let [terminate, interrupt, hangup] = kinds;
        Ok(Self([
            listen(terminate)?,
            listen(interrupt)?,
            listen(hangup)?,
        ]))
    }

    async fn any(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
