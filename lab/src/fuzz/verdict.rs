//! Runs a case as `lab test --sim` does, and tells in which way it failed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Serialize;

use super::case::Case;
use super::questions::{self, Questions};
use crate::args::Capture;
use crate::report::{ExpectationReport, RunReport, StepReport};
use crate::run::{Options, Silent, sim};
use crate::topology::model::{Check, Step};

/// The seed of virtual time, which is that of `lab test --sim` too.
pub(super) const SEED: u64 = 1;
/// What the model says where it has no answer.
const NO_ANSWER: &str = "the model has no answer";

/// In which way a case failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The tree is not that of the model.
    Tree,
    /// What the routers know is not what the model does.
    State,
    /// A receiver did not get all, or got something twice.
    Receive,
    /// Datagrams stayed in Registers.
    Registers,
    /// An invariant was broken.
    Invariant,
    /// Something was left when all was over.
    Left,
    /// The checks after every event of virtual time found something, or a step
    /// could not be done.
    Broken,
    /// The program panicked.
    Panic,
    /// The lab itself failed, or its file is wrong.
    Lab,
}

impl Kind {
    /// As people read it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Tree => "the tree is not the model's",
            Kind::State => "what routers know is not the model's",
            Kind::Receive => "datagrams are lost, or come twice",
            Kind::Registers => "datagrams stay in Registers",
            Kind::Invariant => "an invariant is broken",
            Kind::Left => "something is left when all is over",
            Kind::Broken => "a router's own state is wrong",
            Kind::Panic => "a panic",
            Kind::Lab => "the lab itself failed",
        }
    }
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In which way.
    pub kind: Kind,
    /// The first step that did, and what it said.
    pub lines: Vec<String>,
}

/// The lab file of a case, with what can be asked of it.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn written(case: &Case, heading: &[String]) -> Result<String, String> {
    Ok(case.text(&Questions::of(case)?, heading))
}

/// Runs a case; `work` is a folder that nobody else uses. `None` where all is
/// as it must be.
pub fn judge(case: &Case, work: &Path) -> Option<Failure> {
    let run = catch_unwind(AssertUnwindSafe(|| run(case, work)));
    match run {
        Ok(Ok(found)) => found,
        Ok(Err(reason)) => Some(Failure {
            kind: Kind::Lab,
            lines: reason.lines().map(str::to_owned).collect(),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(Failure {
                kind: Kind::Panic,
                lines: text
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            })
        }
    }
}

fn run(case: &Case, work: &Path) -> Result<Option<Failure>, String> {
    let lab = questions::read(&written(case, &[])?)?;
    let hosted = sim::host(&lab).map_err(|reason| reason.to_string())?;
    let options = Options {
        keep_going: false,
        capture: Some(Capture::Never),
        html: false,
        names: Default::default(),
        work: Default::default(),
        runs: work.to_owned(),
        seed: SEED,
        rootless: false,
        pause: None,
        sweep_at: None,
    };
    let report = sim::run(&hosted, SEED, &options, &mut Silent);
    let report = report.map_err(|error| error.to_string())?;
    std::fs::remove_dir_all(&report.evidence).map_err(|error| error.to_string())?;
    Ok(failure(&report, &lab.steps))
}

fn failure(report: &RunReport, steps: &[Step]) -> Option<Failure> {
    let mut steps = report.steps.iter().zip(steps);
    let failed = steps.find(|(told, _)| !told.outcome.is_good());
    let Some((told, step)) = failed else {
        let first = report.errors.first()?;
        return Some(Failure {
            kind: Kind::Lab,
            lines: vec![first.clone()],
        });
    };
    let mut lines = vec![format!("\"{}\"", told.title)];
    if !report.errors.is_empty() {
        lines.extend(report.errors.iter().cloned());
        let kind = Kind::Lab;
        return Some(Failure { kind, lines });
    }
    if let Some(error) = &told.error {
        lines.extend(error.lines().map(str::to_owned));
        let kind = Kind::Broken;
        return Some(Failure { kind, lines });
    }
    let (kind, expectation) = first(told, step)?;
    lines.push(format!("{}: {}", expectation.about, expectation.measured));
    lines.extend(expectation.missed.iter().map(|line| format!("  {line}")));
    Some(Failure { kind, lines })
}

/// The first expectation that was not met. Those of invariants come after those
/// of the file.
fn first<'r>(told: &'r StepReport, step: &Step) -> Option<(Kind, &'r ExpectationReport)> {
    let all = told.expectations.iter().enumerate();
    let mut bad = all.filter(|(_, one)| !one.outcome.is_good());
    let (position, found) = bad.next()?;
    let kind = match step.expect.get(position).map(|one| &one.check) {
        _ if found.missed.iter().any(|line| line.contains(NO_ANSWER)) => Kind::Lab,
        None => Kind::Invariant,
        Some(Check::Tree { .. }) => Kind::Tree,
        Some(Check::Rx(_)) => Kind::Receive,
        Some(Check::Packets(_)) => Kind::Registers,
        Some(Check::Router(_)) => Kind::Left,
        Some(Check::State(_)) => Kind::State,
        Some(
            Check::Rate { .. }
            | Check::Counters { .. }
            | Check::Mfc(_)
            | Check::Mdb(_)
            | Check::Log(_)
            | Check::Exec { .. },
        ) => Kind::Lab,
    };
    Some((kind, found))
}
