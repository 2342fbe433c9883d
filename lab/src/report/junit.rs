//! JUnit: one suite a run, one case a step.

use std::fmt::Write;

use crate::assertion::Outcome;
use crate::report::gate::Verdict;
use crate::report::{RunReport, StepReport};

#[cfg(test)]
mod tests;

/// The document for these runs.
#[must_use]
pub fn document(runs: &[RunReport], verdicts: &[Verdict]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for run in runs {
        suite(&mut text, run).unwrap_or_default();
    }
    if !verdicts.is_empty() {
        figures(&mut text, verdicts).unwrap_or_default();
    }
    text.push_str("</testsuites>\n");
    text
}

/// The figures of all runs, a case each.
fn figures(text: &mut String, verdicts: &[Verdict]) -> std::fmt::Result {
    let failed = verdicts.iter().filter(|one| one.failed).count();
    writeln!(
        text,
        "  <testsuite name=\"figures\" tests=\"{}\" failures=\"{failed}\">",
        verdicts.len()
    )?;
    for one in verdicts {
        let (lab, metric) = (escape(&one.lab), escape(&one.metric));
        writeln!(
            text,
            "    <testcase classname=\"{lab}\" name=\"{metric}\" time=\"0\">"
        )?;
        if one.failed {
            let missed = escape(&one.missed.join("; "));
            writeln!(text, "      <failure type=\"gate\" message=\"{missed}\"/>")?;
        }
        let said = super::gate::lines(one).join("\n");
        let said = escape(&said);
        writeln!(
            text,
            "      <system-out>{said}</system-out>\n    </testcase>"
        )?;
    }
    writeln!(text, "  </testsuite>")
}

fn suite(text: &mut String, run: &RunReport) -> std::fmt::Result {
    let counts = run.counts();
    writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" \
         skipped=\"{}\" time=\"{:.3}\" timestamp=\"{}\">",
        escape(&run.lab),
        run.steps.len(),
        counts.failed,
        counts.errors + run.errors.len(),
        counts.skipped,
        run.seconds,
        escape(&run.started),
    )?;
    for step in &run.steps {
        case(text, run, step)?;
    }
    for error in &run.errors {
        writeln!(
            text,
            "    <testcase classname=\"{}\" name=\"lab\" time=\"0\">\n      \
             <error message=\"{}\"/>\n    </testcase>",
            escape(&run.lab),
            escape(error)
        )?;
    }
    writeln!(text, "  </testsuite>")
}

fn case(text: &mut String, run: &RunReport, step: &StepReport) -> std::fmt::Result {
    writeln!(
        text,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\" file=\"{}\" line=\"{}\">",
        escape(&run.lab),
        escape(&step.title),
        step.seconds,
        escape(&run.file.display().to_string()),
        step.line,
    )?;
    let detail = super::text::detail(step, false).join("\n");
    match step.outcome {
        Outcome::Pass => {}
        Outcome::Skip => writeln!(
            text,
            "      <skipped message=\"{}\"/>",
            escape(&step.why_skipped())
        )?,
        Outcome::Late | Outcome::Flap | Outcome::Fail => writeln!(
            text,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>",
            step.outcome.word().to_lowercase(),
            escape(&headline(step)),
            escape(&detail)
        )?,
        Outcome::Error => writeln!(
            text,
            "      <error message=\"{}\">{}</error>",
            escape(&headline(step)),
            escape(&detail)
        )?,
    }
    if step.outcome == Outcome::Pass && !detail.is_empty() {
        writeln!(text, "      <system-out>{}</system-out>", escape(&detail))?;
    }
    writeln!(text, "    </testcase>")
}

fn headline(step: &StepReport) -> String {
    if let Some(error) = &step.error {
        return error.clone();
    }
    let failed = step.expectations.iter().find(|e| e.outcome == step.outcome);
    failed.map_or_else(String::new, |expectation| {
        format!("{}: {}", expectation.about, expectation.missed.join("; "))
    })
}

/// XML 1.0 allows no control characters but tab and newlines, not even escaped.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
