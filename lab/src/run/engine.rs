//! The steps of a run: actions in order, then expectations, all watched at
//! once.

mod rest;

pub(super) use rest::Rest;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::capture::Count;
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
use crate::oracle;
use crate::reference::Situation;
use crate::report::StepReport;
use crate::topology::model::{
    Action, Check, Exec, Expectation, Flap, LinkChange, NodeId, RatePoint, Step, WireId,
};

/// How long a command of a step may run.
const EXEC_TIME: Duration = Duration::from_secs(60);

/// Waiting for the machine that is told.
const LATE: Duration = Duration::from_millis(100);

/// What happens while a link flaps.
enum Happens<'a> {
    Link(LinkChange),
    /// These nodes have their routes.
    Routes(&'a [NodeId]),
}

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
            moments: Moments::default(),
            situation: Situation::default(),
            snaps: BTreeMap::new(),
            invariants,
        }
    }

    /// When the latest step began.
    pub(super) fn step_began_ns(&self) -> u64 {
        self.step_began_ns
    }

    /// Runs one step and judges it.
    pub(super) async fn step(&mut self, step: &Step) -> StepReport {
        let began = self.stage.elapsed();
        let mut report = StepReport::skipped(&step.title, step.line);
        self.step_began_ns = self.stage.now_ns();
        let title = json!({ "title": step.title, "line": step.line });
        self.mark("step", &step.title, title);
        let before = Before {
            drops: self.stage.drops().await,
            carried: record::carried(&self.stage),
            wires: self.stage.wires(),
            first_message: self.untold,
            logs: self.logs_of(&step.expect),
        };
        let began_ns = stage::begin_span(&self.stage).await;
        self.moments = Moments {
            began_ns,
            ..Moments::default()
        };
        let mut measured = None;
        for action in &step.actions {
            match self.act(action, step).await {
                Ok(Some(span)) => measured = Some(span),
                Ok(None) => {}
                Err(error) => {
                    self.note("error", json!({ "error": error }));
                    report.error = Some(error);
                    break;
                }
            }
        }
        if report.error.is_none() {
            let scene = Scene {
                stage: &self.stage,
                situation: &self.situation,
                snaps: &self.snaps,
                began_ns,
                joined: &self.moments.joined,
                first_message: self.untold,
                logs: before.logs.clone(),
                measured,
            };
            let watched = watch_all(&scene, &step.expect);
            let (stage, situation) = (&self.stage, &self.situation);
            report.expectations = self.invariants.during(stage, situation, watched).await;
        }
        let broken = self.invariants.step_ended(&self.stage);
        report.expectations.extend(broken);
        let broken = self.stage.broken();
        if !broken.is_empty() {
            report.error.get_or_insert(broken.join("\n"));
        }
        report.conclude();
        report.seconds = (self.stage.elapsed() - began).as_secs_f64();
        self.untold = record::messages(&self.stage, &mut self.events, self.untold);
        let notices = self.tell_notices();
        record::step(&self.stage, &mut self.events, &before.carried);
        report.ledger = record::ledger(&self.stage, &mut self.events, &self.moments);
        report.faults = std::mem::take(&mut self.moments.faults);
        let outcome = json!({ "title": step.title, "outcome": report.outcome });
        self.mark("step ended", report.outcome.word(), outcome);
        if !report.outcome.is_good() {
            self.failed(step, &mut report, &before, &notices).await;
        }
        report.findings.extend(late(self.stage.late(began_ns)));
        report
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

    async fn act(&mut self, action: &Action, step: &Step) -> Result<Option<Measured>, String> {
        let (text, nodes) = record::told(self.stage.topology(), action);
        let detail = json!({ "action": text, "nodes": nodes });
        self.mark("action", &text, detail);
        if !matches!(action, Action::Measure(_) | Action::Snap(_)) {
            self.moments.done.push((self.stage.now_ns(), text.clone()));
        }
        self.situation.change(self.stage.topology(), action);
        if record::disturbs(action) {
            self.moments.faults.push(text);
        }
        match action {
            Action::Join(receivers) => {
                for receiver in receivers {
                    let called_ns = self.stage.join(*receiver).await?;
                    self.moments.joined.insert(*receiver, called_ns);
                    let joined = json!({ "receiver": receiver, "called_ns": called_ns });
                    self.note("joined", joined);
                }
            }
            Action::Leave(receivers) => {
                for receiver in receivers {
                    let now = self.stage.now_ns();
                    self.moments.left.insert(*receiver, now);
                    self.stage.leave(*receiver).await?;
                }
            }
            Action::Send(sources) => {
                for source in sources {
                    self.stage.send(*source).await?;
                }
            }
            Action::Stop(sources) => {
                for source in sources {
                    self.stage.stop(*source).await?;
                }
            }
            Action::Link { change, link, at } => {
                self.stage.link(*change, *link, *at).await?;
                self.converge().await?;
            }
            Action::Flap(flap) => self.flap(flap).await?,
            Action::Wire { at, wire } => self.stage.wire(*at, wire)?,
            Action::Rules { at, rules } => self.stage.rules(*at, rules)?,
            Action::Address {
                at,
                interface,
                addresses,
            } => self.stage.address(*at, *interface, addresses).await?,
            Action::Unicast { at, net, lost } => {
                self.stage.lose(*at, *net, *lost);
                self.stage.reroute(&[*at]).await?;
            }
            Action::Withdraw { net, lost } => {
                for at in self.stage.topology().routers() {
                    self.stage.lose(at, *net, *lost);
                }
                self.converge().await?;
            }
            Action::Config { at, config } => self.stage.configure(*at, config).await?,
            Action::Hosts(hosts) => self.stage.hosts(hosts).await?,
            Action::Daemon { change, at } => self.stage.daemon(*change, *at).await?,
            Action::Exec(exec) => self.exec(exec).await?,
            Action::Wait(time) => self.pass(*time).await,
            Action::Snap(name) => self.snap(name).await?,
            Action::Mark(text) => self.mark("mark", text, json!({ "text": text })),
            Action::Measure(time) => return Ok(Some(self.measure(*time, &step.expect).await)),
        }
        Ok(None)
    }

    /// Unicast routes follow a change, where the lab sets them.
    async fn converge(&mut self) -> Result<(), String> {
        let Some(delay) = self.stage.topology().oracle else {
            return Ok(());
        };
        let began = self.stage.elapsed();
        for (turn, nodes) in oracle::turns(self.stage.topology()) {
            // Even a sleep of no time takes up to a millisecond.
            if !(delay + turn).is_zero() {
                self.stage.sleep_until(began + delay + turn).await;
            }
            self.stage.reroute(&nodes).await?;
            self.routed(&nodes);
        }
        Ok(())
    }

    /// Notes that nodes have their unicast routes.
    fn routed(&mut self, nodes: &[NodeId]) {
        let all = &self.stage.topology().nodes;
        let routers = nodes.iter().filter_map(|node| all.get(node.0));
        let routers = routers.filter(|node| node.kind.is_router());
        let names: Vec<String> = routers.map(|node| node.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        let text = match nodes.len() == all.len() {
            true => "unicast routes follow".to_owned(),
            false => format!("unicast routes follow at {}", names.join(" ")),
        };
        self.note("routes", json!({ "text": text, "nodes": names }));
        self.moments.done.push((self.stage.now_ns(), text));
    }

    /// A link goes down and up again. Unicast routes follow each change after
    /// the time that they take, which may be when the next one has come.
    async fn flap(&mut self, flap: &Flap) -> Result<(), String> {
        let began = self.stage.elapsed();
        let delay = self.stage.topology().oracle;
        let half = flap.period / 2;
        let changes = (0..flap.count.saturating_mul(2)).map(|turn| {
            let change = if turn % 2 == 0 {
                flap.down()
            } else {
                flap.up()
            };
            (half * turn, Happens::Link(change))
        });
        let turns = oracle::turns(self.stage.topology());
        let routes = delay.into_iter().flat_map(|delay| {
            let changes = 0..flap.count.saturating_mul(2);
            let turns = &turns;
            changes.flat_map(move |change| {
                let turns = turns.iter();
                turns.map(move |(turn, nodes)| {
                    (half * change + delay + *turn, Happens::Routes(nodes))
                })
            })
        });
        let mut agenda: Vec<_> = changes.chain(routes).collect();
        agenda.sort_by_key(|(at, _)| *at);
        for (at, happens) in agenda {
            self.stage.sleep_until(began + at).await;
            match happens {
                Happens::Link(change) => self.stage.link(change, flap.link, flap.at).await?,
                Happens::Routes(nodes) => {
                    self.stage.reroute(nodes).await?;
                    self.routed(nodes);
                }
            }
        }
        self.stage
            .sleep_until(began + flap.period * flap.count)
            .await;
        Ok(())
    }

    async fn exec(&mut self, exec: &Exec) -> Result<(), String> {
        let finished = self.stage.exec(exec, EXEC_TIME).await?;
        let output = json!({ "status": finished.status, "output": finished.output });
        self.note("exec", output);
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

    async fn snap(&mut self, name: &str) -> Result<(), String> {
        let state = snapshot::take(&self.stage, &self.situation).await?;
        self.note("snap", json!({ "name": name, "state": state }));
        self.snaps.insert(name.to_owned(), state);
        Ok(())
    }

    /// Time passes, and the invariants are watched.
    async fn pass(&mut self, time: Duration) {
        let (stage, situation) = (&self.stage, &self.situation);
        let sleep = stage::sleep(stage, time);
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

    fn logs_of(&self, expect: &[Expectation]) -> BTreeMap<NodeId, u64> {
        let asked = expect.iter().filter_map(|one| match &one.check {
            Check::Log(asked) => Some(asked.at),
            _ => None,
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

/// What is said of a step in which the machine was late.
fn late(late: Duration) -> Option<String> {
    (late >= LATE).then(|| {
        let late = late.as_secs_f64();
        format!("the machine was busy: {late:.2}s went by waiting for a CPU, and so much longer times may be")
    })
}
