//! Unicast routes that the lab computes itself: shortest paths by the links'
//! metrics. Without a routing protocol, what is measured is multicast's own
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::topology::model::{Kind, LinkId, Node, NodeId, Topology, Unicast};

#[cfg(test)]
mod tests;

/// Routes of a node: the next router and the metric, by destination.
pub type Routes = BTreeMap<Ipv4Net, (Ipv4Addr, u32)>;

/// Ends of links that are down: node and position in its interfaces.
pub type Down = BTreeSet<(NodeId, usize)>;

/// Networks to which routers have lost their routes.
pub type Lost = BTreeSet<(NodeId, Ipv4Net)>;

/// The best way to a router found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    metric: u32,
    /// The first router of the way; `None` at its start. Of equal ways the one
    /// with the lowest is taken, so that every run takes the same.
    first: Option<Ipv4Addr>,
}

/// The routes of every node, for the network without what is down or lost. Routers
/// have one for every network and loopback that is not their own; other nodes
/// have a default route by way of the first router beside them.
#[must_use]
pub fn routes(topology: &Topology, down: &Down, lost: &Lost) -> Vec<Routes> {
    let nodes = topology.nodes.iter().enumerate();
    nodes
        .map(|(position, node)| {
            if node.kind.is_router() {
                let node = NodeId(position);
                let mut routes = of_router(topology, down, node);
                routes.retain(|net, _| !lost.contains(&(node, *net)));
                routes
            } else if node.routes.is_empty() {
                of_host(topology, down, NodeId(position))
            } else {
                Routes::new()
            }
        })
        .collect()
}

/// The routes of every node where the lab sets none after a change: its own, but
/// for those that go with an interface that is down.
#[must_use]
pub fn own(topology: &Topology, down: &Down) -> Vec<Routes> {
    let of = |(position, node): (usize, &Node)| {
        let leads = |by: &Ipv4Addr| {
            let on = |net: &Ipv4Net| net.contains(by);
            let mut interfaces = node.interfaces.iter();
            let at = interfaces.position(|one| one.addresses.iter().any(on));
            at.is_none_or(|at| !down.contains(&(NodeId(position), at)))
        };
        let routes = node.routes.iter().filter(|(_, by)| leads(by));
        routes.map(|(to, by)| (*to, (*by, 0))).collect()
    };
    topology.nodes.iter().enumerate().map(of).collect()
}

/// Gives nodes of these kinds the routes of the whole network for their own, beside
/// those that they have.
pub fn settle(topology: &mut Topology, of: impl Fn(&Kind) -> bool) {
    let all = routes(topology, &Down::new(), &Lost::new());
    let nodes = topology.nodes.iter_mut().zip(all);
    for (node, routes) in nodes.filter(|(node, _)| of(&node.kind)) {
        for (net, (router, _)) in routes {
            if !node.routes.iter().any(|(known, _)| *known == net) {
                node.routes.push((net, router));
            }
        }
    }
}

