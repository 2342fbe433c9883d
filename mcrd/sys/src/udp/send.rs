//! Sending: sendmmsg for many destinations, UDP GSO for one.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::{OpenError, Step, option};

/// The kernel's bound on datagrams in one GSO send (UDP_MAX_SEGMENTS; 64
/// before Linux 6.9, more since).
pub const MAX_SEGMENTS: usize = 64;

/// What a sending socket needs.
#[derive(Clone, Debug)]
pub struct SendConfig {
    /// The source address (unspecified: the kernel's choice) and port (0: the
    /// kernel's choice).
    pub bind: SocketAddrV4,
    /// The interface datagrams leave by.
    pub interface: Option<u32>,
    /// Time to live.
    pub ttl: u8,
    /// DiffServ code point.
    pub dscp: u8,
    /// Members on this host hear the datagrams as well.
    pub multicast_loop: bool,
}

/// Opens a sending socket. A source address that this host does not have needs
/// CAP_NET_ADMIN or CAP_NET_RAW.
pub fn sender(config: &SendConfig) -> Result<Socket, OpenError> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))
        .step(|| "opening a UDP socket".to_owned())?;
    let ttl = u32::from(config.ttl);
    socket
        .set_multicast_ttl_v4(ttl)
        .and_then(|()| socket.set_ttl_v4(ttl))
        .step(|| format!("setting TTL {ttl}"))?;
    socket
        .set_tos_v4(u32::from(config.dscp) << 2)
        .step(|| format!("setting DSCP {}", config.dscp))?;
    socket
        .set_multicast_loop_v4(config.multicast_loop)
        .step(|| "setting IP_MULTICAST_LOOP".to_owned())?;
    if let Some(index) = config.interface {
        choose_interface(&socket, index).step(|| format!("choosing interface number {index}"))?;
    }
    bind(&socket, config.bind)?;
    Ok(socket)
}

/// IP_MULTICAST_IF decides for groups, IP_UNICAST_IF for hosts.
fn choose_interface(socket: &Socket, index: u32) -> io::Result<()> {
    let number = i32::try_from(index).map_err(io::Error::other)?;
    let none = libc::in_addr { s_addr: 0 };
    let multicast = libc::ip_mreqn {
        imr_multiaddr: none,
        imr_address: none,
        imr_ifindex: number,
    };
    option::set(
        socket.as_fd(),
        libc::IPPROTO_IP,
        libc::IP_MULTICAST_IF,
        multicast,
    )?;
    option::set(
        socket.as_fd(),
        libc::IPPROTO_IP,
        libc::IP_UNICAST_IF,
        number.to_be(),
    )
}

fn bind(socket: &Socket, address: SocketAddrV4) -> Result<(), OpenError> {
    let error = match socket.bind(&address.into()) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if error.raw_os_error() != Some(libc::EADDRNOTAVAIL) {
        return Err(error).step(|| format!("binding to {address}"));
    }
    socket
        .set_ip_transparent_v4(true)
        .and_then(|()| socket.bind(&address.into()))
        .step(|| {
            format!(
                "sending from {}, which this host does not have (needs CAP_NET_ADMIN)",
                address.ip()
            )
        })
}

/// Asks for the error of a datagram that was dropped on this host. Without it
/// the kernel hides a full transmit queue (ENOBUFS). Only for groups: a host's
/// ICMP errors would fail later sends.
pub fn report_local_drops(socket: BorrowedFd<'_>) -> io::Result<()> {
    option::set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
}

/// One datagram to send: two slices, so that a long filler is not copied
/// behind each header.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Where to.
    pub to: SocketAddrV4,
    /// The payload.
    pub parts: [&'a [u8]; 2],
}

/// Memory that send calls use again.
#[derive(Default)]
pub struct SendScratch {
    headers: Vec<libc::mmsghdr>,
    slices: Vec<libc::iovec>,
    addresses: Vec<libc::sockaddr_in>,
}

