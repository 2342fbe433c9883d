//! What a sweep found: a run for each event.

use serde::{Deserialize, Serialize};

use super::{ExpectationReport, StepReport};
use crate::assertion::{Figure, Outcome, bound};

#[cfg(test)]
mod tests;

/// Failures that are told in words; the others are in the JSON.
const TOLD: usize = 10;

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// The expression that names the events.
    pub over: String,
    /// Events beyond the limit, at which nothing was done.
    pub cut_off: usize,
    /// A run for each event, in the order of time.
    pub points: Vec<Point>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The event, counted from 1.
    pub event: usize,
    /// When it was, in seconds since the network stood.
    pub seconds: f64,
    /// The message.
    pub message: String,
    /// The step in which it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How what was expected after it ended.
    pub outcome: Outcome,
    /// How long that took.
    pub took: f64,
    /// The longest time without a datagram, of whom the report asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage_ns: Option<u64>,
    /// What was not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
    /// The command that does this run alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}

impl Point {
    /// The event in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let at = bound::nanoseconds(self.seconds * 1e9);
        format!("event {} at {at}: {}", self.event, self.message)
    }
}

impl SweepReport {
    /// The run with the longest outage.
    #[must_use]
    pub fn worst(&self) -> Option<(&Point, u64)> {
        let points = self.points.iter();
        let known = points.filter_map(|point| Some((point, point.outage_ns?)));
        // Of equal ones the first.
        known.rev().max_by_key(|(_, outage)| *outage)
    }

    /// The step as it ended, from what its runs came to. `whose` are those
    /// whose outages are asked for, and `metric` the name of the longest.
    pub fn conclude(self, step: &mut StepReport, whose: Option<&str>, metric: Option<&String>) {
        step.expectations.push(self.all(step.line));
        if let Some(whose) = whose {
            step.expectations
                .push(self.longest(step.line, whose, metric));
        }
        let failed: Vec<&Point> = self
            .points
            .iter()
            .filter(|one| !one.outcome.is_good())
            .collect();
        for point in failed.iter().take(TOLD) {
            step.findings.push(point.told());
            step.findings
                .extend(point.missed.iter().map(|one| format!("  {one}")));
            step.findings
                .extend(point.again.iter().map(|one| format!("  again: {one}")));
        }
        if let more @ 1.. = failed.len().saturating_sub(TOLD) {
            step.findings.push(format!(
                "{more} more events failed: `--format json` tells all"
            ));
        }
        if self.cut_off > 0 {
            step.findings.push(format!(
                "{} later events are over the limit, and nothing was done at them",
                self.cut_off
            ));
        }
        step.seconds = self.points.iter().map(|point| point.took).sum();
        step.sweep = Some(self);
        step.conclude();
    }

    fn all(&self, line: usize) -> ExpectationReport {
        let passed = self
            .points
            .iter()
            .filter(|one| one.outcome.is_good())
            .count();
        let outcome = self.points.iter().map(|one| one.outcome).max();
        let events = match self.points.len() {
            1 => "1 event".to_owned(),
            all => format!("{all} events"),
        };
        let none = format!("no message in the steps before is `{}`", self.over);
        let missed = if self.points.is_empty() {
            vec![none]
        } else {
            Vec::new()
        };
        ExpectationReport {
            about: events,
            line,
            outcome: outcome.unwrap_or(Outcome::Fail),
            warn: false,
            never: false,
            became_true: None,
            within: 0.0,
            measured: format!("passed at {passed}"),
            missed,
            metric: None,
            figure: None,
        }
    }

    fn longest(&self, line: usize, whose: &str, metric: Option<&String>) -> ExpectationReport {
        let worst = self.worst();
        let measured = worst.map(|(point, outage)| {
            let outage = bound::nanoseconds(outage as f64);
            format!("{outage} after {}", point.told())
        });
        ExpectationReport {
            about: format!("worst outage of {whose}"),
            line,
            outcome: if worst.is_some() {
                Outcome::Pass
            } else {
                Outcome::Fail
            },
            warn: false,
            never: false,
            became_true: None,
            within: 0.0,
            missed: match worst {
                Some(_) => Vec::new(),
                None => vec!["nothing was sent to them after any event".to_owned()],
            },
            measured: measured.unwrap_or_else(|| "not known".to_owned()),
            metric: metric.cloned(),
            figure: worst.map(|(_, outage)| Figure {
                value: outage as f64 / 1e9,
                unit: "s".into(),
            }),
        }
    }
}
