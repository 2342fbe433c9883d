//! Register and Register-Stop (RFC 7761 §4.9.3, §4.9.4).

use std::net::Ipv4Addr;

use zerocopy::{FromBytes, IntoBytes};

use super::EncodedGroup;
use super::address::{emit_unicast, unicast};
use crate::ipv4::{self, Header};
use crate::reader::Reader;
use crate::{BadMessage, Malformed, checksum};

/// A Register with the packet it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// B: the sender is a border router; ignored on reception.
    pub border: bool,
    /// N: Null-Register; the packet is a header only.
    pub null: bool,
    /// The IPv4 packet, from its header on.
    pub packet: &'a [u8],
}

/// A Register-Stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterStop {
    /// The group.
    pub group: EncodedGroup,
    /// The source; 0.0.0.0 stands for all sources of the group.
    pub source: Ipv4Addr,
}

const BORDER: u32 = 0x8000_0000;
const NULL: u32 = 0x4000_0000;

impl<'a> Register<'a> {
    /// A Null-Register that carries this header.
    pub const fn null(header: &'a [u8]) -> Register<'a> {
        Register {
            border: false,
            null: true,
            packet: header,
        }
    }

    /// The header that a Null-Register carries (§4.9.3): of a packet from the
    /// source to the group, of protocol PIM, without a payload.
    pub fn null_header(source: Ipv4Addr, group: Ipv4Addr) -> [u8; ipv4::MIN_HEADER_LEN] {
        const TTL: u8 = 64;
        let mut bytes = [0; ipv4::MIN_HEADER_LEN];
        if let Some(header) = Header::new(source, group, super::PROTOCOL, TTL, 0) {
            bytes.copy_from_slice(header.as_bytes());
        }
        bytes
    }

    /// Source and group of the packet it carries.
    ///
    /// # Errors
    /// What is wrong with that packet. The header of a Null-Register is not
    /// that of a packet somebody sent: its checksum may be 0 (§4.9.3).
    pub fn addresses(&self) -> Result<(Ipv4Addr, Ipv4Addr), BadMessage> {
        let header = match self.null {
            true => null_header(self.packet)?,
            false => ipv4::Packet::parse(self.packet)
                .map_err(|reason| match reason {
                    Malformed::Truncated => BadMessage::Truncated,
                    Malformed::BadHeader | Malformed::BadUdpLength => BadMessage::Length,
                    Malformed::BadChecksum => BadMessage::Checksum,
                })?
                .header(),
        };
        if !header.destination().is_multicast() {
            return Err(BadMessage::Address);
        }
        Ok((header.source(), header.destination()))
    }

    /// After the PIM header.
    pub(super) fn parse(mut reader: Reader<'a>) -> Result<Register<'a>, BadMessage> {
        let flags = reader.u32()?;
        Ok(Register {
            border: flags & BORDER != 0,
            null: flags & NULL != 0,
            packet: reader.rest(),
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        let border = if self.border { BORDER } else { 0 };
        let null = if self.null { NULL } else { 0 };
        bytes.extend((border | null).to_be_bytes());
        bytes.extend(self.packet);
    }
}

fn null_header(bytes: &[u8]) -> Result<&Header, BadMessage> {
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| BadMessage::Truncated)?;
    let whole = bytes
        .get(..header.header_len().max(ipv4::MIN_HEADER_LEN))
        .ok_or(BadMessage::Truncated)?;
    match header.version_ihl {
        0x45..=0x4f => {}
        _ => return Err(BadMessage::Length),
    }
    if header.checksum.get() != 0 && checksum::internet(whole) != 0 {
        return Err(BadMessage::Checksum);
    }
    Ok(header)
}

impl RegisterStop {
    /// After the PIM header.
    pub(super) fn parse(mut reader: Reader<'_>) -> Result<RegisterStop, BadMessage> {
        Ok(RegisterStop {
            group: EncodedGroup::parse(&mut reader)?,
            source: unicast(&mut reader)?,
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        self.group.emit(bytes);
        emit_unicast(bytes, self.source);
    }
}
