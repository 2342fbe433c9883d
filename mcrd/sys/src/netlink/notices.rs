//! What the kernel says of links and of its own multicast routes (mroute), for
//! whoever watches many namespaces at once: plain sockets that are polled, not
//! the stream of [`super::monitor`].

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily as Family, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv,
    send, setsockopt, socket, sockopt,
};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

/// linux/rtnetlink.h: RTNLGRP_LINK and RTNLGRP_IPV4_MROUTE, as the mask that
/// bind takes.
const GROUPS: u32 = 1 | 1 << 5;
/// linux/rtnetlink.h: RTNL_FAMILY_IPMR.
const IPMR: u8 = 128;
/// linux/netlink.h: NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x1 | 0x300;
/// Room for what comes while the reader is busy, in bytes.
const RECEIVE_BUFFER: usize = 1024 * 1024;
/// The kernel's messages are at most so long.
const LONGEST: usize = 64 * 1024;

/// Something that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A link is there, new or different.
    Link {
        /// The kernel's number.
        index: u32,
        /// Its name.
        name: String,
        /// IFF_UP.
        up: bool,
        /// IFF_LOWER_UP.
        carrier: bool,
    },
    /// A link has gone.
    LinkGone(u32),
    /// An entry of the kernel's multicast forwarding cache is there, new or
    /// different, or has gone.
    Mroute {
        /// Its source; 0.0.0.0 in (*,G).
        source: Ipv4Addr,
        /// Its group.
        group: Ipv4Addr,
        /// The incoming interface; `None` where packets came that no entry is
        /// for.
        iif: Option<u32>,
        /// The outgoing interfaces.
        oifs: Vec<u32>,
        /// Packets that it took, where that is told.
        packets: Option<u64>,
        /// It has gone.
        gone: bool,
    },
    /// The reader was too slow, and something was lost.
    Missed,
}

/// Opens a socket in the calling thread's network namespace that tells of
/// changes from now on. Returns it with what there is now: links first, then
/// routes. It does not block.
///
/// # Errors
/// The kernel's.
pub fn open() -> io::Result<(OwnedFd, Vec<Notice>)> {
    let fd = route_socket()?;
    if setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&fd, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    let now = all(&fd)?;
    Ok((fd, now))
}

/// What there is now in the calling thread's network namespace: links first,
/// then routes.
///
/// # Errors
/// The kernel's.
pub fn now() -> io::Result<Vec<Notice>> {
    all(&route_socket()?)
}

pub(super) fn route_socket() -> io::Result<OwnedFd> {
    Ok(socket(
        Family::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?)
}

fn all(fd: &OwnedFd) -> io::Result<Vec<Notice>> {
    let mut mroutes = RouteMessage::default();
    mroutes.header.address_family = IPMR.into();
    let mut now = Vec::new();
    for asked in [
        RouteNetlinkMessage::GetLink(LinkMessage::default()),
        RouteNetlinkMessage::GetRoute(mroutes),
    ] {
        list(fd, asked, &mut now)?;
    }
    Ok(now)
}

/// Asks for a list, and reads to its end.
fn list(fd: &OwnedFd, asked: RouteNetlinkMessage, told: &mut Vec<Notice>) -> io::Result<()> {
    let mut message = NetlinkMessage::from(asked);
    message.header.flags = DUMP;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    send(fd.as_raw_fd(), &bytes, MsgFlags::empty())?;
    let mut buffer = vec![0; LONGEST];
    loop {
        match receive(fd, &mut buffer, MsgFlags::empty()) {
            Ok(length) => {
                if parse(&buffer[..length], told) {
                    return Ok(());
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::ENOBUFS) => told.push(Notice::Missed),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reads what is there without waiting for more.
///
/// # Errors
/// The socket broke.
pub fn read(fd: &OwnedFd) -> io::Result<Vec<Notice>> {
    let mut told = Vec::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        match receive(fd, &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => {
                parse(&buffer[..length], &mut told);
            }
            Err(Errno::EAGAIN) => return Ok(told),
            Err(Errno::EINTR) => {}
            Err(Errno::ENOBUFS) => told.push(Notice::Missed),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn receive(fd: &OwnedFd, buffer: &mut [u8], flags: MsgFlags) -> Result<usize, Errno> {
    recv(fd.as_raw_fd(), buffer, flags)
}

/// Reads the messages of one datagram; true at the end of a list.
fn parse(mut bytes: &[u8], told: &mut Vec<Notice>) -> bool {
    let mut ended = false;
    while let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes) {
        let length = usize::try_from(message.header.length).unwrap_or(bytes.len());
        // linux/netlink.h: NLMSG_ALIGN.
        let length = length.next_multiple_of(4).max(4);
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "the kernel's message types are many and open-ended"
        )]
        match message.payload {
            NetlinkPayload::InnerMessage(inner) => told.extend(notice(&inner)),
            NetlinkPayload::Overrun(_) => told.push(Notice::Missed),
            // A list that is refused is an empty one.
            NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => ended = true,
            _ => {}
        }
        bytes = bytes.get(length..).unwrap_or_default();
    }
    ended
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's message types are many and open-ended"
)]
fn notice(message: &RouteNetlinkMessage) -> Option<Notice> {
    use RouteNetlinkMessage as M;
    match message {
        // A bridge tells of its ports too, of family AF_BRIDGE.
        M::NewLink(link) if link.header.interface_family == AddressFamily::Unspec => {
            parse_link(link)
        }
        M::DelLink(link) if link.header.interface_family == AddressFamily::Unspec => {
            Some(Notice::LinkGone(link.header.index))
        }
        M::NewRoute(route) => parse_mroute(route, false),
        M::DelRoute(route) => parse_mroute(route, true),
        _ => None,
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are many and open-ended"
)]
fn parse_link(link: &LinkMessage) -> Option<Notice> {
    let name = link
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        })?;
    Some(Notice::Link {
        index: link.header.index,
        name,
        up: link.header.flags.contains(LinkFlags::Up),
        carrier: link.header.flags.contains(LinkFlags::LowerUp),
    })
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are many and open-ended"
)]
fn parse_mroute(route: &RouteMessage, gone: bool) -> Option<Notice> {
    if route.header.address_family != AddressFamily::from(IPMR) {
        return None;
    }
    let (mut source, mut group) = (Ipv4Addr::UNSPECIFIED, None);
    let (mut iif, mut oifs, mut packets) = (None, Vec::new(), None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Source(address) => source = ipv4(address)?,
            RouteAttribute::Destination(address) => group = ipv4(address),
            RouteAttribute::Iif(index) => iif = Some(*index),
            RouteAttribute::MfcStats(stats) => packets = Some(stats.packets),
            RouteAttribute::MultiPath(hops) => {
                oifs = hops.iter().map(|hop| hop.interface_index).collect();
            }
            _ => {}
        }
    }
    Some(Notice::Mroute {
        source,
        group: group?,
        iif,
        oifs,
        packets,
        gone,
    })
}

/// An address of the family of multicast routes, whose form is IPv4's.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's address families are open-ended"
)]
fn ipv4(address: &RouteAddress) -> Option<Ipv4Addr> {
    match address {
        RouteAddress::Inet(address) => Some(*address),
        RouteAddress::Other(bytes) => <[u8; 4]>::try_from(&bytes[..]).ok().map(Ipv4Addr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
