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
        let router = SimRouter {
            config: Config::default(),
            loopback: Ipv4Addr::new(10, 255, high, low),
            router: None,
            plane: Plane::default(),
            routes: Vec::new(),
            takes_highest: false,
            suspended: None,
        };
        self.node(name, Role::Router(Box::new(router)))
    }

    fn node(&mut self, name: &str, role: Role) -> NodeId {
        self.nodes.push(Node {
            name: name.to_owned(),
            ports: BTreeMap::new(),
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
        let role = Role::Host(HostNode {
            host: Host::new(version),
            address: unicast_address(address),
            received: BTreeMap::new(),
            latest: BTreeMap::new(),
        });
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
        self.links[link.0].ports.push(Port {
            node,
            iface,
            address,
        });
        self.nodes[node.0].ports.insert(iface, link);
        if let (Role::Router(router), Some(name)) = (&mut self.nodes[node.0].role, name_of(iface)) {
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
        if let Some(name) = port.and_then(|port| name_of(port.iface)) {
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
        let loopback = interface(LOOPBACK, self.loopback(node), 32);
        let ports = self.nodes[node.0].ports.values().filter_map(|link| {
            let link = &self.links[link.0];
            let port = link.port(node)?;
            let up = link.up;
            let interface = interface(port.iface, port.address, link.net.prefix_len())?;
            Some(Interface { up, ..interface })
        });
        loopback.into_iter().chain(ports).collect()
    }
}

pub(crate) fn name_of(iface: IfIndex) -> Option<InterfaceName> {
    format!("eth{iface}").parse().ok()
}

/// Every address of a simulated network is one of 10.0.0.0/8.
pub(super) fn unicast_address(address: Ipv4Addr) -> UnicastAddr {
    address
        .try_into()
        .unwrap_or_else(|_| unreachable!("{address} is not of 10.0.0.0/8"))
}

fn interface(index: IfIndex, address: Ipv4Addr, prefix_len: u8) -> Option<Interface> {
    let [_, b, c, d] = address.octets();
    Some(Interface {
        index,
        name: name_of(index)?,
        up: true,
        mtu: 1500,
        mac: MacAddr([2, 0, 0, b, c, d]),
        addresses: vec![Ipv4Net::new_assert(address, prefix_len)],
        multicast: index != LOOPBACK,
    })
}
