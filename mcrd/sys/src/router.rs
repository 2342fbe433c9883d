//! Sockets of a multicast router: IGMP and PIM, received and sent.
//!
//! What is sent to a group is received by packet sockets, one for each
//! interface and protocol: reports to groups that this host has not joined
//! never reach a raw IP socket. What is sent to this host is received by a raw
//! IP socket, so that the kernel puts fragments together.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::packet;
use crate::udp::option;

/// IP protocol numbers.
const PIM: i32 = 103;
const RAW: i32 = 255;

/// Packets that wait to be read, as the kernel accounts them: at least 700 for
/// each socket.
const RECEIVE_BUFFER: usize = 1 << 20;

/// Registers carry data, so their socket holds more.
const UNICAST_BUFFER: usize = 8 << 20;

/// Which multicast packets a socket receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listen {
    /// IGMP, also to one of this host's own addresses.
    Igmp,
    /// PIM.
    Pim,
}

/// Opens a socket that receives the IP packets of one protocol that arrive on
/// an interface, from the IP header on, and makes the interface take packets
/// of all groups as long as the socket is open (PACKET_MR_ALLMULTI). It does
/// not block.
///
/// # Errors
/// EPERM without CAP_NET_RAW in the network namespace, ENODEV where there is no
/// such interface.
pub fn listen(ifindex: u32, what: Listen) -> io::Result<OwnedFd> {
    // Without a protocol, until the filter is there.
    let socket = packet::open_kind(libc::SOCK_DGRAM)?;
    attach_filter(&socket, ifindex, what)?;
    packet::set_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1)?;
    grow(&socket, RECEIVE_BUFFER)?;
    all_multicast(&socket, ifindex)?;
    packet::bind(&socket, ifindex, libc::ETH_P_IP)?;
    Ok(socket)
}

/// The next packet of a socket of [`listen`]: its bytes in the buffer.
///
/// # Errors
/// `WouldBlock` where there is none; ENETDOWN once when the interface went
/// down.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    Ok(nix::sys::socket::recv(fd, buffer, MsgFlags::MSG_DONTWAIT)?)
}

/// Accepts packets of the protocol that the interface itself received, without
/// a VLAN tag, and that are meant for this host or for a group; those of PIM to
/// this host come by [`unicast`].
fn attach_filter(socket: &OwnedFd, ifindex: u32, what: Listen) -> io::Result<()> {
    use crate::filter::{
        AND, EQUAL, GREATER, INTERFACE, LOAD, LOAD_BYTE, PACKET_TYPE, RETURN, TAGGED, attach, step,
    };
    /// linux/if_packet.h: PACKET_HOST, PACKET_BROADCAST and PACKET_MULTICAST
    /// are 0 to 2.
    const LAST_FOR_US: u32 = 2;
    /// Offsets in the IP header, with which the data of these sockets begins.
    const PROTOCOL: u32 = 9;
    const DESTINATION: u32 = 16;
    let (protocol, mask, destination) = match what {
        Listen::Igmp => (2, 0, 0),
        Listen::Pim => (103, 0xf000_0000, 0xe000_0000),
    };
    let mut program = [
        step(LOAD, 0, 0, INTERFACE),
        step(EQUAL, 0, 10, ifindex),
        step(LOAD, 0, 0, TAGGED),
        step(EQUAL, 0, 8, 0),
        step(LOAD, 0, 0, PACKET_TYPE),
        step(GREATER, 6, 0, LAST_FOR_US),
        step(LOAD_BYTE, 0, 0, PROTOCOL),
        step(EQUAL, 0, 4, protocol),
        step(LOAD, 0, 0, DESTINATION),
        step(AND, 0, 0, mask),
        step(EQUAL, 0, 1, destination),
        step(RETURN, 0, 0, u32::MAX),
        step(RETURN, 0, 0, 0),
    ];
    attach(socket, &mut program)
}

fn all_multicast(socket: &OwnedFd, ifindex: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: i32::try_from(ifindex).map_err(|_| io::ErrorKind::InvalidInput)?,
        mr_type: libc::PACKET_MR_ALLMULTI as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    option::set(
        socket.as_fd(),
        libc::SOL_PACKET,
        libc::PACKET_ADD_MEMBERSHIP,
        request,
    )
}

/// The socket of PIM messages to and from this host's own addresses. As long as
/// it is open, the kernel does not answer them with "protocol unreachable".
#[derive(Debug)]
pub struct Unicast {
    socket: Socket,
}

