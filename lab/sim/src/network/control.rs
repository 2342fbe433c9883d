//! The IGMP and PIM packets that were put on links, and what routers told of
//! themselves.

use std::net::Ipv4Addr;

use mcr_proto::id::{IfIndex, IpProtocol};
use mcr_proto::router::event::Event;
use mcr_proto::time::Instant;

use super::run::Datagram;
use super::{Network, NodeId};
use crate::link::LinkId;

/// How many control packets are kept until somebody takes them; then the oldest
/// ones go. The same holds for events.
const CONTROL_KEPT: usize = 20_000;

/// Something that a router told to those who watch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// Which one.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

/// An IGMP or PIM packet that was put on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSent {
    /// When.
    pub at: Instant,
    /// On which link.
    pub link: LinkId,
    /// By whom; not always who made it.
    pub node: NodeId,
    /// The IP source.
    pub source: Ipv4Addr,
    /// The IP destination.
    pub destination: Ipv4Addr,
    /// Its TTL.
    pub ttl: u8,
    /// It has the Router Alert option.
    pub router_alert: bool,
    /// The IP protocol.
    pub protocol: IpProtocol,
    /// The message.
    pub payload: Vec<u8>,
}

impl Network {
    /// The control packets since the last call.
    pub fn take_control(&mut self) -> impl Iterator<Item = ControlSent> {
        std::mem::take(&mut self.control).into_iter()
    }

    /// What routers told since the last call.
    pub fn take_told(&mut self) -> impl Iterator<Item = Told> {
        std::mem::take(&mut self.told).into_iter()
    }

    /// The name of an interface that a node has, or had.
    pub fn name_of(&self, node: NodeId, iface: IfIndex) -> Option<&str> {
        let name = self.nodes.get(node.0)?.names.get(&iface)?;
        Some(name.as_str())
    }

    pub(super) fn keep_told(&mut self, node: NodeId, event: Event) {
        if !self.keep_heard {
            return;
        }
        if self.told.len() >= CONTROL_KEPT {
            self.told.pop_front();
        }
        let at = self.clock.now();
        self.told.push_back(Told { at, node, event });
    }

    pub(super) fn keep_control(&mut self, link: LinkId, node: NodeId, datagram: &Datagram) {
        if !self.keep_heard {
            return;
        }
        if self.control.len() >= CONTROL_KEPT {
            self.control.pop_front();
        }
        self.control.push_back(ControlSent {
            at: self.clock.now(),
            link,
            node,
            source: datagram.src,
            destination: datagram.dst,
            ttl: datagram.ttl,
            router_alert: datagram.router_alert,
            protocol: datagram.protocol,
            payload: datagram.payload.clone(),
        });
    }
}
