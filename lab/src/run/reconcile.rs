//! A lab that stands becomes another one, as a plan says. Nothing is undone: what
//! fails is told, the rest is done, and the next plan begins with what failed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mcr_api::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::capture::Capture;
use super::probe;
use super::standing::Parts;
use super::traffic::World;
use crate::backend::netns::{NetError, Network, Prepared};
use crate::node::{Daemons, Folders, NodeError, Place, Programs, kind};
use crate::oracle;
use crate::plan::{Change, DaemonPlan, Made, NodePlan, Plan, RunnerPlan, Undone, What};
use crate::topology::Source;
use crate::topology::model::{Action, LinkId, Medium, NodeId, Topology};

/// What became of a plan.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Applied {
    /// What was done.
    pub done: Vec<Change>,
    /// What was not.
    pub failed: Vec<Failed>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What was not done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Failed {
    /// What it is about.
    pub what: What,
    /// Its name.
    pub name: String,
    /// The reason.
    pub why: String,
}

/// A lab that becomes another.
pub struct Lab<'a> {
    /// Its network.
    pub network: &'a mut Network,
    /// What it runs.
    pub parts: &'a mut Parts,
    /// The project's programs.
    pub programs: &'a Programs,
    /// The daemons' files.
    pub folders: &'a Folders,
    /// Where it is told how far it is.
    pub tell: UnboundedSender<String>,
}

/// What ran, by old position, and is to run again.
#[derive(Default)]
struct Ran {
    receivers: BTreeSet<usize>,
    sources: BTreeSet<usize>,
    daemons: BTreeSet<NodeId>,
}

