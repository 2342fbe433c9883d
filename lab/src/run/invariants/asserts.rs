//! Who has won the Asserts of a link, as its routers see it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router::AssertState;

use crate::assertion::router::entry;
use crate::reference::{Situation, Tables};
use crate::run::question::{self, name};
use crate::run::stage::Stage;
use crate::topology::model::{Kind, Link, NodeId, Topology};

#[cfg(test)]
mod tests;

/// A tree: its group and its source.
type Key = (Ipv4Addr, Option<Ipv4Addr>);

/// Asserts of which routers of a link name different winners.
pub(super) async fn winners<S: Stage>(
    stage: &S,
    situation: &Situation,
) -> Result<Vec<String>, String> {
    let tables = question::entries(stage, None, situation).await?;
    Ok(disputed(stage.topology(), situation, &tables))
}

fn disputed(topology: &Topology, situation: &Situation, tables: &Tables) -> Vec<String> {
    let mut findings = Vec::new();
    for link in &topology.links {
        for ((group, source), told) in told(topology, situation, link, tables) {
            let several: BTreeSet<Option<Ipv4Addr>> = told.values().copied().collect();
            if several.len() < 2 {
                continue;
            }
            let told = told.iter().map(|(at, winner)| {
                let winner = winner.map_or_else(|| "none".to_owned(), |one| one.to_string());
                format!("{} has {winner}", name(topology, *at))
            });
            let told: Vec<String> = told.collect();
            let entry = entry(source, group);
            let told = told.join(", ");
            findings.push(format!(
                "the Assert winner of {entry} on {}: {told}",
                link.name
            ));
        }
    }
    findings
}

/// By tree, whom each router of a link takes for the winner: those that have won
/// or lost, and those that another one names.
fn told(
    topology: &Topology,
    situation: &Situation,
    link: &Link,
    tables: &Tables,
) -> BTreeMap<Key, BTreeMap<NodeId, Option<Ipv4Addr>>> {
    let mut told: BTreeMap<Key, BTreeMap<NodeId, Option<Ipv4Addr>>> = BTreeMap::new();
    let mut asked: BTreeMap<Ipv4Addr, NodeId> = BTreeMap::new();
    for (at, position) in &link.ends {
        // FRR does not tell its Asserts.
        let node = topology.nodes.get(at.0);
        let node = node.filter(|node| matches!(node.kind, Kind::Mcrd { .. }));
        let interface = node.and_then(|node| node.interfaces.get(*position));
        let own = interface.and_then(|one| one.addresses.first());
        let table = tables.get(at);
        let table = table.filter(|_| !situation.down.contains(&(*at, *position)));
        let (Some(interface), Some(own), Some(table)) = (interface, own, table) else {
            continue;
        };
        asked.insert(own.addr(), *at);
        for one in table {
            let assert = one.asserts.as_ref();
            let assert = assert.and_then(|all| all.get(&interface.name));
            let (Some(assert), Some(group)) = (assert, one.group) else {
                continue;
            };
            let winner = match assert.state {
                AssertState::NoInfo => continue,
                AssertState::Winner => Some(own.addr()),
                AssertState::Loser => assert.winner,
            };
            let winners = told.entry((group, one.source)).or_default();
            winners.insert(*at, winner);
        }
    }
    for winners in told.values_mut() {
        let named: Vec<NodeId> = winners
            .values()
            .filter_map(|winner| asked.get(winner.as_ref()?).copied())
            .collect();
        for at in named {
            winners.entry(at).or_insert(None);
        }
    }
    told
}
