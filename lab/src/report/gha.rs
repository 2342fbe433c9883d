//! Annotations for GitHub Actions: workflow commands that show what failed at
//! its line of the lab file.

use std::collections::BTreeSet;

use crate::assertion::Outcome;
use crate::report::{RunReport, StepReport, text};

#[cfg(test)]
mod tests;

/// The document for these runs.
#[must_use]
pub fn document(runs: &[RunReport]) -> String {
    let mut lines = Vec::new();
    for run in runs {
        // The same is said once of several steps: GitHub shows ten notices.
        let mut reasons = BTreeSet::new();
        for step in &run.steps {
            annotated(&mut lines, run, step);
            let why = step.why_skipped();
            let skipped = step.outcome == Outcome::Skip && !step.findings.is_empty();
            if skipped && reasons.insert(why.clone()) {
                lines.push(command("notice", run, step.line, &step.title, &why));
            }
        }
        let errors = run.errors.iter();
        lines.extend(errors.map(|error| command("error", run, 1, "the lab itself", error)));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn annotated(lines: &mut Vec<String>, run: &RunReport, step: &StepReport) {
    for warning in &step.expectations {
        if warning.warn && !warning.outcome.is_good() {
            let said = [warning.about.clone(), warning.missed.join("\n")].join("\n");
            lines.push(command("warning", run, warning.line, &step.title, &said));
        }
    }
    if step.outcome.is_good() {
        return;
    }
    let mut failed = step.expectations.iter();
    let failed = failed.find(|one| !one.warn && !one.outcome.is_good());
    let line = failed.map_or(step.line, |one| one.line);
    let said = text::detail(step, false).join("\n");
    lines.push(command("error", run, line, &step.title, &said));
}

fn command(level: &str, run: &RunReport, line: usize, title: &str, said: &str) -> String {
    let file = property(&run.file.display().to_string());
    let title = property(&format!("{}: {title}", run.lab));
    format!(
        "::{level} file={file},line={line},title={title}::{}",
        data(said)
    )
}

/// A newline would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// And in a property a comma the property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
