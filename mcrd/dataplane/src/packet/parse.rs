//! From the bytes of a frame to a packet that may be forwarded.

use std::net::Ipv4Addr;

use mcr_proto::id::{GroupAddr, MacAddr, UnicastAddr};
use mcr_sys::vnet::{self, Checksum, Gso};
use mcr_wire::error::Malformed;
use mcr_wire::ethernet::{self, ETHERTYPE_IPV4};
use mcr_wire::ipv4;
use mcr_wire::udp::Datagram;

use crate::counters::DropReason;
use crate::rewrite::UDP;
use crate::table::Lookup;

/// Length of an Ethernet header.
pub const ETHERNET: usize = ethernet::HEADER_LEN;

/// Length of the longest headers: IP with options, UDP.
pub const MAX_HEADERS: usize = 60 + UDP;

const PROTOCOL_UDP: u8 = 17;

/// A packet that is not forwarded, and for how many datagrams it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: DropReason,
    /// Datagrams.
    pub packets: u32,
}

/// A packet whose headers are whole and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The sender on the link.
    pub source_mac: MacAddr,
    /// The IP source.
    pub source: Ipv4Addr,
    /// The IP destination: a group that may be forwarded.
    pub group: Ipv4Addr,
    /// The IP protocol.
    pub protocol: u8,
    /// The time to live; never 0.
    pub ttl: u8,
    /// Length of the IP header.
    pub ip_len: usize,
    /// Length of the IP packet; padding behind it does not count.
    pub total_len: usize,
    /// The UDP header, of a whole datagram or of its first fragment.
    pub udp: Option<Udp>,
    /// It is a fragment.
    pub fragment: bool,
    /// How many datagrams it stands for.
    pub packets: u32,
    /// The payload of each datagram, the last one possibly less; 0 for one
    /// that cannot be part of a run.
    pub segment: usize,
}

/// A UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub port: u16,
    /// What is known of the checksum.
    pub checksum: UdpState,
}

/// What is known of a UDP checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpState {
    /// The sender computed none.
    None,
    /// It stands in the packet and was not looked at.
    Unverified,
    /// The kernel vouches for it.
    Verified,
    /// It has still to be computed.
    Partial,
}

impl Packet {
    /// Length of the headers that are rewritten.
    pub fn header_len(&self) -> usize {
        self.ip_len + self.udp.map_or(0, |_| UDP)
    }

    /// What the table is asked. Fragments have no port, the first one neither:
    /// all fragments of a datagram must go the same way.
    pub fn lookup(&self) -> Lookup {
        let whole = self.udp.filter(|_| !self.fragment);
        Lookup {
            source: self.source,
            group: self.group,
            protocol: self.protocol,
            port: whole.map(|udp| udp.port),
        }
    }

    /// The reason to count when nothing matches.
    pub fn unmatched(&self) -> DropReason {
        if self.fragment && self.protocol == PROTOCOL_UDP {
            DropReason::Fragment
        } else {
            DropReason::NoRule
        }
    }
}

/// Reads a frame that is led by a virtio header.
pub fn parse(bytes: &[u8]) -> Result<Packet, Rejected> {
    let reject = |reason| Rejected { reason, packets: 1 };
    let (Some(vnet), Some(frame)) = (vnet::Header::parse(bytes), bytes.get(vnet::LEN..)) else {
        return Err(reject(DropReason::Truncated));
    };
    let (packet, ip) = ip(frame).map_err(reject)?;
    let size = match vnet.gso {
        Gso::None => None,
        Gso::UdpL4 { size } => Some(usize::from(size)),
        // TCP, or a datagram to be cut into fragments: no sender of multicast
        // makes them, and the headers would not fit what is cut.
        Gso::Other => return Err(reject(DropReason::BadHeader)),
    };
    let payload = packet.total_len.saturating_sub(packet.ip_len + UDP);
    let packets = match size {
        Some(size) => payload.div_ceil(size).max(1) as u32,
        None => 1,
    };
    let packet = Packet { packets, ..packet };
    let packet =
        transport(&ip, packet, &vnet, size).map_err(|reason| Rejected { reason, packets })?;
    check_addresses(&packet).map_err(|reason| Rejected { reason, packets })?;
    Ok(packet)
}

