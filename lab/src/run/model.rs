//! Compares what is forwarded with the reference model: by the tables of the
//! routers, and by the datagrams on the links.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::observe::Scene;
use super::question;
use super::stage::Stage;
use crate::assertion::Observed;
use crate::reference::{
    self, Forwarded, Sending, Tables, Undetermined, World, differences, forwarded, told,
};
use crate::topology::model::{LinkId, NodeId, Topology};

/// Looks at a group's trees; `carried` are the links that show its datagrams.
pub(super) async fn look<S: Stage>(
    scene: &Scene<'_, S>,
    group: Ipv4Addr,
    carried: &BTreeSet<LinkId>,
) -> Observed {
    let asked = question::tables(scene.stage, group, scene.situation).await;
    match asked.and_then(|tables| compared(scene, group, carried, tables.as_ref())) {
        Ok(observed) => observed,
        Err(reason) => Observed::not_yet(reason),
    }
}

fn compared<S: Stage>(
    scene: &Scene<'_, S>,
    group: Ipv4Addr,
    carried: &BTreeSet<LinkId>,
    tables: Option<&Tables>,
) -> Result<Observed, String> {
    let topology = scene.stage.topology();
    let (joined, sending) = present(scene.stage, group);
    if sending.is_empty() {
        return Err(format!("nobody sends to {group}"));
    }
    let world = World::new(topology, scene.situation, &joined).map_err(no_answer)?;
    let (mut missed, mut measured) = (Vec::new(), Vec::new());
    let mut links = BTreeSet::new();
    for source in sending {
        let (seen, senders) = match tables {
            Some(tables) => follow(topology, tables, source, group)?,
            None => (Forwarded::new(), Sending::new()),
        };
        let right = reference::right(&world, source, group, &senders).map_err(no_answer)?;
        let name = topology
            .sources
            .get(source)
            .map_or("?", |source| &source.name);
        if tables.is_some() {
            let lines = differences(topology, &right, &seen).into_iter();
            missed.extend(lines.map(|line| format!("of {name}: {line}")));
            missed.extend(doubled(topology, &senders, name));
        }
        measured.push(format!(
            "of {name}, by the model: {}",
            told(topology, &right)
        ));
        links.extend(right.links);
    }
    missed.extend(by_links(topology, &links, carried));
    Ok(Observed::judged(measured.join("; "), missed))
}

/// Why the model does not tell what must be.
pub(super) fn no_answer(reason: Undetermined) -> String {
    format!("the model has no answer: {reason}")
}

/// Who has joined, and who sends to the group.
pub(super) fn present<S: Stage>(stage: &S, group: Ipv4Addr) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let topology = stage.topology();
    let ledger = stage.ledger().borrow();
    let running = ledger.runs().filter(|run| !run.ended);
    let sending = running.map(|run| run.source).filter(|source| {
        let source = topology.sources.get(*source);
        source.is_some_and(|source| source.groups.contains(&group))
    });
    (joined(stage), sending.collect())
}

/// The receivers that have joined.
pub(super) fn joined<S: Stage>(stage: &S) -> BTreeSet<usize> {
    let ledger = stage.ledger().borrow();
    let receivers = 0..stage.topology().receivers.len();
    let joined = receivers.filter(|at| {
        let mut sessions = ledger.sessions(*at);
        sessions.any(|session| session.ended_at.is_none())
    });
    joined.collect()
}

/// Follows a source's packets by the tables.
pub(super) fn follow(
    topology: &Topology,
    tables: &Tables,
    source: usize,
    group: Ipv4Addr,
) -> Result<(Forwarded, Sending), String> {
    Ok(forwarded(topology, tables, start(topology, source)?, group))
}

/// Where a source is, its address and its link.
pub(super) fn start(
    topology: &Topology,
    source: usize,
) -> Result<(NodeId, Ipv4Addr, LinkId), String> {
    let source = topology.sources.get(source);
    let source = source.ok_or("there is no such source")?;
    let node = topology.nodes.get(source.at.0);
    let interface = node.and_then(|node| node.interfaces.get(source.interface));
    let address = interface.and_then(|interface| interface.addresses.first());
    let (interface, address) = interface.zip(address).ok_or("the source has no address")?;
    Ok((source.at, address.addr(), interface.link))
}

/// Links that several send onto.
fn doubled(topology: &Topology, senders: &Sending, source: &str) -> Vec<String> {
    let several = senders.iter().filter(|(_, who)| who.len() > 1);
    several
        .map(|(link, who)| {
            let link = topology.links.get(link.0).map_or("?", |link| &link.name);
            format!("of {source}: {} all send onto {link}", names(topology, who))
        })
        .collect()
}

fn names(topology: &Topology, nodes: &BTreeSet<NodeId>) -> String {
    let nodes = nodes.iter().filter_map(|at| topology.nodes.get(at.0));
    let nodes: Vec<&str> = nodes.map(|node| node.name.as_str()).collect();
    nodes.join(", ")
}

/// Datagrams on links that are not of the tree, and links of it without any.
fn by_links(
    topology: &Topology,
    right: &BTreeSet<LinkId>,
    carried: &BTreeSet<LinkId>,
) -> Vec<String> {
    let name = |link: &LinkId| topology.links.get(link.0).map_or("?", |link| &link.name);
    let extra = carried.difference(right);
    let extra = extra.map(|link| format!("{} carries it, the model does not", name(link)));
    let lacking = right.difference(carried);
    let lacking = lacking.map(|link| format!("{} does not carry it, the model does", name(link)));
    extra.chain(lacking).collect()
}
