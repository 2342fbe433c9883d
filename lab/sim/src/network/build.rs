//! Routers, links and hosts are put together, and configured.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_proto::config::{
    Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig, StaticRp,
};
use mcr_proto::id::{IfIndex, InterfaceName, MacAddr, UnicastAddr};
use mcr_proto::interface::Interface;
use mcr_proto::router::Input;
use mcr_wire::igmp::Version;

use super::{HostNode, LOOPBACK, Network, Node, NodeId, Role, SimRouter};
use crate::host::Host;
use crate::link::{Link, LinkId, LinkOptions, Port};
use crate::plane::Plane;

impl Network {
    /// A router, with nothing in its configuration but the interfaces that it
    /// gets.
    pub fn router(&mut self, name: &str) -> NodeId {
        let [high, low] = u16::try_from(self.nodes.len() + 1)
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        let own = vec![Ipv4Addr::new(10, 255, high, low).into()];
        self.add_router(name, Config::default(), name_of(LOOPBACK), own)
    }

    pub(super) fn add_router(
        &mut self,
        name: &str,
        config: Config,
        loopback: Option<InterfaceName>,
        own: Vec<Ipv4Net>,
    ) -> NodeId {
        let router = SimRouter {
            config,
            loopback: own.first().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Net::addr),
            own,
            router: None,
            plane: Plane::default(),
            routes: Vec::new(),
            takes_highest: false,
            suspended: None,
        };
        let node = self.node(name, Role::Router(Box::new(router)));
        let names = &mut self.nodes[node.0].names;
        names.extend(loopback.map(|name| (LOOPBACK, name)));
        node
    }

    pub(super) fn node(&mut self, name: &str, role: Role) -> NodeId {
        self.nodes.push(Node {
            name: name.to_owned(),
            ports: BTreeMap::new(),
            names: BTreeMap::new(),
            role,
            wake: None,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// A link between routers, with PIM and IGMP on it.
    pub fn link(&mut self, name: &str, routers: &[NodeId], options: LinkOptions) -> LinkId {
        let [high, low] = u16::try_from(self.links.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        let net = Ipv4Net::new_assert(Ipv4Addr::new(10, high, low, 0), 24);
        self.links.push(Link::new(name, net, options));
        let link = LinkId(self.links.len() - 1);
        for router in routers {
            self.attach(link, *router);
        }
        link
    }

    /// A host on a link.
    pub fn host(&mut self, name: &str, link: LinkId, version: Version) -> NodeId {
        let address = self.links[link.0].next_address();
        let role = Role::Host(Box::new(HostNode {
            host: Host::new(version),
            address: unicast_address(address),
            received: BTreeMap::new(),
            latest: BTreeMap::new(),
            heard: Vec::new(),
        }));
        let node = self.node(name, role);
        self.attach(link, node);
        node
    }

    fn attach(&mut self, link: LinkId, node: NodeId) {
        let number = u32::try_from(self.nodes[node.0].ports.len()).unwrap_or(0);
        let Some(iface) = IfIndex::new(LOOPBACK.get() + 1 + number) else {
            return;
        };
        let address = self.links[link.0].next_address();
        let prefix_len = self.links[link.0].net.prefix_len();
        self.links[link.0].ports.push(Port {
            node,
            iface,
            address,
            addresses: vec![Ipv4Net::new_assert(address, prefix_len)],
            up: true,
            carrier: true,
            passed: BTreeMap::new(),
        });
        self.nodes[node.0].ports.insert(iface, link);
        let Some(name) = name_of(iface) else { return };
        self.nodes[node.0].names.insert(iface, name.clone());
        if let Role::Router(router) = &mut self.nodes[node.0].role {
            router.config.interfaces.insert(
                name,
                InterfaceConfig {
                    pim: Some(PimInterfaceConfig::default()),
                    igmp: Some(IgmpInterfaceConfig::default()),
                },
            );
        }
    }

    /// Changes a router's configuration, also while it runs.
    pub fn configure(&mut self, node: NodeId, change: impl FnOnce(&mut Config)) {
        let Role::Router(router) = &mut self.nodes[node.0].role else {
            return;
        };
        change(&mut router.config);
        let config = router.config.clone();
        if router.router.is_some() {
            self.input(node, Input::Config(Box::new(config)));
        }
    }

    /// Changes every router's configuration.
    pub fn configure_all(&mut self, change: impl Fn(&mut Config)) {
        for node in self.routers() {
            self.configure(node, &change);
        }
    }

    /// Changes a router's configuration on a link.
    pub fn configure_on(
        &mut self,
        node: NodeId,
        link: LinkId,
        change: impl FnOnce(&mut InterfaceConfig),
    ) {
        let port = self.links[link.0].port(node);
        let names = &self.nodes[node.0].names;
        if let Some(name) = port.and_then(|port| names.get(&port.iface)).cloned() {
            self.configure(node, |config| {
                if let Some(iface) = config.interfaces.get_mut(&name) {
                    change(iface);
                }
            });
        }
    }

    /// All routers learn that this one is the RP of a range.
    pub fn rp(&mut self, node: NodeId, range: Ipv4Net) {
        let address = unicast_address(self.loopback(node));
        self.configure_all(|config| {
            config.pim.static_rps.push(StaticRp {
                address,
                groups: vec![range],
                priority: 192,
                r#override: false,
            });
        });
    }

    pub(super) fn interfaces(&self, node: NodeId) -> Vec<Interface> {
        let own = match &self.nodes[node.0].role {
            Role::Router(router) => router.own.clone(),
            Role::Host(_) => Vec::new(),
        };
        let named = |index| self.nodes[node.0].names.get(&index).cloned();
        let loopback = named(LOOPBACK).map(|name| interface(LOOPBACK, name, own, true));
        let ports = self.nodes[node.0].ports.values().filter_map(|link| {
            let link = &self.links[link.0];
            let port = link.port(node)?;
            let addresses = port.addresses.clone();
            let up = link.is_up_at(node);
            Some(interface(port.iface, named(port.iface)?, addresses, up))
        });
        loopback.into_iter().chain(ports).collect()
    }
}

fn name_of(iface: IfIndex) -> Option<InterfaceName> {
    format!("eth{iface}").parse().ok()
}

/// Every address of a simulated network is one of 10.0.0.0/8.
pub(super) fn unicast_address(address: Ipv4Addr) -> UnicastAddr {
    address
        .try_into()
        .unwrap_or_else(|_| unreachable!("{address} is not of 10.0.0.0/8"))
}

fn interface(index: IfIndex, name: InterfaceName, addresses: Vec<Ipv4Net>, up: bool) -> Interface {
    let primary = addresses.first().map_or([0; 4], |net| net.addr().octets());
    let [_, b, c, d] = primary;
    Interface {
        index,
        name,
        up,
        mtu: 1500,
        mac: MacAddr([2, 0, 0, b, c, d]),
        addresses,
        multicast: index != LOOPBACK,
    }
}
