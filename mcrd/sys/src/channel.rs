//! A message channel between two processes that also carries file descriptors.
//!
//! `SOCK_SEQPACKET` keeps the borders of messages and tells when the other end
//! is gone, so neither framing nor heartbeats are needed.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, getsockopt, sendmsg,
    setsockopt, socketpair, sockopt,
};

/// The send buffer that is asked for. The kernel doubles it for its own book
/// keeping, so a message of 64 KiB always fits.
const SEND_BUFFER: usize = 208 * 1024;

/// Linux `SCM_MAX_FD`: no message can carry more, so a control buffer of this
/// size is never the cause of a truncation.
const MAX_DESCRIPTORS: usize = 253;

/// One end of the channel; it never blocks.
#[derive(Debug)]
pub struct SeqPacket {
    fd: OwnedFd,
}

/// A message that arrived.
#[derive(Debug)]
pub struct Received {
    /// Its length; 0 when the other end is closed.
    pub len: usize,
    /// The descriptors beside it, in the order they were sent.
    pub fds: Vec<OwnedFd>,
}

impl SeqPacket {
    /// A new channel: both ends are non-blocking and closed by `exec`.
    pub fn pair() -> io::Result<(SeqPacket, SeqPacket)> {
        let (one, other) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        )?;
        setsockopt(&one, sockopt::SndBuf, &SEND_BUFFER)?;
        setsockopt(&other, sockopt::SndBuf, &SEND_BUFFER)?;
        Ok((SeqPacket { fd: one }, SeqPacket { fd: other }))
    }

    /// Takes over an end that was inherited or received.
    pub fn from_fd(fd: OwnedFd) -> io::Result<SeqPacket> {
        if getsockopt(&fd, sockopt::SockType)? != SockType::SeqPacket {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the descriptor is not a SOCK_SEQPACKET socket",
            ));
        }
        let status = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
        fcntl(&fd, FcntlArg::F_SETFL(status | OFlag::O_NONBLOCK))?;
        fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        Ok(SeqPacket { fd })
    }

    /// Sends one message, whole or not at all. An empty one is refused, because
    /// the other end could not tell it from a closed channel.
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if bytes.is_empty() || fds.len() > MAX_DESCRIPTORS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a message has at least one byte and at most 253 descriptors",
            ));
        }
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[] } else { &rights[..] };
        sendmsg::<UnixAddr>(
            self.fd.as_raw_fd(),
            &[io::IoSlice::new(bytes)],
            control,
            MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        Ok(())
    }

    /// Receives one message. One that is longer than `buf`, or whose
    /// descriptors could not all be taken over, is an error of kind
    /// `InvalidData`, and what came of it is closed.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<Received> {
        let mut iov = libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        // u64 keeps the alignment that cmsghdr asks for.
        let mut control = [0u64; 16 + MAX_DESCRIPTORS * 4 / 8];
        // SAFETY: msghdr is plain data for which all zeros is valid.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_iov = &raw mut iov;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = mem::size_of_val(&control);
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: header points to a buffer and a control area that live and
        // stay in place until the call returns.
        let len = unsafe { libc::recvmsg(self.fd.as_raw_fd(), &raw mut header, flags) };
        let Ok(len) = usize::try_from(len) else {
            return Err(io::Error::last_os_error());
        };
        let fds = descriptors(&header);
        if header.msg_flags & libc::MSG_TRUNC != 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a message is longer than {} bytes", buf.len()),
            ));
        }
        if header.msg_flags & libc::MSG_CTRUNC != 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "only {} descriptors of a message could be taken; raise the \
                     limit of open files (ulimit -n)",
                    fds.len()
                ),
            ));
        }
        Ok(Received { len, fds })
    }
}

/// Owns every descriptor the message brought, also of a truncated one: what is
/// not owned here would stay open for ever.
fn descriptors(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the kernel has filled the control area that header names.
    let mut cmsg = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !cmsg.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a whole header.
        let head = unsafe { &*cmsg };
        if head.cmsg_level == libc::SOL_SOCKET && head.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: cmsg is a valid header; the data follows it.
            let data = unsafe { libc::CMSG_DATA(cmsg) };
            // SAFETY: only computes the length of a header.
            let offset = unsafe { libc::CMSG_LEN(0) } as usize;
            let count = (head.cmsg_len as usize).saturating_sub(offset) / mem::size_of::<RawFd>();
            for index in 0..count {
                // SAFETY: index is within the data that cmsg_len spans.
                let place = unsafe { data.cast::<RawFd>().add(index) };
                // SAFETY: place holds a descriptor; alignment is not promised.
                let raw = unsafe { place.read_unaligned() };
                // SAFETY: the kernel has made this descriptor for us alone.
                fds.push(unsafe { OwnedFd::from_raw_fd(raw) });
            }
        }
        // SAFETY: header and cmsg are those of the loop's start.
        cmsg = unsafe { libc::CMSG_NXTHDR(header, cmsg) };
    }
    fds
}

/// A descriptor of this number that the process was started with; a copy of it,
/// so that the number stays what it is.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes numbers only, and refuses one that is not open.
    let fd = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl AsFd for SeqPacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for SeqPacket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl From<SeqPacket> for OwnedFd {
    fn from(channel: SeqPacket) -> OwnedFd {
        channel.fd
    }
}

#[cfg(test)]
mod tests;
