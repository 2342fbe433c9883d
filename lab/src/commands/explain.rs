//! `lab explain`: why a receiver gets nothing of a source.

use std::path::{Path, PathBuf};

use super::check::tell;
use super::hand::STEP_TIME;
use super::running::{Fault, Running, settle};
use crate::args::{Capture, ExplainArgs};
use crate::exit::Exit;
use crate::explain::{End, Explanation, ends};
use crate::holder::protocol::Request;
use crate::report::text;
use crate::run::{Options, sim};
use crate::topology;
use crate::topology::model::Topology;

/// Runs `lab explain`.
pub fn run(args: &ExplainArgs) -> Exit {
    settle(explained(args))
}

fn explained(args: &ExplainArgs) -> Result<Exit, Fault> {
    let told = if args.sim {
        let topology = match topology::load(Path::new(&args.lab), &args.vars.vars) {
            Ok(topology) => topology,
            Err(mistakes) => {
                tell(&mistakes);
                return Ok(Exit::InvalidFile);
            }
        };
        simulated(&topology, args)?
    } else {
        asked(&find(&args.lab)?, args)?
    };
    print(args.json, &told);
    Ok(match told.end {
        End::Nothing => Exit::Pass,
        End::Fault(_) => Exit::Failed,
        End::Unknown(_) => Exit::NothingToRun,
    })
}

/// The lab that runs with this name, or from this file.
fn find(word: &str) -> Result<Running, Fault> {
    let path = topology::file_of(Path::new(word)).canonicalize().ok();
    let mut all = Running::all()?.into_iter();
    let meant = |lab: &Running| lab.name == word || Some(&lab.state.file) == path.as_ref();
    all.find(meant)
        .ok_or_else(|| Fault::NoSuchLab(word.to_owned()))
}

/// The lab knows its file as it was read, and what was done since.
fn asked(lab: &Running, args: &ExplainArgs) -> Result<Explanation, Fault> {
    let request = Request::Explain {
        receiver: args.receiver.clone(),
        source: args.source.clone(),
    };
    lab.ask(&request, STEP_TIME)
}

fn simulated(topology: &Topology, args: &ExplainArgs) -> Result<Explanation, Fault> {
    let found = ends(topology, &args.receiver, &args.source);
    let (receiver, source) = found.map_err(|message| Fault::Failed {
        message,
        exit: Exit::Usage,
    })?;
    let seed = args.seed;
    let hosted = sim::host(topology).map_err(|reason| Fault::Failed {
        message: reason.to_string(),
        exit: Exit::NothingToRun,
    })?;
    let runs = tempfile::tempdir().map_err(Fault::system("make a folder for the run"))?;
    let options = Options {
        keep_going: true,
        capture: Some(Capture::Never),
        names: PathBuf::default(),
        work: PathBuf::default(),
        runs: runs.path().to_owned(),
        seed,
        html: false,
        sweep_at: None,
        rootless: false,
        pause: None,
    };
    let told = sim::explain(&hosted, seed, &options, receiver, source);
    let told = told.map_err(Fault::system("write in the run's folder"))?;
    told.ok_or_else(|| Fault::Failed {
        message: "the run ended before its routers could be asked".to_owned(),
        exit: Exit::Infrastructure,
    })
}

fn print(json: bool, told: &Explanation) {
    if json {
        let value = serde_json::to_value(told).unwrap_or_default();
        anstream::println!("{value:#}");
        return;
    }
    for line in told.lines() {
        for part in text::hanging(&line) {
            anstream::println!("{part}");
        }
    }
}
