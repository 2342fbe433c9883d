//! `lab exec`: a command in a node. The caller joins the lab's world and the
//! node's network; its terminal, pipes and signals reach the command directly.

mod fleet;

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use mcr_sys::namespace::{NetNamespace, join_network, join_world};
use mcr_sys::process::PidFd;
use mcr_sys::spawn::unblock;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::running::{Fault, Running, settle};
use crate::args::ExecArgs;
use crate::exit::Exit;
use crate::node::{environment, path_behind};
use crate::rundir::NodeState;
use crate::sandbox::NAMES;

/// The statuses that a shell gives where it cannot run a command.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// A shell adds the signal to this one where a signal ended the command.
const SIGNALED: u8 = 128;

/// Runs `lab exec`.
pub fn run(args: ExecArgs) -> Exit {
    settle(exec(args))
}

fn exec(args: ExecArgs) -> Result<Exit, Fault> {
    let named = !args.all && args.kind.is_none() && args.group.is_none();
    let first = (!named).then(|| args.nodes.clone());
    let command = first.into_iter().chain(args.command);
    let command: Vec<OsString> = command.map(Into::into).collect();
    let names = named.then_some(args.nodes);
    if command.is_empty() {
        let message = "a command is missing: `lab exec r1 -- ip route`".to_owned();
        let exit = Exit::Usage;
        return Err(Fault::Failed { message, exit });
    }
    let lab = Running::find(args.lab.as_deref())?;
    let nodes = match &names {
        Some(name) if !args.json && !name.contains([',', '*']) => {
            return in_node(args.lab.as_deref(), name, &command);
        }
        Some(names) => chosen(&lab, names)?,
        None => {
            let all = lab.state.nodes.iter();
            let kind = |node: &NodeState| args.kind.as_ref().is_none_or(|one| *one == node.kind);
            let group = |node: &NodeState| {
                let group = args.group.as_ref();
                group.is_none_or(|one| node.groups.contains(one))
            };
            all.filter(|node| kind(node) && group(node)).collect()
        }
    };
    if nodes.is_empty() {
        return Err(none_of(&lab, args.kind, args.group));
    }
    fleet::run(&lab, &nodes, &command, args.json)
}

/// The nodes that are named: `r1,r2`, with `*` for any letters.
fn chosen<'a>(lab: &'a Running, names: &str) -> Result<Vec<&'a NodeState>, Fault> {
    let mut chosen: Vec<&NodeState> = Vec::new();
    for name in names.split(',') {
        let nodes = lab.state.nodes.iter();
        let mut known = false;
        for node in nodes.filter(|node| matches(name, &node.name)) {
            known = true;
            if !chosen.iter().any(|one| one.name == node.name) {
                chosen.push(node);
            }
        }
        if !known {
            return Err(no_such(lab, name));
        }
    }
    Ok(chosen)
}

/// No node is of the kind and in the group that are asked for.
fn none_of(lab: &Running, kind: Option<String>, group: Option<String>) -> Fault {
    let mut groups: Vec<&str> = Vec::new();
    for name in lab.state.nodes.iter().flat_map(|node| &node.groups) {
        if !groups.contains(&name.as_str()) {
            groups.push(name);
        }
    }
    match group {
        None => no_such(lab, &format!("of kind {}", kind.unwrap_or_default())),
        Some(group) => {
            let of_kind = kind.map_or_else(String::new, |kind| format!(" of kind {kind}"));
            let message = format!(
                "lab {} has no node{of_kind} in a group {group}; its groups: {}",
                lab.name,
                groups.join(", ")
            );
            let exit = Exit::Usage;
            Fault::Failed { message, exit }
        }
    }
}

fn no_such(lab: &Running, node: &str) -> Fault {
    let nodes = lab.state.nodes.iter();
    Fault::NoSuchNode {
        lab: lab.name.clone(),
        node: node.to_owned(),
        nodes: nodes.map(|node| node.name.clone()).collect(),
    }
}

/// A name is what a pattern says.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((front, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(name) = name.strip_prefix(front) else {
        return false;
    };
    let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    ends.any(|at| matches(rest, &name[at..]))
}

