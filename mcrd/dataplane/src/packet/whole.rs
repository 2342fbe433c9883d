//! Packets as the router gets them: whole, one by one, and with finished
//! checksums.

use mcr_sys::vnet;
use mcr_wire::checksum;

use super::parse::{ETHERNET, Packet, UdpState};
use crate::rewrite::{UDP, resize};

/// The bytes of the packet from its IP header on. Padding is left out.
pub(super) fn ip<'a>(packet: &Packet, frame: &'a [u8]) -> Option<&'a [u8]> {
    let from = vnet::LEN + ETHERNET;
    frame.get(from..from + packet.total_len)
}

/// The packet, or the one with this index of those that it stands for.
pub(super) fn packet(packet: &Packet, frame: &[u8], index: u32) -> Option<Vec<u8>> {
    let bytes = ip(packet, frame)?;
    if packet.packets == 1 {
        let mut whole = bytes.to_vec();
        if packet.udp.map(|udp| udp.checksum) == Some(UdpState::Partial) {
            finish(&mut whole, packet);
        }
        return Some(whole);
    }
    let (headers, payload) = bytes.split_at_checked(packet.header_len())?;
    let part = payload
        .chunks(packet.segment.max(1))
        .nth(usize::try_from(index).ok()?)?;
    let mut whole = headers.to_vec();
    let len = u16::try_from(UDP + part.len()).ok()?;
    resize(&mut whole, packet.ip_len, len, u16::try_from(index).ok()?);
    whole.extend_from_slice(part);
    finish(&mut whole, packet);
    Some(whole)
}

/// Computes the UDP checksum.
fn finish(whole: &mut [u8], packet: &Packet) {
    let datagram = whole.get_mut(packet.ip_len..).unwrap_or_default();
    if let Some(field) = datagram.get_mut(6..UDP) {
        field.fill(0);
        let sum = checksum::udp(packet.source, packet.group, datagram);
        datagram[6..UDP].copy_from_slice(&sum.to_be_bytes());
    }
}