impl Lab<'_> {
    /// Does what the plan says, as far as it can be done. `prepared` has what
    /// the topology needs anew, `source` is where it came from.
    pub async fn change(
        &mut self,
        topology: Topology,
        plan: &Plan,
        prepared: Prepared,
        source: &Source,
    ) -> Applied {
        let began = Instant::now();
        let old = self.network.topology().clone();
        let mut failed = Vec::new();
        let ran = self.stop(&old, plan, &mut failed).await;
        self.delete(&old, plan, &mut failed).await;
        let keeps_links = plan.keeps_links(&old);
        for error in self.network.adopt(topology, plan, prepared) {
            fail(&mut failed, What::Node, "", &error);
        }
        self.move_parts(plan, source);
        self.make(&old, plan, &mut failed).await;
        if !keeps_links {
            self.watch_anew(&mut failed).await;
        }
        self.daemons(plan, &ran, &mut failed).await;
        self.traffic(plan, &ran, &mut failed).await;
        let is_done = |change: &&Change| {
            let mut failed = failed.iter();
            !failed.any(|one: &Failed| one.what == change.what && one.name == change.name)
        };
        Applied {
            done: plan.changes.iter().filter(is_done).cloned().collect(),
            failed,
            seconds: began.elapsed().as_secs_f64(),
        }
    }

    fn tell(&self, text: &str) {
        // Nobody listens any more: it is done all the same.
        self.tell.send(text.to_owned()).ok();
    }

    fn world(&self) -> World<'_> {
        World {
            topology: self.network.topology(),
            network: self.network,
            programs: self.programs,
            folders: self.folders,
        }
    }

    fn place(&self, at: NodeId) -> Place<'_> {
        let (topology, network) = (self.network.topology(), &*self.network);
        Place::new(topology, at, network, self.programs, self.folders)
    }

    /// Ends what goes or begins again.
    async fn stop(&mut self, old: &Topology, plan: &Plan, failed: &mut Vec<Failed>) -> Ran {
        self.tell("stopping what goes");
        let mut ran = Ran::default();
        self.stop_traffic(old, plan, &mut ran, failed).await;
        let Some(mut daemons) = self.parts.daemons.take() else {
            return ran;
        };
        let again = plan.nodes.iter();
        let again = again.filter(|node| node.daemon == DaemonPlan::Restart);
        let goes: Vec<NodeId> = again
            .filter_map(|node| node.was)
            .chain(plan.gone_nodes.iter().copied())
            .collect();
        for at in goes {
            let name = name_of(old, at);
            let runs = !daemons.children(at).is_empty();
            if runs || old.nodes.get(at.0).is_some_and(|node| !node.kind.runs()) {
                ran.daemons.insert(at);
            }
            if runs && let Err(error) = daemons.stop(old, &self.place(at)).await {
                fail(failed, What::Daemon, name, &error);
            }
        }
        for at in &plan.gone_nodes {
            if let Err(error) = daemons.end_routing(&self.place(*at)).await {
                fail(failed, What::Daemon, name_of(old, *at), &error);
            }
        }
        self.parts.daemons = Some(daemons);
        ran
    }

    async fn stop_traffic(
        &mut self,
        old: &Topology,
        plan: &Plan,
        ran: &mut Ran,
        failed: &mut Vec<Failed>,
    ) {
        let Some(watched) = self.parts.watched.take() else {
            return;
        };
        let (receivers, sources) = watched.traffic.running();
        let stays = |plans: &[RunnerPlan]| -> BTreeSet<usize> {
            let stay = plans.iter().filter(|one| !one.again);
            stay.filter_map(|one| one.was).collect()
        };
        ran.receivers = &receivers - &stays(&plan.receivers);
        ran.sources = &sources - &stays(&plan.sources);
        for one in &ran.sources {
            if let Err(why) = watched.traffic.stop(self.world(), *one).await {
                let name = old.sources.get(*one).map_or("?", |one| &one.name);
                fail(failed, What::Source, name, &why);
            }
        }
        for one in &ran.receivers {
            if let Err(why) = watched.traffic.leave(self.world(), *one).await {
                let name = old.receivers.get(*one).map_or("?", |one| &one.name);
                fail(failed, What::Receiver, name, &why);
            }
        }
        self.parts.watched = Some(watched);
    }

    async fn delete(&self, old: &Topology, plan: &Plan, failed: &mut Vec<Failed>) {
        self.tell("deleting links");
        for link in &plan.gone_links {
            if let Err(error) = self.network.delete_whole(*link).await {
                fail_link(failed, old, *link, &error);
            }
        }
        for (link, at) in &plan.gone_ends {
            if let Err(error) = self.network.delete_member(*link, *at).await {
                fail_link(failed, old, *link, &error);
            }
        }
    }

    fn move_parts(&mut self, plan: &Plan, source: &Source) {
        let topology = self.network.topology();
        if let Some(daemons) = &mut self.parts.daemons {
            daemons.move_to(plan);
        }
        if let Some(watched) = &mut self.parts.watched {
            watched.traffic.move_to(plan);
            watched.rest.situation.move_to(plan, topology);
        }
        // A configuration by hand stays until the file has another one.
        let mut kept: Vec<String> = Vec::new();
        for step in std::mem::take(&mut self.parts.configured) {
            let stays = source.step(&kept, &step).is_ok_and(|step| {
                let mut actions = step.actions.iter().flat_map(Action::each);
                !actions.any(|action| replaced(plan, action))
            });
            if stays {
                kept.push(step);
            }
        }
        self.parts.configured = kept;
    }

    async fn make(&self, old: &Topology, plan: &Plan, failed: &mut Vec<Failed>) {
        let network = &*self.network;
        let topology = network.topology();
        self.tell("making links and addresses");
        let before = |plan: &NodePlan| plan.was.and_then(|was| old.nodes.get(was.0));
        for (position, node) in plan.nodes.iter().enumerate() {
            let at = NodeId(position);
            if node.loopback
                && let Err(error) = network.set_loopback(at, before(node)).await
            {
                fail(failed, What::Node, name_of(topology, at), &error);
            }
        }
        self.addresses(plan, failed).await;
        for (position, link) in plan.links.iter().enumerate() {
            let id = LinkId(position);
            if (link.made != Made::Kept || link.ends.iter().any(|end| end.made))
                && let Err(error) = network.make(id, plan).await
            {
                fail_link(failed, topology, id, &error);
            }
        }
        self.wires(plan, failed).await;
        for (position, node) in plan.nodes.iter().enumerate() {
            let at = NodeId(position);
            let name = name_of(topology, at);
            if node.sysctls
                && let Err(error) = network.set_node_sysctls(at)
            {
                fail(failed, What::Node, name, &error);
            }
            if node.routes
                && let Err(error) = network.set_own_routes(at, before(node)).await
            {
                fail(failed, What::Node, name, &error);
            }
        }
        self.tell("routes");
        self.routes(plan, failed).await;
    }

    /// All old ones go before the first new one comes: it may have been
    /// another's.
    async fn addresses(&self, plan: &Plan, failed: &mut Vec<Failed>) {
        let topology = self.network.topology();
        let links = topology.links.iter().zip(&plan.links);
        let ends = links.flat_map(|(link, plan)| link.ends.iter().zip(&plan.ends));
        let changed: Vec<_> = ends
            .filter(|(_, plan)| plan.addresses)
            .map(|(end, _)| *end)
            .collect();
        let mut tell = |(at, interface): (NodeId, usize), done: Result<(), NetError>| {
            let node = topology.nodes.get(at.0);
            let interface = node.and_then(|node| node.interfaces.get(interface));
            let interface = interface.map_or("?", |interface| interface.name.as_str());
            let name = format!("{}:{interface}", name_of(topology, at));
            if let Err(error) = done {
                fail(failed, What::Addresses, &name, &error);
            }
        };
        for (at, interface) in &changed {
            let cleared = self.network.clear_addresses(*at, *interface).await;
            tell((*at, *interface), cleared);
        }
        for (at, interface) in &changed {
            let given = self.network.give_addresses(*at, *interface).await;
            tell((*at, *interface), given);
        }
    }

    async fn wires(&self, plan: &Plan, failed: &mut Vec<Failed>) {
        let topology = self.network.topology();
        let links = topology.links.iter().zip(&plan.links).enumerate();
        for (position, (link, _)) in links.filter(|(_, (_, plan))| plan.wire) {
            let id = LinkId(position);
            for (at, wire) in link.wires(id) {
                if let Err(error) = self.network.set_wire(at, &wire) {
                    fail_link(failed, topology, id, &error);
                }
            }
        }
    }

    /// As after any change of the network.
    async fn routes(&self, plan: &Plan, failed: &mut Vec<Failed>) {
        if plan.keeps_network() {
            return;
        }
        let topology = self.network.topology();
        let delay = topology.unicast.follows().unwrap_or_default();
        let mut waited = Duration::ZERO;
        for (turn, nodes) in oracle::turns(topology) {
            let rest = (delay + turn).saturating_sub(waited);
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
                waited += rest;
            }
            if let Err(error) = self.network.reroute(&nodes).await {
                fail(failed, What::Routes, "unicast", &error);
            }
        }
    }

    /// Links are elsewhere: what was seen of them before is not kept.
    async fn watch_anew(&mut self, failed: &mut Vec<Failed>) {
        let Some(mut watched) = self.parts.watched.take() else {
            return;
        };
        match Capture::start(self.network.topology(), self.network, true) {
            Ok(capture) => {
                watched.capture = capture;
                watched.rest.untold = 0;
                self.parts.watched = Some(watched);
            }
            Err(error) => {
                fail(failed, What::Link, "the packet capture", &error);
                watched.traffic.end_all().await;
            }
        }
    }

    async fn daemons(&mut self, plan: &Plan, ran: &Ran, failed: &mut Vec<Failed>) {
        let Some(mut daemons) = self.parts.daemons.take() else {
            return;
        };
        for (position, node) in plan.nodes.iter().enumerate() {
            let at = NodeId(position);
            let place = self.place(at);
            let routed = daemons.route(self.network.topology(), &place).await;
            let done = match node.daemon {
                DaemonPlan::Keep => Ok(()),
                DaemonPlan::Reload => self.reload(&mut daemons, at).await,
                DaemonPlan::Restart => {
                    let starts = node.was.is_none_or(|was| ran.daemons.contains(&was));
                    self.start(&mut daemons, at, starts).await
                }
            };
            let name = name_of(self.network.topology(), at);
            for error in [routed, done].into_iter().filter_map(Result::err) {
                fail(failed, What::Daemon, name, &error);
            }
        }
        self.parts.daemons = Some(daemons);
    }

    /// One that was stopped by hand stays so.
    async fn start(
        &self,
        daemons: &mut Daemons,
        at: NodeId,
        starts: bool,
    ) -> Result<(), NodeError> {
        let place = self.place(at);
        let Some(node) = self.network.topology().nodes.get(at.0) else {
            return Ok(());
        };
        kind(node).configure(&place)?;
        if !starts || !node.kind.runs() {
            return Ok(());
        }
        self.tell(&format!("starting {}", node.name));
        daemons.start(self.network.topology(), &place).await
    }

    async fn reload(&self, daemons: &mut Daemons, at: NodeId) -> Result<(), NodeError> {
        let place = self.place(at);
        let topology = self.network.topology();
        let Some(node) = topology.nodes.get(at.0) else {
            return Ok(());
        };
        kind(node).configure(&place)?;
        if daemons.children(at).is_empty() {
            return Ok(());
        }
        self.tell(&format!("configuring {}", node.name));
        let taken: Result<Value, String> = match daemons.is_frozen(at) {
            false => probe::call(place.socket(), Method::ConfigReload {}).await,
            true => Err("it is frozen".to_owned()),
        };
        if taken.is_ok() {
            return Ok(());
        }
        daemons.stop(topology, &place).await?;
        daemons.start(topology, &place).await
    }

    async fn traffic(&mut self, plan: &Plan, ran: &Ran, failed: &mut Vec<Failed>) {
        let Some(watched) = self.parts.watched.take() else {
            return;
        };
        let topology = self.network.topology();
        let again = |one: &RunnerPlan, ran: &BTreeSet<usize>| {
            one.start || (one.again && one.was.is_some_and(|was| ran.contains(&was)))
        };
        for (position, one) in plan.receivers.iter().enumerate() {
            if again(one, &ran.receivers)
                && let Err(why) = watched.traffic.join(self.world(), position).await
            {
                let name = topology
                    .receivers
                    .get(position)
                    .map_or("?", |one| &one.name);
                fail(failed, What::Receiver, name, &why);
            }
        }
        for (position, one) in plan.sources.iter().enumerate() {
            if again(one, &ran.sources)
                && let Err(why) = watched.traffic.send(self.world(), position).await
            {
                let name = topology.sources.get(position).map_or("?", |one| &one.name);
                fail(failed, What::Source, name, &why);
            }
        }
        self.parts.watched = Some(watched);
    }
}

