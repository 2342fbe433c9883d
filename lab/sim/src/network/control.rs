//! The IGMP and PIM packets that were put on links.

use std::net::Ipv4Addr;

use mcr_proto::id::IpProtocol;
use mcr_proto::time::Instant;

use super::run::Datagram;
use super::{Network, NodeId};
use crate::link::LinkId;

/// How many control packets are kept until somebody takes them; then the oldest
/// ones go.
const CONTROL_KEPT: usize = 20_000;

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
