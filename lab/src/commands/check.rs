//! `lab check`: every mistake of every file.

use std::io::IsTerminal;
use std::path::Path;

use serde_json::json;

use crate::args::CheckArgs;
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::node::{Daemons, Programs};
use crate::topology::{self, model::Topology};

/// Runs `lab check`.
pub fn run(args: &CheckArgs) -> Exit {
    let mut wrong = false;
    let mut unfit = false;
    let mut reports = Vec::new();
    for path in &args.files {
        match topology::load(path, &args.vars.vars) {
            Ok(topology) => {
                let missing = missing(args, &topology);
                unfit |= missing.is_some();
                if args.json {
                    reports.push(fine(path, &topology, missing.as_deref()));
                } else {
                    anstream::println!("{}: {}", path.display(), summary(&topology));
                }
                if let (Some(reason), false) = (missing, args.json) {
                    anstream::eprintln!("{}: cannot run here: {reason}", path.display());
                }
            }
            Err(mistakes) => {
                wrong = true;
                if args.json {
                    reports.push(faulty(path, &mistakes));
                } else {
                    tell(&mistakes);
                }
            }
        }
    }
    if args.json {
        anstream::println!("{:#}", json!({ "files": reports }));
    }
    match (wrong, unfit) {
        (true, _) => Exit::InvalidFile,
        (false, true) => Exit::Unfit,
        (false, false) => Exit::Pass,
    }
}

/// What a lab needs that this machine has not.
fn missing(args: &CheckArgs, topology: &Topology) -> Option<String> {
    if args.anywhere {
        return None;
    }
    let programs = match Programs::locate(args.bin_dir.as_deref()) {
        Ok(programs) => programs,
        Err(error) => return Some(error.to_string()),
    };
    if let Err(error) = Daemons::check(topology, &programs) {
        return Some(error.to_string());
    }
    let traffic = !topology.receivers.is_empty() || !topology.sources.is_empty();
    let generator = traffic.then(|| programs.find("mcrgen"));
    generator?.err().map(|unfit| unfit.to_string())
}

/// Prints the mistakes of a file to standard error.
pub fn tell(mistakes: &Diagnostics) {
    let coloured = std::io::stderr().is_terminal();
    anstream::eprint!("{}", mistakes.render(coloured));
}

fn summary(topology: &Topology) -> String {
    format!(
        "{}: {} nodes, {} links, {} steps",
        topology.name,
        topology.nodes.len(),
        topology.links.len(),
        topology.steps.len()
    )
}

fn fine(path: &Path, topology: &Topology, missing: Option<&str>) -> serde_json::Value {
    let mut report = json!({
        "file": path,
        "valid": true,
        "name": topology.name,
        "nodes": topology.nodes.len(),
        "links": topology.links.len(),
        "steps": topology.steps.len(),
    });
    if let Some(missing) = missing {
        report["cannot_run_here"] = json!(missing);
    }
    report
}

fn faulty(path: &Path, mistakes: &Diagnostics) -> serde_json::Value {
    json!({ "file": path, "valid": false, "mistakes": mistakes.list })
}
