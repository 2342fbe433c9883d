//! What a captured frame carries. Only its start is kept, so the checks that a
//! whole packet allows are not possible here.

use std::net::Ipv4Addr;

use crate::run::control::is_control;

/// The headers before the UDP payload, where nothing is added to them.
const ETHERNET: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;

/// An IP packet in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// The source.
    pub source: Ipv4Addr,
    /// The destination.
    pub destination: Ipv4Addr,
    /// The TTL.
    pub ttl: u8,
    /// The protocol.
    pub protocol: u8,
    /// Its payload's length, as the header tells.
    pub length: usize,
    /// What is kept of its payload.
    pub payload: &'a [u8],
}

/// The IP packet in a frame, if it is one and not a later fragment.
#[must_use]
pub fn ip_packet(frame: &[u8]) -> Option<IpPacket<'_>> {
    let (ethernet, ip) = frame.split_at_checked(ETHERNET)?;
    if ethernet[12..14] != IPV4 {
        return None;
    }
    let header = ip.first_chunk::<20>()?;
    let length = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let later_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
    if header[0] >> 4 != 4 || length < 20 || later_fragment {
        return None;
    }
    let address =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    Some(IpPacket {
        source: address(12),
        destination: address(16),
        ttl: header[8],
        protocol: header[9],
        length: total.checked_sub(length)?,
        payload: ip.get(length..total.min(ip.len()))?,
    })
}

/// A UDP datagram in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// The IP source.
    pub source: Ipv4Addr,
    /// The IP destination.
    pub destination: Ipv4Addr,
    /// Its UDP payload's length, as the IP header tells.
    pub payload_length: u64,
    /// What is kept of its payload.
    pub payload: &'a [u8],
}

/// The UDP datagram that a frame carries, if it does.
#[must_use]
pub fn datagram(frame: &[u8]) -> Option<Datagram<'_>> {
    let packet = ip_packet(frame).filter(|packet| packet.protocol == UDP)?;
    let payload_length = packet.length.checked_sub(UDP_HEADER)?;
    Some(Datagram {
        source: packet.source,
        destination: packet.destination,
        payload_length: payload_length as u64,
        payload: packet.payload.get(UDP_HEADER..).unwrap_or_default(),
    })
}

/// The message of IGMP or PIM that a frame carries, if it does.
#[must_use]
pub fn control(frame: &[u8]) -> Option<IpPacket<'_>> {
    ip_packet(frame).filter(|packet| is_control(packet.protocol))
}
