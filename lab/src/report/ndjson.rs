//! One JSON object a line: a run begins, a step ended, a run ended.

use serde_json::{Value, json};

use crate::report::{RunReport, StepReport};
use crate::run::evidence;

/// A run begins.
#[must_use]
pub fn began(run: &RunReport) -> String {
    let line = json!({
        "event": "run",
        "lab": run.lab,
        "run": run.run,
        "file": run.file,
        "started": run.started,
        "seed": run.seed,
        "rootless": run.rootless,
        "evidence": run.evidence,
    });
    line.to_string()
}

/// A step of a run ended.
#[must_use]
pub fn step(lab: &str, run: &str, step: &StepReport) -> String {
    let mut line = serde_json::to_value(step).unwrap_or(Value::Null);
    if let Some(fields) = line.as_object_mut() {
        fields.insert("event".to_owned(), "step".into());
        fields.insert("lab".to_owned(), lab.into());
        fields.insert("run".to_owned(), run.into());
    }
    line.to_string()
}

/// A run ended; its steps have been told.
#[must_use]
pub fn ended(run: &RunReport) -> String {
    let mut line = evidence::as_json(run);
    if let Some(fields) = line.as_object_mut() {
        fields.remove("steps");
        fields.insert("event".to_owned(), "ended".into());
    }
    line.to_string()
}

/// All of some runs.
#[must_use]
pub fn document(runs: &[RunReport]) -> String {
    let mut text = String::new();
    for run in runs {
        let steps = run.steps.iter().map(|one| step(&run.lab, &run.run, one));
        let lines = [began(run)].into_iter().chain(steps).chain([ended(run)]);
        lines.for_each(|line| text.push_str(&(line + "\n")));
    }
    text
}