fn ip(frame: &[u8]) -> Result<(Packet, ipv4::Packet<'_>), DropReason> {
    let (link, rest) = ethernet::Header::parse(frame).map_err(malformed)?;
    if link.ethertype.get() != ETHERTYPE_IPV4 {
        return Err(DropReason::NotIpv4);
    }
    let ip = ipv4::Packet::parse(rest).map_err(malformed)?;
    let header = ip.header();
    if header.ttl == 0 {
        return Err(DropReason::TtlExpired);
    }
    let packet = Packet {
        source_mac: MacAddr(link.source),
        source: header.source(),
        group: header.destination(),
        protocol: header.protocol,
        ttl: header.ttl,
        ip_len: header.header_len(),
        total_len: header.header_len() + ip.payload().len(),
        udp: None,
        fragment: header.is_fragment(),
        packets: 1,
        segment: 0,
    };
    Ok((packet, ip))
}

fn malformed(what: Malformed) -> DropReason {
    match what {
        Malformed::Truncated => DropReason::Truncated,
        Malformed::BadHeader => DropReason::BadHeader,
        Malformed::BadChecksum => DropReason::BadChecksum,
        Malformed::BadUdpLength => DropReason::BadUdpLength,
    }
}

fn transport(
    ip: &ipv4::Packet<'_>,
    packet: Packet,
    vnet: &vnet::Header,
    size: Option<usize>,
) -> Result<Packet, DropReason> {
    if packet.protocol != PROTOCOL_UDP || ip.header().fragment_offset() != 0 {
        return match size {
            None => Ok(packet),
            Some(_) => Err(DropReason::BadHeader),
        };
    }
    let payload = ip.payload();
    // The first fragment holds only the start of what the length counts.
    if !packet.fragment {
        Datagram::parse(payload).map_err(malformed)?;
    }
    let Some([a, b, c, d, e, f, g, h]) = payload.first_chunk::<UDP>().copied() else {
        return Err(DropReason::Truncated);
    };
    let udp_len = usize::from(u16::from_be_bytes([e, f]));
    if udp_len < UDP {
        return Err(DropReason::BadUdpLength);
    }
    let stored = u16::from_be_bytes([g, h]);
    let checksum = udp_state(stored, packet.ip_len, vnet.checksum)?;
    let udp = Udp {
        source_port: u16::from_be_bytes([a, b]),
        port: u16::from_be_bytes([c, d]),
        checksum,
    };
    // Cutting and joining needs the plain form: no fragment, no bytes behind
    // the datagram, and a checksum to put into each part.
    let plain = !packet.fragment && udp_len == payload.len() && checksum != UdpState::None;
    let segment = match size {
        Some(_) if !plain => return Err(DropReason::BadHeader),
        Some(size) => size,
        None if plain => udp_len - UDP,
        None => 0,
    };
    Ok(Packet {
        udp: Some(udp),
        segment,
        ..packet
    })
}

fn udp_state(stored: u16, ip_len: usize, known: Checksum) -> Result<UdpState, DropReason> {
    match (known, stored) {
        (Checksum::Partial { start, offset: 6 }, _) if usize::from(start) == ETHERNET + ip_len => {
            Ok(UdpState::Partial)
        }
        (Checksum::Partial { .. }, _) => Err(DropReason::BadHeader),
        (Checksum::Unknown | Checksum::Valid, 0) => Ok(UdpState::None),
        (Checksum::Valid, _) => Ok(UdpState::Verified),
        (Checksum::Unknown, _) => Ok(UdpState::Unverified),
    }
}

fn check_addresses(packet: &Packet) -> Result<(), DropReason> {
    // RFC 5771 §4 for the group; RFC 1812 §5.3.7 for the source.
    let group = GroupAddr::try_from(packet.group).is_ok();
    if group && is_host(packet.source) {
        Ok(())
    } else {
        Err(DropReason::NotForwardable)
    }
}

/// As [`UnicastAddr`] has it, without making the text of an error.
fn is_host(address: Ipv4Addr) -> bool {
    debug_assert_eq!(
        matches!(address.octets()[0], 1..=126 | 128..=223),
        UnicastAddr::try_from(address).is_ok()
    );
    matches!(address.octets()[0], 1..=126 | 128..=223)
}

/// Whether the UDP checksum of a whole datagram is right. `ip` is the packet.
pub fn udp_checksum_holds(ip: &[u8], packet: &Packet) -> bool {
    ip.get(packet.ip_len..)
        .and_then(|payload| Datagram::parse(payload).ok())
        .is_some_and(|datagram| datagram.checksum_is_right(packet.source, packet.group))
}
