//! Markdown, as the summaries of continuous integration show it: a table of
//! the runs, and of each run that was not good what went wrong.

use std::collections::BTreeMap;

use crate::assertion::Outcome;
use crate::report::gate::Verdict;
use crate::report::{RunReport, StepReport, distribution, ledger, text};

#[cfg(test)]
mod tests;

/// The document for these runs; `drawn` is a run's network in Mermaid's language.
#[must_use]
pub fn document(
    runs: &[RunReport],
    verdicts: &[Verdict],
    drawn: &dyn Fn(&RunReport) -> Option<String>,
) -> String {
    let mut lines = vec![
        "| Lab | Run | Result | Steps | Time |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for run in runs {
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            escape(&run.lab),
            escape(&run.run),
            run.outcome.word(),
            counts(run),
            text::seconds(run.seconds),
        ));
    }
    skipped(&mut lines, runs);
    figures(&mut lines, verdicts);
    outages(&mut lines, runs);
    for run in runs.iter().filter(|run| !run.outcome.is_good()) {
        failed(&mut lines, run, drawn(run));
    }
    lines.join("\n") + "\n"
}

/// Why steps were skipped, but for those after a failure.
fn skipped(lines: &mut Vec<String>, runs: &[RunReport]) {
    let mut reasons: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for run in runs {
        let steps = run.steps.iter();
        let told = steps.filter(|step| step.outcome == Outcome::Skip && !step.findings.is_empty());
        for step in told {
            *reasons.entry((&run.lab, step.why_skipped())).or_default() += 1;
        }
    }
    if !reasons.is_empty() {
        lines.push(String::new());
    }
    for ((lab, reason), count) in reasons {
        let steps = if count == 1 { "step" } else { "steps" };
        let (lab, reason) = (escape(lab), escape(&reason));
        lines.push(format!("- {lab}: {count} {steps} skipped: {reason}"));
    }
}

/// The figures that have a gate or a baseline.
fn figures(lines: &mut Vec<String>, verdicts: &[Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push("| Lab | Figure | Runs | p50 | p95 | max | Baseline | Result |".to_owned());
    lines.push("|---|---|---:|---:|---:|---:|---|---|".to_owned());
    for one in verdicts {
        let value = |value| distribution::shown(value, &one.unit);
        let result = match one.failed {
            true => format!("FAIL: {}", one.missed.join("; ")),
            false => "PASS".to_owned(),
        };
        lines.push(format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            escape(&one.lab),
            escape(&one.metric),
            one.count,
            value(one.p50),
            value(one.p95),
            value(one.max),
            escape(&one.compared().unwrap_or_default()),
            escape(&result),
        ));
    }
}

/// What faults, joins and leaves cost.
fn outages(lines: &mut Vec<String>, runs: &[RunReport]) {
    let rows = ledger::table(runs);
    if rows.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push("| Lab | Step | After | Flow | Outage | Join | Leave | Lost | At |".to_owned());
    lines.push("|---|---|---|---|---:|---:|---:|---:|---|".to_owned());
    for row in rows {
        let cells = row.map(|cell| escape(&cell));
        lines.push(format!("| {} |", cells.join(" | ")));
    }
}

fn counts(run: &RunReport) -> String {
    let counts = run.counts();
    let mut parts = vec![format!("{} passed", counts.passed)];
    for (count, what) in [
        (counts.failed, "failed"),
        (counts.errors, "errors"),
        (counts.skipped, "skipped"),
        (counts.warnings, "warnings"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

fn failed(lines: &mut Vec<String>, run: &RunReport, drawn: Option<String>) {
    let (lab, word) = (escape(&run.lab), run.outcome.word());
    lines.push(String::new());
    lines.push(format!("### {lab}: {word}"));
    lines.push(String::new());
    let file = code(&run.file.display().to_string());
    let evidence = code(&run.evidence.display().to_string());
    lines.push(format!("{file}, evidence in {evidence}"));
    for error in &run.errors {
        lines.push(String::new());
        lines.push(escape(error));
    }
    if let Some(drawn) = drawn {
        lines.push(String::new());
        lines.push("```mermaid".to_owned());
        lines.extend(drawn.lines().map(str::to_owned));
        lines.push("```".to_owned());
    }
    for step in run.steps.iter().filter(|step| !step.outcome.is_good()) {
        step_failed(lines, step);
    }
}

fn step_failed(lines: &mut Vec<String>, step: &StepReport) {
    let (word, title) = (step.outcome.word(), escape(&step.title));
    lines.push(String::new());
    lines.push(format!("**{word}** {title} (line {})", step.line));
    lines.push(String::new());
    // Indented text is code, whatever is in it.
    let detail = text::detail(step, false).join("\n");
    lines.extend(detail.lines().map(|line| format!("    {line}")));
}

/// Text that is shown as it is, also in a cell of a table.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// A path as code; a backtick in it would end that.
fn code(path: &str) -> String {
    format!("`{}`", path.replace(['`', '\n'], "?"))
}
