//! The steps of a run: actions in order, then expectations, all watched at
//! once.

mod doing;
mod rest;
mod struck;

use doing::{Doer, Notes};
pub(super) use rest::Rest;
use std::collections::BTreeMap;
use std::time::Duration;
use struck::Strike;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use serde_json::json;

use super::budget;
use super::capture::Count;
use super::chosen::Failed;
use super::events::Events;
use super::evidence;
use super::excerpt;
use super::invariants::Invariants;
use super::notices::Notice;
use super::observe::{Measured, Scene};
use super::record::{self, Moments};
use super::snapshot;
use super::stage::{self, Drops, Stage};
use super::watching::watch_all;
use super::wires;
use crate::assertion::counters::Counters;
use crate::assertion::state::State;
use crate::backend::netns::Carried;
use crate::reference::Situation;
use crate::report::{ExpectationReport, LedgerRow, StepReport};
use crate::topology::model::{Action, Check, Expectation, NodeId, RatePoint, Step, WireId};

/// Waiting for the machine that is told.
const LATE: Duration = Duration::from_millis(100);

/// How things were when a step began.
struct Before {
    drops: Drops,
    carried: record::Carried,
    wires: Vec<(WireId, [Carried; 2])>,
    /// The number of the first message of the step.
    first_message: u64,
    /// How long the logs were that are asked for.
    logs: BTreeMap<NodeId, u64>,
}

/// A run in progress.
pub(super) struct Engine<S> {
    /// Where it runs.
    pub(super) stage: S,
    /// The diary.
    pub(super) events: Events,
    /// The number of the first message that the diary does not have.
    untold: u64,
    step_began_ns: u64,
    failures: Vec<Failed>,
    /// Since the network stands, when the latest step began to act.
    acts_since: Duration,
    /// What the latest step did, and when.
    moments: Moments,
    /// What the steps have changed so far.
    situation: Situation,
    /// What all routers knew, by name.
    snaps: BTreeMap<String, State>,
    /// What must hold all the time.
    invariants: Invariants,
}

impl<S: Stage> Engine<S> {
    /// At the beginning of a run.
    pub(super) fn new(stage: S, events: Events) -> Engine<S> {
        let step_began_ns = stage.now_ns();
        let invariants = Invariants::of(stage.topology());
        Engine {
            stage,
            events,
            untold: 0,
            step_began_ns,
            failures: Vec::new(),
            acts_since: Duration::ZERO,
            moments: Moments::default(),
            situation: Situation::default(),
            snaps: BTreeMap::new(),
            invariants,
        }
    }

    /// Notes that the latest step has failed, which has ended now.
    pub(super) fn has_failed(&mut self) -> Failed {
        let failed = (self.step_began_ns, self.stage.now_ns());
        self.failures.push(failed);
        failed
    }

    /// The steps that failed.
    pub(super) fn failures(&self) -> &[Failed] {
        &self.failures
    }

    /// Since the network stands, when the latest step began to act.
    pub(super) fn acts_since(&self) -> Duration {
        self.acts_since
    }

    /// Runs one step and judges it.
    pub(super) async fn step(&mut self, step: &Step) -> StepReport {
        self.judged(step, None).await
    }

