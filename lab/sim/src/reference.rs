//! The tree that must be, computed without any protocol: from who is where, who
//! wants what, and which way unicast routes lead.
//!
//! Nothing is remembered between calls, and nothing is shared with the machines
//! that are checked, except the unicast routes.

use std::collections::{BTreeMap, BTreeSet};

use mcr_proto::id::{GroupAddr, UnicastAddr};

use crate::link::LinkId;
use crate::network::{Network, NodeId, Role};
use crate::unicast;

/// Routers that are asked to forward onto each link.
pub type Claims = BTreeMap<LinkId, BTreeSet<NodeId>>;

/// Who sends onto each link.
pub type Senders = BTreeMap<LinkId, BTreeSet<NodeId>>;

/// The source tree of a flow once all routers have settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The links it goes over, with the only sender on each.
    pub links: BTreeMap<LinkId, NodeId>,
    /// Receivers that it reaches.
    pub receivers: BTreeSet<NodeId>,
    /// Links onto which several routers are asked to forward: which of them
    /// does, an Assert decides.
    pub contested: BTreeSet<LinkId>,
}

/// Who may be the forwarder of a link for which an Assert was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The best of those that the source tree asks: nothing was ever different,
    /// and there is no other tree (RFC 7761 §4.6.3).
    Best,
    /// One of those that are asked for it on the way to the source or to the
    /// RP, and of these the one that does it.
    Asked(&'a Senders, UnicastAddr),
    /// Whoever can: an Assert that was needed some time ago may have made it
    /// the one, and it stays so while there are receivers on the link.
    Able(&'a Senders),
}

impl Tree {
    /// The tree of what this host sends to the group.
    pub fn of(network: &Network, from: NodeId, group: GroupAddr, choice: Choice<'_>) -> Tree {
        let source = network.address(from);
        let Some(first) = network.link_of(from) else {
            return Tree::default();
        };
        let receivers = receivers(network, from, group);
        let mut claims = claims(network, source, &receivers);
        let mut tree = Tree::default();
        tree.links.insert(first, from);
        for (receiver, last) in receivers {
            let reached = match last == first {
                true => network.is_up(first),
                false => tree.grow(network, source, last, &mut claims, choice),
            };
            if reached {
                tree.receivers.insert(receiver);
            }
        }
        let several = claims.iter().filter(|(_, asked)| asked.len() > 1);
        tree.contested = several.map(|(link, _)| *link).collect();
        tree
    }

    /// Adds the links from the tree to a receiver's one; whether there are any.
    fn grow(
        &mut self,
        network: &Network,
        source: UnicastAddr,
        last: LinkId,
        claims: &mut Claims,
        choice: Choice<'_>,
    ) -> bool {
        let mut way = Vec::new();
        let mut link = last;
        while !self.links.contains_key(&link) {
            let in_circles = way.iter().any(|(known, _)| *known == link);
            let sender = forwarder(network, source, link, claims, choice);
            let Some((sender, (up, next))) = sender.filter(|_| !in_circles) else {
                return false;
            };
            // A forwarder that nobody asks, by an old Assert, asks others.
            claims.entry(up).or_default().extend(next);
            way.push((link, sender));
            link = up;
        }
        self.links.extend(way);
        true
    }
}

/// Hosts that want the group from the sender, with their links.
fn receivers(network: &Network, from: NodeId, group: GroupAddr) -> Vec<(NodeId, LinkId)> {
    let source = network.address(from);
    let hosts = network.hosts().into_iter();
    hosts
        .filter(|host| *host != from && network.wants(*host, source, group))
        .filter_map(|host| Some((host, network.link_of(host)?)))
        .collect()
}

/// Who is asked by the routers on the ways from the receivers to the address.
fn claims(network: &Network, to: UnicastAddr, receivers: &[(NodeId, LinkId)]) -> Claims {
    let mut claims = Claims::new();
    for (_, last) in receivers {
        let Some(designated) = network.designated_router(*last) else {
            continue;
        };
        for (link, sender) in way_down(network, to, Some(*last), designated) {
            claims.entry(link).or_default().insert(sender);
        }
    }
    claims
}

/// The forwarder of a link, with its own way on.
fn forwarder(
    network: &Network,
    source: UnicastAddr,
    link: LinkId,
    claims: &Claims,
    choice: Choice<'_>,
) -> Option<(NodeId, Step)> {
    let asked = claims.get(&link).cloned().unwrap_or_default();
    let (may, senders) = match choice {
        Choice::Best => (asked.clone(), None),
        Choice::Asked(senders, rp) => {
            let mut may = asked.clone();
            may.extend(asked_on(network, rp, link));
            may.extend(asked_on(network, source, link));
            may.extend(asked_by_rp(network, rp, source, link));
            (may, Some(senders))
        }
        Choice::Able(senders) => (network.routers_on(link), Some(senders)),
    };
    let able = |node: &NodeId| {
        let step = network.step(*node, source)?;
        (step.0 != link).then_some((*node, step))
    };
    let does = senders.and_then(|senders| senders.get(&link));
    let chosen = may.iter().filter_map(able);
    let chosen = chosen.filter(|(node, _)| does.is_some_and(|does| does.contains(node)));
    // RFC 7761 §4.6.3: the least preference and metric, then the highest
    // address.
    let best = || {
        asked.iter().filter_map(able).min_by_key(|(node, _)| {
            let cost = network.cost(*node, source);
            (cost, std::cmp::Reverse(network.address_on(*node, link)))
        })
    };
    chosen.into_iter().next().or_else(best)
}

/// Those on the link that others on it ask on their way to the address. For the
/// RP's tree these are routers with members or before others that have some; for
/// the source's, also who has won the (*,G) Assert of a link with members: it
/// serves them in place of their DR (RFC 7761 §4.1.6), and joins their sources,
/// be it over that link.
fn asked_on(network: &Network, to: UnicastAddr, link: LinkId) -> BTreeSet<NodeId> {
    let routers = network.routers_on(link).into_iter();
    routers
        .filter_map(|router| {
            let (up, next) = network.step(router, to)?;
            next.filter(|_| up == link)
        })
        .collect()
}

/// The router on the link that the RP asks for the source's packets, before the
/// last hops do.
fn asked_by_rp(
    network: &Network,
    rp: UnicastAddr,
    source: UnicastAddr,
    link: LinkId,
) -> Option<NodeId> {
    let mut routers = network.routers().into_iter();
    let rp = routers.find(|node| network.loopback(*node) == rp.get())?;
    let way = way_down(network, source, None, rp);
    way.into_iter()
        .find(|(of, _)| *of == link)
        .map(|(_, asked)| asked)
}

/// The links down to a receiver's, each with its sender: found upwards, from
/// router to router, as each looks for the source.
fn way_down(
    network: &Network,
    to: UnicastAddr,
    last: Option<LinkId>,
    lowest: NodeId,
) -> Vec<(LinkId, NodeId)> {
    let mut way = Vec::new();
    let (mut router, mut below) = (lowest, last);
    // A way longer than there are routers goes in circles.
    for _ in network.routers() {
        let Some((up, next)) = network.step(router, to) else {
            break;
        };
        // The members' link is the one towards the source: the router above
        // forwards onto it, and the designated one need not.
        if let Some(below) = below.filter(|below| *below != up) {
            way.push((below, router));
        }
        match next {
            None => break,
            Some(next) => (router, below) = (next, Some(up)),
        }
    }
    way
}

/// The link towards an address, and the next router on it if there is one.
pub type Step = (LinkId, Option<NodeId>);

impl Network {
    /// The link of a host.
    pub fn link_of(&self, host: NodeId) -> Option<LinkId> {
        self.nodes[host.0].ports.values().next().copied()
    }

    /// Whether a host wants packets of the source.
    pub fn wants(&self, host: NodeId, source: UnicastAddr, group: GroupAddr) -> bool {
        match &self.nodes[host.0].role {
            Role::Host(host) => host.host.wants(source, group),
            Role::Router(_) => false,
        }
    }

    /// The running router that must be the DR of a link: of the highest
    /// priority, of equal ones the one with the highest address.
    pub fn designated_router(&self, link: LinkId) -> Option<NodeId> {
        let link = self.links.get(link.0).filter(|link| link.up)?;
        let ports = link.ports.iter().filter_map(|port| {
            let Role::Router(router) = &self.nodes[port.node.0].role else {
                return None;
            };
            let name = self.nodes[port.node.0].names.get(&port.iface)?;
            let config = router.config.interfaces.get(name)?.pim.as_ref()?;
            router.router.as_ref()?;
            Some((config.dr_priority, port.address, port.node))
        });
        ports.max().map(|(_, _, node)| node)
    }

    /// Running routers on a link that is up.
    pub fn routers_on(&self, link: LinkId) -> BTreeSet<NodeId> {
        let ports = self.links[link.0].ports.iter();
        ports
            .map(|port| port.node)
            .filter(|node| self.is_up(link) && self.running(*node).is_some())
            .collect()
    }

    /// Whether a link is up.
    pub fn is_up(&self, link: LinkId) -> bool {
        self.links[link.0].up
    }

    /// Whether unicast routes lead from the router to the address.
    pub fn reaches(&self, router: NodeId, to: UnicastAddr) -> bool {
        let mut router = router;
        for _ in self.routers() {
            if self.loopback(router) == to.get() {
                return self.running(router).is_some();
            }
            match self.step(router, to) {
                Some((_, Some(next))) => router = next,
                Some((_, None)) => return true,
                None => return false,
            }
        }
        false
    }

    /// What the way to the address costs: nothing where it is on a link of the
    /// router.
    fn cost(&self, router: NodeId, to: UnicastAddr) -> Option<u32> {
        let Role::Router(state) = &self.nodes[router.0].role else {
            return None;
        };
        let matching = state.routes.iter();
        let matching = matching.filter(|route| route.prefix.contains(&to.get()));
        let longest = matching.max_by_key(|route| route.prefix.prefix_len())?;
        Some(longest.metric)
    }

    /// The link towards an address, and the next router on it if there is one.
    pub fn step(&self, router: NodeId, to: UnicastAddr) -> Option<Step> {
        let Role::Router(state) = &self.nodes[router.0].role else {
            return None;
        };
        state.router.as_ref()?;
        let hop = unicast::lookup(&state.routes, to.get())?;
        let link = *self.nodes[router.0].ports.get(&hop.iface)?;
        let next = match hop.gateway {
            None => None,
            Some(gateway) => {
                let mut ports = self.links[link.0].ports.iter();
                Some(ports.find(|port| port.address == gateway)?.node)
            }
        };
        Some((link, next))
    }
}
