//! The answer to a packet that does not fit the tunnel and must not be cut: it
//! is what a router says of any link that is too small (RFC 7761 §4.4.1,
//! RFC 1191 §4).

use mcr_wire::checksum;
use mcr_wire::ipv4::Packet as Ipv4;

use super::{TTL, address_on};
use crate::id::{GroupAddr, IfIndex, IpProtocol, UnicastAddr};
use crate::pim::macros::World;
use crate::router::Context;
use crate::router::io::Transmit;

/// "Destination Unreachable": "fragmentation needed and DF set".
const TYPE_AND_CODE: [u8; 2] = [3, 4];

/// Of the datagram, ICMP repeats the header and so many bytes more.
const REPEATED: usize = 8;

/// Internetwork control (RFC 1812 §4.3.2.5).
const TOS: u8 = 0xc0;

/// Tells the source the size of the tunnel, at most once a second for each
/// group.
pub(super) fn answer(
    world: World<'_>,
    cx: &mut Context,
    iif: IfIndex,
    (source, group): (UnicastAddr, GroupAddr),
    packet: &Ipv4<'_>,
    bytes: &[u8],
) {
    cx.counters.add(iif, "pim.drop.register-too-big");
    let me = address_on(world, iif);
    if !cx.too_big.admit(world.now, (source, group, me), 1) {
        return;
    }
    cx.counters.add(iif, "icmp.tx.too-big");
    let header = bytes.len().saturating_sub(packet.payload().len());
    let repeated = bytes.get(..header + REPEATED).unwrap_or(bytes);
    cx.transmit(Transmit {
        iface: Some(iif),
        src: me,
        dst: source.get(),
        ttl: TTL,
        router_alert: false,
        tos: TOS,
        protocol: IpProtocol::ICMP,
        payload: message(world.config.pim.register_mtu, repeated),
    });
}

fn message(mtu: u16, repeated: &[u8]) -> Vec<u8> {
    let mut message = TYPE_AND_CODE.to_vec();
    message.extend([0; 4]);
    message.extend(mtu.to_be_bytes());
    message.extend(repeated);
    let sum = checksum::internet(&message).to_be_bytes();
    message.splice(2..4, sum);
    message
}
