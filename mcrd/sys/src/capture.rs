//! Packet sockets that see all that passes an interface.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};

use crate::packet;

/// The receive buffer that is asked for.
const RECEIVE_BUFFER: usize = 16 << 20;

/// A socket that receives every frame an interface receives or sends, as it is
/// on the wire. It does not block.
///
/// # Errors
/// EPERM without CAP_NET_RAW in the network namespace, ENODEV where there is
/// no such interface.
pub fn open(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = packet::open()?;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        // Without CAP_NET_ADMIN over the host the limit of the system holds.
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    packet::bind(&socket, ifindex, libc::ETH_P_ALL)?;
    Ok(socket)
}
