//! What runs in a node: one file a kind, five verbs each, of which a kind has
//! those that it needs.
//!
//! [`Daemons`] uses them to start all nodes of a network, and one at a time
//! afterwards.

mod custom;
mod daemons;
mod deaths;
pub mod frr;
mod host;
mod kernel;
mod kill;
mod logs;
mod mcrd;
mod pimd;
mod programs;
mod routing;
mod smcroute;
mod wrap;

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::future::LocalBoxFuture;
use nix::sys::signal::Signal;
use tokio::time::{Duration, Instant, timeout_at};

use crate::backend::netns::{Child, NetError, Network, Process, Stdio};
use crate::files::end_of;
use crate::topology::model::{Kind, Node, NodeId, Topology, Wrap};

pub use daemons::{Daemons, Life};
pub use deaths::{Death, Deaths};
pub use logs::LOG_MAX;
pub(crate) use mcrd::{file_text, rewrite};
pub use programs::{Programs, Unfit, path_behind};

/// How long a daemon may take to end by itself.
const STOP_TIME: Duration = Duration::from_secs(10);

/// What a kind of node can do. Where nothing runs, nothing is to be done.
pub trait NodeKind {
    /// Refuses what cannot run here.
    ///
    /// # Errors
    /// What is missing.
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        Ok(())
    }

    /// Writes the files that it reads.
    ///
    /// # Errors
    /// The file system's.
    fn configure(&self, _place: &Place<'_>) -> Result<(), NodeError> {
        Ok(())
    }

    /// Starts it: its processes, none where nothing runs.
    ///
    /// # Errors
    /// Why it cannot be started.
    fn start(&self, _place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        Ok(Vec::new())
    }

    /// What its processes are called, in the order in which they are started.
    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    /// It does its work.
    fn ready<'a>(&'a self, _place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        Box::pin(async { Ok(true) })
    }

    /// Ends one of its processes, and waits for its end.
    fn stop<'a>(
        &'a self,
        place: &'a Place<'_>,
        child: &'a Child,
    ) -> LocalBoxFuture<'a, Result<(), NodeError>> {
        Box::pin(terminate(place, child))
    }
}

/// What a node can do.
#[must_use]
pub fn kind(node: &Node) -> Box<dyn NodeKind + '_> {
    let (router, own) = (node.router.as_deref(), node.own.as_ref());
    let ospf = node.ospf.as_deref();
    match &node.kind {
        Kind::Host => Box::new(host::Host),
        Kind::Mcrd { config } => Box::new(mcrd::Mcrd { config }),
        Kind::Frr => Box::new(frr::Frr { router, own, ospf }),
        Kind::Pimd => Box::new(pimd::Pimd { router, own }),
        Kind::Smcroute { mroutes } => Box::new(smcroute::Smcroute { mroutes, own }),
        Kind::Kernel => Box::new(kernel::Kernel),
        Kind::Custom(custom) => Box::new(custom::CustomNode { custom }),
    }
}

/// Where a run's files are.
#[derive(Clone, Debug)]
pub struct Folders {
    /// What the daemons read. Other users may read it too: mcrd started by
    /// root reads its file again after it has left root.
    pub configs: PathBuf,
    /// What they print.
    pub logs: PathBuf,
    /// Control sockets; a short path, because a socket's has at most 107 bytes.
    pub sockets: PathBuf,
}

/// A node in its network, with everything its kind needs.
pub struct Place<'a> {
    /// The network.
    pub network: &'a Network,
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: &'a str,
    /// The programs.
    pub programs: &'a Programs,
    /// The folders.
    pub folders: &'a Folders,
    wrap: Option<Wrap>,
}

impl<'a> Place<'a> {
    /// The place of this node.
    #[must_use]
    pub fn new(
        topology: &'a Topology,
        node: NodeId,
        network: &'a Network,
        programs: &'a Programs,
        folders: &'a Folders,
    ) -> Place<'a> {
        Place {
            network,
            node,
            name: topology.nodes.get(node.0).map_or("?", |node| &node.name),
            programs,
            folders,
            wrap: topology.nodes.get(node.0).and_then(|node| node.wrap),
        }
    }

    /// Starts a process of its daemon, with what watches it.
    fn spawn(&self, mut process: Process) -> Result<Child, NodeError> {
        if let Some(wrap) = self.wrap {
            let argv = std::mem::take(&mut process.argv);
            process.argv = wrap::before(wrap, self);
            process.argv.extend(argv);
        }
        Ok(self.network.spawn(self.node, process)?)
    }

    /// The control socket, where the node runs mcrd.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folders.sockets.join(format!("{}.sock", self.name))
    }

    /// Where its daemon's output goes.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folders.logs.join(format!("{}.log", self.name))
    }

    /// Standard output and standard error, both to the log.
    fn to_log(&self) -> Result<(Stdio, Stdio), NodeError> {
        self.to(&self.log())
    }

    /// The same to this file.
    fn to(&self, path: &Path) -> Result<(Stdio, Stdio), NodeError> {
        let failed = |source| self.file_error(path, source);
        let mut append = OpenOptions::new();
        let file = append
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        let again = file.try_clone().map_err(failed)?;
        Ok((Stdio::File(file), Stdio::File(again)))
    }

    fn file_error(&self, path: &Path, source: io::Error) -> NodeError {
        NodeError::File {
            node: self.name.to_owned(),
            path: path.to_owned(),
            source,
        }
    }
}

