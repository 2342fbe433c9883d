//! Frames of wires: how they are read, and what is in them.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mcr_sim::packet_expr::Packet;
use mcr_sim::rules::{Rules, Verdict};
use mcr_wire::{ipv4, udp};
use mcrgen::payload;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use crate::clock;

/// The Ethernet header, which stays as it is.
const HEADER: usize = 14;
/// The end of that header where IPv4 follows.
const IPV4: [u8; 2] = [0x08, 0x00];
/// The IP protocol of the lab's sources.
const UDP: u8 = 17;
/// No frame has waited longer: a clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Reads the next frame: how long it is, and how long it has waited.
///
/// # Errors
/// The kernel's, also where there is no frame yet.
pub(super) fn receive(
    socket: &OwnedFd,
    buffer: &mut [u8],
    ancillary: &mut [u8],
) -> io::Result<(usize, Duration)> {
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let fd = socket.as_raw_fd();
    let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(ancillary), flags)?;
    let mut waited = Duration::ZERO;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmTimestampns(time) = control {
            let now = Duration::from_nanos(clock::now_ns());
            waited = now.saturating_sub(Duration::from(time));
        }
    }
    Ok((message.bytes, waited.min(LONGEST_WAIT)))
}

/// The IP packet in a frame.
fn packet_in(frame: &[u8]) -> Option<ipv4::Packet<'_>> {
    let (ethernet, ip) = frame.split_at_checked(HEADER)?;
    (ethernet[12..] == IPV4).then_some(())?;
    ipv4::Packet::parse(ip).ok()
}

/// What rules say of a frame.
pub(super) fn judged(rules: &mut Rules, frame: &[u8]) -> Verdict {
    let Some(packet) = packet_in(frame).filter(|packet| !packet.header().is_fragment()) else {
        return Verdict::default();
    };
    let header = packet.header();
    rules.judge(&Packet {
        source: header.source(),
        destination: header.destination(),
        ttl: header.ttl,
        protocol: header.protocol,
        payload: packet.payload(),
    })
}

/// What a frame says of itself that carries a datagram of the lab's sources.
pub(super) fn of_a_source(frame: &[u8]) -> Option<payload::Header> {
    let packet = packet_in(frame)?;
    if packet.header().protocol != UDP || packet.header().fragment_offset() != 0 {
        return None;
    }
    payload::peek(packet.payload().get(udp::HEADER_LEN..)?)
}

/// Changes one bit behind the Ethernet header.
pub(super) fn corrupt(frame: &mut [u8], bit: u64) {
    let Some(content) = frame
        .get_mut(HEADER..)
        .filter(|content| !content.is_empty())
    else {
        return;
    };
    let bits = content.len() as u64 * 8;
    let at = bit % bits;
    let (byte, mask) = (usize::try_from(at / 8), 1_u8 << (at % 8));
    if let Ok(byte) = byte {
        content[byte] ^= mask;
    }
}
