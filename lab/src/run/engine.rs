//! The steps of a run: actions in order, then expectations, all watched at
//! once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout_at};

use super::capture::{Capture, Count};
use super::clock::now_ns;
use super::events::Events;
use super::observe::{Measured, Memory, Scene, about};
use super::traffic::{Traffic, World};
use super::{evidence, probe, shell};
use crate::assertion::counters::Counters;
use crate::assertion::watch::{Ended, Watch};
use crate::assertion::{Observed, Outcome};
use crate::node::{Daemons, Place};
use crate::report::{ExpectationReport, StepReport};
use crate::topology::model::{
    Action, Check, DaemonChange, Exec, Expectation, Kind, LinkChange, NodeId, RatePoint, Step,
};

/// How often a condition is looked at where nothing tells of a change.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a command of a step may run.
const EXEC_TIME: Duration = Duration::from_secs(60);

/// Drops by node, interface and reason.
pub(super) type Drops = BTreeMap<(usize, String, String), u64>;

/// A run in progress.
pub struct Engine<'a> {
    /// The run.
    pub world: World<'a>,
    /// The daemons.
    pub daemons: Daemons,
    /// Receivers and sources.
    pub traffic: Traffic,
    /// The packets.
    pub capture: Capture,
    /// The diary.
    pub events: Events,
}

impl Engine<'_> {
    /// Runs one step and judges it.
    pub async fn step(&mut self, step: &Step) -> StepReport {
        let began = Instant::now();
        let mut report = StepReport::skipped(&step.title, step.line);
        let title = json!({ "title": step.title, "line": step.line });
        self.events.mark("step", &step.title, title);
        let drops = self.drops().await;
        let began_ns = self.traffic.begin_span().await;
        let mut measured = None;
        for action in &step.actions {
            match self.act(action, step).await {
                Ok(Some(span)) => measured = Some(span),
                Ok(None) => {}
                Err(error) => {
                    self.events.note("error", json!({ "error": error }));
                    report.error = Some(error);
                    break;
                }
            }
        }
        if report.error.is_none() {
            let scene = Scene {
                world: self.world,
                traffic: &self.traffic,
                capture: &self.capture,
                began_ns,
                measured,
            };
            report.expectations = watch_all(&scene, &step.expect).await;
        }
        report.conclude();
        report.seconds = began.elapsed().as_secs_f64();
        let outcome = json!({ "title": step.title, "outcome": report.outcome });
        self.events
            .mark("step ended", report.outcome.word(), outcome);
        if !report.outcome.is_good() {
            let now = self.drops().await;
            report.findings = evidence::findings(self, step, &report, began_ns, &drops, &now);
        }
        report
    }

    async fn act(&mut self, action: &Action, step: &Step) -> Result<Option<Measured>, String> {
        self.events
            .note("action", json!({ "action": format!("{action:?}") }));
        let world = self.world;
        match action {
            Action::Join(receivers) => {
                for receiver in receivers {
                    let called_ns = self.traffic.join(world, *receiver).await?;
                    let joined = json!({ "receiver": receiver, "called_ns": called_ns });
                    self.events.note("joined", joined);
                }
            }
            Action::Leave(receivers) => {
                for receiver in receivers {
                    self.traffic.leave(world, *receiver).await?;
                }
            }
            Action::Send(sources) => {
                for source in sources {
                    self.traffic.send(world, *source).await?;
                }
            }
            Action::Stop(sources) => {
                for source in sources {
                    self.traffic.stop(world, *source).await?;
                }
            }
            Action::Link { change, link, at } => {
                let changed = world.network.link(*link, *change, *at).await;
                changed.map_err(|error| error.to_string())?;
                if let Some(delay) = world.topology.oracle {
                    sleep(delay).await;
                    let routed = world.network.reroute().await;
                    routed.map_err(|error| error.to_string())?;
                }
                if *change == LinkChange::Create {
                    let reopened = self.capture.reopen(world.network, *link);
                    reopened.map_err(|error| error.to_string())?;
                }
            }
            Action::Address {
                at,
                interface,
                addresses,
            } => {
                let set = world.network.set_addresses(*at, *interface, addresses);
                set.await.map_err(|error| error.to_string())?;
            }
            Action::Daemon { change, at } => self.daemon(*change, *at).await?,
            Action::Exec(exec) => self.exec(exec).await?,
            Action::Wait(time) => sleep(*time).await,
            Action::Measure(time) => return Ok(Some(self.measure(*time, &step.expect).await)),
        }
        Ok(None)
    }

    async fn daemon(&mut self, change: DaemonChange, at: NodeId) -> Result<(), String> {
        let world = self.world;
        let place = place(world, at);
        let done = match change {
            DaemonChange::Start => self.daemons.start(world.topology, &place).await,
            DaemonChange::Stop => self.daemons.stop(world.topology, &place).await,
            DaemonChange::Kill => self.daemons.kill(&place).await,
            DaemonChange::KillWorkers => self.daemons.kill_workers(&place).map(|_| ()),
            DaemonChange::Reload => self.daemons.reload(&place),
        };
        done.map_err(|error| error.to_string())
    }

    async fn exec(&mut self, exec: &Exec) -> Result<(), String> {
        let finished = shell::run(self.world, exec, EXEC_TIME).await?;
        let output = json!({ "status": finished.status, "output": finished.output });
        self.events.note("exec", output);
        if finished.status == 0 {
            return Ok(());
        }
        Err(format!(
            "`{}` ended with status {}: {}",
            exec.run,
            finished.status,
            finished.last_line()
        ))
    }

    async fn measure(&mut self, time: Duration, expect: &[Expectation]) -> Measured {
        let from_ns = self.traffic.begin_span().await;
        let mut counters = Vec::new();
        for expectation in expect {
            counters.push(self.counters_of(&expectation.check).await);
        }
        let before: Vec<Count> = expect.iter().map(|e| self.count_of(&e.check)).collect();
        let count_from = now_ns();
        sleep(time).await;
        let after = expect.iter().map(|e| self.count_of(&e.check));
        let passed = before.into_iter().zip(after).collect();
        let counted = now_ns() - count_from;
        let to_ns = self.traffic.end_span().await;
        Measured {
            from_ns: to_ns.saturating_sub(counted).max(from_ns),
            to_ns,
            passed,
            counters,
        }
    }

    async fn counters_of(&self, check: &Check) -> Counters {
        match check {
            Check::Counters { at, of, .. } => {
                let socket = place(self.world, *at).socket();
                // A counter that is not there yet starts at 0.
                probe::counters(socket, of.clone())
                    .await
                    .unwrap_or_default()
            }
            Check::Rx(_)
            | Check::Rate { .. }
            | Check::Router(_)
            | Check::Tree { .. }
            | Check::Exec { .. } => Counters::new(),
        }
    }

    fn count_of(&self, check: &Check) -> Count {
        match check {
            Check::Rate {
                at: RatePoint::Interface(node, interface),
                of,
                ..
            } => self
                .capture
                .count(self.world.topology, *node, *interface, *of),
            Check::Rate { .. }
            | Check::Rx(_)
            | Check::Counters { .. }
            | Check::Router(_)
            | Check::Tree { .. }
            | Check::Exec { .. } => Count::default(),
        }
    }

    /// What all daemons dropped so far.
    async fn drops(&self) -> Drops {
        let mut all = Drops::new();
        for (position, node) in self.world.topology.nodes.iter().enumerate() {
            if !matches!(node.kind, Kind::Mcrd { .. }) {
                continue;
            }
            let socket = place(self.world, NodeId(position)).socket();
            // A daemon that does not answer has nothing to tell here.
            for ((interface, reason), count) in probe::drops(socket).await.unwrap_or_default() {
                all.insert((position, interface, reason), count);
            }
        }
        all
    }
}

