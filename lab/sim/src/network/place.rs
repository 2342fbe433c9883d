//! Networks that are described somewhere else: names, addresses,
//! configurations and routes are given, and nothing is made up.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::config::Config;
use mcr_proto::id::{GroupAddr, IfIndex, InterfaceName, UnicastAddr};
use mcr_proto::router::io::Route;
use mcr_wire::igmp::Version;

use super::run::Happening;
use super::{Flow, FlowId, HostNode, LOOPBACK, Network, NodeId, Role};
use crate::host::Host;
use crate::link::{Link, LinkId, LinkOptions, Medium, Port};

/// The TTL of sources: no way in a small network is as long.
const TTL: u8 = 64;

/// What a source sends to a group.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The group.
    pub group: GroupAddr,
    /// The time between its packets.
    pub interval: Duration,
    /// The time before the first one.
    pub delay: Duration,
    /// Their TTL.
    pub ttl: u8,
    /// How many there are; until it is stopped otherwise.
    pub limit: Option<u64>,
}

impl Stream {
    /// One that begins at once and does not end.
    pub fn new(group: GroupAddr, interval: Duration) -> Stream {
        Stream {
            group,
            interval,
            delay: Duration::ZERO,
            ttl: TTL,
            limit: None,
        }
    }
}

impl Network {
    /// A router with these addresses on its loopback interface.
    pub fn place_router(
        &mut self,
        name: &str,
        config: Config,
        loopback: InterfaceName,
        own: Vec<Ipv4Net>,
    ) -> NodeId {
        self.add_router(name, config, Some(loopback), own)
    }

    /// A host, which is then to be plugged in once.
    pub fn place_host(&mut self, name: &str, address: UnicastAddr, version: Version) -> NodeId {
        let host = HostNode {
            host: Host::new(version),
            address,
            received: BTreeMap::new(),
            latest: BTreeMap::new(),
            heard: Vec::new(),
        };
        self.node(name, Role::Host(Box::new(host)))
    }

    /// A link without ends.
    pub fn place_link(
        &mut self,
        name: &str,
        net: Ipv4Net,
        medium: Medium,
        options: LinkOptions,
    ) -> LinkId {
        let mut link = Link::new(name, net, options);
        link.medium = medium;
        self.links.push(link);
        LinkId(self.links.len() - 1)
    }

    /// A node's interface on a link; `None` where there are too many.
    pub fn plug(
        &mut self,
        link: LinkId,
        node: NodeId,
        name: InterfaceName,
        addresses: Vec<Ipv4Net>,
    ) -> Option<IfIndex> {
        let number = u32::try_from(self.nodes[node.0].ports.len()).ok()?;
        let iface = IfIndex::new(LOOPBACK.get() + 1 + number)?;
        self.links[link.0].ports.push(Port {
            node,
            iface,
            address: addresses
                .first()
                .map_or(Ipv4Addr::UNSPECIFIED, Ipv4Net::addr),
            addresses,
            up: true,
            carrier: true,
            passed: BTreeMap::new(),
        });
        self.nodes[node.0].ports.insert(iface, link);
        self.nodes[node.0].names.insert(iface, name);
        Some(iface)
    }

    /// A node's interface is on the link no more.
    pub fn unplug(&mut self, link: LinkId, node: NodeId) {
        self.links[link.0].ports.retain(|port| port.node != node);
        self.nodes[node.0].ports.retain(|_, on| *on != link);
    }

    /// A node's interface by its name.
    pub fn iface_named(&self, node: NodeId, name: &str) -> Option<IfIndex> {
        let mut names = self.nodes[node.0].names.iter();
        names
            .find(|(_, known)| known.as_str() == name)
            .map(|(iface, _)| *iface)
    }

    /// The kernel's routes of a router from now on, beside those of its own
    /// networks. No unicast routing runs from the first call on.
    pub fn give_routes(&mut self, node: NodeId, routes: Vec<Route>) {
        self.given = true;
        let routes = self.as_connected(node, routes);
        self.set_routes(node, routes);
    }

    /// Sets an end of a link up or down.
    pub fn set_port(&mut self, link: LinkId, node: NodeId, up: bool) {
        let Some(port) = self.links[link.0].port_mut(node) else {
            return;
        };
        if std::mem::replace(&mut port.up, up) == up {
            return;
        }
        let alone = match self.links[link.0].medium {
            Medium::Wire => false,
            Medium::Hub | Medium::Snooping(_) => true,
        };
        let ends = self.links[link.0].ports.iter().map(|port| port.node);
        let changed: Vec<NodeId> = ends.filter(|end| !alone || *end == node).collect();
        for end in changed {
            self.carrier_changed(link, end);
        }
    }

    /// A node's end of a link loses its carrier, and the others keep theirs; or
    /// it has it again.
    pub fn set_carrier(&mut self, link: LinkId, node: NodeId, carrier: bool) {
        if let Some(port) = self.links[link.0].port_mut(node)
            && std::mem::replace(&mut port.carrier, carrier) != carrier
        {
            self.carrier_changed(link, node);
        }
    }

    /// A host speaks this version of IGMP from now on.
    pub fn set_version(&mut self, node: NodeId, version: Version) {
        if let Role::Host(host) = &mut self.nodes[node.0].role {
            host.host.set_version(version);
        }
    }

    /// A host sends a stream.
    pub fn send_stream(&mut self, node: NodeId, stream: Stream) -> FlowId {
        let id = FlowId(u32::try_from(self.flows.len()).unwrap_or(u32::MAX));
        let source = self.address(node);
        self.flows.push(Flow {
            from: node,
            source,
            group: stream.group,
            interval: stream.interval,
            ttl: stream.ttl,
            limit: stream.limit,
            sent: Vec::new(),
            on: true,
        });
        let at = self.now() + stream.delay;
        self.clock.plan(at, Happening::Send(id));
        id
    }
}
