//! The daemons of a network: all at its start, one at a time in the steps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use nix::sys::signal::{self, Signal};
use tokio::time::{Instant, sleep};

use super::logs::LogKeeper;
use super::routing::{self, Routing};
use super::{Death, Deaths, Folders, NodeError, Place, Programs, frr, kill, kind, tail, wrap};
use crate::backend::netns::{Child, Network};
use crate::plan::Plan;
use crate::topology::model::{KillSignal, Kind, NodeId, Topology};

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// How a node's daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, or the node has none.
    Runs,
    /// It gets no time to run.
    Frozen,
    /// A step ended it.
    Ended,
    /// It ended by itself.
    Died(Death),
}

/// The daemons of a network, by node.
pub struct Daemons {
    children: Vec<Vec<Child>>,
    /// What watches them from beside, by node.
    beside: BTreeMap<NodeId, Vec<Child>>,
    routing: Routing,
    frozen: BTreeSet<NodeId>,
    /// What ended by itself.
    deaths: Deaths,
    /// Works until it is dropped.
    _logs: LogKeeper,
}

impl Daemons {
    /// Refuses a topology that cannot run with these programs.
    ///
    /// # Errors
    /// The first program that is missing.
    pub fn check(topology: &Topology, programs: &Programs) -> Result<(), NodeError> {
        for node in &topology.nodes {
            kind(node).check(programs)?;
            wrap::check(node)?;
            routing::check(node)?;
        }
        Ok(())
    }

    /// Starts what the nodes run, and waits until all of it is ready.
    ///
    /// # Errors
    /// Why one cannot be started, or was not ready in time.
    pub async fn start_all(
        topology: &Topology,
        network: &Network,
        programs: &Programs,
        folders: &Folders,
    ) -> Result<Daemons, NodeError> {
        let logs = LogKeeper::start(&folders.logs).map_err(NodeError::Logs)?;
        let place = |id| Place::new(topology, id, network, programs, folders);
        let mut children = Vec::new();
        let mut beside = BTreeMap::new();
        let mut routing = Routing::default();
        for (position, node) in topology.nodes.iter().enumerate() {
            let place = place(NodeId(position));
            routing.set(node, &place).await?;
            let kind = kind(node);
            kind.configure(&place)?;
            let started = kind.start(&place)?;
            beside.insert(place.node, wrap::beside(&place, &started)?);
            children.push(started);
        }
        let ready = children.iter().enumerate().map(|(position, children)| {
            let place = place(NodeId(position));
            async move {
                until_ready(topology, &place, children).await?;
                routing::settled(topology, &place).await
            }
        });
        try_join_all(ready).await?;
        let daemons = Daemons {
            children,
            beside,
            routing,
            frozen: BTreeSet::new(),
            deaths: Deaths::default(),
            _logs: logs,
        };
        for position in 0..topology.nodes.len() {
            daemons.watch(topology, &place(NodeId(position)));
        }
        Ok(daemons)
    }

    /// What ended by itself.
    #[must_use]
    pub fn deaths(&self) -> Deaths {
        self.deaths.clone()
    }

    /// From now on, the end of a node's daemon is no step's work.
    fn watch(&self, topology: &Topology, place: &Place<'_>) {
        let Some(node) = topology.nodes.get(place.node.0) else {
            return;
        };
        let programs = kind(node).programs().iter();
        for (child, program) in self.children(place.node).iter().zip(programs) {
            self.deaths.watch(place.name, program, place.log(), child);
        }
        for (child, program) in self.routing.children(place.node) {
            let log = frr::ospf::log(place);
            self.deaths.watch(place.name, program, log, child);
        }
        let beside = self.beside.get(&place.node).into_iter().flatten();
        for (child, wrap) in beside.zip(place.wrap.into_iter().cycle()) {
            let log = wrap::log(wrap, place);
            self.deaths.watch(place.name, wrap.word(), log, child);
        }
    }

    /// The processes of a node's daemon, while it runs.
    #[must_use]
    pub fn children(&self, node: NodeId) -> &[Child] {
        self.children.get(node.0).map_or(&[], Vec::as_slice)
    }

    /// The same daemons, of nodes that are elsewhere in another topology. Those
    /// that are nowhere must have been stopped.
    pub fn move_to(&mut self, plan: &Plan) {
        let moved = plan.moved_nodes();
        let old = &mut self.children;
        let taken = plan.nodes.iter().map(|node| {
            let was = node.was.and_then(|was| old.get_mut(was.0));
            was.map(std::mem::take).unwrap_or_default()
        });
        self.children = taken.collect();
        let beside = std::mem::take(&mut self.beside).into_iter();
        let beside = beside.filter_map(|(at, all)| Some((*moved.get(&at)?, all)));
        self.beside = beside.collect();
        self.routing.move_to(plan);
        let frozen = self.frozen.iter();
        self.frozen = frozen.filter_map(|at| moved.get(at).copied()).collect();
    }

