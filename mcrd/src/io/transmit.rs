//! What the router sends of IGMP and PIM.

use std::io;
use std::sync::Arc;

use mcr_proto::id::IfIndex;
use mcr_proto::router::io::Transmit;
use mcr_sys::router::{Multicast, Unicast};
use mcr_wire::{checksum, ipv4};

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

    /// Sends a copy of a data packet, its TTL one less.
    pub(crate) fn forward(&self, oif: IfIndex, packet: &[u8]) -> io::Result<()> {
        let parsed = ipv4::Packet::parse(packet).map_err(io::Error::other)?;
        let header = parsed.header();
        let ttl = header.ttl.saturating_sub(1);
        if ttl == 0 {
            return Err(io::Error::other("the time to live has ended"));
        }
        let mut copy = packet.to_vec();
        copy[8] = ttl;
        copy[10..12].fill(0);
        let checksum = checksum::internet(&copy[..header.header_len()]);
        copy[10..12].copy_from_slice(&checksum.to_be_bytes());
        self.multicast.send(oif.get(), header.destination(), &copy)
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
