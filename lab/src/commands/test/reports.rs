//! The reports of `lab test`, when all has run.

use std::fs;
use std::path::Path;

use crate::args::{Form, TestArgs, TestFormat};
use crate::report::gate::Verdict;
use crate::report::{RunReport, distribution, gha, junit, markdown, ndjson, tap};
use crate::run::evidence;

/// Writes the files that were asked for, and prints what is printed at the end.
pub(super) fn write(
    args: &TestArgs,
    runs: &[RunReport],
    verdicts: &[Verdict],
) -> Result<(), String> {
    if let Some(path) = &args.junit {
        to_file(path, &junit::document(runs, verdicts))?;
    }
    for report in &args.reports {
        to_file(&report.path, &document(report.form, runs, verdicts))?;
    }
    let form = match args.format {
        // Printed as it was known.
        TestFormat::Pretty | TestFormat::Plain | TestFormat::Ndjson => return Ok(()),
        TestFormat::Json => Form::Json,
        TestFormat::Junit => Form::Junit,
        TestFormat::Markdown => Form::Markdown,
        TestFormat::Tap => Form::Tap,
        TestFormat::Gha => Form::Gha,
    };
    anstream::print!("{}", document(form, runs, verdicts));
    Ok(())
}

fn to_file(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn document(form: Form, runs: &[RunReport], verdicts: &[Verdict]) -> String {
    match form {
        Form::Json => json(runs, verdicts),
        Form::Ndjson => ndjson::document(runs),
        Form::Junit => junit::document(runs, verdicts),
        Form::Markdown => markdown::document(runs, verdicts),
        Form::Tap => tap::document(runs),
        Form::Gha => gha::document(runs),
    }
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
