//! Packet sockets that see all that passes an interface, and those of wires.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use crate::packet;

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
