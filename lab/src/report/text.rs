//! A run as people read it, in 80 columns.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::assertion::Outcome;
use crate::report::html;
use crate::report::{ExpectationReport, RunReport, StepReport, ledger, timeline};
use crate::topology::model::Topology;

#[cfg(test)]
mod tests;

const WIDTH: usize = 80;
const INDENT: usize = 7;

/// The line above a run.
#[must_use]
pub fn heading(run: &RunReport) -> String {
    let mode = match run.simulated.is_none() && run.rootless {
        true => "  rootless",
        false => "",
    };
    ends(
        &run.lab,
        &format!("run {}  seed {}{mode}", run.run, run.seed),
    )
}

/// A run that passed, as one line.
#[must_use]
pub fn in_brief(run: &RunReport) -> String {
    let (passed, took) = (run.counts().passed, seconds(run.seconds));
    let left = format!("{}  {passed} passed in {took}", run.lab);
    ends(&left, &format!("run {}  seed {}", run.run, run.seed))
}

/// The line about the network.
#[must_use]
pub fn deployed(run: &RunReport, topology: &Topology) -> String {
    let nodes = counted(topology.nodes.len(), "node");
    let links = counted(topology.links.len(), "link");
    if run.simulated.is_some() {
        return format!("  {nodes}  {links}  simulated, in virtual time");
    }
    let (network, daemons) = (seconds(run.network_seconds), seconds(run.daemons_seconds));
    format!("  {nodes}  {links}  network {network}  daemons {daemons}")
}

/// A step: its line and what there is to say about it.
#[must_use]
pub fn step(step: &StepReport, colour: bool) -> Vec<String> {
    let word = step.outcome.word();
    let style = style(step.outcome);
    let painted = if colour {
        format!("{style}{word}{style:#}")
    } else {
        word.to_owned()
    };
    let took = match step.outcome {
        Outcome::Skip => String::new(),
        Outcome::Pass | Outcome::Late | Outcome::Flap | Outcome::Fail | Outcome::Error => {
            seconds(step.seconds)
        }
    };
    let space = WIDTH - word.len() - 3 - took.len() - 1;
    let mut title = wrapped(&step.title, space - 1).into_iter();
    let first = title.next().unwrap_or_default();
    let line = format!("  {painted} {first:<space$}{took}");
    let mut lines = vec![line.trim_end().to_owned()];
    lines.extend(title.map(|more| indented(&more)));
    lines.extend(detail(step, colour).iter().map(|line| indented(line)));
    lines
}

/// What there is to say about a step, without indentation.
#[must_use]
pub fn detail(step: &StepReport, colour: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(error) = &step.error {
        for line in error.lines() {
            lines.extend(wrapped(line, WIDTH - INDENT));
        }
    }
    for expectation in &step.expectations {
        expected(&mut lines, expectation, colour);
    }
    for told in ledger::lines(step) {
        lines.extend(wrapped(&told, WIDTH - INDENT));
    }
    for finding in &step.findings {
        lines.extend(wrapped(finding, WIDTH - INDENT));
    }
    for moment in step.timeline.iter().flat_map(timeline::lines) {
        lines.extend(hanging_by(&moment, WIDTH - INDENT));
    }
    if let Some(packets) = &step.packets {
        lines.push(format!("packets {}", packets.display()));
    }
    lines
}

