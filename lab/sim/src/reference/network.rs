//! The reference computation over the simulator's own network.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_proto::id::{GroupAddr, UnicastAddr};

use super::{Choice, Flow, Scene, Step, Tree};
use crate::link::LinkId;
use crate::network::{Network, NodeId, Role};
use crate::unicast;

impl Tree {
    /// The tree of what this host sends to the group.
    pub fn of(network: &Network, from: NodeId, group: GroupAddr, choice: Choice<'_>) -> Tree {
        let source = network.address(from);
        let Some(first) = network.link_of(from) else {
            return Tree::default();
        };
        let receivers = receivers(network, from, group);
        let flow = Flow {
            from,
            source,
            first,
            receivers,
        };
        Tree::grown(network, &flow, choice)
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

impl Scene for Network {
    type Node = NodeId;
    type Link = LinkId;

    fn is_up(&self, link: LinkId) -> bool {
        Network::is_up(self, link)
    }

    fn routers(&self) -> Vec<NodeId> {
        Network::routers(self)
    }

    fn routers_on(&self, link: LinkId) -> BTreeSet<NodeId> {
        Network::routers_on(self, link)
    }

    fn designated_router(&self, link: LinkId) -> Option<NodeId> {
        Network::designated_router(self, link)
    }

    fn step(&self, router: NodeId, to: UnicastAddr) -> Option<Step<Network>> {
        Network::step(self, router, to)
    }

    fn cost(&self, router: NodeId, to: UnicastAddr) -> Option<u64> {
        let Role::Router(state) = &self.nodes[router.0].role else {
            return None;
        };
        let matching = state.routes.iter();
        let matching = matching.filter(|route| route.prefix.contains(&to.get()));
        let longest = matching.max_by_key(|route| route.prefix.prefix_len())?;
        Some(u64::from(longest.metric))
    }

    fn address_on(&self, node: NodeId, link: LinkId) -> Option<Ipv4Addr> {
        Network::address_on(self, node, link)
    }

    fn owner(&self, address: UnicastAddr) -> Option<NodeId> {
        let mut routers = Network::routers(self).into_iter();
        routers.find(|node| self.loopback(*node) == address.get())
    }
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

    /// The link towards an address, and the next router on it if there is one.
    pub fn step(&self, router: NodeId, to: UnicastAddr) -> Option<Step<Network>> {
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
