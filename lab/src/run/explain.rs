//! Gathers what `lab explain` walks over: what routers answer, and of those that
//! cannot be asked what is seen of them.

mod frr;
mod mcrd;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_api::router as api;

use super::stage::{Stage, sleep};
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
        snapshot.routers = ask_all(stage, flow, &snapshot.heard).await;
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

async fn ask_all<S: Stage>(
    stage: &S,
    flow: Flow,
    heard: &Heard,
) -> BTreeMap<NodeId, Result<Told, String>> {
    let nodes = stage.topology().nodes.iter().enumerate();
    let mut all = BTreeMap::new();
    for (position, node) in nodes {
        let at = NodeId(position);
        if node.kind == Kind::Host {
            continue;
        }
        let told = match idle(stage, at).await {
            Some(why) => Ok(silent(stage, at, node, flow, heard, why).await),
            None => ask(stage, at, node, flow, heard).await,
        };
        let does_nothing = |told: &Told| matches!(node.kind, Kind::Custom(_)) && !told.routes();
        if told.as_ref().is_ok_and(does_nothing) {
            continue;
        }
        all.insert(at, told);
    }
    let rps = all
        .values()
        .flatten()
        .filter_map(|told| told.rp.as_ref()?.rp);
    let wanted: BTreeSet<Ipv4Addr> = rps.chain([flow.source]).collect();
    for (at, told) in &mut all {
        let Some(node) = stage.topology().nodes.get(at.0) else {
            continue;
        };
        let Ok(known) = told else { continue };
        for address in &wanted {
            let way = match known.silent {
                Some(_) => kernels_way(stage, *at, node, *address).await,
                None => way(stage, *at, node, *address, flow).await,
            };
            match way {
                Ok(way) => {
                    known.ways.insert(*address, way);
                }
                // Where nobody gets past it, its ways do not matter.
                Err(_) if known.is_idle() => {}
                Err(reason) => {
                    *told = Err(reason);
                    break;
                }
            }
        }
    }
    all
}

/// Why nobody is at work in a node who should be.
async fn idle<S: Stage>(stage: &S, at: NodeId) -> Option<Silent> {
    match stage.life(at).await {
        Life::Runs => None,
        Life::Frozen => Some(Silent::Frozen),
        Life::Ended => Some(Silent::Ended("a step ended it".to_owned())),
        Life::Died(death) => Some(Silent::Ended(death.words())),
    }
}

/// What a node tells, or what is seen of it.
async fn ask<S: Stage>(
    stage: &S,
    at: NodeId,
    node: &Node,
    flow: Flow,
    heard: &Heard,
) -> Result<Told, String> {
    let told = match &node.kind {
        Kind::Mcrd { .. } => mcrd::ask(stage, at, flow).await,
        Kind::Frr => frr::ask(node, flow, heard).await,
        Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Host | Kind::Custom(_) => {
            return seen(stage, at, node, flow, heard).await;
        }
    };
    match told {
        Ok(told) => Ok(told),
        Err(reason) => {
            let slow = Silent::Slow(reason.clone());
            let mut told = silent(stage, at, node, flow, heard, slow).await;
            if told.pim.is_empty() {
                told.silent = Some(Silent::Hangs(reason));
            }
            Ok(told)
        }
    }
}

/// What is seen of a router that answers nothing.
async fn silent<S: Stage>(
    stage: &S,
    at: NodeId,
    node: &Node,
    flow: Flow,
    heard: &Heard,
    why: Silent,
) -> Told {
    let seen = seen(stage, at, node, flow, heard).await;
    let about = (flow.group, flow.source);
    let mut told = seen.unwrap_or_else(|_| outside::told(node, about, heard, Vec::new()));
    told.silent = Some(why);
    told
}

/// What is known of a router that cannot be asked.
async fn seen<S: Stage>(
    stage: &S,
    at: NodeId,
    node: &Node,
    flow: Flow,
    heard: &Heard,
) -> Result<Told, String> {
    let mut forwarding = stage.forwarding(at).await?;
    forwarding.retain(|one| one.group == flow.group);
    let about = (flow.group, flow.source);
    Ok(outside::told(node, about, heard, forwarding))
}

async fn way<S: Stage>(
    stage: &S,
    at: NodeId,
    node: &Node,
    address: Ipv4Addr,
    flow: Flow,
) -> Result<api::RpfOf, String> {
    match &node.kind {
        Kind::Mcrd { .. } => mcrd::way(stage, at, address, flow).await,
        Kind::Frr => frr::way(node, address).await,
        Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Host | Kind::Custom(_) => {
            kernels_way(stage, at, node, address).await
        }
    }
}

async fn kernels_way<S: Stage>(
    stage: &S,
    at: NodeId,
    node: &Node,
    address: Ipv4Addr,
) -> Result<api::RpfOf, String> {
    let told = stage.way(at, address).await?;
    Ok(outside::way(node, address, told, "its kernel"))
}
