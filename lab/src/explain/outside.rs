//! What is known of a router that cannot be asked: what its kernel routes and
//! forwards by, and what it said on its links.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::heard::Heard;
use super::told::{Igmp, Member, Mroute, Pim, Rp, Told};
use crate::assertion::router::Rpf;
use crate::assertion::tables::Forwarding;
use crate::topology::model::{Interface, Kind, Node};

#[cfg(test)]
mod tests;

/// What is known of a node from outside: `forwarding` are its kernel's entries
/// of the group.
#[must_use]
pub fn told(
    node: &Node,
    (group, source): (Ipv4Addr, Ipv4Addr),
    heard: &Heard,
    forwarding: Vec<Forwarding>,
) -> Told {
    let mut told = Told {
        rp: rp(node, group, source, heard),
        forwarding,
        ..Told::default()
    };
    for interface in &node.interfaces {
        on_interface(&mut told, interface, heard);
    }
    if speaks_pim(&node.kind) || !told.pim.is_empty() {
        told.mroutes = mroutes(node, source, heard, &told.forwarding);
    }
    told
}

fn speaks_pim(kind: &Kind) -> bool {
    match kind {
        Kind::Mcrd { .. } | Kind::Frr | Kind::Pimd => true,
        Kind::Smcroute { .. } | Kind::Kernel | Kind::Host | Kind::Custom(_) => false,
    }
}

fn has(interface: &Interface, address: Ipv4Addr) -> bool {
    let mut own = interface.addresses.iter();
    own.any(|net| net.addr() == address)
}

/// What is said on one of its links.
fn on_interface(told: &mut Told, interface: &Interface, heard: &Heard) {
    let (link, name) = (interface.link, &interface.name);
    let own = |address: &Ipv4Addr| has(interface, *address);
    let mut queries = heard.queries.iter();
    let query = queries.find(|((on, from), _)| *on == link && own(from));
    let speaks = heard.speakers(link).any(|(from, _)| own(&from));
    if speaks {
        let dr = heard.dr(link);
        told.pim.push(Pim {
            interface: name.clone(),
            up: true,
            passive: Some(false),
            dr,
            is_dr: dr.is_some_and(|dr| own(&dr)),
        });
        let others = heard.speakers(link).filter(|(from, _)| !own(from));
        let others = others.map(|(from, _)| (name.clone(), from));
        told.neighbors.extend(others);
    }
    // A router with PIM has members without being the querier.
    if query.is_some() || speaks {
        told.igmp.push(Igmp {
            interface: name.clone(),
            up: true,
            version: query.map(|(_, version)| *version),
        });
        let member = heard.members(link).next().map(|(host, report)| Member {
            interface: name.clone(),
            takes: true,
            version: Some(report.version),
            last_reporter: Some(host),
        });
        told.members.extend(member);
    }
}

/// The RP that it names in Joins or sends Registers to, or the one that the lab
/// has told it.
fn rp(node: &Node, group: Ipv4Addr, source: Ipv4Addr, heard: &Heard) -> Option<Rp> {
    let own = |address: Ipv4Addr| node.interfaces.iter().any(|one| has(one, address));
    let mut joined = heard.rps.iter();
    let joined = joined.find(|((_, from), _)| own(*from)).map(|(_, rp)| *rp);
    let mut registered = heard.registers.keys();
    let registered = registered.find(|(_, from, _)| own(*from));
    let said = |rp, reason: &str| Rp {
        rp: Some(rp),
        reason: reason.to_owned(),
        source_specific: None,
    };
    if let Some(rp) = joined {
        return Some(said(rp, "It names it in its Joins."));
    }
    if let Some((_, _, rp)) = registered {
        let reason = format!("It sends it Registers of {source}.");
        return Some(said(*rp, &reason));
    }
    if node.own.as_ref().is_some_and(|own| own.instead) {
        return None;
    }
    let ranges = node.router.iter().flat_map(|router| &router.rps);
    let ranges = ranges.flat_map(|rp| rp.groups.iter().map(|range| (rp.address, range)));
    let best = ranges
        .filter(|(_, range)| range.contains(&group))
        .max_by_key(|(_, range)| range.prefix_len());
    best.map(|(rp, _)| said(rp, "Its configuration is the lab's."))
}

/// The entries that it may have. Whether it has one can be seen only where its
/// kernel forwards, or where it has joined.
fn mroutes(node: &Node, source: Ipv4Addr, heard: &Heard, forwarding: &[Forwarding]) -> Vec<Mroute> {
    let own = |address: Ipv4Addr| node.interfaces.iter().any(|one| has(one, address));
    let olist = entry(forwarding, source).map(|entry| links_of(node, entry));
    let of = [None, Some(source)].into_iter().map(|tree| {
        let mut joins = heard.joins.keys();
        let joined = joins.any(|join| join.source == tree && own(join.from));
        Mroute {
            source: tree,
            olist: olist.clone(),
            // Others may have joined in its place.
            joined: joined.then_some(true),
            spt_bit: None,
            register: None,
            interfaces: BTreeMap::new(),
        }
    });
    of.collect()
}

/// The entry that datagrams of a source meet.
#[must_use]
pub fn entry(forwarding: &[Forwarding], source: Ipv4Addr) -> Option<&Forwarding> {
    let of = |wanted| forwarding.iter().find(move |one| one.source == wanted);
    of(Some(source)).or_else(|| of(None))
}

/// The outgoing interfaces that lead to links: not those of Registers.
fn links_of(node: &Node, entry: &Forwarding) -> Vec<String> {
    let known = node.interfaces.iter().map(|one| &one.name);
    known
        .filter(|name| entry.oif.contains(*name))
        .cloned()
        .collect()
}

/// A way as a table of unicast routes tells it, in mcrd's form.
#[must_use]
pub fn way(node: &Node, address: Ipv4Addr, told: Rpf, table: &str) -> api::RpfOf {
    let links = node.interfaces.iter().flat_map(|one| &one.addresses);
    let is_me = links.chain(&node.loopback).any(|net| net.addr() == address);
    let reason = match &told.interface {
        Some(_) => format!("by {table}"),
        None => format!("{table} has no route to it"),
    };
    api::RpfOf {
        address,
        connected: told.interface.is_some() && told.neighbor.is_none() && !is_me,
        interface: told.interface,
        next_hop: told.neighbor,
        neighbor: None,
        is_me,
        preference: None,
        metric: None,
        reason,
    }
}