impl SendScratch {
    /// New memory, empty.
    pub fn new() -> Self {
        Self::default()
    }

    fn clear(&mut self, datagrams: usize) {
        self.headers.clear();
        self.slices.clear();
        self.addresses.clear();
        // The headers point into the two other vectors, which must not move.
        self.slices.reserve(datagrams * 2);
        self.addresses.reserve(datagrams);
    }

    fn push(&mut self, datagram: &Datagram<'_>) {
        self.addresses.push(socket_address(datagram.to));
        self.push_slices(datagram.parts);
    }

    fn push_slices(&mut self, parts: [&[u8]; 2]) {
        self.slices.extend(parts.map(|part| libc::iovec {
            iov_base: part.as_ptr().cast_mut().cast(),
            iov_len: part.len(),
        }));
    }
}

/// Hands datagrams to the kernel by sendmmsg. Gives how many it took; an error
/// is that of the first.
pub fn send_many(
    socket: BorrowedFd<'_>,
    datagrams: &[Datagram<'_>],
    scratch: &mut SendScratch,
) -> io::Result<usize> {
    scratch.clear(datagrams.len());
    for datagram in datagrams {
        scratch.push(datagram);
    }
    let addresses = scratch.addresses.iter_mut();
    let slices = scratch.slices.chunks_exact_mut(2);
    scratch
        .headers
        .extend(addresses.zip(slices).map(|(address, slices)| {
            let mut header = empty_header();
            header.msg_hdr.msg_name = (&raw mut *address).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_iov = slices.as_mut_ptr();
            header.msg_hdr.msg_iovlen = slices.len() as _;
            header
        }));
    let count = libc::c_uint::try_from(scratch.headers.len()).map_err(io::Error::other)?;
    // SAFETY: `headers` holds `count` headers; names and slices point into
    // `scratch` and `datagrams`, which outlive the call and are only read.
    let sent =
        unsafe { libc::sendmmsg(socket.as_raw_fd(), scratch.headers.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Hands datagrams of one size and one destination to the kernel as a single
/// packet that it cuts as late as it can (UDP_SEGMENT). All are taken or none.
/// At most [`MAX_SEGMENTS`] datagrams and 65507 bytes.
pub fn send_segments(
    socket: BorrowedFd<'_>,
    to: SocketAddrV4,
    size: u16,
    datagrams: &[Datagram<'_>],
    scratch: &mut SendScratch,
) -> io::Result<()> {
    scratch.clear(datagrams.len());
    for datagram in datagrams {
        scratch.push_slices(datagram.parts);
    }
    let mut address = socket_address(to);
    let mut control = segment_control(size);
    let mut header = empty_header().msg_hdr;
    header.msg_name = (&raw mut address).cast();
    header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    header.msg_iov = scratch.slices.as_mut_ptr();
    header.msg_iovlen = scratch.slices.len() as _;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of::<SegmentControl>() as _;
    // SAFETY: name, slices and control are valid for the lengths given, outlive
    // the call and are only read.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A control message with one 16-bit value, padded as CMSG_SPACE says.
#[repr(C)]
struct SegmentControl {
    header: libc::cmsghdr,
    size: u16,
    padding: [u8; 6],
}

fn segment_control(size: u16) -> SegmentControl {
    SegmentControl {
        header: libc::cmsghdr {
            // CMSG_LEN(2): the header and the value without padding.
            cmsg_len: (size_of::<libc::cmsghdr>() + size_of::<u16>()) as _,
            cmsg_level: libc::SOL_UDP,
            cmsg_type: libc::UDP_SEGMENT,
        },
        size,
        padding: [0; 6],
    }
}

pub(super) fn empty_header() -> libc::mmsghdr {
    // SAFETY: integers and pointers, for which zero is a value.
    unsafe { zeroed() }
}

pub(super) fn socket_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}

pub(super) fn from_socket_address(address: &libc::sockaddr_in) -> SocketAddrV4 {
    SocketAddrV4::new(
        Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)),
        u16::from_be(address.sin_port),
    )
}
