//! Changes while the network stands: links that go and come, new addresses.
//!
//! The kernel drops routes with the interface or address they depend on; what
//! the topology says is put back together with them.

use std::io;
use std::net::Ipv4Addr;

use futures_util::future::try_join_all;
use ipnet::Ipv4Net;
use mcr_sys::netlink::build::{Builder, LOOK_AGAIN, LinkState};
use tokio::runtime;
use tokio::time::{Instant, sleep};

use super::configure::RUNNING_TIME;
use super::{NetError, Network};
use crate::topology::model::{LinkChange, LinkId, Medium, NodeId};

impl Network {
    /// Changes a link: at one node's end, or at every end. A link that is made
    /// again has the same names and addresses, and new indices. A link between
    /// two nodes goes and comes as a whole.
    ///
    /// # Errors
    /// [`NetError::Absent`] or [`NetError::Present`] where the change does not
    /// fit, the kernel's otherwise.
    pub async fn link(
        &self,
        link: LinkId,
        change: LinkChange,
        at: Option<NodeId>,
    ) -> Result<(), NetError> {
        let ends = self.ends_at(link, at)?;
        self.note(link, change, at);
        match change {
            LinkChange::CarrierDown => self.give_carrier(link, &ends, false).await?,
            LinkChange::CarrierUp => self.give_carrier(link, &ends, true).await?,
            LinkChange::Down => {
                let ends = ends.into_iter();
                try_join_all(ends.map(|(_, node, end)| self.set_down(node, end))).await?;
            }
            LinkChange::Up => {
                for (_, node, interface) in ends {
                    self.set_up(node, interface).await?;
                }
                self.wait_for_link(link).await?;
            }
            LinkChange::Delete => self.delete(link, &ends).await?,
            LinkChange::Create => self.create(link, &ends).await?,
        }
        Ok(())
    }

    /// Gives an interface these addresses in the place of those it has.
    ///
    /// # Errors
    /// [`NetError::Absent`] while the interface does not exist, the kernel's
    /// otherwise.
    pub async fn set_addresses(
        &self,
        node: NodeId,
        interface: usize,
        addresses: &[Ipv4Net],
    ) -> Result<(), NetError> {
        let index = self.index(node, interface)?;
        let failed = |source| self.failed(node, interface, "change the addresses of", source);
        let session = self.node_space(node)?.session()?;
        // All go first: kept ones would stay ahead of the new primary one.
        session
            .netlink
            .remove_addresses(index)
            .await
            .map_err(failed)?;
        for address in addresses {
            let prefix = (address.addr(), address.prefix_len());
            session
                .netlink
                .add_address(index, prefix)
                .await
                .map_err(failed)?;
        }
        self.interface(node, interface)?
            .addresses
            .replace(addresses.to_vec());
        self.set_routes(session, node, |from| on_one_of(addresses, from))
            .await
    }

    /// The ends that a change concerns: position on the link, node, interface.
    pub(super) fn ends_at(
        &self,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<Vec<(usize, NodeId, usize)>, NetError> {
        let model = self.link_of(link)?;
        let ends: Vec<_> = model
            .ends
            .iter()
            .enumerate()
            .filter(|(_, (node, _))| at.is_none_or(|at| at == *node))
            .map(|(end, (node, interface))| (end, *node, *interface))
            .collect();
        if ends.is_empty() {
            let node = at.and_then(|at| self.topology.nodes.get(at.0));
            return Err(NetError::NotOnLink {
                link: model.name.clone(),
                node: node.map(|node| node.name.clone()).unwrap_or_default(),
            });
        }
        Ok(ends)
    }

    async fn set_down(&self, node: NodeId, interface: usize) -> Result<(), NetError> {
        let index = self.index(node, interface)?;
        let session = self.node_space(node)?.session()?;
        let down = session.netlink.down(index).await;
        down.map_err(|source| self.failed(node, interface, "set down", source))?;
        self.set_carrier(node, interface, false).await
    }

    async fn set_up(&self, node: NodeId, interface: usize) -> Result<(), NetError> {
        let index = self.index(node, interface)?;
        let session = self.node_space(node)?.session()?;
        let up = session.netlink.up(index).await;
        up.map_err(|source| self.failed(node, interface, "set up", source))?;
        self.set_carrier(node, interface, true).await?;
        let addresses = self.interface(node, interface)?.addresses.borrow().clone();
        self.set_routes(session, node, |from| on_one_of(&addresses, from))
            .await
    }

    async fn delete(&self, link: LinkId, ends: &[(usize, NodeId, usize)]) -> Result<(), NetError> {
        for (_, node, interface) in self.whole(link, ends)? {
            let state = self.interface(node, interface)?;
            let Some(index) = state.index.take() else {
                return Err(NetError::Absent {
                    interface: self.interface_name(node, interface),
                });
            };
            state.port.set(None);
            self.delete_behind(link, node, interface).await?;
            let session = self.node_space(node)?.session()?;
            match session.netlink.delete(index).await {
                // The other end of a veth goes with the first.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                deleted => {
                    deleted.map_err(|source| self.failed(node, interface, "delete", source))?
                }
            }
        }
        Ok(())
    }

