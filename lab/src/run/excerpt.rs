//! The time line of a failed step: what was done, what links, kernels and
//! routers told, the messages, and when receivers had their first packet. What
//! is repeated and what is routine, as hellos and queries are, is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_wire::igmp::{self, RecordType};

use super::control::{Control, Said};
use super::notices::Notice;
use crate::report::LedgerRow;
use crate::report::timeline::{Moment, Timeline};
use crate::topology::model::{LinkId, Topology};

#[cfg(test)]
mod tests;

/// So many messages before the step are looked at, to know what is repeated.
pub const EARLIER: u64 = 2000;
/// Moments that are kept; those in the middle are left out first.
const KEPT: usize = 400;

/// What a step's time line is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// When it began.
    pub began_ns: u64,
    /// What was before is known, and not told.
    pub since_ns: u64,
    /// What it did, and when.
    pub done: &'a [(u64, String)],
    /// The messages on all links.
    pub messages: &'a [Control],
    /// What nodes told.
    pub notices: &'a [Notice],
    /// What receivers got.
    pub ledger: &'a [LedgerRow],
}

/// Puts it together. `None` where nothing happened.
#[must_use]
pub fn timeline(topology: &Topology, of: Sources<'_>) -> Option<Timeline> {
    let mut all = actions(of);
    all.extend(told(topology, of));
    all.extend(messages(topology, of));
    all.extend(first_packets(of));
    all.sort_by(|one, other| one.after.total_cmp(&other.after));
    let left_out = all.len().saturating_sub(KEPT);
    if left_out > 0 {
        let from = KEPT / 2;
        all.drain(from..from + left_out);
    }
    (!all.is_empty()).then_some(Timeline {
        moments: all,
        left_out,
    })
}

/// Seconds from the step's beginning; negative before it.
fn after(of: Sources<'_>, at_ns: u64) -> f64 {
    match at_ns.checked_sub(of.began_ns) {
        Some(since) => since as f64 / 1e9,
        None => -((of.began_ns - at_ns) as f64 / 1e9),
    }
}

fn actions(of: Sources<'_>) -> Vec<Moment> {
    let done = of.done.iter().map(|(at_ns, text)| Moment {
        after: after(of, *at_ns),
        node: "lab".to_owned(),
        kind: "action".to_owned(),
        text: text.clone(),
    });
    done.collect()
}

fn told(topology: &Topology, of: Sources<'_>) -> Vec<Moment> {
    let notices = of.notices.iter().map(|notice| {
        let node = topology.nodes.get(notice.node.0);
        Moment {
            after: after(of, notice.at_ns),
            node: node.map_or_else(String::new, |node| node.name.clone()),
            kind: notice.what.kind().to_owned(),
            text: notice.what.text(),
        }
    });
    notices.collect()
}

fn messages(topology: &Topology, of: Sources<'_>) -> Vec<Moment> {
    let owners = owners(topology);
    let mut known = Known::default();
    let mut moments = Vec::new();
    for message in of.messages {
        let Some(said) = message.said() else { continue };
        let routine = said.kind == "pim.hello" || is_routine(message);
        if routine || !known.is_new(message, &said) || message.at_ns < of.since_ns {
            continue;
        }
        let node = owners.get(&message.source);
        moments.push(Moment {
            after: after(of, message.at_ns),
            node: node.map_or_else(|| message.source.to_string(), |name| (*name).to_owned()),
            kind: said.kind.to_owned(),
            text: on_link(topology, message, &said),
        });
    }
    moments
}

fn on_link(topology: &Topology, message: &Control, said: &Said) -> String {
    let link = topology.links.get(message.link.0);
    let on = link.map_or("?", |link| &link.name);
    format!("{} {} on {on}", said.kind, said.text)
}

/// A message in one line, with the node that said it.
pub fn message(topology: &Topology, message: &Control) -> String {
    let Some(said) = message.said() else {
        return "?".to_owned();
    };
    let node = owners(topology).get(&message.source).copied();
    let node = node.map_or_else(|| message.source.to_string(), str::to_owned);
    format!("{node}: {}", on_link(topology, message, &said))
}

/// What each node said last on each link, by which refreshes are known.
#[derive(Default)]
struct Known {
    said: BTreeMap<(LinkId, Ipv4Addr), BTreeSet<(&'static str, String)>>,
}

impl Known {
    /// It is no repetition. A Prune lets the Joins before it be forgotten, and
    /// the other way round.
    fn is_new(&mut self, message: &Control, said: &Said) -> bool {
        let of_node = self.said.entry((message.link, message.source)).or_default();
        if !of_node.insert((said.kind, said.text.clone())) {
            return false;
        }
        let own = matter(said.kind);
        of_node.retain(|(kind, text)| match (own, matter(kind)) {
            (Matter::JoinPrune, Matter::JoinPrune) => *kind == said.kind,
            (Matter::Membership, Matter::Membership) => *text == said.text,
            _ => true,
        });
        true
    }
}

/// What messages are about that take each other back.
#[derive(Clone, Copy)]
enum Matter {
    JoinPrune,
    Membership,
    Other,
}

fn matter(kind: &str) -> Matter {
    match kind {
        "pim.join" | "pim.prune" | "pim.join-prune" => Matter::JoinPrune,
        _ if kind.starts_with("igmp.") => Matter::Membership,
        _ => Matter::Other,
    }
}

/// Queries, the answers to them, and memberships that are not routed.
fn is_routine(message: &Control) -> bool {
    if message.protocol != igmp::PROTOCOL {
        return false;
    }
    match igmp::Message::parse(&message.payload) {
        Ok(igmp::Message::Query(_)) => true,
        Ok(igmp::Message::ReportV3(records)) => records.iter().all(|record| {
            use RecordType as T;
            let answers = matches!(record.record_type, T::IsInclude | T::IsExclude);
            answers || is_local(record.group)
        }),
        Ok(
            igmp::Message::ReportV1(group)
            | igmp::Message::ReportV2(group)
            | igmp::Message::Leave(group),
        ) => is_local(group),
        Ok(igmp::Message::Unknown(_)) | Err(_) => false,
    }
}

/// 224.0.0.0/24, which routers never forward (RFC 5771 §4).
fn is_local(group: Ipv4Addr) -> bool {
    group.octets()[..3] == [224, 0, 0]
}

fn owners(topology: &Topology) -> BTreeMap<Ipv4Addr, &str> {
    let nodes = topology.nodes.iter().flat_map(|node| {
        let interfaces = node.interfaces.iter().flat_map(|one| &one.addresses);
        let all = interfaces.chain(&node.loopback);
        all.map(|address| (address.addr(), node.name.as_str()))
    });
    nodes.collect()
}

fn first_packets(of: Sources<'_>) -> Vec<Moment> {
    // Whoever was joined already had packets before.
    let joined = of.ledger.iter().filter(|row| row.join_ns.is_some());
    let rows = joined.filter_map(|row| {
        Some(Moment {
            after: row.first_ns? as f64 / 1e9,
            node: row.receiver.clone(),
            kind: "first packet".to_owned(),
            text: format!("first packet of {} after the join", row.source),
        })
    });
    rows.collect()
}
