//! Which processes are in which node: a process is where its network namespace
//! is, whoever started it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::fstat;
use nix::unistd::{SysconfVar, sysconf};

use super::protocol::Process;
use crate::backend::netns::Network;
use crate::node::Death;
use crate::topology::model::{NodeId, Topology};

/// The longest command line that is shown, in characters.
const MAX_COMMAND: usize = 200;

/// The nodes by their namespaces' inodes.
#[derive(Debug)]
pub(super) struct Nodes(BTreeMap<u64, String>);

impl Nodes {
    /// The nodes of a network.
    pub(super) fn of(topology: &Topology, network: &Network) -> io::Result<Self> {
        let inode = |(position, node): (usize, &crate::topology::model::Node)| {
            let namespace = network
                .namespace(NodeId(position))
                .map_err(io::Error::other)?;
            Ok((fstat(namespace)?.st_ino, node.name.clone()))
        };
        topology
            .nodes
            .iter()
            .enumerate()
            .map(inode)
            .collect::<io::Result<_>>()
            .map(Self)
    }
}

/// The processes in the nodes, by node and process id, and the daemons that
/// ended by themselves.
pub(super) fn processes(nodes: &Nodes, dead: &[Death]) -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid else { continue };
        // A process that ends while it is looked at is in no node.
        let namespace = fs::metadata(entry.path().join("ns/net"));
        let node = namespace
            .ok()
            .and_then(|namespace| nodes.0.get(&namespace.ino()));
        if let Some(node) = node {
            let stat = fs::read_to_string(entry.path().join("stat"));
            let (cpu_seconds, memory_bytes) = used(&stat.unwrap_or_default());
            found.push(Process {
                node: node.clone(),
                pid,
                command: command_line(&entry.path()),
                cpu_seconds,
                memory_bytes,
                ended: None,
            });
        }
    }
    found.extend(dead.iter().map(|death| Process {
        node: death.node.clone(),
        pid: death.pid,
        command: death.program.clone(),
        cpu_seconds: 0.0,
        memory_bytes: 0,
        ended: Some(death.status.clone()),
    }));
    found.sort_by(|a, b| (&a.node, a.pid).cmp(&(&b.node, b.pid)));
    Ok(found)
}

/// proc_pid_stat(5): behind the name, which may contain anything, come the
/// state as field 3, the times in user and kernel mode as fields 14 and 15, and
/// the pages in memory as field 24.
fn used(stat: &str) -> (f64, u64) {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| -> u64 {
        let text = fields.get(number - 3);
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let of_system = |name, otherwise: u64| {
        let value = sysconf(name).ok().flatten();
        let value = value.and_then(|value| u64::try_from(value).ok());
        value.filter(|value| *value > 0).unwrap_or(otherwise)
    };
    let ticks = of_system(SysconfVar::CLK_TCK, 100);
    let page = of_system(SysconfVar::PAGE_SIZE, 4096);
    let seconds = (field(14) + field(15)) as f64 / ticks as f64;
    (seconds, field(24).saturating_mul(page))
}

fn command_line(process: &Path) -> String {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    if line.is_empty() {
        // A zombie has no command line any more.
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        return format!("[{}]", name.trim_end());
    }
    let words = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    words
        .join(" ")
        .chars()
        .map(printable)
        .take(MAX_COMMAND)
        .collect()
}

#[cfg(test)]
mod tests;