/// Whether the file has another word in what a step by hand did.
fn replaced(plan: &Plan, action: &Action) -> bool {
    match action {
        Action::Config { at, .. } => {
            let node = plan.nodes.get(at.0);
            node.is_none_or(|node| node.daemon != DaemonPlan::Keep)
        }
        Action::Wire { at, .. } | Action::Rules { at, .. } => {
            let link = plan.links.get(at.link.0);
            link.is_none_or(|link| link.wire || link.made != Made::Kept)
        }
        Action::Join(_) | Action::Leave(_) | Action::Send(_) | Action::Stop(_) => false,
        Action::Link { .. } | Action::Flap(_) | Action::Address { .. } => false,
        Action::Unicast { .. } | Action::Withdraw { .. } | Action::Hosts(_) => false,
        Action::Daemon { .. } | Action::Exec(_) | Action::Wait(_) => false,
        Action::Mark(_) | Action::Snap(_) | Action::Measure(_) | Action::Together(_) => false,
    }
}

/// What is left for the next plan.
#[must_use]
pub fn undone(applied: &Applied) -> Undone {
    let failed = applied.failed.iter();
    failed.map(|one| (one.what, one.name.clone())).collect()
}

/// Refuses what cannot run here, before anything is changed.
///
/// # Errors
/// The first program that is missing.
pub fn check(topology: &Topology, programs: &Programs) -> Result<(), NodeError> {
    Daemons::check(topology, programs)
}

fn name_of(topology: &Topology, at: NodeId) -> &str {
    topology.nodes.get(at.0).map_or("?", |node| &node.name)
}

fn fail(failed: &mut Vec<Failed>, what: What, name: &str, why: &impl ToString) {
    failed.push(Failed {
        what,
        name: name.to_owned(),
        why: why.to_string(),
    });
}

fn fail_link(failed: &mut Vec<Failed>, topology: &Topology, id: LinkId, why: &impl ToString) {
    let Some(link) = topology.links.get(id.0) else {
        return;
    };
    let what = match link.medium {
        Medium::Veth => What::Link,
        Medium::Bridge { .. } => What::Segment,
    };
    fail(failed, what, &link.name, why);
}
