//! What watches a node's daemon. The process that is stopped, killed and frozen
//! is the daemon all the same: strace and valgrind become it, perf and gdbserver
//! are beside it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::time::{Duration, timeout};

use super::{NodeError, Place, Unfit};
use crate::backend::netns::{Child, Process};
use crate::topology::model::{Node, Wrap};

/// How long what is beside a daemon may take to end after it.
const END_TIME: Duration = Duration::from_secs(5);
/// Samples a second: often enough, and not in step with timers.
const PERF_RATE: &str = "499";
/// Where gdbserver waits, in the node.
const GDB: &str = "127.0.0.1:2345";

/// Refuses what is not installed.
pub(super) fn check(node: &Node) -> Result<(), Unfit> {
    match node.wrap {
        Some(wrap) if node.kind.runs() && !is_installed(wrap.word()) => Err(Unfit::NoWrap {
            node: node.name.clone(),
            program: wrap.word(),
            enable: wrap.enable(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What stands before the daemon's command.
pub(super) fn before(wrap: Wrap, place: &Place<'_>) -> Vec<OsString> {
    let file = output(wrap, place).into_os_string();
    match wrap {
        // -D: strace is beside the daemon, which has its own process id; -A:
        // what starts again does not take away what there was.
        Wrap::Strace => [
            "strace".into(),
            "-D".into(),
            "-A".into(),
            "-f".into(),
            "-tt".into(),
            "-o".into(),
            file,
        ]
        .into(),
        Wrap::Valgrind => {
            let mut log = OsString::from("--log-file=");
            log.push(file);
            // A number in its name, for what starts again.
            log.push(".%p");
            vec!["valgrind".into(), "--trace-children=yes".into(), log]
        }
        Wrap::Perf | Wrap::Gdbserver => Vec::new(),
    }
}

/// Starts what stands beside a daemon's processes.
pub(super) fn beside(place: &Place<'_>, daemon: &[Child]) -> Result<Vec<Child>, NodeError> {
    let Some(wrap) = place.wrap else {
        return Ok(Vec::new());
    };
    let watch = |argv: Vec<OsString>| -> Result<Child, NodeError> {
        let (stdout, stderr) = place.to(&log(wrap, place))?;
        let process = Process {
            stdout,
            stderr,
            ..Process::new(argv)
        };
        Ok(place.network.spawn(place.node, process)?)
    };
    match wrap {
        Wrap::Strace | Wrap::Valgrind => Ok(Vec::new()),
        Wrap::Gdbserver if daemon.is_empty() => Ok(Vec::new()),
        Wrap::Gdbserver => {
            let argv = ["gdbserver", "--multi", GDB].map(OsString::from);
            Ok(vec![watch(argv.into())?])
        }
        Wrap::Perf => {
            let record = daemon.iter().map(|child| {
                let pid = child.pid().to_string();
                let mut file = output(wrap, place).into_os_string();
                file.push(format!(".{pid}"));
                let argv = ["perf", "record", "-g", "-F", PERF_RATE, "-p", &pid, "-o"];
                let argv = argv.into_iter().map(OsString::from).chain([file]);
                watch(argv.collect())
            });
            record.collect()
        }
    }
}

/// How many times as long a daemon may take to be ready.
pub(super) fn slowness(wrap: Option<Wrap>) -> u32 {
    match wrap {
        Some(Wrap::Valgrind) => 8,
        Some(Wrap::Strace) => 2,
        Some(Wrap::Perf | Wrap::Gdbserver) | None => 1,
    }
}

/// Waits for what stood beside a daemon that has ended: perf finishes its file.
/// What does not end by itself is killed as it is dropped.
pub(super) async fn end(beside: Vec<Child>, wrap: Option<Wrap>) {
    if wrap != Some(Wrap::Perf) {
        return;
    }
    let ended = async {
        for child in &beside {
            child.wait().await.ok();
        }
    };
    // One that hangs loses its profile and nothing else.
    timeout(END_TIME, ended).await.ok();
}

/// What it prints itself.
pub(super) fn log(wrap: Wrap, place: &Place<'_>) -> PathBuf {
    let name = format!("{}.{}.log", place.name, wrap.word());
    place.folders.logs.join(name)
}

/// Its file, beside the logs.
fn output(wrap: Wrap, place: &Place<'_>) -> PathBuf {
    let name = match wrap {
        Wrap::Perf => format!("{}.perf.data", place.name),
        Wrap::Strace | Wrap::Valgrind | Wrap::Gdbserver => {
            format!("{}.{}", place.name, wrap.word())
        }
    };
    Path::new(&place.folders.logs).join(name)
}
