//! Carrier: what an interface's other side gives it. It is taken there, so that
//! the interface itself stays set up, as with a cable that is pulled.

use std::io;

use mcr_sys::netlink::build::{LOOK_AGAIN, LinkState};
use tokio::time::{Instant, sleep};

use super::configure::RUNNING_TIME;
use super::{NetError, Network, Session, Space};
use crate::topology::model::{LinkId, Medium, NodeId, WireId};

impl Network {
    /// Gives these ends of a link carrier, or takes it: at the segment, or at
    /// the wire's ends.
    pub(super) async fn give_carrier(
        &self,
        link: LinkId,
        ends: &[(usize, NodeId, usize)],
        carrier: bool,
    ) -> Result<(), NetError> {
        let ports = self.ports(link)?.ok_or_else(|| NetError::NoWire {
            link: self.topology.wire_told(WireId::of(link)).0,
        })?;
        let session = ports.session()?;
        for (_, node, interface) in ends {
            let (node, interface) = (*node, *interface);
            let state = self.interface(node, interface)?;
            let port = state.port.get().ok_or_else(|| NetError::Absent {
                interface: self.interface_name(node, interface),
            })?;
            let behind = state.behind.get().map(|behind| behind.end);
            for port in std::iter::once(port).chain(behind) {
                let set = match carrier {
                    true => session.netlink.up(port).await,
                    false => session.netlink.down(port).await,
                };
                set.map_err(|source| self.failed(node, interface, "set the carrier of", source))?;
            }
        }
        if carrier {
            for (_, node, interface) in ends {
                let session = self.node_space(*node)?.session()?;
                self.wait_for_carrier(session, *node, *interface).await?;
            }
        }
        Ok(())
    }

    /// Waits until the ports of a segment, or of a wire, pass packets to all
    /// ends that can take them: the kernel makes that so at either side of a
    /// veth in its own time, and drops what is sent before.
    pub(super) async fn wait_for_ports(&self, link: LinkId) -> Result<(), NetError> {
        let Some(ports) = self.ports(link)? else {
            return Ok(());
        };
        for (node, interface) in &self.link_of(link)?.ends {
            let state = self.interface(*node, *interface)?;
            let (Some(index), Some(port)) = (state.index.get(), state.port.get()) else {
                continue;
            };
            let failed = |source| self.failed(*node, *interface, "wait for the port of", source);
            let session = self.node_space(*node)?.session()?;
            let runs = session.netlink.link_state(index).await.map_err(failed)?;
            if runs == LinkState::Running {
                let session = ports.session()?;
                let behind = state.behind.get().map(|behind| behind.port);
                let ports: Vec<u32> = std::iter::once(port).chain(behind).collect();
                let running = session.netlink.until_running(&ports, RUNNING_TIME).await;
                running.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What the interface leads to gives it no carrier.
    pub(super) async fn is_unplugged(
        &self,
        link: LinkId,
        node: NodeId,
        interface: usize,
    ) -> Result<bool, NetError> {
        let (Some(ports), Some(port)) = (
            self.ports(link)?,
            self.interface(node, interface)?.port.get(),
        ) else {
            return Ok(false);
        };
        let state = ports.session()?.netlink.link_state(port).await;
        let failed = |source| self.failed(node, interface, "look at the port of", source);
        Ok(state.map_err(failed)? == LinkState::Down)
    }

    /// Where the other sides of a link's ends are, where it has a segment or a
    /// wire.
    fn ports(&self, link: LinkId) -> Result<Option<&Space>, NetError> {
        let model = self.link_of(link)?;
        match model.medium {
            Medium::Bridge { .. } => self.segment(link).map(Some),
            Medium::Veth if model.wire.is_some() => self.wire_space().map(Some),
            Medium::Veth => Ok(None),
        }
    }

    /// An interface that is down waits for nothing.
    async fn wait_for_carrier(
        &self,
        session: &Session,
        node: NodeId,
        interface: usize,
    ) -> Result<(), NetError> {
        let index = self.index(node, interface)?;
        let deadline = Instant::now() + RUNNING_TIME;
        loop {
            let state = session.netlink.link_state(index).await;
            match state.map_err(|source| self.failed(node, interface, "look at", source))? {
                LinkState::Absent | LinkState::Down | LinkState::Running => return Ok(()),
                LinkState::Waiting if Instant::now() >= deadline => {
                    let late = io::ErrorKind::TimedOut.into();
                    return Err(self.failed(node, interface, "wait for the carrier of", late));
                }
                LinkState::Waiting => sleep(LOOK_AGAIN).await,
            }
        }
    }
}
