//! What a condition says at one moment, and how a row of such moments is
//! judged. Nothing here reads a clock or talks to a process.

pub mod bound;
pub mod counters;
pub mod log;
pub mod packets;
pub mod router;
pub mod rx;
pub mod state;
pub mod tables;
pub mod watch;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Whether a condition is true at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is true.
    True,
    /// It is not, or not yet.
    False,
    /// What is needed to tell is missing, and waiting does not bring it.
    Unknowable,
}

/// A condition as seen at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Whether it is true.
    pub truth: Truth,
    /// What was measured, in one short line.
    pub measured: String,
    /// Which bounds are not met, one each.
    pub missed: Vec<String>,
    /// The figure that a metric keeps, where there is one.
    pub figure: Option<Figure>,
    /// Since when it is true, in nanoseconds, where that is known better than by
    /// looking.
    pub since_ns: Option<u64>,
}

/// A measured figure with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// Its unit: `pps`, `bit/s`, `s`, `packets`.
    pub unit: Cow<'static, str>,
}

impl Observed {
    /// True where no bound was missed.
    #[must_use]
    pub fn judged(measured: String, missed: Vec<String>) -> Observed {
        let truth = if missed.is_empty() {
            Truth::True
        } else {
            Truth::False
        };
        Observed {
            truth,
            measured,
            missed,
            figure: None,
            since_ns: None,
        }
    }

    /// Not true, for this reason.
    #[must_use]
    pub fn not_yet(reason: impl Into<String>) -> Observed {
        let reason = reason.into();
        Observed::judged(reason.clone(), vec![reason])
    }

    /// The same, with a figure.
    #[must_use]
    pub fn with_figure(mut self, value: f64, unit: &'static str) -> Observed {
        self.figure = Some(Figure {
            value,
            unit: unit.into(),
        });
        self
    }

    /// The same, true since this time.
    #[must_use]
    pub fn since(mut self, at_ns: u64) -> Observed {
        self.since_ns = Some(at_ns);
        self
    }
}

/// How an expectation or a step ended, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Became true in time and stayed so as long as asked.
    Pass,
    /// Not tried, because an earlier step failed.
    Skip,
    /// Became true after its time, but before 1.75 times of it.
    Late,
    /// Became true, then false inside `holds`.
    Flap,
    /// Did not become true, or must not have.
    Fail,
    /// Could not be measured, or the lab itself could not do something.
    Error,
}

impl Outcome {
    /// As shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Pass => "PASS",
            Outcome::Skip => "SKIP",
            Outcome::Late => "LATE",
            Outcome::Flap => "FLAP",
            Outcome::Fail => "FAIL",
            Outcome::Error => "ERROR",
        }
    }

    /// The run goes on after it as if nothing had been.
    #[must_use]
    pub fn is_good(self) -> bool {
        match self {
            Outcome::Pass | Outcome::Skip => true,
            Outcome::Late | Outcome::Flap | Outcome::Fail | Outcome::Error => false,
        }
    }
}
