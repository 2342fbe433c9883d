//! What is kept of a run, and what is said about a failure.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::locate;
use super::observe::owes;
use super::record;
use super::stage::{Drops, Stage};
use crate::explain::{End, Kind, explain};
use crate::report::{RunReport, StepReport, junit, text};
use crate::topology::model::{Check, RxCheck, Step, Topology};

/// The reason of drops to 224.0.0.0/24 and to hosts.
const NEVER_FORWARDED: &str = "not-forwardable";

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    /// The folder.
    pub path: PathBuf,
    /// The run's number.
    pub id: String,
}

impl RunFolder {
    /// Makes the folder `NAME-ID` with a number that no earlier run has, and
    /// lets the link `latest` show it.
    ///
    /// # Errors
    /// The file system's.
    pub fn create(runs: &Path, lab: &str) -> io::Result<RunFolder> {
        fs::create_dir_all(runs)?;
        let mut number = crate::clock::now_ns() / 1_000_000;
        loop {
            let id = format!("{:04x}", number & 0xffff);
            let path = runs.join(format!("{lab}-{id}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    for folder in ["configs", "logs", "state"] {
                        fs::create_dir(path.join(folder))?;
                    }
                    point_latest(runs, &path)?;
                    return Ok(RunFolder { path, id });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The link changes at once: a reader sees the old run or the new one.
fn point_latest(runs: &Path, path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        return Ok(());
    };
    let fresh = runs.join(format!(".latest-{}", name.to_string_lossy()));
    symlink(name, &fresh)?;
    fs::rename(&fresh, runs.join("latest"))
}

/// Writes the result in its three forms.
///
/// # Errors
/// The file system's.
pub fn write_result(folder: &Path, run: &RunReport, lines: &[String]) -> io::Result<()> {
    fs::write(folder.join("result.txt"), lines.join("\n") + "\n")?;
    fs::write(folder.join("result.json"), format!("{:#}\n", as_json(run)))?;
    fs::write(
        folder.join("junit.xml"),
        junit::document(std::slice::from_ref(run), &[]),
    )
}

/// The result as JSON.
#[must_use]
pub fn as_json(run: &RunReport) -> Value {
    let mut value = serde_json::to_value(run).unwrap_or(Value::Null);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("exit".to_owned(), run.exit().code().into());
        let counts = serde_json::to_value(run.counts()).unwrap_or(Value::Null);
        fields.insert("counts".to_owned(), counts);
    }
    value
}

/// What there is to say about a failed step beyond its figures.
#[must_use]
pub(super) async fn findings<S: Stage>(
    stage: &S,
    step: &Step,
    report: &StepReport,
    began_ns: u64,
    before: &Drops,
    now: &Drops,
) -> Vec<String> {
    let mut said = Vec::new();
    for (expectation, told) in step.expect.iter().zip(&report.expectations) {
        if told.outcome.is_good() || expectation.never {
            continue;
        }
        if let Check::Rx(check) = &expectation.check {
            said.extend(rx_findings(stage, check, began_ns));
            said.extend(explained(stage, check, began_ns).await);
        }
    }
    said.extend(drop_findings(stage.topology(), before, now));
    said
}

fn rx_findings<S: Stage>(stage: &S, check: &RxCheck, began_ns: u64) -> Vec<String> {
    let topology = stage.topology();
    let Some(receiver) = topology.receivers.get(check.by) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let ledger = stage.ledger().borrow();
    for (position, source) in topology.sources.iter().enumerate() {
        let runs: BTreeSet<u64> = ledger
            .runs()
            .filter(|run| run.source == position && is_meant(topology, check, position))
            .map(|run| run.run)
            .collect();
        if runs.is_empty() {
            continue;
        }
        let passed = stage.passed(&runs, record::arrived(stage, began_ns));
        let way = locate::path(
            topology,
            (source.at, source.interface),
            (receiver.at, Some(receiver.interface)),
            &locate::seen(&passed),
        );
        let taken = |link| record::taken_on(stage, link);
        if let Some((sentence, _)) = locate::sentence(topology, &way, &passed, &taken) {
            said.push(format!("{} <- {}: {sentence}", receiver.name, source.name));
        }
    }
    said
}

/// Why a receiver misses something of each source, where the walk finds it.
async fn explained<S: Stage>(stage: &S, check: &RxCheck, began_ns: u64) -> Vec<String> {
    let topology = stage.topology();
    let mut said = Vec::new();
    for source in 0..topology.sources.len() {
        if !is_meant(topology, check, source) {
            continue;
        }
        let snapshot = super::explain::of_run(stage, check.by, source, began_ns).await;
        let told = explain(topology, check.by, source, &snapshot);
        let told = told.filter(|told| !is_loss(&told.end));
        said.extend(told.and_then(|told| told.sentence()));
    }
    said
}

/// What the links showed is said anyway, and better.
fn is_loss(end: &End) -> bool {
    match end {
        End::Fault(fault) => fault.kind == Kind::DataLost,
        End::Unknown(_) | End::Nothing => false,
    }
}

fn is_meant(topology: &Topology, check: &RxCheck, source: usize) -> bool {
    if !check.of.is_empty() {
        return check.of.contains(&source);
    }
    let groups = topology.sources.get(source).map(|source| &source.groups);
    groups.is_some_and(|groups| groups.iter().any(|to| owes(topology, check, source, *to)))
}

fn drop_findings(topology: &Topology, before: &Drops, now: &Drops) -> Vec<String> {
    now.iter()
        .filter_map(|(key, count)| {
            let grown = count.saturating_sub(before.get(key).copied().unwrap_or(0));
            let (node, interface, reason) = key;
            // Hellos and queries are: they tell nothing of what a receiver misses.
            if reason == NEVER_FORWARDED {
                return None;
            }
            let node = topology.nodes.get(*node)?;
            (grown > 0).then(|| format!("{} dropped {grown} from {interface}: {reason}", node.name))
        })
        .collect()
}

/// Copies the configurations, which are gone with the run otherwise.
///
/// # Errors
/// The file system's.
pub fn keep_configs(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Everything that was printed about a run.
#[must_use]
pub fn lines(run: &RunReport, topology: &Topology) -> Vec<String> {
    let mut lines = vec![text::heading(run), text::deployed(run, topology)];
    for step in &run.steps {
        lines.extend(text::step(step, false));
    }
    lines.extend(text::closing(run));
    lines
}
