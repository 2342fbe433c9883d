//! IPv4 packets (RFC 791).

use std::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{Malformed, checksum};

/// The bytes of a header without options.
pub const MIN_HEADER_LEN: usize = 20;

/// The part of the header that every packet has.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    /// Version, and header length in words of four bytes.
    pub version_ihl: u8,
    /// DiffServ code point and the two ECN bits (RFC 2474, RFC 3168).
    pub dscp_ecn: u8,
    /// Header and payload, in bytes.
    pub total_length: U16,
    /// Which datagram a fragment belongs to.
    pub identification: U16,
    /// Three flags, and the fragment's offset in words of eight bytes.
    pub flags_fragment: U16,
    /// Time to live.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: u8,
    /// The checksum of the header.
    pub checksum: U16,
    source: [u8; 4],
    destination: [u8; 4],
}

/// The Router Alert option: routers look into the packet (RFC 2113).
pub const ROUTER_ALERT: [u8; 4] = [0x94, 0x04, 0x00, 0x00];

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Options of one byte (RFC 791 §3.1).
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;

impl Header {
    /// A header without options for a payload of `payload_len` bytes, with its
    /// checksum; `None` where such a packet would be too long.
    pub fn new(
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: u8,
        ttl: u8,
        payload_len: usize,
    ) -> Option<Header> {
        let total_length = u16::try_from(MIN_HEADER_LEN.checked_add(payload_len)?).ok()?;
        let header = Header {
            version_ihl: 0x45,
            dscp_ecn: 0,
            total_length: total_length.into(),
            identification: 0.into(),
            flags_fragment: 0.into(),
            ttl,
            protocol,
            checksum: 0.into(),
            source: source.octets(),
            destination: destination.octets(),
        };
        Some(header.with_checksum())
    }

    /// The same header with the checksum it must have when no options follow.
    #[must_use]
    pub fn with_checksum(mut self) -> Header {
        self.checksum = 0.into();
        self.checksum = checksum::internet(self.as_bytes()).into();
        self
    }

    /// The sender.
    pub const fn source(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.source;
        Ipv4Addr::new(a, b, c, d)
    }

    /// The receiver, or the group.
    pub const fn destination(&self) -> Ipv4Addr {
        let [a, b, c, d] = self.destination;
        Ipv4Addr::new(a, b, c, d)
    }

    /// The bytes of the header, with options.
    pub const fn header_len(&self) -> usize {
        ((self.version_ihl & 0x0f) as usize) * 4
    }

    /// Whether the packet is a part of a datagram, the first part included.
    pub fn is_fragment(&self) -> bool {
        self.flags_fragment.get() & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0
    }

    /// Where the payload stands in the datagram, in bytes.
    pub fn fragment_offset(&self) -> usize {
        usize::from(self.flags_fragment.get() & FRAGMENT_OFFSET) * 8
    }
}

/// A packet whose header is right and whose bytes are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    header: &'a Header,
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Version, header length, total length and checksum are checked; bytes
    /// after the total length, such as a frame's padding, are left out.
    pub fn parse(bytes: &'a [u8]) -> Result<Packet<'a>, Malformed> {
        let (header, rest) = Header::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let header_len = header.header_len();
        let total_length = usize::from(header.total_length.get());
        if header.version_ihl >> 4 != 4 || header_len < MIN_HEADER_LEN || total_length < header_len
        {
            return Err(Malformed::BadHeader);
        }
        let options_len = header_len - MIN_HEADER_LEN;
        let (options, rest) = rest
            .split_at_checked(options_len)
            .ok_or(Malformed::Truncated)?;
        let payload = rest
            .get(..total_length - header_len)
            .ok_or(Malformed::Truncated)?;
        if checksum::internet(&bytes[..header_len]) != 0 {
            return Err(Malformed::BadChecksum);
        }
        Ok(Packet {
            header,
            options,
            payload,
        })
    }

    /// The header without its options.
    pub const fn header(&self) -> &'a Header {
        self.header
    }

    /// The options, with their padding.
    pub const fn options(&self) -> &'a [u8] {
        self.options
    }

    /// Whether the Router Alert option is among the options (RFC 2113).
    pub fn router_alert(&self) -> bool {
        let mut rest = self.options;
        loop {
            match rest {
                [] | [END_OF_OPTIONS, ..] => return false,
                [NO_OPERATION, tail @ ..] => rest = tail,
                [kind, length, ..] => {
                    let length = usize::from(*length);
                    if *kind == ROUTER_ALERT[0] && length == ROUTER_ALERT.len() {
                        return rest.len() >= length;
                    }
                    match rest.get(length..) {
                        Some(tail) if length >= 2 => rest = tail,
                        Some(_) | None => return false,
                    }
                }
                [_] => return false,
            }
        }
    }

    /// What the packet carries.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The sender.
    pub source: Ipv4Addr,
    /// The receiver, or the group.
    pub destination: Ipv4Addr,
    /// What the payload is.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// DiffServ code point and the two ECN bits.
    pub tos: u8,
    /// With the Router Alert option.
    pub router_alert: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

impl Outgoing<'_> {
    /// The bytes; `None` where the packet would be too long.
    pub fn emit(&self) -> Option<Vec<u8>> {
        let options: &[u8] = match self.router_alert {
            true => &ROUTER_ALERT,
            false => &[],
        };
        let rest = options.len().checked_add(self.payload.len())?;
        let mut header = Header::new(self.source, self.destination, self.protocol, self.ttl, rest)?;
        // An option of four bytes is one word more.
        header.version_ihl = if self.router_alert { 0x46 } else { 0x45 };
        header.dscp_ecn = self.tos;
        header.checksum = 0.into();
        let mut bytes = [header.as_bytes(), options].concat();
        header.checksum = checksum::internet(&bytes).into();
        bytes.truncate(0);
        bytes.reserve(MIN_HEADER_LEN + rest);
        for part in [header.as_bytes(), options, self.payload] {
            bytes.extend_from_slice(part);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests;
