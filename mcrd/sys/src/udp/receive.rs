//! Receiving: one socket a group, recvmmsg, and the control messages with the
//! arrival time, TTL, TOS and drop counter.
//!
//! UDP GRO stays off: the kernel's drop counter counts buffers, and a merged
//! buffer holds many datagrams, so loss could no longer be told from own drops.

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::send::{empty_header, from_socket_address, socket_address};
use super::{OpenError, Step, option};

/// What a receiving socket listens to.
#[derive(Clone, Debug)]
pub struct ReceiveConfig {
    /// The group, or an address of this host.
    pub group: Ipv4Addr,
    /// The UDP port.
    pub port: u16,
    /// The interface the group is joined at.
    pub interface: u32,
    /// The interface's address, which a join that names sources needs.
    pub interface_address: Ipv4Addr,
    /// Join these sources only; every source where there are none.
    pub sources: Vec<Ipv4Addr>,
    /// Join every source but these.
    pub exclude: bool,
    /// Bytes of buffer to ask for.
    pub buffer: usize,
}

/// Opens a socket that receives datagrams to this one group or address, and
/// joins the group on this one interface.
pub fn receiver(config: &ReceiveConfig) -> Result<Socket, OpenError> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))
        .step(|| "opening a UDP socket".to_owned())?;
    for (level, name) in [
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL),
        (libc::IPPROTO_IP, libc::IP_RECVTTL),
        (libc::IPPROTO_IP, libc::IP_RECVTOS),
    ] {
        option::set(socket.as_fd(), level, name, 1)
            .step(|| format!("setting socket option {level}/{name}"))?;
    }
    grow_buffer(&socket, config.buffer).step(|| "setting SO_RCVBUF".to_owned())?;
    if config.group.is_multicast() {
        // Several receivers of a group may run on one host; and each hears
        // only what it joined itself.
        socket
            .set_reuse_address(true)
            .and_then(|()| socket.set_multicast_all_v4(false))
            .step(|| "setting IP_MULTICAST_ALL".to_owned())?;
    }
    let address = SocketAddrV4::new(config.group, config.port);
    socket
        .bind(&address.into())
        .step(|| format!("binding to {address}"))?;
    if config.group.is_multicast() {
        join(&socket, config)?;
    }
    Ok(socket)
}

/// SO_RCVBUFFORCE passes net.core.rmem_max and needs CAP_NET_ADMIN.
fn grow_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    let wanted = libc::c_int::try_from(bytes).map_err(io::Error::other)?;
    option::set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_RCVBUFFORCE,
        wanted,
    )
    .or_else(|_| option::set(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, wanted))
}

fn join(socket: &Socket, config: &ReceiveConfig) -> Result<(), OpenError> {
    let ReceiveConfig {
        group, interface, ..
    } = config;
    if config.exclude || config.sources.is_empty() {
        let index = InterfaceIndexOrAddress::Index(*interface);
        socket
            .join_multicast_v4_n(group, &index)
            .step(|| format!("joining {group} on interface number {interface}"))?;
    }
    for source in &config.sources {
        name_source(socket, config, *source)?;
    }
    Ok(())
}

/// Adds a source to those that are joined, or to those that are not.
fn name_source(socket: &Socket, config: &ReceiveConfig, source: Ipv4Addr) -> Result<(), OpenError> {
    let ReceiveConfig {
        group, interface, ..
    } = config;
    let network_order = |address: Ipv4Addr| libc::in_addr {
        s_addr: u32::from(address).to_be(),
    };
    let request = libc::ip_mreq_source {
        imr_multiaddr: network_order(*group),
        imr_interface: network_order(config.interface_address),
        imr_sourceaddr: network_order(source),
    };
    let (name, does) = match config.exclude {
        true => (libc::IP_BLOCK_SOURCE, "blocking"),
        false => (libc::IP_ADD_SOURCE_MEMBERSHIP, "joining"),
    };
    option::set(socket.as_fd(), libc::IPPROTO_IP, name, request)
        .step(|| format!("{does} ({source}, {group}) on interface number {interface}"))
}

/// Datagrams the kernel has dropped at this socket up to now. Unlike the
/// counter that comes with a datagram it needs no later datagram.
pub fn socket_drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    const WORDS: usize = 9;
    let words: [u32; WORDS] = option::get_words(socket, libc::SOL_SOCKET, libc::SO_MEMINFO)?;
    Ok(words[libc::SK_MEMINFO_DROPS as usize])
}

/// One received datagram.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The UDP payload, or its start where `truncated`.
    pub payload: &'a [u8],
    /// It was longer than the buffer.
    pub truncated: bool,
    /// Its source address and port.
    pub from: SocketAddrV4,
    /// CLOCK_REALTIME when the kernel received it.
    pub arrival_ns: Option<u64>,
    /// The TTL it arrived with.
    pub ttl: Option<u8>,
    /// The TOS octet it arrived with.
    pub tos: Option<u8>,
    /// The socket's drop counter when this datagram was queued.
    pub drops: Option<u32>,
}