/// Runs a command in a node, and passes its status on.
pub(super) fn in_node(lab: Option<&str>, node: &str, command: &[OsString]) -> Result<Exit, Fault> {
    let lab = Running::find(lab)?;
    let known = lab.state.nodes.iter().find(|known| known.name == node);
    let node = known.ok_or_else(|| no_such(&lab, node))?;
    let mut prepared = prepare(&lab, node, command);
    enter(&lab, &node.name)?;
    // Blocked before the command exists, so that none is missed.
    let signals = block()?;
    unblock(&mut prepared, signals);
    match prepared.spawn() {
        Ok(child) => wait(child, &signals),
        Err(error) => {
            let program = prepared.get_program().to_string_lossy().into_owned();
            anstream::eprintln!("lab: cannot run {program}: {error}");
            let found = error.kind() != io::ErrorKind::NotFound;
            Ok(Exit::Status(if found { NOT_EXECUTABLE } else { NOT_FOUND }))
        }
    }
}

/// The command, with the environment that a step's command has too.
fn prepare(lab: &Running, node: &NodeState, words: &[OsString]) -> Command {
    let program = words.first().cloned().unwrap_or_default();
    let path = path_behind(&lab.state.programs);
    let mut command = Command::new(program);
    command
        .args(words.iter().skip(1))
        .envs(node.env.iter().map(|(name, value)| (name, value)))
        .envs(environment(path, &node.name, node.socket.as_deref()))
        .env("LAB_NAME", &lab.name);
    command
}

/// Moves the process into the node. Its PID namespace is the lab's from its
/// next child on.
fn enter(lab: &Running, node: &str) -> Result<(), Fault> {
    let here = env::current_dir().ok();
    enter_lab(lab)?;
    enter_node(node)?;
    // Joining a mount namespace leaves one at its root.
    if let Some(here) = here {
        env::set_current_dir(here)
            .or_else(|_| env::set_current_dir("/"))
            .map_err(Fault::system("change to the working directory"))?;
    }
    Ok(())
}

/// Moves the process into the lab. Its PID namespace is the lab's from its next
/// child on, so it can start no thread any more.
pub(super) fn enter_lab(lab: &Running) -> Result<(), Fault> {
    let first = lab.hold()?;
    let user = lab.other_user_namespace()?;
    join_world(first.as_fd(), user).map_err(Fault::system("enter the lab"))
}

/// Moves the process, which is in the lab, into the network of a node.
pub(super) fn enter_node(node: &str) -> Result<(), Fault> {
    let entered = NetNamespace::open(Path::new(NAMES), node)
        .and_then(|namespace| join_network(namespace.as_fd()));
    entered.map_err(Fault::system("enter the node"))
}

fn block() -> Result<SigSet, Fault> {
    let mut signals = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
        Signal::SIGHUP,
    ] {
        signals.add(signal);
    }
    signals
        .thread_block()
        .map_err(Fault::system("block signals"))?;
    Ok(signals)
}

fn wait(mut child: Child, signals: &SigSet) -> Result<Exit, Fault> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other);
    let failed = Fault::system::<io::Error>;
    let held = pid.and_then(|pid| PidFd::open(Pid::from_raw(pid)));
    let held = held.map_err(failed("hold the command"))?;
    // The terminal sends these to the command itself.
    let terminal = io::stdin().is_terminal();
    loop {
        if let Some(status) = child.try_wait().map_err(failed("wait for the command"))? {
            return Ok(Exit::Status(code(status)));
        }
        let signal = signals.wait().map_err(Fault::system("wait for signals"))?;
        let from_terminal = terminal && matches!(signal, Signal::SIGINT | Signal::SIGQUIT);
        if signal != Signal::SIGCHLD && !from_terminal {
            // It may have ended at this moment: SIGCHLD comes next then.
            held.signal(signal)
                .or_else(ended)
                .map_err(failed("pass a signal on"))?;
        }
    }
}

fn ended(error: io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::ESRCH) {
        Ok(())
    } else {
        Err(error)
    }
}

fn code(status: ExitStatus) -> u8 {
    let signal = || status.signal().and_then(|signal| u8::try_from(signal).ok());
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or_else(|| SIGNALED.saturating_add(signal().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
