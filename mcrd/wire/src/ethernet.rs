//! Ethernet frames (IEEE 802.3) as packet sockets deliver them: a VLAN tag that
//! the network card took off is not in them.

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;

/// The bytes before the payload.
pub const HEADER_LEN: usize = 14;

/// The type of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;

/// A frame's header.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Header {
    /// To whom.
    pub destination: [u8; 6],
    /// From whom.
    pub source: [u8; 6],
    /// What the payload is.
    pub ethertype: U16,
}

impl Header {
    /// The header and the payload, which may end with padding.
    pub fn parse(frame: &[u8]) -> Result<(&Header, &[u8]), Malformed> {
        Header::ref_from_prefix(frame).map_err(|_| Malformed::Truncated)
    }
}

#[cfg(test)]
mod tests;
