//! Asks every router what `lab explain` walks over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_api::Method;
use mcr_api::router as api;

use super::stage::{Stage, sleep};
use crate::explain::{Explanation, Snapshot, Told, explain};
use crate::topology::model::{Kind, NodeId};

/// How long datagrams are watched for an explanation.
const LOOK_TIME: Duration = Duration::from_secs(1);

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
    let mut snapshot = Snapshot {
        routers: ask_all(stage, receiver, source).await,
        ..Snapshot::default()
    };
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

async fn ask_all<S: Stage>(
    stage: &S,
    receiver: usize,
    source: usize,
) -> BTreeMap<NodeId, Result<Told, String>> {
    let topology = stage.topology();
    let mut all = BTreeMap::new();
    let receiver = topology.receivers.get(receiver);
    let source = topology.sources.get(source);
    let (Some(receiver), Some(source)) = (receiver, source) else {
        return all;
    };
    let mut shared = receiver.groups.iter();
    let group = shared.find(|group| group.is_multicast() && source.groups.contains(group));
    let node = topology.nodes.get(source.at.0);
    let interface = node.and_then(|node| node.interfaces.get(source.interface));
    let address = interface.and_then(|interface| interface.addresses.first());
    let (Some(group), Some(address)) = (group.copied(), address) else {
        return all;
    };
    let nodes = topology.nodes.iter().enumerate();
    for (position, node) in nodes.filter(|(_, node)| node.kind.is_router()) {
        let at = NodeId(position);
        let told = match &node.kind {
            Kind::Mcrd { .. } => ask(stage, at, group).await,
            Kind::Host
            | Kind::Frr
            | Kind::Pimd
            | Kind::Smcroute { .. }
            | Kind::Kernel
            | Kind::Custom(_) => Err(format!(
                "it runs {}, which explain does not ask",
                node.kind.word()
            )),
        };
        all.insert(at, told);
    }
    let rps = all.values().flatten().filter_map(|told| told.rp.rp);
    let wanted: BTreeSet<Ipv4Addr> = rps.chain([address.addr()]).collect();
    for (at, told) in &mut all {
        let Ok(known) = told else { continue };
        for address in &wanted {
            match way(stage, *at, *address, group).await {
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

async fn ask<S: Stage>(stage: &S, at: NodeId, group: Ipv4Addr) -> Result<Told, String> {
    Ok(Told {
        pim: stage.ask(at, Method::PimInterfaces {}).await?,
        neighbors: stage.ask(at, Method::PimNeighbors {}).await?,
        rp: stage.ask(at, Method::PimRp { group }).await?,
        ways: BTreeMap::new(),
        igmp: stage.ask(at, Method::IgmpInterfaces {}).await?,
        members: stage
            .pages(at, |cursor| Method::IgmpGroups { cursor })
            .await?,
        mroutes: stage
            .pages(at, move |cursor| Method::Mroute {
                group: Some(group),
                cursor,
            })
            .await?,
        counters: stage.ask(at, Method::StatsProtocols {}).await?,
    })
}

async fn way<S: Stage>(
    stage: &S,
    at: NodeId,
    address: Ipv4Addr,
    group: Ipv4Addr,
) -> Result<api::RpfOf, String> {
    let method = Method::Rpf {
        address,
        group: Some(group),
    };
    stage.ask(at, method).await
}
