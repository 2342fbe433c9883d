//! One process with a world of its own, which runs the labs it is told to.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::{in_namespaces, inside_runtime, options};
use crate::args::TestArgs;
use crate::exit::Exit;
use crate::node::Programs;
use crate::report::{RunReport, StepReport};
use crate::run::Progress;
use crate::sandbox::{self, Inside};
use crate::topology::model::Topology;

/// What a worker tells, one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// A run began.
    Began(RunReport),
    /// Its network stands.
    Deployed(RunReport),
    /// A step began.
    StepBegan(String),
    /// A step ended.
    StepEnded(StepReport),
    /// A run ended.
    Ended(RunReport),
    /// All runs of the lab ended.
    Done {
        /// What is said of the runs with something wrong.
        told: Vec<String>,
        /// A step notices nothing.
        blind: bool,
    },
    /// The worker cannot go on.
    Failed {
        /// Why.
        reason: String,
        /// The exit status for it.
        exit: u8,
    },
}

/// Runs a worker to its end, which comes when nobody tells it more.
pub(super) fn run(
    args: &TestArgs,
    labs: &[Topology],
    programs: &Programs,
    keep: &Path,
    line: UnixStream,
) -> Exit {
    // The line outlives a world that does not come to be, or that is killed.
    let second = match line.try_clone() {
        Ok(second) => second,
        Err(_) => return Exit::Infrastructure,
    };
    let ended = sandbox::attached(keep, |inside| {
        let served = serve(args, labs, programs, &inside, line);
        served.map_or(Exit::Infrastructure, |()| Exit::Pass).code()
    });
    let (reason, exit) = match ended {
        Ok(code) => return Exit::Status(code),
        Err(error) => (error.to_string(), error.exit()),
    };
    let mut teller = Teller::new(second);
    teller.say(&Said::Failed {
        reason,
        exit: exit.code(),
    });
    exit
}

/// Runs each lab whose position comes as a line.
fn serve(
    args: &TestArgs,
    labs: &[Topology],
    programs: &Programs,
    inside: &Inside,
    line: UnixStream,
) -> io::Result<()> {
    let options = options(args, inside);
    let orders = BufReader::new(line.try_clone()?);
    let mut teller = Teller::new(line);
    for order in orders.lines() {
        let position: usize = order?.parse().map_err(io::Error::other)?;
        let lab = labs.get(position).ok_or(io::ErrorKind::InvalidInput)?;
        let ran =
            inside_runtime(in_namespaces(args, lab, programs, &options, &mut teller)).flatten();
        match ran {
            Ok(ran) => teller.say(&Said::Done {
                told: ran.told,
                blind: ran.blind,
            }),
            Err(error) => {
                let folder = args.run_dir.display();
                teller.say(&Said::Failed {
                    reason: format!("cannot write in {folder}: {error}"),
                    exit: Exit::Infrastructure.code(),
                });
                return Err(error);
            }
        }
        if let Some(error) = teller.broken.take() {
            return Err(error);
        }
    }
    Ok(())
}

/// Tells the first process how runs go on.
struct Teller {
    line: UnixStream,
    /// Why it could not be told.
    broken: Option<io::Error>,
}

impl Teller {
    fn new(line: UnixStream) -> Teller {
        Teller { line, broken: None }
    }

    fn say(&mut self, said: &Said) {
        if self.broken.is_some() {
            return;
        }
        let text = serde_json::to_string(said).map_err(io::Error::other);
        let written = text.and_then(|text| self.line.write_all(format!("{text}\n").as_bytes()));
        self.broken = written.err();
    }
}

impl Progress for Teller {
    fn began(&mut self, run: &RunReport) {
        self.say(&Said::Began(run.clone()));
    }

    fn deployed(&mut self, run: &RunReport, _: &Topology) {
        self.say(&Said::Deployed(run.clone()));
    }

    fn step_began(&mut self, title: &str) {
        self.say(&Said::StepBegan(title.to_owned()));
    }

    fn step_ended(&mut self, step: &StepReport) {
        self.say(&Said::StepEnded(step.clone()));
    }

    fn ended(&mut self, run: &RunReport) {
        self.say(&Said::Ended(run.clone()));
    }
}
