//! The reports of `lab test`, when all has run.

use std::fs;
use std::path::Path;

use crate::args::{Form, GraphFormat, TestArgs, TestFormat};
use crate::report::gate::Verdict;
use crate::report::graph;
use crate::report::live::Live;
use crate::report::{RunReport, distribution, gha, junit, markdown, ndjson, tap};
use crate::run::{again, evidence};
use crate::topology;

/// Writes the files that were asked for, and prints what is printed at the end.
/// Of the runs the first `ran` were told as they went; the others were none.
pub(super) fn write(
    args: &TestArgs,
    runs: &[RunReport],
    ran: usize,
    verdicts: &[Verdict],
) -> Result<(), String> {
    if let Some(path) = &args.junit {
        to_file(path, &junit::document(runs, verdicts))?;
    }
    for report in &args.reports {
        to_file(&report.path, &document(report.form, runs, verdicts))?;
    }
    if let Some(form) = form(args.format) {
        let untold = match form {
            Form::Ndjson => runs.get(ran..).unwrap_or_default(),
            Form::Json | Form::Junit | Form::Markdown | Form::Tap | Form::Gha => runs,
        };
        anstream::print!("{}", document(form, untold, verdicts));
    }
    Ok(())
}

/// The form of a whole report; `None` where it is lines for people.
pub(in crate::commands) fn form(of: TestFormat) -> Option<Form> {
    match of {
        TestFormat::Pretty | TestFormat::Plain => None,
        TestFormat::Ndjson => Some(Form::Ndjson),
        TestFormat::Json => Some(Form::Json),
        TestFormat::Junit => Some(Form::Junit),
        TestFormat::Markdown => Some(Form::Markdown),
        TestFormat::Tap => Some(Form::Tap),
        TestFormat::Gha => Some(Form::Gha),
    }
}

fn to_file(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The report of these runs.
pub(in crate::commands) fn document(
    form: Form,
    runs: &[RunReport],
    verdicts: &[Verdict],
) -> String {
    match form {
        Form::Json => json(runs, verdicts),
        Form::Ndjson => ndjson::document(runs),
        Form::Junit => junit::document(runs, verdicts),
        Form::Markdown => markdown::document(runs, verdicts, &drawn),
        Form::Tap => tap::document(runs),
        Form::Gha => gha::document(runs),
    }
}

/// A run's network, out of the file that its folder kept.
fn drawn(run: &RunReport) -> Option<String> {
    let (again, text) = again::read(&run.evidence).ok()?;
    let lab = topology::load_text(&again.file, &text, &again.vars).ok()?;
    Some(graph::draw(
        &lab,
        GraphFormat::Mermaid,
        &Live::at_first(&lab),
    ))
}

fn json(runs: &[RunReport], verdicts: &[Verdict]) -> String {
    let distributions = distribution::of(runs);
    let runs: Vec<_> = runs.iter().map(evidence::as_json).collect();
    let mut document = serde_json::json!({ "runs": runs });
    if !distributions.is_empty() {
        document["distributions"] = serde_json::json!(distributions);
    }
    if !verdicts.is_empty() {
        document["figures"] = serde_json::json!(verdicts);
    }
    format!("{document:#}\n")
}
