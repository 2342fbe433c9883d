//! What a run found, as data, and its faces: text, JSON, JUnit, Markdown, TAP,
//! HTML, packets.

pub mod baseline;
pub mod distribution;
pub mod gate;
pub mod gha;
pub mod graph;
pub mod html;
pub mod junit;
pub mod latency;
mod ledger;
pub mod live;
pub mod markdown;
pub mod ndjson;
pub mod pcapng;
pub mod svg;
pub mod sweep;
pub mod tap;
pub mod text;
pub mod timeline;

use std::path::PathBuf;

use mcrgen::report::Latency;
use serde::{Deserialize, Serialize};

use crate::assertion::{Figure, Outcome};
use crate::exit::Exit;
use crate::topology::model::Topology;

/// One run of one lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunReport {
    /// The lab's name.
    pub lab: String,
    /// Its file.
    pub file: PathBuf,
    /// The run's own number.
    pub run: String,
    /// It ran in a user namespace.
    pub rootless: bool,
    /// What decided all that was left to chance.
    pub seed: u64,
    /// It ran in virtual time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
    /// When it began, in RFC 3339.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// How long building the network took.
    pub network_seconds: f64,
    /// How long the daemons took to be ready.
    pub daemons_seconds: f64,
    /// The worst of the steps, and of the lab's own doing.
    pub outcome: Outcome,
    /// A signal ended it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Why the lab itself failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// The steps.
    pub steps: Vec<StepReport>,
    /// What wires carried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wires: Vec<WireReport>,
    /// The folder with everything that was kept.
    pub evidence: PathBuf,
}

/// What there is to know of a run in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simulated {
    /// The virtual time that passed.
    pub seconds: f64,
}

/// What a wire carried in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireReport {
    /// The link.
    pub link: String,
    /// The direction: `r1>r2`.
    pub way: String,
    /// Frames that came.
    pub frames: u64,
    /// Those that went on.
    pub passed: u64,
    /// Dropped, as asked for.
    pub dropped: u64,
    /// Dropped because the rate that is asked for was exceeded for too long.
    pub queue_full: u64,
    /// Sent twice, as asked for.
    pub duplicated: u64,
    /// Held up, as asked for.
    pub delayed: u64,
    /// Sent ahead of others, as asked for.
    pub reordered: u64,
    /// Changed, as asked for.
    pub corrupted: u64,
    /// Messages that rules named, of which some were dropped.
    pub named: u64,
    /// Lost because the lab was too slow, and by no request.
    pub overrun: u64,
}

impl WireReport {
    /// What it did beside letting frames pass, where it did any such thing.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let did = [
            (self.dropped, "dropped as asked"),
            (self.queue_full, "dropped for the rate"),
            (self.duplicated, "doubled"),
            (self.delayed, "delayed"),
            (self.reordered, "sent ahead"),
            (self.corrupted, "changed"),
            (self.named, "messages named by rules"),
            (self.overrun, "lost by the lab, which was too slow"),
        ];
        let did = did.iter().filter(|(count, _)| *count > 0);
        let did: Vec<String> = did.map(|(count, what)| format!("{count} {what}")).collect();
        let frames = format!("{} frames", self.frames);
        (!did.is_empty()).then(|| [vec![frames], did].concat().join(", "))
    }
}

/// One step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// Its title.
    pub title: String,
    /// Its line in the file.
    pub line: usize,
    /// The worst of its expectations and actions; warnings do not count.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// Why an action could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was expected.
    pub expectations: Vec<ExpectationReport>,
    /// What it did to the network, in the words of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// What receivers got of sources in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerRow>,
    /// What the lab found out about a failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// What a sweep found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<sweep::SweepReport>,
    /// What happened in it, where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<timeline::Timeline>,
    /// The packets of every link around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<PathBuf>,
}

/// What one receiver got of one source in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The receiver.
    pub receiver: String,
    /// The source.
    pub source: String,
    /// Sent while it was joined.
    pub sent: u64,
    /// Different ones of them received.
    pub received: u64,
    /// Sent and not received.
    pub lost: u64,
    /// Received again.
    pub duplicated: u64,
    /// Received after a later one.
    pub reordered: u64,
    /// Changed on the way.
    pub corrupted: u64,
    /// From the step's start to the first one.
    pub first_ns: Option<u64>,
    /// The longest time without one.
    pub gap_ns: u64,
    /// One-way latency of those received.
    pub latency: Option<Latency>,
    /// The same as a histogram.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<latency::Bar>,
    /// The same time where the step did something to the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage_ns: Option<u64>,
    /// From the receiver's join call in the step to the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_ns: Option<u64>,
    /// From the receiver's leave in the step to the last one on its link; not
    /// there while they still come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_ns: Option<u64>,
    /// The node at which the first was lost, or the link whose wire took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<String>,
    /// Where the time of the outage went, where it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// Where the time of an outage went, since the network was disturbed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The first router that told of a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noticed: Option<Reached>,
    /// The first Join of the receiver's groups that was no refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<Reached>,
    /// The last change of a router's forwarding before packets came again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Reached>,
    /// The first packet after the outage.
    pub arrived_ns: u64,
}