/// The place of a node.
#[must_use]
pub(super) fn place(world: World<'_>, at: NodeId) -> Place<'_> {
    Place::new(
        world.topology,
        at,
        world.network,
        world.programs,
        world.folders,
    )
}

async fn watch_all(scene: &Scene<'_>, expect: &[Expectation]) -> Vec<ExpectationReport> {
    let watches = expect.iter().enumerate();
    join_all(watches.map(|(position, expectation)| watch_one(scene, position, expectation))).await
}

async fn watch_one(
    scene: &Scene<'_>,
    position: usize,
    expectation: &Expectation,
) -> ExpectationReport {
    let began = Instant::now();
    let mut watch = Watch::new(expectation);
    let memory = Memory::default();
    loop {
        let changed = scene.traffic.changed().notified();
        let observed = scene.look(position, expectation, &memory).await;
        if let Some(ended) = watch.observe(began.elapsed(), observed.truth) {
            return told(scene, expectation, &observed, ended);
        }
        let wake = began + watch.wake_at();
        let next = wake.min(Instant::now() + LOOK_EVERY);
        // A change may come earlier; without one it is looked at all the same.
        timeout_at(next, changed).await.ok();
    }
}

fn told(
    scene: &Scene<'_>,
    expectation: &Expectation,
    observed: &Observed,
    ended: Ended,
) -> ExpectationReport {
    let mut missed = observed.missed.clone();
    match ended.outcome {
        Outcome::Flap => missed.insert(0, "it was true, and then no longer".to_owned()),
        Outcome::Pass | Outcome::Late => missed.clear(),
        Outcome::Skip | Outcome::Fail | Outcome::Error => {}
    }
    ExpectationReport {
        about: about(scene.world.topology, expectation),
        line: expectation.line,
        outcome: ended.outcome,
        warn: expectation.warn,
        never: expectation.never,
        became_true: ended.became_true.map(|at| at.as_secs_f64()),
        within: expectation.within.as_secs_f64(),
        measured: observed.measured.clone(),
        missed,
        metric: expectation.metric.clone(),
        figure: observed.figure.clone(),
    }
}
