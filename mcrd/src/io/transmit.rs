//! What the router sends of IGMP and PIM.

use std::io;
use std::sync::Arc;

use mcr_proto::router::io::Transmit;
use mcr_sys::router::{Multicast, Unicast};
use mcr_wire::ipv4;

/// The sockets.
#[derive(Debug)]
pub(crate) struct Transmitter {
    multicast: Multicast,
    unicast: Arc<Unicast>,
}

impl Transmitter {
    pub(crate) fn new(multicast: Multicast, unicast: Arc<Unicast>) -> Transmitter {
        Transmitter { multicast, unicast }
    }

    /// Sends the packet, or says why not.
    pub(crate) fn send(&self, packet: &Transmit) -> io::Result<()> {
        match packet.iface {
            Some(iface) => {
                let bytes = ipv4::Outgoing {
                    source: packet.src,
                    destination: packet.dst,
                    protocol: packet.protocol.0,
                    ttl: packet.ttl,
                    tos: packet.tos,
                    router_alert: packet.router_alert,
                    payload: &packet.payload,
                }
                .emit()
                .ok_or(io::ErrorKind::InvalidInput)?;
                self.multicast.send(iface.get(), packet.dst, &bytes)
            }
            None => self.unicast.send(
                packet.src,
                packet.dst,
                packet.ttl,
                packet.tos,
                &packet.payload,
            ),
        }
    }
}