/// A packet that [`Unicast::receive`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its bytes in the buffer, from the IP header on.
    pub len: usize,
    /// Where it arrived.
    pub ifindex: u32,
    /// How many the kernel dropped since the socket was opened, because they
    /// were not read in time; `None` while none was.
    pub dropped: Option<u32>,
}

/// Opens the socket.
///
/// # Errors
/// EPERM without CAP_NET_RAW in the network namespace.
pub fn unicast() -> io::Result<Unicast> {
    let socket = Socket::new(
        Domain::IPV4,
        Type::RAW.nonblocking(),
        Some(Protocol::from(PIM)),
    )?;
    // What other programs of this host joined is not for us.
    socket.set_multicast_all_v4(false)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    grow(&socket, UNICAST_BUFFER)?;
    // A Register that is too large for a link on its way is fragmented there.
    option::set(
        socket.as_fd(),
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DONT,
    )?;
    Ok(Unicast { socket })
}

impl AsFd for Unicast {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Unicast {
    /// The next packet.
    ///
    /// # Errors
    /// `WouldBlock` where there is none.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the kernel's control messages are many and open-ended"
    )]
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut vectors = [IoSliceMut::new(buffer)];
        let mut space = nix::cmsg_space!(libc::in_pktinfo, u32);
        let message = recvmsg::<()>(
            self.socket.as_raw_fd(),
            &mut vectors,
            Some(&mut space),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let mut received = Received {
            len: message.bytes,
            ifindex: 0,
            dropped: None,
        };
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    received.ifindex = u32::try_from(info.ipi_ifindex).unwrap_or(0);
                }
                ControlMessageOwned::RxqOvfl(count) => received.dropped = Some(count),
                _ => {}
            }
        }
        Ok(received)
    }

    /// Sends a PIM message by the kernel's routes.
    ///
    /// # Errors
    /// What the system said, for example that there is no route.
    pub fn send(
        &self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        ttl: u8,
        tos: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let info = packet_info(0, source);
        let ttl = i32::from(ttl);
        send(
            &self.socket,
            destination,
            payload,
            &[
                ControlMessage::Ipv4PacketInfo(&info),
                ControlMessage::Ipv4Ttl(&ttl),
                ControlMessage::Ipv4Tos(&tos),
            ],
        )
    }
}

/// The socket that sends to groups.
#[derive(Debug)]
pub struct Multicast {
    socket: Socket,
}

/// Opens the socket.
///
/// # Errors
/// EPERM without CAP_NET_RAW in the network namespace.
pub fn multicast() -> io::Result<Multicast> {
    let socket = Socket::new(
        Domain::IPV4,
        Type::RAW.nonblocking(),
        Some(Protocol::from(RAW)),
    )?;
    socket.set_multicast_loop_v4(false)?;
    Ok(Multicast { socket })
}

impl Multicast {
    /// Sends an IP packet, with its header, to a group on an interface. The
    /// kernel sets the checksum and the identification.
    ///
    /// # Errors
    /// What the system said, for example that the interface is down.
    pub fn send(&self, ifindex: u32, destination: Ipv4Addr, packet: &[u8]) -> io::Result<()> {
        let info = packet_info(ifindex, Ipv4Addr::UNSPECIFIED);
        let control = [ControlMessage::Ipv4PacketInfo(&info)];
        send(&self.socket, destination, packet, &control)
    }
}

fn packet_info(ifindex: u32, source: Ipv4Addr) -> libc::in_pktinfo {
    libc::in_pktinfo {
        ipi_ifindex: i32::try_from(ifindex).unwrap_or(0),
        ipi_spec_dst: libc::in_addr {
            s_addr: u32::from(source).to_be(),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    }
}

fn send(
    socket: &Socket,
    destination: Ipv4Addr,
    bytes: &[u8],
    control: &[ControlMessage<'_>],
) -> io::Result<()> {
    let address = SockaddrIn::from(SocketAddrV4::new(destination, 0));
    let vectors = [IoSlice::new(bytes)];
    let flags = MsgFlags::MSG_DONTWAIT;
    sendmsg(socket.as_raw_fd(), &vectors, control, flags, Some(&address))?;
    Ok(())
}

/// Asks for room; without CAP_NET_ADMIN over the host, the limit of the system
/// holds.
fn grow(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    if setsockopt(socket, sockopt::RcvBufForce, &bytes).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &bytes)?;
    }
    Ok(())
}
