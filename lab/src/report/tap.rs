//! TAP version 14: one test point a step, numbered through all runs.

use crate::assertion::Outcome;
use crate::report::{RunReport, StepReport};

#[cfg(test)]
mod tests;

/// The document for these runs.
#[must_use]
pub fn document(runs: &[RunReport]) -> String {
    let mut points = Vec::new();
    for run in runs {
        points.extend(run.steps.iter().map(|step| (run, Some(step))));
        if !run.errors.is_empty() {
            points.push((run, None));
        }
    }
    let mut lines = vec!["TAP version 14".to_owned(), format!("1..{}", points.len())];
    for (position, (run, step)) in points.into_iter().enumerate() {
        let number = position + 1;
        match step {
            Some(step) => point(&mut lines, number, run, step),
            None => {
                let lab = escape(&run.lab);
                lines.push(format!("not ok {number} - {lab}: the lab itself"));
                diagnostics(&mut lines, "error", &run.errors);
            }
        }
    }
    lines.join("\n") + "\n"
}

fn point(lines: &mut Vec<String>, number: usize, run: &RunReport, step: &StepReport) {
    let about = format!("{}: {}", escape(&run.lab), escape(&step.title));
    let ok = match step.outcome {
        Outcome::Pass | Outcome::Skip => "ok",
        Outcome::Late | Outcome::Flap | Outcome::Fail | Outcome::Error => "not ok",
    };
    let skip = match step.outcome {
        Outcome::Skip => format!(" # SKIP {}", escape(&step.why_skipped())),
        Outcome::Pass | Outcome::Late | Outcome::Flap | Outcome::Fail | Outcome::Error => {
            String::new()
        }
    };
    lines.push(format!("{ok} {number} - {about}{skip}"));
    if !step.outcome.is_good() {
        let outcome = step.outcome.word().to_lowercase();
        diagnostics(lines, &outcome, &super::text::detail(step, false));
    }
}

/// A YAML block; JSON strings are YAML strings.
fn diagnostics(lines: &mut Vec<String>, outcome: &str, said: &[String]) {
    lines.push("  ---".to_owned());
    lines.push(format!("  outcome: {outcome}"));
    lines.push("  said:".to_owned());
    for line in said {
        lines.push(format!("    - {}", serde_json::Value::from(line.as_str())));
    }
    lines.push("  ...".to_owned());
}

/// A `#` would begin a directive, and a newline end the line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}