/// When the nodes have the routes of a change, after the delay: the routers one
/// after the other in the file's order, all others with the first.
#[must_use]
pub fn turns(topology: &Topology) -> Vec<(Duration, Vec<NodeId>)> {
    let all = (0..topology.nodes.len()).map(NodeId);
    let skew = match topology.unicast {
        Unicast::Oracle { delay: _, skew } => skew,
        Unicast::None | Unicast::Static | Unicast::Ospf => Duration::ZERO,
    };
    if skew.is_zero() {
        return vec![(Duration::ZERO, all.collect())];
    }
    let is_router = |node: &NodeId| topology.nodes[node.0].kind.is_router();
    let (routers, others): (Vec<NodeId>, Vec<NodeId>) = all.partition(is_router);
    let last = u32::try_from(routers.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let turns = routers.into_iter().zip(0..);
    let turns = turns.map(|(router, turn)| (skew * turn / last.max(1), vec![router]));
    [(Duration::ZERO, others)]
        .into_iter()
        .chain(turns)
        .collect()
}

/// Neighbours of a node over links whose both ends are up: the neighbour, its
/// address there and the link.
fn neighbors(topology: &Topology, down: &Down, node: NodeId) -> Vec<(NodeId, Ipv4Addr, LinkId)> {
    let mut found = Vec::new();
    for (position, interface) in topology.nodes[node.0].interfaces.iter().enumerate() {
        if down.contains(&(node, position)) {
            continue;
        }
        for (other, end) in &topology.links[interface.link.0].ends {
            if *other == node || down.contains(&(*other, *end)) {
                continue;
            }
            let addresses = &topology.nodes[other.0].interfaces[*end].addresses;
            if let Some(address) = addresses.first() {
                found.push((*other, address.addr(), interface.link));
            }
        }
    }
    found
}

fn of_host(topology: &Topology, down: &Down, node: NodeId) -> Routes {
    let beside = neighbors(topology, down, node);
    let router = beside
        .iter()
        .filter(|(other, ..)| topology.nodes[other.0].kind.is_router())
        .min_by_key(|(other, ..)| *other);
    let route = router.map(|(_, address, _)| (Ipv4Net::default(), (*address, 0)));
    route.into_iter().collect()
}

fn of_router(topology: &Topology, down: &Down, node: NodeId) -> Routes {
    let ways = ways(topology, down, node);
    let mut best: BTreeMap<Ipv4Net, Way> = BTreeMap::new();
    for (router, way) in &ways {
        let model = &topology.nodes[router.0];
        let interfaces = model.interfaces.iter().enumerate();
        let up = interfaces.filter(|(position, _)| !down.contains(&(*router, *position)));
        let nets = up.flat_map(|(_, interface)| {
            let metric = topology.links[interface.link.0].metric;
            let nets = interface.addresses.iter().map(Ipv4Net::trunc);
            nets.map(move |net| (net, metric))
        });
        let loopbacks = model.loopback.iter().map(|lo| (lo.trunc(), 0));
        for (net, metric) in nets.chain(loopbacks) {
            let metric = way.metric.saturating_add(metric);
            let way = Way { metric, ..*way };
            let known = best.entry(net).or_insert(way);
            *known = way.min(*known);
        }
    }
    // What is connected has no first router, and needs no route.
    let own = |net: &Ipv4Net| {
        let own = &topology.nodes[node.0];
        let interfaces = own.interfaces.iter().flat_map(|one| &one.addresses);
        interfaces
            .chain(&own.loopback)
            .any(|one| one.trunc() == *net)
    };
    best.into_iter()
        .filter(|(net, _)| !own(net) || cut_off(topology, down, node, net))
        .filter_map(|(net, way)| Some((net, (way.first?, way.metric))))
        .collect()
}

/// The node is on this network only with ends that are down.
fn cut_off(topology: &Topology, down: &Down, node: NodeId, net: &Ipv4Net) -> bool {
    let model = &topology.nodes[node.0];
    let interfaces = model.interfaces.iter().enumerate();
    let mut on = interfaces.filter(|(_, one)| one.addresses.iter().any(|own| own.trunc() == *net));
    let has = on.clone().next().is_some();
    has && on.all(|(position, _)| down.contains(&(node, position)))
}

/// The best way to every router, by Dijkstra's algorithm.
fn ways(topology: &Topology, down: &Down, start: NodeId) -> BTreeMap<NodeId, Way> {
    let mut open = BTreeSet::from([(
        Way {
            metric: 0,
            first: None,
        },
        start,
    )]);
    let mut done: BTreeMap<NodeId, Way> = BTreeMap::new();
    while let Some((way, node)) = open.pop_first() {
        if done.contains_key(&node) {
            continue;
        }
        done.insert(node, way);
        for (other, address, link) in neighbors(topology, down, node) {
            if done.contains_key(&other) || !topology.nodes[other.0].kind.is_router() {
                continue;
            }
            let metric = way.metric.saturating_add(topology.links[link.0].metric);
            let first = way.first.or(Some(address));
            open.insert((Way { metric, first }, other));
        }
    }
    done
}
