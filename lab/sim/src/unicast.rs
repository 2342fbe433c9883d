//! Unicast routes of all routers at once, as a link-state protocol would find
//! them: shortest paths by the cost of links, of equal ones the one over the
//! lowest next hop, or the highest.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_proto::id::IfIndex;
use mcr_proto::router::io::{Route, RouteNextHop};

use crate::link::Link;
use crate::network::NodeId;

/// RTPROT_KERNEL and RTPROT_OSPF of linux/rtnetlink.h.
const KERNEL: u8 = 2;
const OSPF: u8 = 188;

/// A router as unicast routing sees it.
#[derive(Clone, Copy, Debug)]
pub struct Speaker {
    /// Which one.
    pub node: NodeId,
    /// Its loopback address.
    pub loopback: Ipv4Addr,
    /// The interface of that address.
    pub loopback_iface: IfIndex,
    /// Of paths that cost the same it takes the one over the highest next hop,
    /// and not over the lowest.
    pub takes_highest: bool,
}

/// The first step of a path: the cost behind it decides, then the rank of the
/// gateway.
type Step = (u32, u32, Ipv4Addr, IfIndex);

fn first_step(of: Speaker, cost: u32, gateway: Ipv4Addr, iface: IfIndex) -> Step {
    let rank = u32::from(gateway);
    let rank = if of.takes_highest { !rank } else { rank };
    (cost, rank, gateway, iface)
}

/// The routes of one router over the links that are up, through the routers
/// that speak.
pub fn routes(speakers: &[Speaker], links: &[Link], of: Speaker) -> Vec<Route> {
    let mut routes = Vec::new();
    let mut prefixes: BTreeMap<Ipv4Net, Step> = BTreeMap::new();
    routes.push(connected(Ipv4Net::from(of.loopback), of.loopback_iface));
    for link in links.iter().filter(|link| link.up) {
        if let Some(port) = link.port(of.node) {
            routes.push(connected(link.net.trunc(), port.iface));
        }
    }
    let paths = paths(speakers, links, of);
    for speaker in speakers {
        if let Some(way) = paths.get(&speaker.node).copied() {
            let (cost, rank, gateway, iface) = way;
            offer(&mut prefixes, Ipv4Net::from(speaker.loopback), way);
            for link in links.iter().filter(|link| link.up) {
                if link.port(speaker.node).is_some() && link.port(of.node).is_none() {
                    let cost = cost + link.cost(speaker.node);
                    offer(
                        &mut prefixes,
                        link.net.trunc(),
                        (cost, rank, gateway, iface),
                    );
                }
            }
        }
    }
    routes.extend(
        prefixes
            .into_iter()
            .map(|(prefix, way)| learned(prefix, way)),
    );
    routes
}

fn offer(prefixes: &mut BTreeMap<Ipv4Net, Step>, prefix: Ipv4Net, way: Step) {
    let best = prefixes.entry(prefix).or_insert(way);
    *best = (*best).min(way);
}

/// The best first step towards each other router.
fn paths(speakers: &[Speaker], links: &[Link], of: Speaker) -> BTreeMap<NodeId, Step> {
    let from = of.node;
    let speaks: BTreeSet<NodeId> = speakers.iter().map(|speaker| speaker.node).collect();
    let mut best: BTreeMap<NodeId, Step> = BTreeMap::new();
    let mut open: BTreeSet<(Step, NodeId)> = BTreeSet::new();
    let mut done = BTreeSet::from([from]);
    for (next, link) in neighbors(links, &speaks, from) {
        if let (Some(mine), Some(port)) = (link.port(from), link.port(next)) {
            let step = first_step(of, link.cost(from), port.address, mine.iface);
            open.insert((step, next));
        }
    }
    while let Some((step, node)) = open.pop_first() {
        if !done.insert(node) {
            continue;
        }
        best.insert(node, step);
        let (cost, rank, gateway, iface) = step;
        for (next, link) in neighbors(links, &speaks, node) {
            if !done.contains(&next) {
                let cost = cost + link.cost(node);
                open.insert(((cost, rank, gateway, iface), next));
            }
        }
    }
    best
}

fn neighbors<'a>(
    links: &'a [Link],
    speaks: &'a BTreeSet<NodeId>,
    of: NodeId,
) -> impl Iterator<Item = (NodeId, &'a Link)> {
    links
        .iter()
        .filter(move |link| link.up && link.port(of).is_some())
        .flat_map(|link| link.ports.iter().map(move |port| (port.node, link)))
        .filter(move |(node, _)| *node != of && speaks.contains(node))
}

/// The route that an interface's network has.
pub fn connected(prefix: Ipv4Net, iface: IfIndex) -> Route {
    Route {
        prefix,
        metric: 0,
        protocol: KERNEL,
        next_hops: vec![RouteNextHop {
            iface,
            gateway: None,
        }],
    }
}

fn learned(prefix: Ipv4Net, (cost, _, gateway, iface): Step) -> Route {
    Route {
        prefix,
        metric: cost,
        protocol: OSPF,
        next_hops: vec![RouteNextHop {
            iface,
            gateway: Some(gateway),
        }],
    }
}

/// The longest match.
pub fn lookup(routes: &[Route], to: Ipv4Addr) -> Option<RouteNextHop> {
    let matching = routes.iter().filter(|route| route.prefix.contains(&to));
    let longest = matching.max_by_key(|route| route.prefix.prefix_len())?;
    longest.next_hops.first().copied()
}

#[cfg(test)]
mod tests;
