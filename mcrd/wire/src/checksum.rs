//! The Internet checksum (RFC 1071), whole and by difference (RFC 1624).

use std::net::Ipv4Addr;

use etherparse::checksum::Sum16BitWords;

/// The checksum of these bytes. Over a header that contains its right
/// checksum, it is 0.
pub fn internet(bytes: &[u8]) -> u16 {
    // The library adds words as they lie in memory.
    u16::from_be(Sum16BitWords::new().add_slice(bytes).ones_complement())
}

/// The sum over the pseudo-header of UDP (RFC 768), not complemented: what
/// stands in the checksum field of a datagram whose sender left the rest to
/// the network card.
pub fn pseudo_header(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> u16 {
    let sum = pseudo_sum(source, destination, protocol, length);
    !u16::from_be(sum.ones_complement())
}

/// The UDP checksum of a whole datagram whose checksum field is 0. Never 0,
/// which means "none" (RFC 768).
pub fn udp(source: Ipv4Addr, destination: Ipv4Addr, datagram: &[u8]) -> u16 {
    not_none(over_datagram(source, destination, datagram))
}

/// Whether a whole datagram that carries a checksum carries the right one.
pub(crate) fn udp_is_right(source: Ipv4Addr, destination: Ipv4Addr, datagram: &[u8]) -> bool {
    over_datagram(source, destination, datagram) == 0
}

const UDP: u8 = 17;

fn over_datagram(source: Ipv4Addr, destination: Ipv4Addr, datagram: &[u8]) -> u16 {
    // A datagram is at most 65535 bytes; its own length field says so.
    let length = u16::try_from(datagram.len()).unwrap_or(u16::MAX);
    let sum = pseudo_sum(source, destination, UDP, length).add_slice(datagram);
    u16::from_be(sum.ones_complement())
}

fn pseudo_sum(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> Sum16BitWords {
    Sum16BitWords::new()
        .add_4bytes(source.octets())
        .add_4bytes(destination.octets())
        .add_2bytes([0, protocol])
        .add_2bytes(length.to_be_bytes())
}

const fn not_none(checksum: u16) -> u16 {
    if checksum == 0 { 0xffff } else { checksum }
}

/// The difference that changed fields make to a checksum over them (RFC 1624
/// equation 3). One difference serves every checksum that covers the same
/// fields, as those of IP and UDP cover the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Adjust(u32);

impl Adjust {
    /// No difference.
    pub const fn new() -> Adjust {
        Adjust(0)
    }

    /// With a 16-bit word changed.
    #[must_use]
    pub const fn word(self, old: u16, new: u16) -> Adjust {
        // ~m + m', folded at once, so that any number of changes fits.
        Adjust(fold(self.0 + (!old) as u32 + new as u32))
    }

    /// With an address changed.
    #[must_use]
    pub const fn address(self, old: Ipv4Addr, new: Ipv4Addr) -> Adjust {
        let ([a, b, c, d], [e, f, g, h]) = (old.octets(), new.octets());
        self.word(u16::from_be_bytes([a, b]), u16::from_be_bytes([e, f]))
            .word(u16::from_be_bytes([c, d]), u16::from_be_bytes([g, h]))
    }

    /// With the changes of another difference.
    #[must_use]
    pub const fn and(self, other: Adjust) -> Adjust {
        Adjust(fold(self.0 + other.0))
    }

    /// The checksum after the changes.
    #[must_use]
    pub const fn apply(self, checksum: u16) -> u16 {
        !(fold(self.0 + (!checksum) as u32) as u16)
    }

    /// The UDP checksum after the changes: 0 means "none" and stays, and a sum
    /// of 0 is sent as all ones (RFC 768).
    #[must_use]
    pub const fn apply_udp(self, checksum: u16) -> u16 {
        match checksum {
            0 => 0,
            checksum => not_none(self.apply(checksum)),
        }
    }

    /// The sum after the changes, of a field that is not complemented: the one
    /// of [`pseudo_header`].
    #[must_use]
    pub const fn apply_sum(self, sum: u16) -> u16 {
        fold(self.0 + sum as u32) as u16
    }
}

/// To 16 bits, with the carries added in.
const fn fold(sum: u32) -> u32 {
    let once = (sum & 0xffff) + (sum >> 16);
    (once & 0xffff) + (once >> 16)
}

#[cfg(test)]
mod tests;