/// Room for a timestamp and three small values.
const CONTROL: usize = 128;

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// Buffers for one recvmmsg call, used again and again.
pub struct ReceiveBatch {
    stride: usize,
    size: usize,
    buffers: Vec<u8>,
    controls: Vec<Control>,
    addresses: Vec<libc::sockaddr_in>,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl ReceiveBatch {
    /// Room for `count` datagrams of up to `size` bytes.
    pub fn new(count: usize, size: usize) -> Self {
        // An odd number of cache lines between the buffers' starts: with a
        // power of two all headers would fight for the same cache sets.
        let stride = size.next_multiple_of(64) + 64 * 3;
        Self {
            stride,
            size,
            buffers: vec![0; count * stride],
            controls: vec![Control([0; CONTROL]); count],
            addresses: vec![socket_address(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)); count],
            slices: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
        }
    }

    /// Takes what is queued, without waiting. Gives the number of datagrams,
    /// which is 0 where none is queued.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.prepare();
        let count = libc::c_uint::try_from(self.headers.len()).map_err(io::Error::other)?;
        // SAFETY: `headers` holds `count` headers; each points to a buffer, an
        // address and a control area of its own, of the lengths it states,
        // which live in `self` and are not otherwise touched during the call.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(received).or_else(|_| {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR) => Ok(0),
                Some(_) | None => Err(error),
            }
        })
    }

    /// The kernel writes lengths into the headers, so each call starts anew.
    fn prepare(&mut self) {
        self.slices.clear();
        self.headers.clear();
        let size = self.size;
        self.slices.extend(
            self.buffers
                .chunks_exact_mut(self.stride)
                .map(|buffer| libc::iovec {
                    iov_base: buffer.as_mut_ptr().cast(),
                    iov_len: size,
                }),
        );
        let parts = self.slices.iter_mut();
        let parts = parts.zip(&mut self.addresses).zip(&mut self.controls);
        self.headers
            .extend(parts.map(|((slice, address), control)| {
                let mut header = empty_header();
                header.msg_hdr.msg_name = (&raw mut *address).cast();
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_iov = &raw mut *slice;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = CONTROL as _;
                header
            }));
    }

    /// Datagram `index` of the last call; `None` past its end.
    pub fn get(&self, index: usize) -> Option<Received<'_>> {
        let header = self.headers.get(index)?;
        let length = usize::try_from(header.msg_len).ok()?.min(self.size);
        let start = index * self.stride;
        let mut received = Received {
            payload: self.buffers.get(start..start + length)?,
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            from: from_socket_address(self.addresses.get(index)?),
            arrival_ns: None,
            ttl: None,
            tos: None,
            drops: None,
        };
        let used = header.msg_hdr.msg_controllen;
        let control = self.controls.get(index)?.0.get(..used.min(CONTROL))?;
        read_control(control, &mut received);
        Some(received)
    }
}

/// Walks the control messages: each a length, a level and a type, then data,
/// padded to eight bytes.
fn read_control(mut control: &[u8], received: &mut Received<'_>) {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    while let Some((length, level, kind)) = control_header(control) {
        if length < HEADER || length > control.len() {
            return;
        }
        let data = &control[HEADER..length];
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => received.arrival_ns = timespec(data),
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => received.drops = word(data),
            (libc::IPPROTO_IP, libc::IP_TTL) => {
                received.ttl = word(data).and_then(|ttl| u8::try_from(ttl).ok());
            }
            (libc::IPPROTO_IP, libc::IP_TOS) => received.tos = data.first().copied(),
            _ => {}
        }
        let next = length.next_multiple_of(size_of::<usize>());
        control = control.get(next..).unwrap_or_default();
    }
}

fn control_header(control: &[u8]) -> Option<(usize, libc::c_int, libc::c_int)> {
    const WORD: usize = size_of::<usize>();
    let length = control.get(..WORD)?.try_into().ok()?;
    let level = control.get(WORD..WORD + 4)?.try_into().ok()?;
    let kind = control.get(WORD + 4..WORD + 8)?.try_into().ok()?;
    Some((
        usize::from_ne_bytes(length),
        libc::c_int::from_ne_bytes(level),
        libc::c_int::from_ne_bytes(kind),
    ))
}

fn word(data: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(data.get(..4)?.try_into().ok()?))
}

fn timespec(data: &[u8]) -> Option<u64> {
    let seconds = libc::time_t::from_ne_bytes(data.get(..8)?.try_into().ok()?);
    let nanos = libc::c_long::from_ne_bytes(data.get(8..16)?.try_into().ok()?);
    let seconds = u64::try_from(seconds).ok()?;
    let nanos = u64::try_from(nanos).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}
