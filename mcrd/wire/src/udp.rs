//! UDP datagrams (RFC 768).

use std::net::Ipv4Addr;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{Malformed, checksum};

/// The bytes of the header.
pub const HEADER_LEN: usize = 8;

/// A datagram's header.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    /// From which port.
    pub source_port: U16,
    /// To which port.
    pub destination_port: U16,
    /// Header and payload, in bytes.
    pub length: U16,
    /// The checksum over pseudo-header and datagram; 0 is none.
    pub checksum: U16,
}

impl Header {
    /// A header for a payload of `payload_len` bytes, without a checksum;
    /// `None` where such a datagram would be too long.
    pub fn new(source_port: u16, destination_port: u16, payload_len: usize) -> Option<Header> {
        let length = u16::try_from(HEADER_LEN.checked_add(payload_len)?).ok()?;
        Some(Header {
            source_port: source_port.into(),
            destination_port: destination_port.into(),
            length: length.into(),
            checksum: 0.into(),
        })
    }
}

/// A datagram whose length is right and whose bytes are all there. The first
/// fragment of one is not a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    header: &'a Header,
    bytes: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// From the payload of an IP packet.
    pub fn parse(ip_payload: &'a [u8]) -> Result<Datagram<'a>, Malformed> {
        let (header, _) = Header::ref_from_prefix(ip_payload).map_err(|_| Malformed::Truncated)?;
        let length = usize::from(header.length.get());
        if length < HEADER_LEN {
            return Err(Malformed::BadUdpLength);
        }
        let bytes = ip_payload.get(..length).ok_or(Malformed::BadUdpLength)?;
        Ok(Datagram { header, bytes })
    }

    /// The header.
    pub const fn header(&self) -> &'a Header {
        self.header
    }

    /// What the datagram carries.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// Whether the datagram arrived as it was sent, as far as it tells.
    pub fn checksum_is_right(&self, source: Ipv4Addr, destination: Ipv4Addr) -> bool {
        self.header.checksum.get() == 0 || checksum::udp_is_right(source, destination, self.bytes)
    }
}

#[cfg(test)]
mod tests;
