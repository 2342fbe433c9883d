//! What a lab says of itself, for commands that come later.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcr_sys::process::PidFd;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A lab, as written in its directory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct State {
    /// The lab's name.
    pub name: String,
    /// The file it was made from.
    pub file: PathBuf,
    /// When it was started, in seconds since 1970.
    pub started: u64,
    /// The first process of its PID namespace, as counted outside.
    pub init: i32,
    /// When that process was started, in the kernel's ticks since boot: a
    /// number that was given to another process does not match it.
    pub init_started: u64,
    /// It runs in a user namespace.
    pub rootless: bool,
    /// Where the programs are.
    pub programs: PathBuf,
    /// Its nodes.
    pub nodes: Vec<NodeState>,
    /// Where its links are watched.
    #[serde(default)]
    pub points: Vec<PointState>,
}

/// A place where a link is watched.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PointState {
    /// The link's name.
    pub link: String,
    /// The place's: the link's, with the member where it is a segment.
    pub name: String,
    /// The node.
    pub node: String,
    /// The interface there.
    pub interface: String,
}

/// A node, as written in its lab's directory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// What runs in it.
    pub kind: String,
    /// The groups of the lab file that it is in.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Its daemon's control socket.
    pub socket: Option<PathBuf>,
    /// Its addresses, as the lab file has them.
    #[serde(default)]
    pub addresses: Vec<Ipv4Addr>,
    /// The environment that the lab file gives it.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// The command that tells its state, where the lab file gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl State {
    /// Reads the state; `None` where it is not there or not one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Holds the first process, if it is still the one that was started.
    #[must_use]
    pub fn hold_init(&self) -> Option<PidFd> {
        let held = PidFd::open(Pid::from_raw(self.init)).ok()?;
        // Looked at after it is held: the number cannot change hands any more.
        (process_started(self.init)? == self.init_started).then_some(held)
    }

    /// How long it has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        let started = UNIX_EPOCH + Duration::from_secs(self.started);
        SystemTime::now()
            .duration_since(started)
            .unwrap_or_default()
    }
}

/// When a process was started, in the kernel's ticks since boot.
#[must_use]
pub fn process_started(pid: i32) -> Option<u64> {
    started_in_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc_pid_stat(5): the start is field 22, the state behind the name field 3.
fn started_in_stat(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie has ended, even where nobody ever waits for it.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(22 - 4)?.parse().ok()
}

#[cfg(test)]
mod tests;
