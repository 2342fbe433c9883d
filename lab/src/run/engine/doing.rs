//! What the actions of a step do, one after the other or several at once.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::Mutex;

use crate::oracle;
use crate::reference::Situation;
use crate::run::events::Events;
use crate::run::record::{self, Moments};
use crate::run::stage::{self, Stage};
use crate::topology::model::{Action, Exec, Flap, LinkChange, NodeId};

/// How long a command of a step may run.
const EXEC_TIME: Duration = Duration::from_secs(60);

/// What happens while a link flaps.
enum Happens<'a> {
    Link(LinkChange),
    /// These nodes have their routes.
    Routes(&'a [NodeId]),
}

/// What is written down of actions.
pub(super) struct Notes<'a> {
    /// The diary.
    pub(super) events: &'a mut Events,
    /// What the step did, and when.
    pub(super) moments: &'a mut Moments,
    /// What the steps have changed so far.
    pub(super) situation: &'a mut Situation,
}

/// Does actions. Nobody holds the notes while he waits for something.
pub(super) struct Doer<'a, S> {
    stage: &'a S,
    notes: RefCell<Notes<'a>>,
    /// Who sets routes goes by what was set before.
    routes: Mutex<()>,
}

impl<'a, S: Stage> Doer<'a, S> {
    pub(super) fn new(stage: &'a S, notes: Notes<'a>) -> Doer<'a, S> {
        Doer {
            stage,
            notes: RefCell::new(notes),
            routes: Mutex::new(()),
        }
    }

    /// Writes down that an action begins.
    pub(super) fn begin(&self, action: &Action) {
        let topology = self.stage.topology();
        let (text, nodes) = record::told(topology, action);
        let detail = json!({ "action": text, "nodes": nodes });
        self.mark("action", &text, detail);
        let notes = &mut *self.notes.borrow_mut();
        if !matches!(
            action,
            Action::Measure(_) | Action::Snap(_) | Action::Together(_)
        ) {
            let now = self.stage.now_ns();
            notes.moments.done.push((now, text.clone()));
        }
        notes.situation.change(topology, action);
        if record::disturbs(action) {
            let now = self.stage.now_ns();
            notes.moments.fault_ns.get_or_insert(now);
            notes.moments.faults.push(text);
        }
    }

    fn note(&self, event: &str, detail: serde_json::Value) {
        let now = self.stage.now_ns();
        self.notes.borrow_mut().events.note(now, event, detail);
    }

    fn mark(&self, event: &str, text: &str, detail: serde_json::Value) {
        let now = self.stage.now_ns();
        self.notes
            .borrow_mut()
            .events
            .mark(now, event, text, detail);
    }

    /// Does an action that has begun.
    pub(super) async fn act(&self, action: &Action) -> Result<(), String> {
        let stage = self.stage;
        match action {
            Action::Join(receivers) => self.join(receivers).await?,
            Action::Leave(receivers) => self.leave(receivers).await?,
            Action::Send(sources) => {
                for source in sources {
                    stage.send(*source).await?;
                }
            }
            Action::Stop(sources) => {
                for source in sources {
                    stage.stop(*source).await?;
                }
            }
            Action::Link { change, link, at } => {
                stage.link(*change, *link, *at).await?;
                self.converge().await?;
            }
            Action::Flap(flap) => self.flap(flap).await?,
            Action::Wire { at, wire } => stage.wire(*at, wire)?,
            Action::Rules { at, rules } => stage.rules(*at, rules)?,
            Action::Address {
                at,
                interface,
                addresses,
            } => stage.address(*at, *interface, addresses).await?,
            Action::Unicast { at, net, lost } => {
                stage.lose(*at, *net, *lost);
                self.reroute(&[*at]).await?;
            }
            Action::Withdraw { net, lost } => {
                for at in stage.topology().routers() {
                    stage.lose(at, *net, *lost);
                }
                self.converge().await?;
            }
            Action::Config { at, config } => stage.configure(*at, config).await?,
            Action::Hosts(hosts) => stage.hosts(hosts).await?,
            Action::Daemon { change, at } => stage.daemon(*change, *at).await?,
            Action::Exec(exec) => self.exec(exec).await?,
            Action::Wait(time) => stage::sleep(stage, *time).await,
            Action::Mark(text) => self.mark("mark", text, json!({ "text": text })),
            Action::Together(rows) => self.together(rows).await?,
            Action::Snap(_) | Action::Measure(_) => {
                return Err("only the whole step does that".to_owned());
            }
        }
        Ok(())
    }

    /// All rows begin at once; what one of them cannot do keeps no other.
    async fn together(&self, rows: &[Vec<Action>]) -> Result<(), String> {
        let row = async |actions: &Vec<Action>| {
            for action in actions {
                self.begin(action);
                Box::pin(self.act(action)).await?;
            }
            Ok::<_, String>(())
        };
        let done = join_all(rows.iter().map(row)).await;
        done.into_iter().collect()
    }

    async fn join(&self, receivers: &[usize]) -> Result<(), String> {
        for receiver in receivers {
            let called_ns = self.stage.join(*receiver).await?;
            let mut notes = self.notes.borrow_mut();
            notes.moments.joined.insert(*receiver, called_ns);
            drop(notes);
            let joined = json!({ "receiver": receiver, "called_ns": called_ns });
            self.note("joined", joined);
        }
        Ok(())
    }

    async fn leave(&self, receivers: &[usize]) -> Result<(), String> {
        for receiver in receivers {
            let now = self.stage.now_ns();
            self.notes.borrow_mut().moments.left.insert(*receiver, now);
            self.stage.leave(*receiver).await?;
        }
        Ok(())
    }

    async fn reroute(&self, nodes: &[NodeId]) -> Result<(), String> {
        let alone = self.routes.lock().await;
        let done = self.stage.reroute(nodes).await;
        drop(alone);
        done
    }

    /// Unicast routes follow a change, where the lab sets them.
    async fn converge(&self) -> Result<(), String> {
        let topology = self.stage.topology();
        let Some(delay) = topology.unicast.follows() else {
            return Ok(());
        };
        let began = self.stage.elapsed();
        for (turn, nodes) in oracle::turns(topology) {
            // Even a sleep of no time takes up to a millisecond.
            if !(delay + turn).is_zero() {
                self.stage.sleep_until(began + delay + turn).await;
            }
            self.reroute(&nodes).await?;
            self.routed(&nodes);
        }
        Ok(())
    }

    /// Notes that nodes have their unicast routes.
    fn routed(&self, nodes: &[NodeId]) {
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
        let now = self.stage.now_ns();
        self.notes.borrow_mut().moments.done.push((now, text));
    }

    /// A link goes down and up again. Unicast routes follow each change after
    /// the time that they take, which may be when the next one has come.
    async fn flap(&self, flap: &Flap) -> Result<(), String> {
        let began = self.stage.elapsed();
        let delay = self.stage.topology().unicast.follows();
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
                    self.reroute(nodes).await?;
                    self.routed(nodes);
                }
            }
        }
        self.stage
            .sleep_until(began + flap.period * flap.count)
            .await;
        Ok(())
    }

    async fn exec(&self, exec: &Exec) -> Result<(), String> {
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
}