    pub(super) async fn create(
        &self,
        link: LinkId,
        ends: &[(usize, NodeId, usize)],
    ) -> Result<(), NetError> {
        let model = self.link_of(link)?;
        let ends = self.whole(link, ends)?;
        for (_, node, interface) in &ends {
            if self.interface(*node, *interface)?.index.get().is_some() {
                return Err(NetError::Present {
                    link: model.name.clone(),
                });
            }
        }
        let here = Builder::open(&runtime::Handle::current()).map_err(|source: io::Error| {
            NetError::Enter {
                node: "the lab".to_owned(),
                source,
            }
        })?;
        match model.medium {
            Medium::Veth => {
                self.make_pair(&here, link).await?;
                self.connect_wire(link).await?;
            }
            Medium::Bridge { .. } => {
                let session = self.segment(link)?.session()?;
                for (end, _, _) in &ends {
                    self.make_member(&here, link, *end).await?;
                    self.attach_member(session, link, *end).await?;
                    self.connect_member(link, *end)?;
                }
            }
        }
        for (_, node, interface) in ends {
            let session = self.node_space(node)?.session()?;
            self.configure_interface(session, node, interface).await?;
            let addresses = self.interface(node, interface)?.addresses.borrow().clone();
            self.set_routes(session, node, |from| on_one_of(&addresses, from))
                .await?;
        }
        self.wait_for_link(link).await
    }

    /// Waits until a link passes packets at each end that can: commands in the
    /// nodes may have set an end down or deleted it.
    async fn wait_for_link(&self, link: LinkId) -> Result<(), NetError> {
        let pair = matches!(self.link_of(link)?.medium, Medium::Veth);
        let mut ends = Vec::new();
        for (_, node, interface) in self.ends_at(link, None)? {
            match self.interface(node, interface)?.index.get() {
                Some(index) => {
                    let session = self.node_space(node)?.session()?;
                    ends.push((node, interface, index, session));
                }
                None if pair => return Ok(()),
                None => {}
            }
        }
        let deadline = Instant::now() + RUNNING_TIME;
        loop {
            let (mut waiting, mut cut) = (None, false);
            for (node, interface, index, session) in &ends {
                let state = session.netlink.link_state(*index).await;
                match state.map_err(|source| self.failed(*node, *interface, "look at", source))? {
                    LinkState::Absent | LinkState::Down => cut = true,
                    LinkState::Waiting if self.is_unplugged(link, *node, *interface).await? => {
                        cut = true;
                    }
                    LinkState::Waiting => waiting = Some((*node, *interface)),
                    LinkState::Running => {}
                }
            }
            let Some((node, interface)) = waiting.filter(|_| !(pair && cut)) else {
                return self.wait_for_ports(link).await;
            };
            if Instant::now() >= deadline {
                let late = io::ErrorKind::TimedOut.into();
                return Err(self.failed(node, interface, "wait for", late));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// A veth pair exists with both ends or not at all; on a segment each
    /// member has its own.
    fn whole(
        &self,
        link: LinkId,
        ends: &[(usize, NodeId, usize)],
    ) -> Result<Vec<(usize, NodeId, usize)>, NetError> {
        match self.link_of(link)?.medium {
            Medium::Veth => self.ends_at(link, None),
            Medium::Bridge { .. } => Ok(ends.to_vec()),
        }
    }
}

fn on_one_of(networks: &[Ipv4Net], address: Ipv4Addr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}
