//! `lab ps`: the running labs, their nodes and processes.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

use super::running::{ANSWER_TIME, Fault, Running, settle};
use crate::args::PsArgs;
use crate::exit::Exit;
use crate::holder::protocol::{Process, Request};

/// The width of what is printed.
const WIDTH: u16 = 80;
/// What memory is told in.
const MEBIBYTE: f64 = 1_048_576.0;

/// A lab, as `--json` shows it.
#[derive(Debug, Serialize)]
struct LabInfo {
    name: String,
    file: PathBuf,
    directory: PathBuf,
    rootless: bool,
    uptime_seconds: u64,
    nodes: Vec<NodeInfo>,
    /// Why the processes are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct NodeInfo {
    name: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<PathBuf>,
    processes: Vec<Process>,
}

/// Runs `lab ps`.
pub fn run(args: PsArgs) -> Exit {
    settle(ps(&args))
}

fn ps(args: &PsArgs) -> Result<Exit, Fault> {
    let labs: Vec<LabInfo> = Running::all()?.into_iter().map(look).collect();
    if args.json {
        let text = serde_json::to_string_pretty(&labs).map_err(std::io::Error::from);
        anstream::println!("{}", text.map_err(Fault::system("print as JSON"))?);
    } else if labs.is_empty() {
        anstream::println!("no lab is running");
    } else {
        let texts: Vec<String> = labs.iter().map(text).collect();
        anstream::println!("{}", texts.join("\n"));
    }
    Ok(Exit::Pass)
}

fn look(lab: Running) -> LabInfo {
    let (processes, problem) = processes(&lab);
    let uptime_seconds = lab.state.uptime().as_secs();
    let of_node = |name: &str| {
        processes
            .iter()
            .filter(|process| process.node == name)
            .cloned()
            .collect()
    };
    let state = lab.state;
    let node = |node: crate::rundir::NodeState| NodeInfo {
        processes: of_node(&node.name),
        name: node.name,
        kind: node.kind,
        socket: node.socket,
    };
    LabInfo {
        name: lab.name,
        file: state.file,
        directory: lab.path,
        rootless: state.rootless,
        uptime_seconds,
        nodes: state.nodes.into_iter().map(node).collect(),
        problem,
    }
}

fn processes(lab: &Running) -> (Vec<Process>, Option<String>) {
    match lab.ask(&Request::Processes {}, ANSWER_TIME) {
        Ok(processes) => (processes, None),
        Err(fault) => (Vec::new(), Some(fault.to_string())),
    }
}

fn text(lab: &LabInfo) -> String {
    let uptime = humantime::format_duration(Duration::from_secs(lab.uptime_seconds));
    let rights = if lab.rootless { "rootless" } else { "root" };
    let mut text = format!(
        "{}  up {uptime}  {rights}  {}\n",
        lab.name,
        lab.file.display()
    );
    if let Some(problem) = &lab.problem {
        text.push_str(&format!("  {problem}\n"));
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["NODE", "KIND", "PID", "CPU", "MEMORY", "PROCESS"]);
    for node in &lab.nodes {
        if node.processes.is_empty() {
            let (name, kind) = (node.name.as_str(), node.kind.as_str());
            table.add_row([name, kind, "-", "-", "-", "-"]);
        }
        for process in &node.processes {
            let pid = process.pid.to_string();
            let (name, kind) = (node.name.as_str(), node.kind.as_str());
            if let Some(status) = &process.ended {
                let ended = format!("{} ended ({status})", process.command);
                table.add_row([name, kind, &pid, "-", "-", &ended]);
                continue;
            }
            let cpu = format!("{:.1}s", process.cpu_seconds);
            let memory = format!("{:.1}M", process.memory_bytes as f64 / MEBIBYTE);
            let command = shorten(&process.command);
            table.add_row([name, kind, &pid, &cpu, &memory, &command]);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    text.push_str(&lines.collect::<Vec<_>>().join("\n"));
    text.push('\n');
    text
}

/// A command for a table: its beginning.
fn shorten(command: &str) -> String {
    const LENGTH: usize = 30;
    if command.chars().count() <= LENGTH {
        return command.to_owned();
    }
    command
        .chars()
        .take(LENGTH - 3)
        .chain("...".chars())
        .collect()
}

#[cfg(test)]
mod tests;