    /// Makes OSPF run beside a node's daemon, or not, as the topology says.
    ///
    /// # Errors
    /// It cannot be started or ended.
    pub async fn route(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        let Some(node) = topology.nodes.get(place.node.0) else {
            return Ok(());
        };
        if self.routing.is_right(node, place.node) {
            return Ok(());
        }
        self.deaths.release(place.name);
        let set = self.routing.set(node, place).await;
        self.watch(topology, place);
        set
    }

    /// Ends the OSPF that runs beside a node's daemon.
    ///
    /// # Errors
    /// It cannot be ended.
    pub async fn end_routing(&mut self, place: &Place<'_>) -> Result<(), NodeError> {
        self.deaths.release(place.name);
        self.routing.end(place).await
    }

    /// Starts a node's daemon, which must not run, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// As [`Daemons::start_all`].
    pub async fn start(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        let (Some(node), Some(slot)) = (
            topology.nodes.get(place.node.0),
            self.children.get_mut(place.node.0),
        ) else {
            return Ok(());
        };
        self.deaths.release(place.name);
        *slot = kind(node).start(place)?;
        self.beside.insert(place.node, wrap::beside(place, slot)?);
        let ready = until_ready(topology, place, slot).await;
        self.watch(topology, place);
        ready
    }

    /// Asks a node's daemon to end, and waits for it.
    ///
    /// # Errors
    /// No daemon runs, or it cannot be signalled.
    pub async fn stop(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        self.wake(topology, place)?;
        let children = self.take(place)?;
        if let Some(node) = topology.nodes.get(place.node.0) {
            // What was started last depends on what was started first.
            for child in children.iter().rev() {
                kind(node).stop(place, child).await?;
            }
        }
        self.end_beside(place).await;
        Ok(())
    }

    /// Ends a node's daemon by a signal, and waits for it.
    ///
    /// # Errors
    /// As [`Daemons::stop`], or it does not end by that signal.
    pub async fn kill(
        &mut self,
        topology: &Topology,
        place: &Place<'_>,
        signal: KillSignal,
    ) -> Result<(), NodeError> {
        if signal != KillSignal::Kill {
            self.wake(topology, place)?;
        }
        let children = self.take(place)?;
        let ended = kill::end(place, &children, signal).await;
        self.end_beside(place).await;
        ended
    }

    /// Waits for what stood beside a node's daemon, which has ended.
    async fn end_beside(&mut self, place: &Place<'_>) {
        if let Some(beside) = self.beside.remove(&place.node) {
            wrap::end(beside, place.wrap).await;
        }
    }

    /// Kills the children of a node's daemon: mcrd's workers.
    ///
    /// # Errors
    /// No daemon runs, it has no children, or they cannot be signalled.
    pub fn kill_workers(&self, place: &Place<'_>) -> Result<usize, NodeError> {
        let child = self.running(place)?;
        let failed = |source| process_error(place, "kill the workers of", source);
        let workers = child.children().map_err(failed)?;
        if workers.is_empty() {
            return Err(failed(std::io::Error::other("it has none")));
        }
        for worker in &workers {
            signal::kill(*worker, Signal::SIGKILL).map_err(|errno| failed(errno.into()))?;
        }
        Ok(workers.len())
    }

