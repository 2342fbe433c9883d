//! The header rewrite: a pure function on bytes.
//!
//! Checksums are changed by difference, so a packet that was damaged before it
//! came here is still recognised as damaged by its receiver.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use mcr_proto::fib::{Rewrite, TtlRewrite};
use mcr_wire::checksum::{Adjust, pseudo_header};

/// Length of a UDP header.
pub const UDP: usize = mcr_wire::udp::HEADER_LEN;

const TOTAL_LENGTH: usize = 2;
const IDENTIFICATION: usize = 4;
const TTL: usize = 8;
const PROTOCOL: usize = 9;
const HEADER_CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

/// What the UDP checksum field holds, and how it is kept right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpChecksum {
    /// A checksum, or 0 for none: changed by difference, 0 stays 0.
    Complete,
    /// The sum of the pseudo header only: computed anew.
    Partial,
}

/// The time to live ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlExpired;

/// Rewrites the headers at the start of `headers`: an IP header of `ip_len`
/// bytes and, if `udp` says so, a UDP header. Both were checked to be whole.
pub fn rewrite(
    headers: &mut [u8],
    ip_len: usize,
    udp: Option<UdpChecksum>,
    rewrite: &Rewrite,
) -> Result<(), TtlExpired> {
    let (ip, rest) = headers.split_at_mut(ip_len);
    let ttl = match rewrite.ttl {
        TtlRewrite::Set(ttl) => ttl.get(),
        // RFC 1812 §5.3.1: a router does not forward what would leave with 0.
        TtlRewrite::Decrement => match ip[TTL].checked_sub(1) {
            None | Some(0) => return Err(TtlExpired),
            Some(ttl) => ttl,
        },
    };
    // What covers the addresses is both checksums.
    let mut addresses = Adjust::new();
    for (at, new) in [(SOURCE, rewrite.source), (DESTINATION, rewrite.destination)] {
        if let Some(new) = new {
            addresses = addresses.address(address(ip, at), new);
            ip[at..at + 4].copy_from_slice(&new.octets());
        }
    }
    // The protocol stands in the same 16-bit word.
    let mut header = addresses.word(word(ip[TTL], 0), word(ttl, 0));
    ip[TTL] = ttl;
    if let Some(dscp) = rewrite.dscp {
        // RFC 3168 §5: the two ECN bits are not ours.
        let tos = (dscp.get() << 2) | (ip[1] & 3);
        header = header.word(word(0, ip[1]), word(0, tos));
        ip[1] = tos;
    }
    store(ip, HEADER_CHECKSUM, header.apply(load(ip, HEADER_CHECKSUM)));
    if let Some(state) = udp {
        rewrite_udp(ip, &mut rest[..UDP], state, addresses, rewrite);
    }
    Ok(())
}

fn rewrite_udp(
    ip: &[u8],
    udp: &mut [u8],
    state: UdpChecksum,
    mut change: Adjust,
    rewrite: &Rewrite,
) {
    for (at, port) in [(0, rewrite.source_port), (2, rewrite.port)] {
        if let Some(port) = port.map(NonZeroU16::get) {
            change = change.word(load(udp, at), port);
            store(udp, at, port);
        }
    }
    let checksum = match state {
        UdpChecksum::Complete => change.apply_udp(load(udp, 6)),
        UdpChecksum::Partial => {
            let (source, destination) = (address(ip, SOURCE), address(ip, DESTINATION));
            pseudo_header(source, destination, ip[PROTOCOL], load(udp, 4))
        }
    };
    store(udp, 6, checksum);
}

/// Makes the headers those of a datagram, or run of datagrams, with
/// `udp_len` bytes from the UDP header on, that is `index` datagrams after the
/// one the headers are from. The UDP checksum is left to [`rewrite`] with
/// [`UdpChecksum::Partial`].
pub fn resize(headers: &mut [u8], ip_len: usize, udp_len: u16, index: u16) {
    let (ip, udp) = headers.split_at_mut(ip_len);
    let total = (ip_len as u16).saturating_add(udp_len);
    // RFC 6864 §4.2: identifications of fragments must differ. They are counted
    // on as the kernel does when it cuts a run.
    let id = load(ip, IDENTIFICATION).wrapping_add(index);
    let change = Adjust::new()
        .word(load(ip, TOTAL_LENGTH), total)
        .word(load(ip, IDENTIFICATION), id);
    store(ip, TOTAL_LENGTH, total);
    store(ip, IDENTIFICATION, id);
    store(ip, HEADER_CHECKSUM, change.apply(load(ip, HEADER_CHECKSUM)));
    store(udp, 4, udp_len);
}

const fn word(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

fn address(ip: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3])
}

fn load(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn store(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
