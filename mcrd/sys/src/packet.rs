//! Packet sockets of the data plane. Each frame is led by a virtio header
//! (see [`crate::vnet`]), in both directions.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::sys::socket::{setsockopt, sockopt};

/// The receive buffer that is asked for: about 20 ms of 1400-byte packets at
/// 500 000 a second, as the kernel accounts them.
const RECEIVE_BUFFER: usize = 32 << 20;

/// The send buffer that is asked for: several batches of super-packets.
const SEND_BUFFER: usize = 16 << 20;

/// linux/if_packet.h.
const PACKET_FANOUT_HASH: u32 = 0;

/// linux/if_packet.h: the kernel picks a number that no group has.
const PACKET_FANOUT_FLAG_UNIQUEID: u32 = 0x2000;

/// A group of sockets that share what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fanout {
    /// A group of its own, with a number that no other has.
    New,
    /// The group that another socket is in.
    Of(u16),
}

/// What the kernel counted for a receiving socket since it was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Frames that passed the filter, also those that were then dropped.
    pub packets: u32,
    /// Frames dropped because the socket's buffer was full.
    pub drops: u32,
}

/// A socket that receives the IPv4 multicast frames of one interface.
///
/// What the interface itself sends does not come back on it. Frames of a VLAN
/// are not seen here but on the VLAN's own interface, and those of a bridge's
/// port on the bridge. All sockets with the same `fanout` group share the
/// frames by a hash of the flow, so the order within a flow is kept.
/// The numbers of groups are shared by all programs in the network namespace.
///
/// Needs CAP_NET_RAW in the network namespace.
pub fn open_input(ifindex: u32, fanout: Option<Fanout>) -> io::Result<OwnedFd> {
    // Protocol 0: nothing arrives before filter and binding are in place.
    let socket = open()?;
    attach_filter(&socket, ifindex)?;
    set_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1)?;
    set_option(&socket, libc::PACKET_VNET_HDR, 1)?;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        // Without CAP_NET_ADMIN over the host the limit of the system holds.
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    bind(&socket, ifindex, libc::ETH_P_IP)?;
    if let Some(fanout) = fanout {
        let (group, flags) = match fanout {
            Fanout::New => (0, PACKET_FANOUT_FLAG_UNIQUEID),
            Fanout::Of(group) => (u32::from(group), 0),
        };
        let value = group | ((PACKET_FANOUT_HASH | flags) << 16);
        set_option(&socket, libc::PACKET_FANOUT, value)?;
    }
    Ok(socket)
}

/// The number of the fanout group that the socket is in.
pub fn fanout_group(socket: impl AsFd) -> io::Result<u16> {
    let mut value: u32 = 0;
    let mut len = mem::size_of_val(&value) as libc::socklen_t;
    // SAFETY: value and len are valid for writes of the size that len says.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_FANOUT,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    check(result)?;
    // The group is in the lower half, its kind in the upper one.
    Ok((value & 0xffff) as u16)
}

/// Whether the interface takes the packets of all groups, as long as the socket
/// is open. The kernel counts those who ask, so each `true` needs one `false`.
/// No group is joined by this, so nobody is told and no traffic is attracted.
pub fn all_multicast(socket: impl AsFd, ifindex: u32, on: bool) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: i32::try_from(ifindex).map_err(|_| io::ErrorKind::InvalidInput)?,
        mr_type: libc::PACKET_MR_ALLMULTI as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    let option = if on {
        libc::PACKET_ADD_MEMBERSHIP
    } else {
        libc::PACKET_DROP_MEMBERSHIP
    };
    // SAFETY: request lives during the call and has the size that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const request).cast(),
            mem::size_of_val(&request) as libc::socklen_t,
        )
    };
    check(result)
}

/// A socket that sends frames on one interface and receives nothing.
///
/// Needs CAP_NET_RAW in the network namespace.
pub fn open_output(ifindex: u32) -> io::Result<OwnedFd> {
    let socket = open()?;
    set_option(&socket, libc::PACKET_VNET_HDR, 1)?;
    if setsockopt(&socket, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
        setsockopt(&socket, sockopt::SndBuf, &SEND_BUFFER)?;
    }
    bind(&socket, ifindex, 0)?;
    Ok(socket)
}

/// A socket that sends IPv4 packets on any interface, as they are, and receives
/// nothing. The kernel puts the interface's own address into the frame.
#[derive(Debug)]
pub struct Sender(OwnedFd);

