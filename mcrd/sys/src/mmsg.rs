//! Packet input and output by recvmmsg and sendmmsg, for systems that forbid
//! io_uring. Same contract as [`crate::uring::PacketRing`].

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::time::TimeSpec;

use crate::frames::{Batch, FRAME_SIZE, FRAMES, FramePool, MessageHeaders, Received, descriptor};
use crate::uring::Events;

/// Frames taken by one call.
const AT_ONCE: u16 = 64;

/// How long to gather frames after some have arrived, as in [`crate::uring`].
const GATHER: TimeSpec = TimeSpec::new(0, 100_000);

/// The sockets and buffers.
pub struct PacketCalls {
    rx: OwnedFd,
    control: OwnedFd,
    pool: FramePool,
    received: Vec<Received>,
    incoming: Vec<libc::mmsghdr>,
    /// The only thing that `incoming` points to; never resized.
    _vectors: Box<[libc::iovec]>,
    headers: MessageHeaders,
    order: Vec<usize>,
    sorted: Vec<libc::mmsghdr>,
    /// The last wait brought frames, but not as many as it can.
    busy: bool,
}

impl PacketCalls {
    /// Makes the buffers. `control` is watched for being readable.
    pub fn new(rx: OwnedFd, control: OwnedFd) -> io::Result<PacketCalls> {
        let pool = FramePool::new()?;
        let mut vectors: Box<[libc::iovec]> = (0..AT_ONCE.min(FRAMES))
            .filter_map(|frame| pool.room(frame))
            .map(|room| libc::iovec {
                iov_base: room.cast(),
                iov_len: FRAME_SIZE,
            })
            .collect();
        let incoming = vectors
            .iter_mut()
            .map(|vector| {
                // SAFETY: plain data for which all zeros is valid.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Ok(PacketCalls {
            rx,
            control,
            pool,
            received: Vec::with_capacity(usize::from(AT_ONCE)),
            incoming,
            _vectors: vectors,
            headers: MessageHeaders::default(),
            order: Vec::new(),
            sorted: Vec::new(),
            busy: false,
        })
    }

    /// As [`crate::uring::PacketRing::wait`].
    pub fn wait(&mut self, want_writable: bool) -> io::Result<Events> {
        self.received.clear();
        let mut events = Events::default();
        let mut interest = PollFlags::POLLIN;
        interest.set(PollFlags::POLLOUT, want_writable);
        self.gather(interest)?;
        let mut fds = [
            PollFd::new(self.rx.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.control.as_fd(), interest),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => return Ok(events),
            Err(error) => return Err(error.into()),
        }
        let found = fds[1].revents().unwrap_or(PollFlags::empty());
        let frames = fds[0].any().unwrap_or(false);
        let ended = PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR;
        events.readable = found.intersects(ended);
        events.writable = found.contains(PollFlags::POLLOUT);
        if frames {
            events.receive_error = self.receive();
        }
        Ok(events)
    }

    /// After frames have arrived, lets more of them come: frames that arrive
    /// together are sent for less. The control descriptor ends it.
    fn gather(&mut self, interest: PollFlags) -> io::Result<()> {
        if !std::mem::take(&mut self.busy) {
            return Ok(());
        }
        let mut fds = [PollFd::new(self.control.as_fd(), interest)];
        match ppoll(&mut fds, Some(GATHER), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self) -> Option<i32> {
        // SAFETY: each header names a room of FRAME_SIZE bytes that nobody
        // reads now: the list of received frames is empty.
        let count = unsafe {
            libc::recvmmsg(
                self.rx.as_raw_fd(),
                self.incoming.as_mut_ptr(),
                self.incoming.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            return match io::Error::last_os_error().raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR) | None => None,
                other => other,
            };
        };
        self.busy = count > 0 && count < self.incoming.len();
        let filled = (0u16..).zip(self.incoming.iter().take(count));
        self.received.extend(filled.map(|(frame, header)| Received {
            frame,
            len: header.msg_len,
        }));
        None
    }

    /// As [`crate::uring::PacketRing::received`].
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// As [`crate::uring::PacketRing::frame`].
    pub fn frame(&self, index: usize) -> &[u8] {
        match self.received.get(index) {
            // SAFETY: it is in the list, so the kernel has filled it; it is
            // filled again only by `wait`, which takes &mut self.
            Some(received) => unsafe { self.pool.frame(*received) },
            None => &[],
        }
    }

    /// As [`crate::uring::PacketRing::transmit`].
    pub fn transmit(
        &mut self,
        batch: &Batch,
        sockets: &[Option<OwnedFd>],
        outcomes: &mut Vec<i32>,
    ) -> io::Result<()> {
        self.headers.fill(&self.pool, batch);
        outcomes.clear();
        outcomes.resize(batch.messages.len(), libc::ECANCELED);
        // One call serves one socket, and keeps the order within it.
        self.order.clear();
        self.order.extend(0..batch.messages.len());
        self.order
            .sort_by_key(|index| batch.messages.get(*index).map(|message| message.socket));
        let headers = &self.headers.headers;
        self.sorted.clear();
        self.sorted
            .extend(self.order.iter().filter_map(|i| headers.get(*i).copied()));
        let socket = |at: &usize| batch.messages.get(*at).map(|message| message.socket);
        let mut start = 0;
        for group in self.order.chunk_by(|a, b| socket(a) == socket(b)) {
            let fd = group
                .first()
                .and_then(socket)
                .map_or(-1, |index| descriptor(sockets, index));
            let end = (start + group.len()).min(self.sorted.len());
            send_group(fd, &mut self.sorted[start..end], |at, errno| {
                if let Some(outcome) = group.get(at).and_then(|index| outcomes.get_mut(*index)) {
                    *outcome = errno;
                }
            });
            start = end;
        }
        Ok(())
    }
}

/// Sends messages to one socket; one that fails does not stop the others.
fn send_group(fd: i32, headers: &mut [libc::mmsghdr], mut outcome: impl FnMut(usize, i32)) {
    let mut next = 0;
    while next < headers.len() {
        let rest = &mut headers[next..];
        // SAFETY: the headers were filled for this batch just before, and what
        // they point to is borrowed for the whole call.
        let sent = unsafe {
            libc::sendmmsg(
                fd,
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        match usize::try_from(sent) {
            Ok(0) => return,
            Ok(sent) => {
                (next..next + sent).for_each(|at| outcome(at, 0));
                next += sent;
            }
            Err(_) => {
                let error = io::Error::last_os_error().raw_os_error();
                if error == Some(libc::EINTR) {
                    continue;
                }
                outcome(next, error.unwrap_or(libc::EIO));
                next += 1;
            }
        }
    }
}
