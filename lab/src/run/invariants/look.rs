//! One look at each invariant.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::Method;
use mcr_api::router::ProtocolCounters;
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_sim::reference::Scene;

use super::{Memory, Watched, asserts, wanted};
use crate::assertion::router::{Mroute, entry as named};
use crate::reference::{Situation, Tables, World};
use crate::run::question::{askable, name};
use crate::run::stage::Stage;
use crate::run::{model, question};
use crate::topology::model::{Always, Kind, LinkId, NodeId, Topology};

/// What breaks each of them now; `None` where that is not known, or where it is
/// counted otherwise.
pub(super) async fn look<S: Stage>(
    stage: &S,
    situation: &Situation,
    all: &[Watched],
    memory: &mut Memory,
) -> Vec<Option<Vec<String>>> {
    let carried = carried(stage, memory);
    let mut seen = Vec::new();
    for watched in all {
        let found = match watched.invariant.what {
            Always::NoLoops | Always::Duplicates => None,
            Always::OneDr => one_dr(stage, situation).await.ok(),
            Always::IifIsRpf => iif_is_rpf(stage, situation).await.ok(),
            Always::NoRegister => Some(registers(stage, situation, memory).await),
            Always::MfcMatchesDaemon => forwarded(stage, situation, &carried).await.ok(),
            Always::NoUnwantedTraffic => wanted::traffic(stage, situation, &carried).await.ok(),
            Always::OneAssertWinner => asserts::winners(stage, situation).await.ok(),
            Always::OifIsWanted => wanted::interfaces(stage, situation).await.ok(),
        };
        seen.push(found);
    }
    seen
}

/// What single datagrams have broken since the last call, by whom.
pub(super) fn count<S: Stage>(stage: &S, what: Always, memory: &mut Memory) -> Vec<(String, u64)> {
    match what {
        Always::Duplicates => copies(stage, memory),
        Always::NoLoops => {
            let since = memory.looped_ns;
            memory.looped_ns = stage.now_ns();
            let count = stage.looped(since);
            vec![(format!("{count} datagrams came by a router again"), count)]
        }
        Always::OneDr
        | Always::IifIsRpf
        | Always::NoRegister
        | Always::MfcMatchesDaemon
        | Always::NoUnwantedTraffic
        | Always::OneAssertWinner
        | Always::OifIsWanted => Vec::new(),
    }
}

fn copies<S: Stage>(stage: &S, memory: &mut Memory) -> Vec<(String, u64)> {
    let ledger = stage.ledger().borrow();
    let receivers = stage.topology().receivers.iter().enumerate();
    let mut counted = Vec::new();
    for (at, receiver) in receivers {
        let flows = ledger.sessions(at).flat_map(|one| &one.latest().flows);
        let now: u64 = flows.map(|flow| flow.duplicated).sum();
        let before = memory.copies.insert(at, now).unwrap_or(0);
        let count = now.saturating_sub(before);
        counted.push((
            format!("{} got {count} datagrams again", receiver.name),
            count,
        ));
    }
    counted
}

async fn one_dr<S: Stage>(stage: &S, situation: &Situation) -> Result<Vec<String>, String> {
    let topology = stage.topology();
    let routers: BTreeSet<NodeId> = askable(topology, situation).collect();
    let mut findings = Vec::new();
    for link in &topology.links {
        let mut told = Vec::new();
        for (at, position) in link.ends.iter().filter(|end| routers.contains(&end.0)) {
            let node = topology.nodes.get(at.0);
            let interface = node.and_then(|node| node.interfaces.get(*position));
            let Some(interface) = interface else { continue };
            if situation.down.contains(&(*at, *position)) {
                continue;
            }
            let dr = question::dr(stage, *at, &interface.name).await?;
            told.extend(dr.map(|dr| (name(topology, *at), dr)));
        }
        let several: BTreeSet<Ipv4Addr> = told.iter().map(|(_, dr)| *dr).collect();
        if several.len() > 1 {
            let told = told.iter().map(|(at, dr)| format!("{at} has {dr}"));
            let told: Vec<String> = told.collect();
            findings.push(format!("the DR of {}: {}", link.name, told.join(", ")));
        }
    }
    Ok(findings)
}

/// The groups of the file.
fn groups(topology: &Topology) -> BTreeSet<Ipv4Addr> {
    let sent = topology.sources.iter().flat_map(|one| &one.groups);
    sent.copied().filter(Ipv4Addr::is_multicast).collect()
}

async fn iif_is_rpf<S: Stage>(stage: &S, situation: &Situation) -> Result<Vec<String>, String> {
    let topology = stage.topology();
    let nobody = BTreeSet::new();
    let world = World::new(topology, situation, &nobody)?;
    let mut findings = Vec::new();
    for group in groups(topology) {
        let told = question::tables(stage, group, situation).await?;
        for (at, table) in told.iter().flatten() {
            for entry in table.iter().filter(|one| one.group == Some(group)) {
                findings.extend(wrong_iif(topology, &world, *at, group, entry));
            }
        }
    }
    Ok(findings)
}

