//! Packet sockets that see all that passes an interface, and those of wires.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use crate::filter::{self, EQUAL, GREATER, LENGTH, LOAD_BYTE, LOAD_HALF, RETURN, step};
use crate::packet;
use crate::ring::{Ring, SNAPLEN};

/// The receive buffer that is asked for.
const RECEIVE_BUFFER: usize = 16 << 20;

/// The send buffer that is asked for: what the receiving end has not read yet
/// counts too.
const SEND_BUFFER: usize = 16 << 20;

/// A socket that receives every frame an interface receives or sends, as it is
/// on the wire. It does not block.
///
/// # Errors
/// EPERM without CAP_NET_RAW in the network namespace, ENODEV where there is
/// no such interface.
pub fn open(ifindex: u32) -> io::Result<OwnedFd> {
    opened(packet::open()?, ifindex)
}

/// A socket that receives the IPv4 frames of IGMP and PIM among those that an
/// interface receives or sends. It does not block.
///
/// # Errors
/// As [`open`].
pub fn open_messages(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = packet::open()?;
    split(&socket, u32::MAX, 0)?;
    opened(socket, ifindex)
}

/// A ring of about so many bytes that receives all other frames.
///
/// # Errors
/// As [`open`], and ENOMEM where there is no memory for the ring.
pub fn open_rest(ifindex: u32, bytes: usize) -> io::Result<Ring> {
    let socket = packet::open()?;
    let kept = u32::try_from(SNAPLEN).map_err(io::Error::other)?;
    split(&socket, 0, kept)?;
    let ring = Ring::new(socket, bytes)?;
    packet::bind(&ring, ifindex, libc::ETH_P_ALL)?;
    Ok(ring)
}

/// Takes so many bytes of frames of IGMP and PIM, and so many of all others.
fn split(socket: &OwnedFd, messages: u32, rest: u32) -> io::Result<()> {
    const ETHERNET_TYPE: u32 = 12;
    const IPV4: u32 = libc::ETH_P_IP as u32;
    /// Behind an Ethernet header.
    const PROTOCOL: u32 = 14 + 9;
    const IGMP: u32 = libc::IPPROTO_IGMP as u32;
    const PIM: u32 = libc::IPPROTO_PIM as u32;
    // A load from beyond a frame's end would end the program.
    let mut program = [
        step(LENGTH, 0, 0, 0),
        step(GREATER, 0, 6, PROTOCOL),
        step(LOAD_HALF, 0, 0, ETHERNET_TYPE),
        step(EQUAL, 0, 4, IPV4),
        step(LOAD_BYTE, 0, 0, PROTOCOL),
        step(EQUAL, 1, 0, IGMP),
        step(EQUAL, 0, 1, PIM),
        step(RETURN, 0, 0, messages),
        step(RETURN, 0, 0, rest),
    ];
    filter::attach(socket, &mut program)
}

/// A socket that receives every frame that arrives at an interface, and by
/// which frames are sent there: the end of a wire of user space. It does not
/// block.
///
/// # Errors
/// As [`open`].
pub fn open_wire(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = packet::open()?;
    packet::set_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1)?;
    if setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
        setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
    }
    opened(socket, ifindex)
}

fn opened(socket: OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        // Without CAP_NET_ADMIN over the host the limit of the system holds.
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    packet::bind(&socket, ifindex, libc::ETH_P_ALL)?;
    Ok(socket)
}
