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

/// The source tree of a flow once all routers have settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The links it goes over, with the only sender on each.
    pub links: BTreeMap<LinkId, NodeId>,
    /// Receivers that it reaches.
    pub receivers: BTreeSet<NodeId>,
    /// Links onto which several routers were asked to forward at some time:
    /// which of them does, an Assert decides, and what came before it.
    pub contested: BTreeSet<LinkId>,
}

impl Tree {
    /// The tree of what this host sends to the group.
    pub fn of(network: &Network, from: NodeId, group: GroupAddr) -> Tree {
        let source = network.address(from);
        let Some(first) = network.link_of(from) else {
            return Tree::default();
        };
        let mut tree = Tree::default();
        for receiver in network.hosts() {
            if receiver == from || !network.wants(receiver, source, group) {
                continue;
            }
            let Some(last) = network.link_of(receiver) else {
                continue;
            };
            let way = match last == first {
                true => Some(Vec::new()),
                false => network
                    .designated_router(last)
                    .and_then(|router| way_down(network, source, first, last, router)),
            };
            if let Some(way) = way {
                tree.receivers.insert(receiver);
                for (link, sender) in way {
                    let other = tree.links.insert(link, sender);
                    if other.is_some_and(|other| other != sender) {
                        tree.contested.insert(link);
                    }
                }
            }
        }
        tree.links.insert(first, from);
        tree
    }
}

/// The links from the source's one down to a receiver's, each with its sender:
/// found upwards, from router to router, as each looks for the source.
fn way_down(
    network: &Network,
    source: UnicastAddr,
    first: LinkId,
    last: LinkId,
    designated: NodeId,
) -> Option<Vec<(LinkId, NodeId)>> {
    let mut way = Vec::new();
    let (mut router, mut below) = (designated, Some(last));
    // A way longer than there are routers goes in circles.
    for _ in network.routers() {
        let (up, next) = network.step(router, source)?;
        // The members' link is the one towards the source: the router above
        // forwards onto it, and the designated one need not.
        if let Some(below) = below.filter(|below| *below != up) {
            way.push((below, router));
        }
        match next {
            None => return (up == first).then_some(way),
            Some(next) => (router, below) = (next, Some(up)),
        }
    }
    None
}

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
            let name = super::network::name_of(port.iface)?;
            let config = router.config.interfaces.get(&name)?.pim.as_ref()?;
            router.router.as_ref()?;
            Some((config.dr_priority, port.address, port.node))
        });
        ports.max().map(|(_, _, node)| node)
    }

    /// The link towards an address, and the next router on it if there is one.
    fn step(&self, router: NodeId, to: UnicastAddr) -> Option<(LinkId, Option<NodeId>)> {
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