impl Sender {
    /// Needs CAP_NET_RAW in the network namespace.
    pub fn open() -> io::Result<Sender> {
        open_kind(libc::SOCK_DGRAM).map(Sender)
    }

    /// Sends a packet in a frame to this link-layer address, or not at all.
    pub fn send(&self, ifindex: u32, destination: [u8; 6], packet: &[u8]) -> io::Result<()> {
        // SAFETY: plain data for which all zeros is valid.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
        address.sll_ifindex = i32::try_from(ifindex).map_err(|_| io::ErrorKind::InvalidInput)?;
        address.sll_halen = 6;
        address.sll_addr[..6].copy_from_slice(&destination);
        // SAFETY: packet and address live during the call and have the sizes
        // that are given.
        let sent = unsafe {
            libc::sendto(
                self.0.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                libc::MSG_DONTWAIT,
                (&raw const address).cast(),
                mem::size_of_val(&address) as libc::socklen_t,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// A socket that receives the IPv4 frames of one interface as they are, or, with
/// `receive` false, only sends, past the interface's queue. This is what a
/// simple relay uses; the benchmarks compare with it.
pub fn open_plain(ifindex: u32, receive: bool) -> io::Result<OwnedFd> {
    let socket = open()?;
    if !receive {
        set_option(&socket, libc::PACKET_QDISC_BYPASS, 1)?;
        bind(&socket, ifindex, 0)?;
        return Ok(socket);
    }
    attach_filter(&socket, ifindex)?;
    set_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1)?;
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    bind(&socket, ifindex, libc::ETH_P_IP)?;
    Ok(socket)
}

/// What the kernel counted since the last call, for any duplicate of the
/// descriptor: reading sets it to zero.
pub fn statistics(socket: impl AsFd) -> io::Result<Statistics> {
    // SAFETY: plain data for which all zeros is valid.
    let mut stats: libc::tpacket_stats = unsafe { mem::zeroed() };
    let mut len = mem::size_of_val(&stats) as libc::socklen_t;
    // SAFETY: stats and len are valid for writes of the size that len says.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut len,
        )
    };
    check(result)?;
    Ok(Statistics {
        packets: stats.tp_packets,
        drops: stats.tp_drops,
    })
}

pub(crate) fn open() -> io::Result<OwnedFd> {
    open_kind(libc::SOCK_RAW)
}

/// SOCK_RAW: with the link-layer header; SOCK_DGRAM: without.
pub(crate) fn open_kind(kind: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    check(fd)?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn set_option(socket: &OwnedFd, option: libc::c_int, value: u32) -> io::Result<()> {
    // SAFETY: value lives during the call and has the size that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const value).cast(),
            mem::size_of_val(&value) as libc::socklen_t,
        )
    };
    check(result)
}

pub(crate) fn bind(socket: impl AsFd, ifindex: u32, protocol: libc::c_int) -> io::Result<()> {
    // SAFETY: plain data for which all zeros is valid.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (protocol as u16).to_be();
    address.sll_ifindex = i32::try_from(ifindex).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: address lives during the call and has the size that is given.
    let result = unsafe {
        libc::bind(
            socket.as_fd().as_raw_fd(),
            (&raw const address).cast(),
            mem::size_of_val(&address) as libc::socklen_t,
        )
    };
    check(result)
}

/// Accepts what the interface itself received, without a VLAN tag, and sent to
/// a multicast address. The kernel shows a socket on an interface also the
/// frames that it hands up to the VLAN and bond interfaces above.
fn attach_filter(socket: &OwnedFd, ifindex: u32) -> io::Result<()> {
    use crate::filter::{AND, EQUAL, INTERFACE, LOAD, RETURN, TAGGED, step};
    /// The IP destination behind an Ethernet header.
    const DESTINATION: u32 = 14 + 16;
    let mut program = [
        step(LOAD, 0, 0, INTERFACE),
        step(EQUAL, 0, 6, ifindex),
        step(LOAD, 0, 0, TAGGED),
        step(EQUAL, 0, 4, 0),
        step(LOAD, 0, 0, DESTINATION),
        step(AND, 0, 0, 0xf000_0000),
        step(EQUAL, 0, 1, 0xe000_0000),
        step(RETURN, 0, 0, u32::MAX),
        step(RETURN, 0, 0, 0),
    ];
    crate::filter::attach(socket, &mut program)
}

pub(crate) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