    /// Sends SIGHUP to a node's daemon.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub fn reload(&self, place: &Place<'_>) -> Result<(), NodeError> {
        self.running(place)?
            .signal(Signal::SIGHUP)
            .map_err(|source| process_error(place, "reload", source))
    }

    /// Gives a node's daemon no more time to run. What it set in the kernel
    /// stays, and so do its workers.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub fn freeze(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        self.signal(topology, place, Signal::SIGSTOP, "freeze")?;
        self.frozen.insert(place.node);
        Ok(())
    }

    /// Lets a node's daemon go on.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub fn thaw(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        self.signal(topology, place, Signal::SIGCONT, "thaw")?;
        self.frozen.remove(&place.node);
        Ok(())
    }

    /// A node's daemon gets no time to run, and so answers nothing.
    #[must_use]
    pub fn is_frozen(&self, node: NodeId) -> bool {
        self.frozen.contains(&node)
    }

    /// How a node's daemon is. What watches it or routes beside it is no part of
    /// it.
    #[must_use]
    pub fn life(&self, topology: &Topology, node: NodeId) -> Life {
        let Some(model) = topology.nodes.get(node.0) else {
            return Life::Runs;
        };
        let kind = kind(model);
        let own = |one: &Death| kind.programs().contains(&one.program.as_str());
        let mut dead = self.deaths.now().into_iter();
        let died = dead.find(|one| one.node == model.name && own(one));
        match died {
            Some(death) => Life::Died(death),
            None if self.is_frozen(node) => Life::Frozen,
            None if self.children(node).is_empty() && !kind.programs().is_empty() => Life::Ended,
            None => Life::Runs,
        }
    }

    /// Only what runs can end by itself.
    fn wake(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        match self.is_frozen(place.node) {
            true => self.thaw(topology, place),
            false => Ok(()),
        }
    }

    fn signal(
        &self,
        topology: &Topology,
        place: &Place<'_>,
        signal: Signal,
        action: &'static str,
    ) -> Result<(), NodeError> {
        self.running(place)?;
        let node = topology.nodes.get(place.node.0);
        // A command may have others below it that do its work.
        let whole = node.is_some_and(|node| matches!(node.kind, Kind::Custom(_)));
        for child in self.children(place.node) {
            let done = match whole {
                true => child.signal_group(signal),
                false => child.signal(signal),
            };
            done.map_err(|source| process_error(place, action, source))?;
        }
        Ok(())
    }

    /// Ends all daemons, and returns what went wrong.
    pub async fn stop_all(
        mut self,
        topology: &Topology,
        network: &Network,
        programs: &Programs,
        folders: &Folders,
    ) -> Vec<NodeError> {
        for node in std::mem::take(&mut self.frozen) {
            let place = Place::new(topology, node, network, programs, folders);
            // A daemon that cannot be woken is killed in the end.
            self.signal(topology, &place, Signal::SIGCONT, "thaw").ok();
        }
        let mut beside = std::mem::take(&mut self.beside);
        let ends = self
            .children
            .iter_mut()
            .enumerate()
            .map(|(position, slot)| {
                let node = NodeId(position);
                let place = Place::new(topology, node, network, programs, folders);
                let children = std::mem::take(slot);
                let beside = beside.remove(&node).unwrap_or_default();
                async move {
                    let node = topology.nodes.get(position)?;
                    let mut error = None;
                    for child in children.iter().rev() {
                        error = kind(node).stop(&place, child).await.err().or(error);
                    }
                    wrap::end(beside, place.wrap).await;
                    error
                }
            });
        let ended = futures_util::future::join_all(ends).await;
        let mut errors: Vec<NodeError> = ended.into_iter().flatten().collect();
        for node in 0..topology.nodes.len() {
            let place = Place::new(topology, NodeId(node), network, programs, folders);
            errors.extend(self.routing.end(&place).await.err());
        }
        errors
    }

    fn running(&self, place: &Place<'_>) -> Result<&Child, NodeError> {
        let first = self.children(place.node).first();
        first.ok_or_else(|| NodeError::NotRunning {
            node: place.name.to_owned(),
        })
    }

    fn take(&mut self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        self.frozen.remove(&place.node);
        self.deaths.release(place.name);
        let slot = self.children.get_mut(place.node.0);
        let children = slot.map(std::mem::take).unwrap_or_default();
        if children.is_empty() {
            return Err(NodeError::NotRunning {
                node: place.name.to_owned(),
            });
        }
        Ok(children)
    }
}

pub(super) fn process_error(
    place: &Place<'_>,
    action: &'static str,
    source: std::io::Error,
) -> NodeError {
    NodeError::Process {
        node: place.name.to_owned(),
        action,
        source,
    }
}

async fn until_ready(
    topology: &Topology,
    place: &Place<'_>,
    children: &[Child],
) -> Result<(), NodeError> {
    let Some(node) = topology.nodes.get(place.node.0) else {
        return Ok(());
    };
    if children.is_empty() {
        return Ok(());
    }
    let kind = kind(node);
    let patience = topology.ready * wrap::slowness(place.wrap);
    let deadline = Instant::now() + patience;
    loop {
        if kind.ready(place).await? {
            return Ok(());
        }
        for child in children {
            let ended = child
                .try_wait()
                .map_err(|source| process_error(place, "wait for", source))?;
            if let Some(status) = ended {
                return Err(NodeError::Ended {
                    node: place.name.to_owned(),
                    status: status.to_string(),
                    tail: tail(&place.log()),
                });
            }
        }
        if Instant::now() >= deadline {
            return Err(NodeError::NotReady {
                node: place.name.to_owned(),
                within: patience,
                tail: tail(&place.log()),
            });
        }
        sleep(ASK_EVERY).await;
    }
}
