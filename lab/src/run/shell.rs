//! Commands of a lab file, run to their end in a node.

use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::traffic::World;
use crate::backend::netns::{Process, Stdio};
use crate::node::{self, Place};
use crate::topology::model::{Exec, Kind, NodeId, Topology};

/// What is kept of a command's output.
const OUTPUT: u64 = 64 * 1024;

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Finished {
    /// Its exit status; 128 and the signal's number where one ended it.
    pub status: i32,
    /// What it printed, on standard output and standard error.
    pub output: String,
}

impl Finished {
    /// Its last line, for a message.
    #[must_use]
    pub(super) fn last_line(&self) -> &str {
        let mut lines = self.output.lines().rev();
        lines
            .find(|line| !line.trim().is_empty())
            .unwrap_or("(it printed nothing)")
    }
}

/// Runs a command.
///
/// # Errors
/// It cannot be started, or does not end in time.
pub(super) async fn run(
    world: World<'_>,
    exec: &Exec,
    limit: Duration,
) -> Result<Finished, String> {
    // One pipe for both: the output stays in order.
    let script = format!("exec 2>&1\n{}", exec.run);
    let mut process = Process::new(["sh", "-c", script.as_str()]);
    process.env = environment(world, exec.at);
    process.stdout = Stdio::Pipe;
    process.stderr = Stdio::Null;
    let spawned = world.network.spawn(exec.at, process);
    let mut child = spawned.map_err(|error| error.to_string())?;
    let output = child.stdout.take();
    let end = async {
        let output = read(output).await;
        (child.wait().await, output)
    };
    match timeout(limit, end).await {
        Ok((Ok(status), output)) => Ok(Finished {
            status: number(status),
            output,
        }),
        Ok((Err(error), _)) => Err(format!("cannot wait for `{}`: {error}", exec.run)),
        Err(_) => {
            child.signal_group(Signal::SIGKILL).ok();
            Err(format!(
                "`{}` still ran after {}s, and was killed",
                exec.run,
                limit.as_secs()
            ))
        }
    }
}

async fn read(output: Option<pipe::Receiver>) -> String {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        let mut limited = output.take(OUTPUT);
        limited.read_to_end(&mut bytes).await.ok();
        // The rest is read too, so that the command does not stop at a full
        // pipe.
        let mut rest = limited.into_inner();
        tokio::io::copy(&mut rest, &mut tokio::io::sink())
            .await
            .ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn number(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

fn environment(world: World<'_>, at: NodeId) -> Vec<(OsString, OsString)> {
    let place = Place::new(
        world.topology,
        at,
        world.network,
        world.programs,
        world.folders,
    );
    let socket = runs_mcrd(world.topology, at).then(|| place.socket());
    let variables = node::environment(world.programs.path(), place.name, socket.as_deref());
    let owned = variables
        .into_iter()
        .map(|(name, value)| (name.into(), value));
    owned.collect()
}

fn runs_mcrd(topology: &Topology, node: NodeId) -> bool {
    let kind = topology.nodes.get(node.0).map(|node| &node.kind);
    matches!(kind, Some(Kind::Mcrd { .. }))
}