    async fn judged(&mut self, step: &Step, strike: Option<Strike<'_>>) -> StepReport {
        let began = strike.map_or_else(|| self.stage.elapsed(), |strike| strike.at);
        let mut report = StepReport::skipped(&step.title, step.line);
        self.step_began_ns = self.stage.now_ns();
        let title = json!({ "title": step.title, "line": step.line });
        self.mark("step", &step.title, title);
        let before = self.before(step).await;
        let began_ns = stage::begin_span(&self.stage).await;
        self.moments = Moments {
            began_ns,
            ..Moments::default()
        };
        self.acts_since = self.stage.elapsed();
        let acted = match strike {
            None => self.acts(step).await,
            Some(strike) => self.strike(strike, step).await,
        };
        let began_ns = self.moments.began_ns;
        let measured = acted.unwrap_or_else(|error| {
            self.note("error", json!({ "error": error }));
            report.error = Some(error);
            None
        });
        let mut broken = self.stage.broken();
        if report.error.is_none() && broken.is_empty() {
            report.expectations = self.watch(step, &before, measured).await;
            broken = self.stage.broken();
        }
        let violated = self.invariants.step_ended(&self.stage);
        report.expectations.extend(violated);
        let errors = report.error.take().into_iter().chain(broken);
        let errors: Vec<String> = errors.collect();
        report.error = (!errors.is_empty()).then(|| errors.join("\n"));
        report.conclude();
        report.seconds = (self.stage.elapsed() - began).as_secs_f64();
        self.untold = record::messages(&self.stage, &mut self.events, self.untold);
        let notices = self.tell_notices();
        record::step(&self.stage, &mut self.events, &before.carried);
        report.ledger = record::ledger(&self.stage, &self.moments);
        report.faults = std::mem::take(&mut self.moments.faults);
        self.budgets(&mut report.ledger, &before, &notices);
        let now = self.stage.now_ns();
        record::received(&mut self.events, now, &report.faults, &report.ledger);
        let outcome = json!({ "title": step.title, "outcome": report.outcome });
        self.mark("step ended", report.outcome.word(), outcome);
        if !report.outcome.is_good() {
            self.failed(step, &mut report, &before, &notices).await;
        }
        report.findings.extend(late(self.stage.late(began_ns)));
        report
    }

    /// Watches the expectations of a step, until all are judged or something
    /// breaks that makes the judgement idle.
    async fn watch(
        &mut self,
        step: &Step,
        before: &Before,
        measured: Option<Measured>,
    ) -> Vec<ExpectationReport> {
        let scene = Scene {
            stage: &self.stage,
            situation: &self.situation,
            snaps: &self.snaps,
            began_ns: self.moments.began_ns,
            joined: &self.moments.joined,
            first_message: self.untold,
            logs: before.logs.clone(),
            measured,
        };
        let watched = unbroken(&self.stage, watch_all(&scene, &step.expect));
        let (stage, situation) = (&self.stage, &self.situation);
        let judged = self.invariants.during(stage, situation, watched).await;
        judged.unwrap_or_default()
    }

    /// Tells what there is to say about a step that failed.
    async fn failed(
        &self,
        step: &Step,
        report: &mut StepReport,
        before: &Before,
        notices: &[Notice],
    ) {
        let began_ns = self.moments.began_ns;
        let (was, now) = (&before.drops, self.stage.drops().await);
        report.findings = evidence::findings(&self.stage, step, report, began_ns, was, &now).await;
        let topology = self.stage.topology();
        let of_wires = wires::findings(topology, &before.wires, &self.stage.wires());
        report.findings.extend(of_wires);
        let known = before.first_message.saturating_sub(excerpt::EARLIER);
        let sources = excerpt::Sources {
            began_ns,
            since_ns: self.step_began_ns,
            done: &self.moments.done,
            messages: &self.stage.messages(known).messages,
            notices,
            ledger: &report.ledger,
        };
        report.timeline = excerpt::timeline(topology, sources);
    }

    /// Adds to outages where their time went.
    fn budgets(&self, rows: &mut [LedgerRow], before: &Before, notices: &[Notice]) {
        let Some(fault_ns) = self.moments.fault_ns else {
            return;
        };
        let known = before.first_message.saturating_sub(excerpt::EARLIER);
        let sources = budget::Sources {
            fault_ns,
            messages: &self.stage.messages(known).messages,
            notices,
        };
        budget::fill(self.stage.topology(), rows, sources);
    }

    /// Writes down what nodes told since the last time.
    pub(super) fn tell_notices(&mut self) -> Vec<Notice> {
        record::notices(&self.stage, &mut self.events)
    }

    fn note(&mut self, event: &str, detail: serde_json::Value) {
        self.events.note(self.stage.now_ns(), event, detail);
    }

    fn mark(&mut self, event: &str, text: &str, detail: serde_json::Value) {
        self.events.mark(self.stage.now_ns(), event, text, detail);
    }

    async fn acts(&mut self, step: &Step) -> Result<Option<Measured>, String> {
        let mut measured = None;
        for action in &step.actions {
            if let Some(span) = self.act(action, step).await? {
                measured = Some(span);
            }
            if self.stage.breaks().now_or_never().is_some() {
                break;
            }
        }
        Ok(measured)
    }

