//! `lab explain`: why a receiver gets nothing of a source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::tell;
use super::running::{Fault, Running, settle};
use crate::args::{Capture, ExplainArgs};
use crate::exit::Exit;
use crate::explain::{End, Explanation, explain};
use crate::report::text;
use crate::run::{self, Options, sim};
use crate::topology;
use crate::topology::model::{NodeId, Topology};

/// Runs `lab explain`.
pub fn run(args: &ExplainArgs) -> Exit {
    settle(explained(args))
}

fn explained(args: &ExplainArgs) -> Result<Exit, Fault> {
    let running = if args.sim {
        None
    } else {
        Some(find(&args.lab)?)
    };
    let file = match &running {
        Some(lab) => lab.state.file.clone(),
        None => PathBuf::from(&args.lab),
    };
    let topology = match topology::load(&file, &args.vars.vars) {
        Ok(topology) => topology,
        Err(mistakes) => {
            tell(&mistakes);
            return Ok(Exit::InvalidFile);
        }
    };
    let (receiver, source) = ends(&topology, &args.receiver, &args.source)?;
    let told = match running {
        Some(lab) => asked(&lab, &topology, receiver, source)?,
        None => simulated(&topology, args.seed, receiver, source)?,
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

fn ends(topology: &Topology, receiver: &str, source: &str) -> Result<(usize, usize), Fault> {
    let unknown = |what: &str, name: &str, known: Vec<&str>| Fault::Failed {
        message: format!(
            "the file has no {what} {name:?}; it has {}",
            known.join(", ")
        ),
        exit: Exit::Usage,
    };
    let receivers: Vec<&str> = topology.receivers.iter().map(|r| r.name.as_str()).collect();
    let sources: Vec<&str> = topology.sources.iter().map(|s| s.name.as_str()).collect();
    let at = |names: &[&str], name: &str| names.iter().position(|known| *known == name);
    match (at(&receivers, receiver), at(&sources, source)) {
        (Some(receiver), Some(source)) => Ok((receiver, source)),
        (None, _) => Err(unknown("receiver", receiver, receivers)),
        (_, None) => Err(unknown("source", source, sources)),
    }
}

fn asked(
    lab: &Running,
    topology: &Topology,
    receiver: usize,
    source: usize,
) -> Result<Explanation, Fault> {
    let mut sockets = BTreeMap::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        let mut known = lab.state.nodes.iter();
        let found = known.find(|known| known.name == node.name);
        if let Some(socket) = found.and_then(|found| found.socket.clone()) {
            sockets.insert(NodeId(position), socket);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::system("start"))?;
    let snapshot = runtime.block_on(run::explain::of_sockets(
        topology, sockets, receiver, source,
    ));
    whole(explain(topology, receiver, source, &snapshot))
}

fn simulated(
    topology: &Topology,
    seed: u64,
    receiver: usize,
    source: usize,
) -> Result<Explanation, Fault> {
    let hosted = sim::host(topology).map_err(|reason| Fault::Failed {
        message: reason.to_string(),
        exit: Exit::NothingToRun,
    })?;
    let runs = tempfile::tempdir().map_err(Fault::system("make a folder for the run"))?;
    let options = Options {
        keep_going: true,
        capture: Capture::Never,
        names: PathBuf::default(),
        work: PathBuf::default(),
        runs: runs.path().to_owned(),
        seed,
        html: false,
        rootless: false,
    };
    let told = sim::explain(&hosted, seed, &options, receiver, source);
    whole(told.map_err(Fault::system("write in the run's folder"))?)
}

fn whole(told: Option<Explanation>) -> Result<Explanation, Fault> {
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
