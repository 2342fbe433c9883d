//! Where the time of an outage went: from the fault to the first router that
//! noticed, to the first Join that it caused, to the last change of forwarding
//! before packets came again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router::Event;
use mcr_wire::pim::{self, EncodedSource, JoinPrune};

use super::control::Control;
use super::notices::{Notice, What};
use crate::report::{LedgerRow, Reached};
use crate::topology::model::{LinkId, NodeId, Topology};

#[cfg(test)]
mod tests;

/// A router's event may be read so much later than the packet that it let pass.
const READ_LATE_NS: u64 = 1_000_000;

/// What a step's budgets are made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// When the network was disturbed first.
    pub fault_ns: u64,
    /// The messages on all links, with some from before.
    pub messages: &'a [Control],
    /// What nodes told, in the order of time.
    pub notices: &'a [Notice],
}

/// Adds to each outage that is over who noticed, joined and forwarded when.
pub fn fill(topology: &Topology, rows: &mut [LedgerRow], of: Sources<'_>) {
    if rows.iter().all(|row| row.budget.is_none()) {
        return;
    }
    let after = |node: NodeId, at_ns: u64| Reached {
        node: topology
            .nodes
            .get(node.0)
            .map_or_else(String::new, |node| node.name.clone()),
        after_ns: at_ns.saturating_sub(of.fault_ns),
    };
    let noticed = of.notices.iter().find(|notice| {
        notice.at_ns >= of.fault_ns && matches!(notice.what, What::Router(_) | What::Mroute { .. })
    });
    let joins = joins(topology, of);
    for row in rows {
        let Some(budget) = &mut row.budget else {
            continue;
        };
        let receiver = topology.receivers.iter().find(|r| r.name == row.receiver);
        let groups = receiver.map_or(&[][..], |receiver| &receiver.groups);
        let until = of.fault_ns + budget.arrived_ns;
        let in_time = |at_ns: u64| at_ns <= until + READ_LATE_NS;
        budget.noticed = noticed
            .filter(|notice| in_time(notice.at_ns))
            .map(|notice| after(notice.node, notice.at_ns));
        budget.joined = joins
            .iter()
            .find(|join| groups.contains(&join.group))
            .filter(|join| in_time(join.at_ns))
            .map(|join| after(join.by, join.at_ns));
        budget.forwarded = of
            .notices
            .iter()
            .filter(|notice| notice.at_ns >= of.fault_ns && in_time(notice.at_ns))
            .rfind(|notice| routed(&notice.what).is_some_and(|group| groups.contains(&group)))
            .map(|notice| after(notice.node, notice.at_ns));
    }
}

/// The group whose forwarding changed.
fn routed(what: &What) -> Option<Ipv4Addr> {
    match what {
        What::Mroute { group, .. } | What::Router(Event::Route { group, .. }) => Some(*group),
        What::Router(_) | What::Link { .. } => None,
        What::Ended | What::Died(_) | What::Missed(_) | What::Unheard(_) => None,
    }
}

/// A Join that is no refresh.
struct Join {
    at_ns: u64,
    by: NodeId,
    group: Ipv4Addr,
}

/// What a Join asks, of whom and where.
type Asked = (LinkId, Ipv4Addr, Ipv4Addr, Ipv4Addr, EncodedSource);

/// The Joins since the fault that ask for what was not asked for before. What was
/// asked for on a link is forgotten with a neighbor or an interface of it.
fn joins(topology: &Topology, of: Sources<'_>) -> Vec<Join> {
    let nodes = by_address(topology);
    let cuts = of.notices.iter();
    let mut cuts = cuts.filter_map(|notice| cut(topology, notice)).peekable();
    let mut asked: BTreeSet<Asked> = BTreeSet::new();
    let mut found = Vec::new();
    for message in of.messages {
        while let Some((_, link)) = cuts.next_if(|(at_ns, _)| *at_ns <= message.at_ns) {
            asked.retain(|(on, ..)| *on != link);
        }
        let Some(said) = join_prune(message) else {
            continue;
        };
        for block in &said.groups {
            let (to, group) = (said.upstream_neighbor, block.group.group);
            for source in &block.prunes {
                asked.remove(&(message.link, message.source, to, group, *source));
            }
            // Join(S,G,rpt) takes a Prune back, and asks for nothing new.
            let asks = |source: &&EncodedSource| source.wildcard || !source.rpt;
            for source in block.joins.iter().filter(asks) {
                let new = asked.insert((message.link, message.source, to, group, *source));
                if let (true, Some(by)) = (new, nodes.get(&message.source))
                    && message.at_ns >= of.fault_ns
                {
                    found.push(Join {
                        at_ns: message.at_ns,
                        by: *by,
                        group,
                    });
                }
            }
        }
    }
    found
}

fn join_prune(message: &Control) -> Option<JoinPrune> {
    if message.protocol != pim::PROTOCOL {
        return None;
    }
    match pim::Message::parse(&message.payload) {
        Ok(pim::Message::JoinPrune(said)) => Some(said),
        Ok(_) | Err(_) => None,
    }
}

/// A link of which a neighbor or an interface changed.
fn cut(topology: &Topology, notice: &Notice) -> Option<(u64, LinkId)> {
    let interface = match &notice.what {
        What::Link { interface, .. } | What::Router(Event::Neighbor { interface, .. }) => interface,
        What::Router(_) | What::Mroute { .. } => return None,
        What::Ended | What::Died(_) | What::Missed(_) | What::Unheard(_) => return None,
    };
    let node = topology.nodes.get(notice.node.0)?;
    let interface = node.interfaces.iter().find(|one| one.name == *interface)?;
    Some((notice.at_ns, interface.link))
}

fn by_address(topology: &Topology) -> BTreeMap<Ipv4Addr, NodeId> {
    let nodes = topology
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(number, node)| {
            let addresses = node.interfaces.iter().flat_map(|one| &one.addresses);
            addresses.map(move |address| (address.addr(), NodeId(number)))
        });
    nodes.collect()
}
