//! What bridges have learned by snooping IGMP. The netlink crates have no types
//! for it, so that its messages are read here (linux/if_bridge.h).

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use rtnetlink::packet_core::NlasIterator;

use super::notices::route_socket;

/// linux/rtnetlink.h: RTM_GETMDB.
const GET: u16 = 86;
/// linux/netlink.h: NLM_F_REQUEST and NLM_F_DUMP.
const DUMP: u16 = 0x1 | 0x300;
/// linux/netlink.h: NLMSG_ERROR and NLMSG_DONE.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The length of a message's header, and of struct br_port_msg behind it.
const HEADER: usize = 16;
const PORT: usize = 8;
/// AF_BRIDGE.
const BRIDGE: u8 = 7;
/// MDBA_MDB, and MDBA_ROUTER beside it.
const GROUPS: u16 = 1;
const ROUTERS: u16 = 2;
/// ETH_P_IP, in network byte order.
const IPV4: [u8; 2] = [0x08, 0x00];
/// The kernel's messages are at most so long.
const LONGEST: usize = 64 * 1024;

/// Something that a bridge has learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// A port has members of a group.
    Group {
        /// The port's interface.
        port: u32,
        /// The group.
        group: Ipv4Addr,
    },
    /// A port is one of a multicast router.
    Router(u32),
}

/// What the bridges of the calling thread's network namespace have learned.
///
/// # Errors
/// The kernel's.
pub fn list() -> io::Result<Vec<Learned>> {
    let fd = route_socket()?;
    send(fd.as_raw_fd(), &request(), MsgFlags::empty())?;
    let mut learned = Vec::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = receive(&fd, &mut buffer)?;
        if parse(buffer.get(..length).unwrap_or_default(), &mut learned)? {
            return Ok(learned);
        }
    }
}

fn request() -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(24_u32.to_ne_bytes());
    message.extend(GET.to_ne_bytes());
    message.extend(DUMP.to_ne_bytes());
    // Sequence number and port number.
    message.extend([0; 8]);
    message.extend([BRIDGE, 0, 0, 0, 0, 0, 0, 0]);
    message
}

fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match recv(fd.as_raw_fd(), buffer, MsgFlags::empty()) {
            Ok(length) => return Ok(length),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reads the messages of one datagram; true at the end of the list.
fn parse(mut bytes: &[u8], learned: &mut Vec<Learned>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (word(bytes, 0), half(bytes, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(message) = bytes.get(HEADER..length) else {
            break;
        };
        match kind {
            DONE => return Ok(true),
            ERROR => {
                let errno = word(message, 0).map_or(0, |word| word.cast_signed().wrapping_neg());
                return Err(io::Error::from_raw_os_error(errno));
            }
            _ => read(message.get(PORT..).unwrap_or_default(), learned),
        }
        let next = length.next_multiple_of(4).max(4);
        bytes = bytes.get(next..).unwrap_or_default();
    }
    Ok(false)
}

/// Reads what one bridge tells.
fn read(message: &[u8], learned: &mut Vec<Learned>) {
    for (kind, inside) in attributes(message) {
        match kind {
            // MDBA_MDB_ENTRY, and MDBA_MDB_ENTRY_INFO in it.
            GROUPS => {
                let entries = attributes(inside).flat_map(|(_, entry)| attributes(entry));
                learned.extend(entries.filter_map(|(_, info)| group(info)));
            }
            // MDBA_ROUTER_PORT.
            ROUTERS => {
                let ports = attributes(inside).filter_map(|(_, port)| word(port, 0));
                learned.extend(ports.map(Learned::Router));
            }
            _ => {}
        }
    }
}

/// struct br_mdb_entry: the port, state, flags, VLAN, then the group's address
/// in 16 bytes and its protocol.
fn group(info: &[u8]) -> Option<Learned> {
    let port = word(info, 0)?;
    let address: [u8; 4] = info.get(8..12)?.try_into().ok()?;
    (info.get(24..26)? == IPV4).then(|| Learned::Group {
        port,
        group: Ipv4Addr::from(address),
    })
}

fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes)
        .map_while(Result::ok)
        .map(|one| (one.kind(), one.into_inner()))
        .map(|(kind, whole)| (kind, payload(whole)))
}

/// An attribute begins with its length and its kind; behind it is the rest.
fn payload(whole: &[u8]) -> &[u8] {
    let length = half(whole, 0).map_or(0, usize::from);
    whole.get(4..length).unwrap_or_default()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests;