/// The last lines of a run.
#[must_use]
pub fn closing(run: &RunReport) -> Vec<String> {
    let counts = run.counts();
    let mut lines = Vec::new();
    for error in &run.errors {
        for line in wrapped(error, WIDTH - INDENT) {
            lines.push(indented(&line));
        }
    }
    for wire in &run.wires {
        if let Some(told) = wire.told() {
            let line = format!("wire {}  {told}", wire.way);
            let mut told = wrapped(&line, WIDTH - INDENT - 2).into_iter();
            lines.extend(told.next().map(|first| format!("  {first}")));
            lines.extend(told.map(|more| indented(&more)));
        }
    }
    let mut parts = vec![format!("{} passed", counts.passed)];
    for (count, what) in [
        (counts.failed, "failed"),
        (counts.errors + run.errors.len(), "errors"),
        (counts.skipped, "skipped"),
        (counts.warnings, "warnings"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if run.outcome.is_good() {
        lines.push(format!("  evidence {}", run.evidence.display()));
    } else {
        let folder = run.evidence.display();
        lines.push(format!("  evidence in {folder}"));
        lines.push(format!("  page to look at: {folder}/{}", html::NAME));
        lines.push(format!("  again: lab replay {folder}"));
    }
    let took = match run.simulated {
        Some(simulated) => format!(
            "{} (virtual {})",
            seconds(run.seconds),
            seconds(simulated.seconds)
        ),
        None => seconds(run.seconds),
    };
    lines.push(ends(
        &format!("{} in {took}", parts.join(", ")),
        &format!("exit {}", run.exit().code()),
    ));
    lines
}

fn expected(lines: &mut Vec<String>, expectation: &ExpectationReport, colour: bool) {
    let never = if expectation.never { "never " } else { "" };
    let mut line = format!("{never}{}  {}", expectation.about, expectation.measured);
    if let Some(metric) = &expectation.metric {
        line = format!("{line}  [{metric}]");
    }
    let good = expectation.outcome.is_good();
    if !good {
        let word = expectation.outcome.word().to_lowercase();
        let word = if expectation.warn {
            format!("warning, {word}")
        } else {
            word
        };
        let style = style(expectation.outcome);
        let note = format!(
            "{word} (line {}){}: ",
            expectation.line,
            waited(expectation)
        );
        let mut why = wrapped(&format!("{note}{line}"), WIDTH - INDENT);
        if colour && let Some(first) = why.first_mut() {
            let rest = first.strip_prefix(&word).unwrap_or_default().to_owned();
            *first = format!("{style}{word}{style:#}{rest}");
        }
        lines.append(&mut why);
        if let (Outcome::Late, Some(at)) = (expectation.outcome, expectation.became_true) {
            lines.push(format!(
                "  true after {}, expected within {}",
                seconds(at),
                seconds(expectation.within)
            ));
        }
        if expectation.never {
            lines.push("  it became true, and must not have".to_owned());
        }
        // What was measured may be the reason itself, and was told above.
        let measured = &expectation.measured;
        for missed in expectation.missed.iter().filter(|one| *one != measured) {
            for part in wrapped(missed, WIDTH - INDENT - 2) {
                lines.push(format!("  {part}"));
            }
        }
    } else {
        lines.extend(wrapped(&line, WIDTH - INDENT));
    }
}

/// How long it was waited for in vain.
fn waited(expectation: &ExpectationReport) -> String {
    let in_vain = expectation.outcome == Outcome::Fail && !expectation.never;
    if in_vain && expectation.within > 0.0 {
        let within = Duration::from_secs_f64(expectation.within);
        format!(", not within {}", humantime::format_duration(within))
    } else {
        String::new()
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Seconds with a unit of fitting size.
#[must_use]
pub fn seconds(value: f64) -> String {
    crate::assertion::bound::nanoseconds(value * 1e9)
}

fn style(outcome: Outcome) -> Style {
    let colour = match outcome {
        Outcome::Pass => AnsiColor::Green,
        Outcome::Skip => AnsiColor::Cyan,
        Outcome::Late | Outcome::Flap => AnsiColor::Yellow,
        Outcome::Fail | Outcome::Error => AnsiColor::Red,
    };
    Style::new().fg_color(Some(colour.into())).bold()
}

fn indented(line: &str) -> String {
    format!("{:INDENT$}{line}", "")
}

/// One text at each end of a line.
fn ends(left: &str, right: &str) -> String {
    let space = (WIDTH - 1).saturating_sub(right.chars().count());
    format!("{left:<space$} {right}")
}

/// Broken at the width of a terminal; what follows is as far in as the
/// line's text.
#[must_use]
pub fn hanging(line: &str) -> Vec<String> {
    hanging_by(line, WIDTH)
}

fn hanging_by(line: &str, width: usize) -> Vec<String> {
    let own = line.len() - line.trim_start().len();
    let mut parts = wrapped(line.trim_start(), width - own - 4).into_iter();
    let first = parts.next().map(|first| format!("{:own$}{first}", ""));
    let rest = parts.map(|part| format!("{:1$}{part}", "", own + 4));
    first.into_iter().chain(rest).collect()
}

/// Broken between words. A word longer than a line, as a path may be, keeps
/// its line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}