fn wrong_iif(
    topology: &Topology,
    world: &World<'_>,
    at: NodeId,
    group: Ipv4Addr,
    entry: &Mroute,
) -> Option<String> {
    // What forwards nothing takes nothing in; without SPTbit the RP tree counts.
    if entry.oif.is_empty() || (entry.source.is_some() && entry.spt == Some(false)) {
        return None;
    }
    let root = match entry.source {
        Some(source) => UnicastAddr::try_from(source).ok()?,
        None => world.rp_of(at, GroupAddr::try_from(group).ok()?).ok()?,
    };
    let (link, _) = world.step(at, root)?;
    let mut interfaces = topology.nodes.get(at.0)?.interfaces.iter();
    let rpf = &interfaces.find(|one| one.link == link)?.name;
    let iif = entry.iif.as_deref().unwrap_or("none");
    (iif != rpf).then(|| {
        let (entry, at) = (named(entry.source, group), name(topology, at));
        format!("{entry} at {at} comes from {iif}, and the way to {root} is {rpf}")
    })
}

async fn registers<S: Stage>(stage: &S, situation: &Situation, memory: &mut Memory) -> Vec<String> {
    let topology = stage.topology();
    let mut findings = Vec::new();
    for at in askable(topology, situation) {
        if !matches!(
            topology.nodes.get(at.0).map(|node| &node.kind),
            Some(Kind::Mcrd { .. })
        ) {
            continue;
        }
        let told = stage.ask(at, Method::StatsProtocols {}).await;
        let told: Vec<ProtocolCounters> = told.unwrap_or_default();
        let sent = told
            .iter()
            .filter_map(|one| one.counters.get("pim.tx.register"));
        let (sent, at) = (sent.sum(), name(topology, at));
        let before = memory.registers.insert(at.to_owned(), sent);
        if before.is_some_and(|before| sent > before) {
            findings.push(format!("{at} sends datagrams in Registers, {sent} so far"));
        }
    }
    findings
}

/// By group that somebody sends to, the links that have carried it since the last
/// look.
pub(super) type Carried = BTreeMap<Ipv4Addr, BTreeSet<LinkId>>;

fn carried<S: Stage>(stage: &S, memory: &mut Memory) -> Carried {
    let mut carried = Carried::new();
    for group in groups(stage.topology()) {
        let now = stage.by_link(group);
        let before = memory.carried.insert(group, now.clone());
        let (_, sending) = model::present(stage, group);
        if let Some(before) = before.filter(|_| !sending.is_empty()) {
            carried.insert(group, more(&before, &now));
        }
    }
    carried
}

/// Compares the links that the routers' tables lead over with those that carry
/// the datagrams.
async fn forwarded<S: Stage>(
    stage: &S,
    situation: &Situation,
    carried: &Carried,
) -> Result<Vec<String>, String> {
    let topology = stage.topology();
    let mut findings = Vec::new();
    for (group, carried) in carried {
        let Some(tables) = question::tables(stage, *group, situation).await? else {
            continue;
        };
        let (_, sending) = model::present(stage, *group);
        let led = led(topology, &tables, &sending, *group)?;
        findings.extend(differing(topology, *group, &led, carried));
    }
    Ok(findings)
}

fn more(before: &BTreeMap<LinkId, u64>, now: &BTreeMap<LinkId, u64>) -> BTreeSet<LinkId> {
    let grown = now.iter().filter(|(link, count)| {
        let then = before.get(link).copied().unwrap_or(0);
        **count > then
    });
    grown.map(|(link, _)| *link).collect()
}

fn led(
    topology: &Topology,
    tables: &Tables,
    sending: &BTreeSet<usize>,
    group: Ipv4Addr,
) -> Result<BTreeSet<LinkId>, String> {
    let mut links = BTreeSet::new();
    for source in sending {
        let (_, senders) = model::follow(topology, tables, *source, group)?;
        links.extend(senders.into_keys());
    }
    Ok(links)
}

fn differing(
    topology: &Topology,
    group: Ipv4Addr,
    led: &BTreeSet<LinkId>,
    carried: &BTreeSet<LinkId>,
) -> Vec<String> {
    let name = |link: &LinkId| topology.links.get(link.0).map_or("?", |link| &link.name);
    let silent = led.difference(carried);
    let silent = silent.map(|link| {
        format!(
            "routers forward {group} to {}, which carries none",
            name(link)
        )
    });
    let extra = carried.difference(led);
    let extra = extra.map(|link| {
        format!(
            "{} carries {group}, and no router forwards it there",
            name(link)
        )
    });
    silent.chain(extra).collect()
}
