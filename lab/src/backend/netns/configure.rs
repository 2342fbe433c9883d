//! What is inside the namespaces: addresses, offloads, routes, ports, and
//! setting everything up.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::try_join_all;
use ipnet::Ipv4Net;
use mcr_sys::netlink::build::LOOPBACK;
use tokio::runtime;

use super::deploy::{BRIDGE, enter_error, in_each};
use super::{NetError, Network, Session};
use crate::topology::model::{LinkId, NodeId};

/// How long the kernel may take until a link that is up passes packets.
pub(super) const RUNNING_TIME: Duration = Duration::from_secs(10);

/// All of IPv4 multicast, so that a program that names no interface can send.
const MULTICAST: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4);

impl Network {
    /// Sets everything up, and waits until all of it passes packets.
    pub(super) async fn configure(&self) -> Result<(), NetError> {
        let runtime = runtime::Handle::current();
        let open = |_| Session::open(&runtime).map_err(enter_error);
        let opened = in_each(&self.namespaces(0..self.spaces.len()), open)?;
        let spaces = self.spaces.iter().zip(opened);
        let sessions: Vec<_> = spaces
            .map(|(space, session)| space.session.get_or_init(|| session))
            .collect();
        let nodes = self.topology.nodes.len();
        let all = sessions.iter().enumerate().map(async |(space, session)| {
            if space < nodes {
                self.configure_node(session, NodeId(space)).await
            } else if self
                .wires
                .as_ref()
                .is_some_and(|wires| wires.space == space)
            {
                self.configure_wires(session).await
            } else {
                self.configure_segment(session, space).await
            }
        });
        try_join_all(all).await?;
        let nodes = sessions.iter().take(nodes).enumerate();
        try_join_all(nodes.map(async |(node, session)| {
            for interface in 0..self.topology.nodes[node].interfaces.len() {
                let index = self.index(NodeId(node), interface)?;
                let running = session.netlink.until_running(&[index], RUNNING_TIME).await;
                running
                    .map_err(|source| self.failed(NodeId(node), interface, "wait for", source))?;
            }
            Ok(())
        }))
        .await?;
        let links = (0..self.topology.links.len()).map(LinkId);
        try_join_all(links.map(|link| self.wait_for_ports(link)))
            .await
            .map(drop)
    }

    async fn configure_node(&self, session: &Session, id: NodeId) -> Result<(), NetError> {
        let node = &self.topology.nodes[id.0];
        let on_lo = |source| NetError::Interface {
            action: "set up",
            interface: format!("{}:lo", node.name),
            source,
        };
        for address in &node.loopback {
            let prefix = (address.addr(), address.prefix_len());
            session
                .netlink
                .add_address(LOOPBACK, prefix)
                .await
                .map_err(on_lo)?;
        }
        session.netlink.up(LOOPBACK).await.map_err(on_lo)?;
        let interfaces = 0..node.interfaces.len();
        let all = interfaces.map(|interface| self.configure_interface(session, id, interface));
        try_join_all(all).await?;
        self.set_routes(session, id, |_| true).await
    }

    /// Gives an interface that was just made what the topology says of it.
    pub(super) async fn configure_interface(
        &self,
        session: &Session,
        node: NodeId,
        interface: usize,
    ) -> Result<(), NetError> {
        let index = self.index(node, interface)?;
        let model = &self.topology.nodes[node.0].interfaces[interface];
        if !self.link_of(model.link)?.checksum_offload {
            session
                .devices
                .disable_tx_checksum(&model.name)
                .map_err(|source| self.failed(node, interface, "set offloads of", source))?;
        }
        let addresses = self.interface(node, interface)?.addresses.borrow().clone();
        for address in addresses {
            let prefix = (address.addr(), address.prefix_len());
            let added = session.netlink.add_address(index, prefix).await;
            added.map_err(|source| self.failed(node, interface, "give an address to", source))?;
        }
        let up = session.netlink.up(index).await;
        up.map_err(|source| self.failed(node, interface, "set up", source))
    }

    async fn configure_segment(&self, session: &Session, space: usize) -> Result<(), NetError> {
        let id = self.segments.iter().find(|(_, at)| **at == space);
        let (id, _) = id.ok_or(NetError::Unknown)?;
        let members = 0..self.link_of(*id)?.ends.len();
        try_join_all(members.map(|end| self.attach_member(session, *id, end)))
            .await
            .map(drop)
    }

    /// Makes the segment's end of a member's link a port of the bridge.
    pub(super) async fn attach_member(
        &self,
        session: &Session,
        id: LinkId,
        end: usize,
    ) -> Result<(), NetError> {
        let (node, interface) = *self.link_of(id)?.ends.get(end).ok_or(NetError::Unknown)?;
        let state = self.interface(node, interface)?;
        let port = state.port.get().ok_or_else(|| NetError::Absent {
            interface: self.interface_name(node, interface),
        })?;
        let failed = |source| self.failed(node, interface, "attach the port of", source);
        let attached = match state.behind.get() {
            Some(behind) => {
                for end in [port, behind.end] {
                    session.netlink.up(end).await.map_err(failed)?;
                }
                behind.port
            }
            None => port,
        };
        let done = session.netlink.attach(attached, BRIDGE.1).await;
        done.map_err(failed)
    }

    /// Sets those of a node's routes for which `wanted` is true of the address
    /// they lead out from: of the router, or of the interface for multicast.
    pub(super) async fn set_routes(
        &self,
        session: &Session,
        id: NodeId,
        wanted: impl Fn(Ipv4Addr) -> bool,
    ) -> Result<(), NetError> {
        let node = &self.topology.nodes[id.0];
        let failed = |to: Ipv4Net| {
            move |source| NetError::Route {
                node: node.name.clone(),
                to,
                source,
            }
        };
        if let Some((index, address)) = self.multicast_interface(id)
            && wanted(address)
        {
            let to = (MULTICAST.addr(), MULTICAST.prefix_len());
            session
                .netlink
                .route_out(to, index)
                .await
                .map_err(failed(MULTICAST))?;
        }
        for (to, router) in node.routes.iter().filter(|(_, router)| wanted(*router)) {
            let prefix = (to.network(), to.prefix_len());
            session
                .netlink
                .route_via(prefix, *router)
                .await
                .map_err(failed(*to))?;
        }
        Ok(())
    }

    /// The first interface with an address, and that address.
    fn multicast_interface(&self, id: NodeId) -> Option<(u32, Ipv4Addr)> {
        self.interfaces.get(id.0)?.iter().find_map(|state| {
            let address = state.addresses.borrow().first()?.addr();
            Some((state.index.get()?, address))
        })
    }
}