/// How far an outage's repair got, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The router.
    pub node: String,
    /// Since the network was disturbed.
    pub after_ns: u64,
}

/// One expectation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExpectationReport {
    /// What it is about: `R1 <- S`, `rate at rcv:r1`.
    pub about: String,
    /// Its line in the file.
    pub line: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// It only warns.
    pub warn: bool,
    /// It is one that must never become true.
    pub never: bool,
    /// When it became true, in seconds since the step's actions were done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub became_true: Option<f64>,
    /// How long it was allowed to take; 0 where nothing is waited for.
    pub within: f64,
    /// What was measured.
    pub measured: String,
    /// The bounds that were not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
    /// The name that its figure is kept under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
}

/// How many steps ended in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed, late or flapped.
    pub failed: usize,
    /// Could not be judged.
    pub errors: usize,
    /// Not tried.
    pub skipped: usize,
    /// Expectations that only warn, and were not met.
    pub warnings: usize,
}

impl StepReport {
    /// A step that is not tried.
    #[must_use]
    pub fn skipped(title: &str, line: usize) -> StepReport {
        StepReport {
            title: title.to_owned(),
            line,
            outcome: Outcome::Skip,
            seconds: 0.0,
            error: None,
            expectations: Vec::new(),
            faults: Vec::new(),
            ledger: Vec::new(),
            findings: Vec::new(),
            sweep: None,
            timeline: None,
            packets: None,
        }
    }

    /// Why it was not tried, where it was not.
    #[must_use]
    pub fn why_skipped(&self) -> String {
        match self.findings.as_slice() {
            [] => "an earlier step failed".to_owned(),
            findings => findings.join("; "),
        }
    }

    /// Sets the outcome from the error and the expectations.
    pub fn conclude(&mut self) {
        let worst = self
            .expectations
            .iter()
            .filter(|expectation| !expectation.warn)
            .map(|expectation| expectation.outcome)
            .max()
            .unwrap_or(Outcome::Pass);
        self.outcome = match self.error {
            Some(_) => worst.max(Outcome::Fail),
            None => worst,
        };
    }
}

impl RunReport {
    /// That of a lab of which nothing has run yet: no run's number, no steps.
    #[must_use]
    pub fn of(topology: &Topology, seed: u64) -> RunReport {
        RunReport {
            lab: topology.name.clone(),
            file: topology.file.clone(),
            run: String::new(),
            rootless: false,
            seed,
            simulated: None,
            started: jiff::Timestamp::now().to_string(),
            seconds: 0.0,
            network_seconds: 0.0,
            daemons_seconds: 0.0,
            outcome: Outcome::Skip,
            interrupted: false,
            errors: Vec::new(),
            steps: Vec::new(),
            wires: Vec::new(),
            evidence: PathBuf::new(),
        }
    }

    /// Counts the steps.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            match step.outcome {
                Outcome::Pass => counts.passed += 1,
                Outcome::Late | Outcome::Flap | Outcome::Fail => counts.failed += 1,
                Outcome::Error => counts.errors += 1,
                Outcome::Skip => counts.skipped += 1,
            }
            let warned = |e: &&ExpectationReport| e.warn && !e.outcome.is_good();
            counts.warnings += step.expectations.iter().filter(warned).count();
        }
        counts
    }

    /// Sets the outcome from the steps and the lab's own errors.
    pub fn conclude(&mut self) {
        let worst = self.steps.iter().map(|step| step.outcome).max();
        self.outcome = match (worst, self.errors.is_empty()) {
            (_, false) => Outcome::Error,
            (Some(worst), true) => worst,
            (None, true) => Outcome::Skip,
        };
    }

    /// The exit status that tells it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if !self.errors.is_empty() {
            return Exit::Infrastructure;
        }
        let counts = self.counts();
        if counts.errors > 0 {
            Exit::Infrastructure
        } else if counts.failed > 0 {
            Exit::Failed
        } else if counts.passed == 0 {
            Exit::NothingToRun
        } else if counts.warnings > 0 {
            Exit::Warnings
        } else {
            Exit::Pass
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
