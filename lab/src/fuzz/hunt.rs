//! Draws and judges one network after another, several at a time, and writes
//! down those that fail.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use super::case::Case;
use super::shrink::shrink;
use super::verdict::{Failure, Kind, judge, written};

/// The most networks that fail before the rest is left out.
const MOST: usize = 20;

/// What is wrong with every network, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// One router takes nobody for a PIM neighbour
    Deaf,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// The first network's seed; the others' follow.
    pub seed: u64,
    /// So many networks; as many as there is time for where it is `None`.
    pub runs: Option<u64>,
    /// No network begins later than this.
    pub time: Option<Duration>,
    /// The most routers of a network.
    pub routers: u32,
    /// What is made wrong with each of them.
    pub plant: Option<Plant>,
    /// Where those that fail are written.
    pub out: PathBuf,
}

/// A network that failed, as it was written down.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// How it fails.
    pub kind: Kind,
    /// The first step that does, and what it says.
    pub told: Vec<String>,
    /// The lab file.
    pub file: PathBuf,
    /// Nodes as drawn, and as written.
    pub nodes: (usize, usize),
    /// Events as drawn, and as written.
    pub events: (usize, usize),
    /// How many smaller ones were tried.
    pub tries: u32,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Hunted {
    /// Networks that ran.
    pub runs: u64,
    /// How long it took.
    pub seconds: f64,
    /// Those that failed, by their seeds.
    pub found: Vec<Found>,
}

/// What a worker says.
enum Said {
    /// A network is as it must be.
    Good,
    /// One that is not.
    Bad(io::Result<Found>),
}

impl Hunt {
    /// Runs them all; `tell` hears of each one, `stop` ends it early.
    ///
    /// # Errors
    /// The file system's.
    pub fn run(
        &self,
        stop: &AtomicBool,
        mut tell: impl FnMut(&Hunted, Option<&Found>),
    ) -> io::Result<Hunted> {
        let began = Instant::now();
        let work = tempfile::tempdir()?;
        let next = AtomicU64::new(0);
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let mut hunted = Hunted::default();
        let mut broken = None;
        thread::scope(|scope| {
            let (say, heard): (Sender<Said>, Receiver<Said>) = channel();
            for number in 0..workers {
                let (say, next) = (say.clone(), &next);
                let work = work.path().join(number.to_string());
                scope.spawn(move || {
                    let more = || !stop.load(Ordering::Relaxed) && self.goes_on(began);
                    while more() {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if self.runs.is_some_and(|runs| number >= runs) {
                            return;
                        }
                        let said = self.one(self.seed.wrapping_add(number), &work);
                        if say.send(said).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(say);
            for said in heard {
                hunted.runs += 1;
                hunted.seconds = began.elapsed().as_secs_f64();
                let mut found = None;
                match said {
                    Said::Good => {}
                    Said::Bad(Ok(one)) => found = Some(one),
                    Said::Bad(Err(error)) => {
                        stop.store(true, Ordering::Relaxed);
                        broken = Some(error);
                    }
                }
                tell(&hunted, found.as_ref());
                hunted.found.extend(found);
                if hunted.found.len() >= MOST {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        hunted.found.sort_by_key(|found| found.seed);
        match broken {
            Some(error) => Err(error),
            None => Ok(hunted),
        }
    }

    fn goes_on(&self, began: Instant) -> bool {
        self.time.is_none_or(|time| began.elapsed() < time)
    }

    fn one(&self, seed: u64, work: &Path) -> Said {
        let mut case = Case::drawn(seed, self.routers);
        if let Some(plant) = self.plant {
            case.plant(plant);
        }
        match judge(&case, work) {
            None => Said::Good,
            Some(failure) => Said::Bad(self.write(&case, failure, work)),
        }
    }

    /// Makes it small, and writes it.
    fn write(&self, case: &Case, failure: Failure, work: &Path) -> io::Result<Found> {
        let least = shrink(case, failure, |smaller| judge(smaller, work));
        let name = format!("fuzz-{}", case.seed());
        let folder = self.out.join(name);
        fs::create_dir_all(&folder)?;
        let file = folder.join("lab.yaml");
        let found = Found {
            seed: case.seed(),
            kind: least.failure.kind,
            told: least.failure.lines.clone(),
            file,
            nodes: (case.nodes(), least.case.nodes()),
            events: (case.events(), least.case.events()),
            tries: least.tries,
        };
        let text = written(&least.case, &self.heading(&found));
        fs::write(&found.file, text.map_err(io::Error::other)?)?;
        Ok(found)
    }

    /// How a file was found, for its reader.
    fn heading(&self, found: &Found) -> Vec<String> {
        let plant = match self.plant {
            Some(Plant::Deaf) => " --plant deaf",
            None => "",
        };
        let Found { seed, nodes, .. } = found;
        let (routers, kind) = (self.routers, found.kind.word());
        let mut lines = vec![
            format!(
                "Found by `lab fuzz --seed {seed} --runs 1 --routers {routers}{plant}`, and made"
            ),
            format!(
                "smaller, from {} nodes and {} events: {kind}.",
                nodes.0, found.events.0
            ),
        ];
        lines.extend(found.told.iter().map(|line| format!("  {line}")));
        lines
    }
}
