//! The packet socket that all hosts share.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll, ppoll};
use nix::sys::time::TimeSpec;
use socket2::{SockFilter, Socket};

use crate::error::{Context, Error};
use crate::interface::Interface;
use crate::stop::Stop;

/// The largest IPv4 packet in a frame.
const LARGEST_FRAME: usize = 65_536;
/// How long a full send queue is waited for, in milliseconds.
const SEND_WAIT_MS: u16 = 100;

pub(super) struct Link {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Link {
    /// Needs CAP_NET_RAW in the network namespace.
    pub(super) fn open(interface: &Interface) -> Result<Link, Error> {
        let fd = mcr_sys::capture::open(interface.index)
            .context("opening a packet socket (it needs CAP_NET_RAW)")?;
        let socket = Socket::from(fd);
        socket
            .attach_filter(&filter())
            .context("setting the filter of a packet socket")?;
        Ok(Link {
            socket,
            buffer: vec![0; LARGEST_FRAME],
        })
    }

    /// A frame that arrived.
    pub(super) fn receive(&mut self) -> io::Result<Option<&[u8]>> {
        match (&self.socket).read(&mut self.buffer) {
            Ok(len) => Ok(self.buffer.get(..len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a frame, and waits where the queue is full.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        match self.socket.send(frame) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
                poll(&mut fds, SEND_WAIT_MS)?;
                self.socket.send(frame).map(drop)
            }
            result => result.map(drop),
        }
    }

    /// Waits this long, less when a frame or a signal comes. True: a signal.
    pub(super) fn wait(&self, nanoseconds: u64, stop: &Stop) -> Result<bool, Error> {
        let mut fds = [
            PollFd::new(stop.fd(), PollFlags::POLLIN),
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = TimeSpec::from_duration(Duration::from_nanos(nanoseconds));
        match ppoll(&mut fds, Some(timeout), None) {
            Ok(_) => Ok(fds[0].any().unwrap_or(false)),
            Err(nix::errno::Errno::EINTR) => Ok(false),
            Err(error) => Err(error).context("waiting"),
        }
    }
}

/// IGMP that others sent.
fn filter() -> [SockFilter; 8] {
    const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const KIND: u32 = (libc::SKF_AD_OFF as u32).wrapping_add(libc::SKF_AD_PKTTYPE as u32);
    let step = |code: u32, jt: u8, jf: u8, k: u32| SockFilter::new(code as u16, jt, jf, k);
    [
        step(LOAD_HALF, 0, 0, KIND),
        step(EQUAL, 5, 0, u32::from(libc::PACKET_OUTGOING)),
        step(LOAD_HALF, 0, 0, 12),
        step(EQUAL, 0, 3, u32::from(mcr_wire::ethernet::ETHERTYPE_IPV4)),
        step(LOAD_BYTE, 0, 0, 14 + 9),
        step(EQUAL, 0, 1, u32::from(mcr_wire::igmp::PROTOCOL)),
        step(RETURN, 0, 0, u32::MAX),
        step(RETURN, 0, 0, 0),
    ]
}
