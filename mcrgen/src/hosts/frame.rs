//! Ethernet frames with IGMP messages in them.

use std::net::Ipv4Addr;

use mcr_wire::igmp::{Message, PROTOCOL};
use mcr_wire::{checksum, ethernet, ipv4};

/// RFC 2113: "every router shall examine packet".
const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];
/// CS6 (RFC 9776 §4).
const TOS: u8 = 0xc0;
/// Frame and IP header in front of a message.
pub(super) const IP_HEADER_LEN: usize = ipv4::MIN_HEADER_LEN + ROUTER_ALERT.len();

/// What a received frame says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Message),
    Malformed,
    /// It is not IGMP.
    Other,
}

/// A message from a host to a group, as it is on the wire; TTL 1, with Router
/// Alert unless it is of version 1, which had none.
pub(super) fn build(source: Ipv4Addr, group: Ipv4Addr, message: &Message) -> Vec<u8> {
    let payload = message.emit();
    let alert = !matches!(message, Message::ReportV1(_));
    let words: u8 = if alert { 6 } else { 5 };
    let header_len = usize::from(words) * 4;
    let total = u16::try_from(header_len + payload.len()).unwrap_or(u16::MAX);
    let [_, b, c, d] = group.octets();
    let mut frame = vec![0x01, 0x00, 0x5e, b & 0x7f, c, d];
    frame.extend(mac(source));
    frame.extend(ethernet::ETHERTYPE_IPV4.to_be_bytes());
    let start = frame.len();
    frame.extend([0x40 | words, TOS]);
    frame.extend(total.to_be_bytes());
    frame.extend([0, 0, 0, 0, 1, PROTOCOL, 0, 0]);
    frame.extend(source.octets());
    frame.extend(group.octets());
    if alert {
        frame.extend(ROUTER_ALERT);
    }
    let sum = checksum::internet(&frame[start..]);
    frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A locally administered address with the host's own in it.
fn mac(host: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = host.octets();
    [0x02, 0x00, a, b, c, d]
}

/// The message in a frame.
pub(super) fn parse(frame: &[u8]) -> Heard {
    let Ok((header, payload)) = ethernet::Header::parse(frame) else {
        return Heard::Other;
    };
    if header.ethertype.get() != ethernet::ETHERTYPE_IPV4 {
        return Heard::Other;
    }
    let Ok(packet) = ipv4::Packet::parse(payload) else {
        return Heard::Malformed;
    };
    if packet.header().protocol != PROTOCOL {
        return Heard::Other;
    }
    Message::parse(packet.payload()).map_or(Heard::Malformed, Heard::Message)
}

#[cfg(test)]
mod tests;
