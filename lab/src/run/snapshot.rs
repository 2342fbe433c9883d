//! The state of the whole network at one moment: of routers that are asked what they
//! know, of others what their kernel forwards by, of switches what they learned.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::question;
use super::stage::Stage;
use crate::assertion::router;
use crate::assertion::state::{Facts, State};
use crate::assertion::tables::Database;
use crate::reference::Situation;
use crate::topology::model::{Kind, LinkId, Medium, NodeId, Topology};

/// The groups of sources and receivers.
pub(super) fn groups(topology: &Topology) -> BTreeSet<Ipv4Addr> {
    let sent = topology.sources.iter().flat_map(|one| &one.groups);
    let joined = topology.receivers.iter().flat_map(|one| &one.groups);
    let all = sent.chain(joined).copied();
    all.filter(Ipv4Addr::is_multicast).collect()
}

/// What every router knows.
///
/// # Errors
/// Why a router does not tell it.
pub(super) async fn take<S: Stage>(stage: &S, situation: &Situation) -> Result<State, String> {
    let topology = stage.topology();
    let groups: Vec<Ipv4Addr> = groups(topology).into_iter().collect();
    let mut state = State::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        let at = NodeId(position);
        let told = match &node.kind {
            Kind::Host | Kind::Custom(_) => continue,
            _ if !situation.answers(at) => {
                let silent = ("daemon".to_owned(), "does not answer".to_owned());
                Ok(Facts::from([silent]))
            }
            Kind::Mcrd { .. } | Kind::Frr => question::facts(stage, at, &groups).await,
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => {
                forwarded(stage, at, &groups).await
            }
        };
        let facts = told.map_err(|reason| format!("{}: {reason}", node.name))?;
        state.insert(node.name.clone(), facts);
    }
    for (position, link) in topology.links.iter().enumerate() {
        if let Medium::Bridge { snooping: true, .. } = link.medium {
            let learned = stage.database(LinkId(position)).await;
            let learned = learned.map_err(|reason| format!("{}: {reason}", link.name))?;
            state.insert(link.name.clone(), members(&learned, &groups));
        }
    }
    Ok(state)
}

/// What a kernel forwards by.
async fn forwarded<S: Stage>(stage: &S, at: NodeId, groups: &[Ipv4Addr]) -> Result<Facts, String> {
    let table = stage.forwarding(at).await?.into_iter();
    let held = table.filter(|one| groups.contains(&one.group) && !one.oif.is_empty());
    let told = held.map(|one| {
        let about = format!("forwarding of {}", router::entry(one.source, one.group));
        let iif = one.iif.as_deref().unwrap_or("none");
        let oif: Vec<&str> = one.oif.iter().map(String::as_str).collect();
        (about, format!("iif {iif}  oif {}", oif.join(" ")))
    });
    Ok(told.collect())
}

/// What a switch has learned.
fn members(learned: &Database, groups: &[Ipv4Addr]) -> Facts {
    let of = learned
        .groups
        .iter()
        .filter(|(group, _)| groups.contains(group));
    let told = of.map(|(group, members)| {
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        (format!("members of {group}"), members.join(" "))
    });
    told.collect()
}
