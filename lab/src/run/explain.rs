//! Gathers what `lab explain` walks over: what routers answer, and of those that
//! cannot be asked what is seen of them.

mod frr;
mod mcrd;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::stage::{Stage, sleep};
use crate::assertion::tables::Forwarding;
use crate::explain::heard::{Heard, heard};
use crate::explain::told::{Silent, Told};
use crate::explain::{Explanation, Snapshot, explain, outside};
use crate::node::Life;
use crate::topology::model::{Kind, Node, NodeId, Topology};

/// How long datagrams are watched for an explanation.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// What an explanation is about.
#[derive(Clone, Copy)]
struct Flow {
    group: Ipv4Addr,
    source: Ipv4Addr,
}

/// Why a receiver gets nothing of a source, now.
pub(super) async fn now<S: Stage>(
    stage: &S,
    receiver: usize,
    source: usize,
) -> Option<Explanation> {
    // Earlier datagrams met other trees than those that are asked for.
    let since = stage.now_ns();
    sleep(stage, LOOK_TIME).await;
    let snapshot = of_run(stage, receiver, source, since).await;
    explain(stage.topology(), receiver, source, &snapshot)
}

/// What is known of a receiver and a source in a run.
pub(super) async fn of_run<S: Stage>(
    stage: &S,
    receiver: usize,
    source: usize,
    since_ns: u64,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    if let Some(flow) = flow(stage.topology(), receiver, source) {
        let messages = stage.messages(0).messages;
        snapshot.heard = heard(&messages, flow.group, flow.source, stage.now_ns());
        let heard = &snapshot.heard;
        snapshot.routers = Gatherer { stage, flow, heard }.all().await;
    }
    let ledger = stage.ledger().borrow();
    let mut sessions = ledger.sessions(receiver);
    snapshot.joined = Some(sessions.any(|session| session.ended_at.is_none()));
    let runs: Vec<_> = ledger.runs().filter(|run| run.source == source).collect();
    let sent = runs.iter().map(|run| run.latest.sent).sum();
    snapshot.sent = Some(sent);
    let runs: BTreeSet<u64> = runs.iter().map(|run| run.run).collect();
    for passed in stage.passed(&runs, since_ns..u64::MAX) {
        let shown = snapshot.links.entry(passed.link).or_default();
        *shown = passed.datagrams.len().max(*shown);
    }
    snapshot
}

/// The group that both have in common, and the source's address.
fn flow(topology: &Topology, receiver: usize, source: usize) -> Option<Flow> {
    let receiver = topology.receivers.get(receiver)?;
    let source = topology.sources.get(source)?;
    let mut shared = receiver.groups.iter();
    let group = shared.find(|group| group.is_multicast() && source.groups.contains(group))?;
    let node = topology.nodes.get(source.at.0)?;
    let address = node.interfaces.get(source.interface)?.addresses.first()?;
    Some(Flow {
        group: *group,
        source: address.addr(),
    })
}

/// Gathers what is known of routers.
struct Gatherer<'a, S> {
    stage: &'a S,
    flow: Flow,
    heard: &'a Heard,
}

impl<S: Stage> Gatherer<'_, S> {
    async fn all(&self) -> BTreeMap<NodeId, Result<Told, String>> {
        let nodes = &self.stage.topology().nodes;
        let mut all = BTreeMap::new();
        for (position, node) in nodes.iter().enumerate() {
            let at = NodeId(position);
            if node.kind == Kind::Host {
                continue;
            }
            let told = match self.idle(at).await {
                Some(why) => Ok(self.silent(at, node, why).await),
                None => self.ask(at, node).await,
            };
            let does_nothing = |told: &Told| matches!(node.kind, Kind::Custom(_)) && !told.routes();
            if told.as_ref().is_ok_and(does_nothing) {
                continue;
            }
            all.insert(at, told);
        }
        let known = all.values().flatten();
        let rps = known.filter_map(|told| told.rp.as_ref()?.rp);
        let wanted: BTreeSet<Ipv4Addr> = rps.chain([self.flow.source]).collect();
        for (at, told) in &mut all {
            let (Some(node), Ok(known)) = (nodes.get(at.0), told.as_mut()) else {
                continue;
            };
            if let Err(reason) = self.ways(*at, node, known, &wanted).await {
                *told = Err(reason);
            }
        }
        all
    }

    /// Why nobody is at work in a node who should be.
    async fn idle(&self, at: NodeId) -> Option<Silent> {
        match self.stage.life(at).await {
            Life::Runs => None,
            Life::Frozen => Some(Silent::Frozen),
            Life::Ended => Some(Silent::Ended("a step ended it".to_owned())),
            Life::Died(death) => Some(Silent::Ended(death.words())),
        }
    }

    /// What a node tells, or what is seen of it.
    async fn ask(&self, at: NodeId, node: &Node) -> Result<Told, String> {
        let told = match &node.kind {
            Kind::Mcrd { .. } => mcrd::ask(self.stage, at, self.flow).await,
            Kind::Frr => frr::ask(node, self.flow, self.heard).await,
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Host | Kind::Custom(_) => {
                return self.seen(at, node).await;
            }
        };
        match told {
            Ok(told) => Ok(told),
            Err(reason) => {
                let slow = Silent::Slow(reason.clone());
                let mut told = self.silent(at, node, slow).await;
                if told.pim.is_empty() {
                    told.silent = Some(Silent::Hangs(reason));
                }
                Ok(told)
            }
        }
    }

    /// What is seen of a router that answers nothing.
    async fn silent(&self, at: NodeId, node: &Node, why: Silent) -> Told {
        let seen = self.seen(at, node).await;
        let mut told = seen.unwrap_or_else(|_| self.outside(node, Vec::new()));
        told.silent = Some(why);
        told
    }

    /// What is known of a router that cannot be asked.
    async fn seen(&self, at: NodeId, node: &Node) -> Result<Told, String> {
        let mut forwarding = self.stage.forwarding(at).await?;
        forwarding.retain(|one| one.group == self.flow.group);
        Ok(self.outside(node, forwarding))
    }

    fn outside(&self, node: &Node, forwarding: Vec<Forwarding>) -> Told {
        let about = (self.flow.group, self.flow.source);
        outside::told(node, about, self.heard, forwarding)
    }

    /// Adds a router's ways to some addresses.
    async fn ways(
        &self,
        at: NodeId,
        node: &Node,
        known: &mut Told,
        wanted: &BTreeSet<Ipv4Addr>,
    ) -> Result<(), String> {
        for address in wanted {
            let way = match (&known.silent, &node.kind) {
                (None, Kind::Mcrd { .. }) => mcrd::way(self.stage, at, *address, self.flow).await,
                (None, Kind::Frr) => frr::way(node, *address).await,
                (Some(_), _)
                | (
                    None,
                    Kind::Pimd
                    | Kind::Smcroute { .. }
                    | Kind::Kernel
                    | Kind::Host
                    | Kind::Custom(_),
                ) => {
                    let told = self.stage.way(at, *address).await;
                    told.map(|told| outside::way(node, *address, told, "its kernel"))
                }
            };
            match way {
                Ok(way) => {
                    known.ways.insert(*address, way);
                }
                // Where nobody gets past it, its ways do not matter.
                Err(_) if known.is_idle() => {}
                Err(reason) => return Err(reason),
            }
        }
        Ok(())
    }
}
