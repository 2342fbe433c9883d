//! `lab check`: every mistake of every file.

use std::io::IsTerminal;
use std::path::Path;

use serde_json::json;

use crate::args::CheckArgs;
use crate::diagnostic::Diagnostics;
use crate::exit::Exit;
use crate::topology::{self, model::Topology};

/// Runs `lab check`.
pub fn run(args: &CheckArgs) -> Exit {
    let mut wrong = false;
    let mut reports = Vec::new();
    for path in &args.files {
        match topology::load(path, &args.vars.vars) {
            Ok(topology) if args.json => reports.push(fine(path, &topology)),
            Ok(topology) => anstream::println!("{}: {}", path.display(), summary(&topology)),
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
    if wrong { Exit::InvalidFile } else { Exit::Pass }
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

fn fine(path: &Path, topology: &Topology) -> serde_json::Value {
    json!({
        "file": path,
        "valid": true,
        "name": topology.name,
        "nodes": topology.nodes.len(),
        "links": topology.links.len(),
        "steps": topology.steps.len(),
    })
}

fn faulty(path: &Path, mistakes: &Diagnostics) -> serde_json::Value {
    json!({ "file": path, "valid": false, "mistakes": mistakes.list })
}
