//! Encoded group and source addresses (RFC 7761 §4.9.1).

use std::net::Ipv4Addr;

use crate::BadMessage;
use crate::reader::Reader;

/// An Encoded-Group address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedGroup {
    /// The group, or the first address of the range.
    pub group: Ipv4Addr,
    /// The mask length, at most 32.
    pub mask_len: u8,
    /// B: the range is for bidirectional PIM.
    pub bidirectional: bool,
    /// Z: an administratively scoped range.
    pub scope_zone: bool,
}

/// An Encoded-Source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedSource {
    /// The source, or the RP where `wildcard` is set.
    pub source: Ipv4Addr,
    /// The mask length, at most 32.
    pub mask_len: u8,
    /// S: sparse.
    pub sparse: bool,
    /// W: the address is the RP's and stands for any source.
    pub wildcard: bool,
    /// R: on the RP tree.
    pub rpt: bool,
}

/// The number of IPv4 among address families.
const IPV4: u8 = 1;
const IPV6: u8 = 2;
/// The native encoding, the only one there is.
const NATIVE: u8 = 0;

const BIDIRECTIONAL: u8 = 0x80;
const SCOPE_ZONE: u8 = 0x01;
const SPARSE: u8 = 0x04;
const WILDCARD: u8 = 0x02;
const RPT: u8 = 0x01;

fn family(reader: &mut Reader<'_>) -> Result<(), BadMessage> {
    match (reader.u8()?, reader.u8()?) {
        (IPV4, NATIVE) => Ok(()),
        _ => Err(BadMessage::Family),
    }
}

fn mask_len(reader: &mut Reader<'_>) -> Result<u8, BadMessage> {
    match reader.u8()? {
        fits @ 0..=32 => Ok(fits),
        _ => Err(BadMessage::Length),
    }
}

/// An Encoded-Unicast address.
pub(super) fn unicast(reader: &mut Reader<'_>) -> Result<Ipv4Addr, BadMessage> {
    family(reader)?;
    reader.address()
}

/// The IPv4 addresses of a list of Encoded-Unicast addresses. Those of IPv6 are
/// left out, as their length is known.
pub(super) fn unicast_list(mut reader: Reader<'_>) -> Result<Vec<Ipv4Addr>, BadMessage> {
    let mut addresses = Vec::new();
    while !reader.is_empty() {
        match (reader.u8()?, reader.u8()?) {
            (IPV4, NATIVE) => addresses.push(reader.address()?),
            (IPV6, NATIVE) => drop(reader.bytes(16)?),
            _ => return Err(BadMessage::Family),
        }
    }
    Ok(addresses)
}

pub(super) fn emit_unicast(bytes: &mut Vec<u8>, address: Ipv4Addr) {
    bytes.extend([IPV4, NATIVE]);
    bytes.extend(address.octets());
}

impl EncodedGroup {
    /// One group.
    pub const fn host(group: Ipv4Addr) -> EncodedGroup {
        EncodedGroup {
            group,
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        }
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<EncodedGroup, BadMessage> {
        family(reader)?;
        let flags = reader.u8()?;
        let mask_len = mask_len(reader)?;
        let group = reader.address()?;
        if !group.is_multicast() {
            return Err(BadMessage::Address);
        }
        Ok(EncodedGroup {
            group,
            mask_len,
            bidirectional: flags & BIDIRECTIONAL != 0,
            scope_zone: flags & SCOPE_ZONE != 0,
        })
    }

    pub(super) fn emit(self, bytes: &mut Vec<u8>) {
        let flags = flag(self.bidirectional, BIDIRECTIONAL) | flag(self.scope_zone, SCOPE_ZONE);
        bytes.extend([IPV4, NATIVE, flags, self.mask_len]);
        bytes.extend(self.group.octets());
    }
}

impl EncodedSource {
    /// The RP in a Join or Prune of (*,G).
    pub const fn star_g(rp: Ipv4Addr) -> EncodedSource {
        EncodedSource {
            source: rp,
            mask_len: 32,
            sparse: true,
            wildcard: true,
            rpt: true,
        }
    }

    /// The source of (S,G).
    pub const fn sg(source: Ipv4Addr) -> EncodedSource {
        EncodedSource {
            source,
            mask_len: 32,
            sparse: true,
            wildcard: false,
            rpt: false,
        }
    }

    /// The source of (S,G,rpt).
    pub const fn sg_rpt(source: Ipv4Addr) -> EncodedSource {
        EncodedSource {
            source,
            mask_len: 32,
            sparse: true,
            wildcard: false,
            rpt: true,
        }
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<EncodedSource, BadMessage> {
        family(reader)?;
        let flags = reader.u8()?;
        let mask_len = mask_len(reader)?;
        Ok(EncodedSource {
            source: reader.address()?,
            mask_len,
            sparse: flags & SPARSE != 0,
            wildcard: flags & WILDCARD != 0,
            rpt: flags & RPT != 0,
        })
    }

    pub(super) fn emit(self, bytes: &mut Vec<u8>) {
        let flags = flag(self.sparse, SPARSE) | flag(self.wildcard, WILDCARD) | flag(self.rpt, RPT);
        bytes.extend([IPV4, NATIVE, flags, self.mask_len]);
        bytes.extend(self.source.octets());
    }
}

const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}