    async fn act(&mut self, action: &Action, step: &Step) -> Result<Option<Measured>, String> {
        self.doer().begin(action);
        if let Action::Measure(time) = action {
            return Ok(Some(self.measure(*time, &step.expect).await));
        }
        if let Action::Wait(time) = action {
            self.pass(*time).await;
        } else if let Action::Snap(name) = action {
            self.snap(name).await?;
        } else {
            self.doer().act(action).await?;
        }
        Ok(None)
    }

    fn doer(&mut self) -> Doer<'_, S> {
        let notes = Notes {
            events: &mut self.events,
            moments: &mut self.moments,
            situation: &mut self.situation,
        };
        Doer::new(&self.stage, notes)
    }

    async fn snap(&mut self, name: &str) -> Result<(), String> {
        let state = snapshot::take(&self.stage, &self.situation).await?;
        self.note("snap", json!({ "name": name, "state": state }));
        self.snaps.insert(name.to_owned(), state);
        Ok(())
    }

    /// Time passes, and the invariants are watched.
    async fn pass(&mut self, time: Duration) {
        let (stage, situation) = (&self.stage, &self.situation);
        let sleep = unbroken(stage, stage::sleep(stage, time));
        self.invariants.during(stage, situation, sleep).await;
    }

    async fn measure(&mut self, time: Duration, expect: &[Expectation]) -> Measured {
        let from_ns = stage::begin_span(&self.stage).await;
        let mut counters = Vec::new();
        for expectation in expect {
            counters.push(self.counters_of(&expectation.check).await);
        }
        let before: Vec<Count> = expect.iter().map(|e| self.count_of(&e.check)).collect();
        let count_from = self.stage.now_ns();
        self.pass(time).await;
        let after = expect.iter().map(|e| self.count_of(&e.check));
        let passed = before.into_iter().zip(after).collect();
        let counted = self.stage.now_ns() - count_from;
        let to_ns = stage::end_span(&self.stage).await;
        Measured {
            from_ns: to_ns.saturating_sub(counted).max(from_ns),
            to_ns,
            passed,
            counters,
        }
    }

    async fn before(&self, step: &Step) -> Before {
        Before {
            drops: self.stage.drops().await,
            carried: record::carried(&self.stage),
            wires: self.stage.wires(),
            first_message: self.untold,
            logs: self.logs_of(&step.expect),
        }
    }

    fn logs_of(&self, expect: &[Expectation]) -> BTreeMap<NodeId, u64> {
        let asked = expect.iter().filter_map(|one| {
            let Check::Log(asked) = &one.check else {
                return None;
            };
            Some(asked.at)
        });
        asked.map(|at| (at, self.stage.log_length(at))).collect()
    }

    async fn counters_of(&self, check: &Check) -> Counters {
        match check {
            Check::Counters { at, of, .. } => {
                // A counter that is not there yet starts at 0.
                let told = self.stage.counters(*at, of).await;
                told.unwrap_or_default()
            }
            Check::Rx(_)
            | Check::Rate { .. }
            | Check::Router(_)
            | Check::Tree { .. }
            | Check::Packets(_)
            | Check::State { .. }
            | Check::Mfc(_)
            | Check::Mdb(_)
            | Check::Log(_)
            | Check::Exec { .. } => Counters::new(),
        }
    }

    fn count_of(&self, check: &Check) -> Count {
        match check {
            Check::Rate {
                at: RatePoint::Interface(node, interface),
                of,
                ..
            } => self.stage.count(*node, *interface, *of),
            Check::Rate { .. }
            | Check::Rx(_)
            | Check::Counters { .. }
            | Check::Router(_)
            | Check::Tree { .. }
            | Check::Packets(_)
            | Check::State { .. }
            | Check::Mfc(_)
            | Check::Mdb(_)
            | Check::Log(_)
            | Check::Exec { .. } => Count::default(),
        }
    }
}

/// Does some work, unless something breaks.
async fn unbroken<S: Stage, T>(stage: &S, work: impl Future<Output = T>) -> Option<T> {
    let (work, breaks) = (std::pin::pin!(work), std::pin::pin!(stage.breaks()));
    match select(work, breaks).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// What is said of a step in which the machine was late.
fn late(late: Duration) -> Option<String> {
    (late >= LATE).then(|| {
        let late = late.as_secs_f64();
        format!("the machine was busy: {late:.2}s went by waiting for a CPU, and so much longer times may be")
    })
}
