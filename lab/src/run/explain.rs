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
use crate::explain::told::Told;
use crate::explain::{Explanation, Snapshot, explain, outside};
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
        let told = match &node.kind {
            Kind::Host => continue,
            Kind::Mcrd { .. } => mcrd::ask(stage, at, flow).await,
            Kind::Frr => frr::ask(node, flow, heard).await,
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => {
                seen(stage, at, node, flow, heard).await
            }
            Kind::Custom(_) => match seen(stage, at, node, flow, heard).await {
                Ok(told) if !told.routes() => continue,
                told => told,
            },
        };
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
            match way(stage, *at, node, *address, flow).await {
                Ok(way) => {
                    known.ways.insert(*address, way);
                }
                Err(reason) => {
                    *told = Err(reason);
                    break;
                }
            }
        }
    }
    all
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
            let told = stage.way(at, address).await?;
            Ok(outside::way(node, address, told, "its kernel"))
        }
    }
}