/// What can go wrong with a node.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Something is missing on this machine.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A file cannot be written.
    #[error("{node}: cannot write {}: {source}", path.display())]
    File {
        /// The node.
        node: String,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A configuration that the user brings is not one.
    #[error("{node}: FRR does not know these lines of {}:{}", file.display(), told(lines))]
    Refused {
        /// The node.
        node: String,
        /// The file.
        file: PathBuf,
        /// The lines, with their numbers.
        lines: Vec<(usize, String)>,
    },
    /// The network refused.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The daemon ended before it was ready.
    #[error("{node}: the daemon ended at once ({status}); its last lines:\n{tail}")]
    Ended {
        /// The node.
        node: String,
        /// How.
        status: String,
        /// The end of its log.
        tail: String,
    },
    /// The daemon was not ready in time.
    #[error(
        "{node}: not ready within {}; its last lines:\n{tail}",
        humantime::format_duration(*within)
    )]
    NotReady {
        /// The node.
        node: String,
        /// The time it had.
        within: Duration,
        /// The end of its log.
        tail: String,
    },
    /// A process cannot be signalled or waited for.
    #[error("{node}: cannot {action} the daemon: {source}")]
    Process {
        /// The node.
        node: String,
        /// What was to be done.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
    /// The daemon goes on after a signal.
    #[error(
        "{node}: {signal} does not end the daemon within {}, so SIGKILL did; name another \
         `signal`",
        humantime::format_duration(*within)
    )]
    Survived {
        /// The node.
        node: String,
        /// The signal.
        signal: Signal,
        /// The time it had.
        within: Duration,
    },
    /// Unicast routes are not all there in time.
    #[error(
        "{node}: OSPF has no route to {missing} within {}; its last lines:\n{tail}",
        humantime::format_duration(*within)
    )]
    NotRouted {
        /// The node.
        node: String,
        /// One of the networks.
        missing: String,
        /// The time it had.
        within: Duration,
        /// The end of its log.
        tail: String,
    },
    /// Nobody can look after the logs.
    #[error("the system gives no thread that looks after the logs: {0}")]
    Logs(io::Error),
    /// Something is to be done to a daemon that does not run.
    #[error("{node}: no daemon runs there")]
    NotRunning {
        /// The node.
        node: String,
    },
}

/// The first of these lines.
fn told(lines: &[(usize, String)]) -> String {
    const SHOWN: usize = 8;
    let first = lines.iter().take(SHOWN);
    let mut text: String = first
        .map(|(number, line)| format!("\n{number:>6}  {line}"))
        .collect();
    if let Some(more) = lines.len().checked_sub(SHOWN + 1) {
        text.push_str(&format!("\n        and {} more", more + 1));
    }
    text
}

/// What a command in a node finds in its environment, beside what the lab file
/// gives to the node.
#[must_use]
pub fn environment(
    path: OsString,
    node: &str,
    socket: Option<&Path>,
) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![("PATH", path), ("LAB_NODE", node.into())];
    variables.extend(socket.map(|socket| ("MCR_SOCKET", socket.into())));
    variables
}

/// Removes a file by which a daemon tells that it is ready: what a killed one
/// left would tell of the next one.
fn forget(place: &Place<'_>, path: &Path) -> Result<(), NodeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(place.file_error(path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// SIGTERM, then SIGKILL where that does not help in time.
async fn terminate(place: &Place<'_>, child: &Child) -> Result<(), NodeError> {
    let failed = |action| {
        move |source| NodeError::Process {
            node: place.name.to_owned(),
            action,
            source,
        }
    };
    if child.try_wait().map_err(failed("wait for"))?.is_some() {
        return Ok(());
    }
    child.signal(Signal::SIGTERM).map_err(failed("end"))?;
    wait_or_kill(place, child).await
}

async fn wait_or_kill(place: &Place<'_>, child: &Child) -> Result<(), NodeError> {
    let failed = |action| {
        move |source| NodeError::Process {
            node: place.name.to_owned(),
            action,
            source,
        }
    };
    let deadline = Instant::now() + STOP_TIME;
    match timeout_at(deadline, child.wait()).await {
        Ok(ended) => ended.map(|_| ()).map_err(failed("wait for")),
        Err(_) => {
            child.signal(Signal::SIGKILL).map_err(failed("kill"))?;
            child.wait().await.map(|_| ()).map_err(failed("wait for"))
        }
    }
}

/// The last lines of a log, for a message.
#[must_use]
pub fn tail(log: &Path) -> String {
    const LINES: usize = 8;
    const BYTES: u64 = 16 << 10;
    let (text, _) = end_of(log, BYTES).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..);
    match last {
        Some(lines) if !lines.is_empty() => lines.join("\n"),
        Some(_) | None => "(it printed nothing)".to_owned(),
    }
}
