//! `lab graph`: draws the network of a lab file or of a running lab.

use std::time::Duration;

use super::running::{Fault, Running, settle};
use crate::args::GraphArgs;
use crate::exit::Exit;
use crate::holder::protocol::Request;
use crate::report::graph::draw;
use crate::report::live::Live;
use crate::topology;

/// How long an answer may take: a step that is being done goes first.
const STEP_TIME: Duration = Duration::from_secs(3600);

/// Runs `lab graph`.
pub fn run(args: &GraphArgs) -> Exit {
    if !args.file.exists()
        && let Some(name) = args.file.to_str()
        && Running::find(Some(name)).is_ok()
    {
        return settle(running(name, args));
    }
    if args.group.is_some() {
        let lab = args.file.display();
        anstream::eprintln!("lab: --group is for a running lab, and {lab} is none");
        return Exit::Usage;
    }
    match topology::load(&args.file, &args.vars.vars) {
        Ok(topology) => {
            anstream::print!(
                "{}",
                draw(&topology, args.format, &Live::at_first(&topology))
            );
            Exit::Pass
        }
        Err(mistakes) => {
            super::check::tell(&mistakes);
            Exit::InvalidFile
        }
    }
}

fn running(name: &str, args: &GraphArgs) -> Result<Exit, Fault> {
    let (format, group) = (args.format, args.group);
    let lab = Running::find(Some(name))?;
    let drawn: String = lab.ask(&Request::Graph { format, group }, STEP_TIME)?;
    anstream::print!("{drawn}");
    Ok(Exit::Pass)
}
