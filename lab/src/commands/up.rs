//! `lab up`: a lab that stays.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::wait::waitpid;

use super::check::tell;
use super::running::{Fault, settle};
use crate::args::UpArgs;
use crate::exit::Exit;
use crate::holder::protocol::Report;
use crate::holder::{self, Job, LOG, describe};
use crate::node::{Programs, kind};
use crate::rundir::{RunDir, State, process_started};
use crate::sandbox::{self, Detached};
use crate::topology::Source;
use crate::topology::model::{Medium, Topology};

/// Runs `lab up`.
pub fn run(args: UpArgs) -> Exit {
    let source = Source::read(&args.file, &args.vars.vars);
    match source.and_then(|source| Ok((source.topology()?, source))) {
        Ok((topology, source)) => settle(up(args, topology, source)),
        Err(mistakes) => {
            tell(&mistakes);
            Exit::InvalidFile
        }
    }
}

fn up(args: UpArgs, mut topology: Topology, source: Source) -> Result<Exit, Fault> {
    if let Some(name) = args.name {
        topology.name = checked(name)?;
    }
    let programs = Programs::locate(args.bin_dir.as_deref());
    let programs = programs.map_err(Fault::system("find the programs"))?;
    for node in &topology.nodes {
        kind(node).check(&programs)?;
    }
    let run_dir = RunDir::claim(&topology.name)?;
    match start(&run_dir, topology, source, programs) {
        Ok(exit) => Ok(exit),
        Err(fault) => {
            if let Err(error) = run_dir.remove() {
                anstream::eprintln!("lab: {error}");
            }
            Err(fault)
        }
    }
}

fn checked(name: String) -> Result<String, Fault> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if (1..=40).contains(&name.len()) && name.chars().all(fits) {
        Ok(name)
    } else {
        Err(Fault::Name(name))
    }
}

fn start(
    run_dir: &RunDir,
    topology: Topology,
    source: Source,
    programs: Programs,
) -> Result<Exit, Fault> {
    let path = run_dir.path();
    let log = File::create(path.join(LOG)).map_err(Fault::system("make the holder's log"))?;
    let mut state = state(&path, &topology, &programs);
    let job = Job {
        topology,
        source,
        run_dir: path.clone(),
        programs,
    };
    let detached = sandbox::detached(&path, log, |inside| holder::run(&job, inside))?;
    state.init = detached.init.as_raw();
    state.init_started = process_started(state.init).unwrap_or_default();
    state.rootless = detached.rootless;
    run_dir.write_state(&state)?;
    let init = detached.init;
    let rootless = detached.rootless;
    let reports = follow(detached);
    match reports {
        Ok(timings) => {
            tell_ready(&job.topology, rootless, &timings);
            Ok(Exit::Pass)
        }
        Err(fault) => {
            // Its end comes with the last report; nothing is left then.
            waitpid(init, None).map_err(Fault::system("wait for the holder"))?;
            Err(fault.unwrap_or_else(|| died(&path)))
        }
    }
}

/// What a lab says of itself that has its files in this folder.
pub(super) fn state(path: &Path, topology: &Topology, programs: &Programs) -> State {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let file = topology
        .file
        .canonicalize()
        .unwrap_or_else(|_| topology.file.clone());
    State {
        name: topology.name.clone(),
        file,
        started: now.as_secs(),
        init: 0,
        init_started: 0,
        rootless: false,
        programs: programs.directory().to_owned(),
        nodes: describe::nodes(topology, path),
        points: describe::points(topology),
    }
}

/// What the holder said of its times, in milliseconds.
#[derive(Debug, Default, PartialEq)]
struct Times {
    namespaces: f64,
    links: f64,
    addresses: f64,
    daemons: f64,
}

/// Follows the holder's reports until the lab is ready. Where there is no
/// report of a failure, the holder died.
fn follow(detached: Detached) -> Result<Times, Option<Fault>> {
    let progress = progress();
    progress.set_message("network");
    let mut times = Times::default();
    for line in BufReader::new(detached.report).lines() {
        let line = line.map_err(|error| Some(Fault::system("read the holder's report")(error)))?;
        let Ok(report) = serde_json::from_str(&line) else {
            break;
        };
        match report {
            Report::Network {
                namespaces,
                links,
                addresses,
            } => {
                times = Times {
                    namespaces,
                    links,
                    addresses,
                    daemons: 0.0,
                };
                progress.set_message("daemons");
            }
            Report::Ready { daemons } => {
                progress.finish_and_clear();
                return Ok(Times { daemons, ..times });
            }
            Report::Failed { message, exit } => {
                progress.finish_and_clear();
                return Err(Some(Fault::Failed {
                    message,
                    exit: Exit::Status(exit),
                }));
            }
        }
    }
    progress.finish_and_clear();
    Err(None)
}

fn died(path: &Path) -> Fault {
    let log = fs::read_to_string(path.join(LOG)).unwrap_or_default();
    let log = log.trim().trim_start_matches("lab: ");
    let message = if log.is_empty() {
        "the holder was killed"
    } else {
        log
    };
    Fault::Failed {
        message: message.to_owned(),
        exit: Exit::Infrastructure,
    }
}

/// A line that tells the stage, on a terminal only. It moves with the reports
/// alone: a process whose children go to another PID namespace has no threads.
fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        progress.set_style(style);
    }
    progress
}

fn tell_ready(topology: &Topology, rootless: bool, times: &Times) {
    let segment = |medium| matches!(medium, Medium::Bridge { .. });
    let segments = topology
        .links
        .iter()
        .filter(|link| segment(link.medium))
        .count();
    let links = topology.links.len() - segments;
    let mut parts = vec![topology.name.clone(), count(topology.nodes.len(), "node")];
    parts.push(count(links, "link"));
    if segments > 0 {
        parts.push(count(segments, "segment"));
    }
    parts.push(if rootless { "rootless" } else { "root" }.to_owned());
    anstream::println!("{}", parts.join("  "));
    anstream::println!(
        "  namespaces {:.1} ms  links {:.1} ms  addresses {:.1} ms  daemons {:.0} ms",
        times.namespaces,
        times.links,
        times.addresses,
        times.daemons
    );
    let (name, node) = (&topology.name, topology.nodes.first());
    let node = node.map_or("NODE", |node| node.name.as_str());
    anstream::println!("  lab sh -l {name} {node} | lab ps | lab down {name}");
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
