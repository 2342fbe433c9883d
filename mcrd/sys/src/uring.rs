//! Packet input and output over one io_uring: a multishot receive that fills
//! provided buffers, and one operation per message sent.
//!
//! The ring can be restricted to just these operations, because a seccomp
//! filter does not see what is asked of a ring.

use std::io;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, register, squeue, types};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::frames::{Batch, FRAME_SIZE, FRAMES, FramePool, MessageHeaders, Received, descriptor};

/// Submission entries; a larger batch is sent in parts.
const ENTRIES: u32 = 256;

/// Completion entries: all sends of a part, all frames, and some.
const COMPLETIONS: u32 = 2048;

const GROUP: u16 = 0;

const RECEIVE: u64 = 1 << 32;
const READABLE: u64 = 2 << 32;
const WRITABLE: u64 = 3 << 32;

/// After frames have arrived, how long to gather more of them, or this many:
/// frames that arrive together are sent for less. A frame after a pause is not
/// delayed.
const GATHER: Timespec = Timespec::new().nsec(100_000);
const GATHER_FRAMES: usize = 64;

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Events {
    /// The control descriptor can be read, or its other end is closed.
    pub readable: bool,
    /// The control descriptor can be written.
    pub writable: bool,
    /// The receiving socket reported this error.
    pub receive_error: Option<i32>,
}

/// The ring with its sockets and buffers.
pub struct PacketRing {
    ring: IoUring,
    rx: OwnedFd,
    control: OwnedFd,
    /// Never given back: while a ring is torn down, the kernel may still fill
    /// the buffers it was given. A process has one.
    pool: ManuallyDrop<FramePool>,
    buffers: BufferRing,
    headers: MessageHeaders,
    received: Vec<Received>,
    /// Those that have come since: a send may find them.
    arriving: Vec<Received>,
    events: Events,
    outcomes: Vec<i32>,
    unfinished: usize,
    armed: Armed,
    /// The last wait brought frames.
    busy: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Armed {
    receive: bool,
    readable: bool,
    writable: bool,
}

impl PacketRing {
    /// Makes the ring, restricts it and switches it on. `control` is watched
    /// for being readable. Must be called on the thread that will use it.
    pub fn new(rx: OwnedFd, control: OwnedFd) -> io::Result<PacketRing> {
        let ring = IoUring::builder()
            .setup_cqsize(COMPLETIONS)
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_r_disabled()
            .build(ENTRIES)?;
        let pool = ManuallyDrop::new(FramePool::new()?);
        let mut buffers = BufferRing::new()?;
        for frame in 0..FRAMES {
            buffers.give(&pool, frame);
        }
        buffers.publish();
        let entries = buffers.entries.as_ptr() as u64;
        // SAFETY: the buffer ring's memory is never unmapped.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries, FRAMES, GROUP, 0)
        }?;
        ring.submitter().register_restrictions(&mut [
            register::Restriction::sqe_op(opcode::RecvMulti::CODE),
            register::Restriction::sqe_op(opcode::SendMsg::CODE),
            register::Restriction::sqe_op(opcode::PollAdd::CODE),
            register::Restriction::sqe_flags_allowed(squeue::Flags::BUFFER_SELECT.bits()),
        ])?;
        ring.submitter().register_enable_rings()?;
        Ok(PacketRing {
            ring,
            rx,
            control,
            pool,
            buffers,
            headers: MessageHeaders::default(),
            received: Vec::with_capacity(usize::from(FRAMES)),
            arriving: Vec::with_capacity(usize::from(FRAMES)),
            events: Events::default(),
            outcomes: Vec::new(),
            unfinished: 0,
            armed: Armed::default(),
            busy: false,
        })
    }

    /// Gives the frames back and waits until others have arrived, or until the
    /// control descriptor is readable, or writable if that is of interest.
    pub fn wait(&mut self, want_writable: bool) -> io::Result<Events> {
        self.recycle();
        self.arm(want_writable)?;
        self.reap();
        while self.arriving.is_empty() && self.events == Events::default() {
            let waited = if self.busy {
                let args = SubmitArgs::new().timespec(&GATHER);
                let submitter = self.ring.submitter();
                submitter.submit_with_args(GATHER_FRAMES, &args)
            } else {
                self.ring.submit_and_wait(1)
            };
            match waited.map_err(|error| (error.raw_os_error(), error)) {
                Ok(_) | Err((Some(libc::ETIME | libc::EINTR | libc::EBUSY), _)) => {}
                Err((_, error)) => return Err(error),
            }
            self.busy = false;
            self.reap();
        }
        std::mem::swap(&mut self.received, &mut self.arriving);
        self.busy = !self.received.is_empty();
        Ok(std::mem::take(&mut self.events))
    }

    /// The frames that have arrived and were not given back.
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// The bytes of the frame at `index` of that list, its virtio header first.
    pub fn frame(&self, index: usize) -> &[u8] {
        match self.received.get(index) {
            // SAFETY: it is in the list, so the kernel has filled it, and it is
            // given to the kernel again only by `recycle`, which takes &mut self.
            Some(received) => unsafe { self.pool.frame(*received) },
            None => &[],
        }
    }

    /// Sends the batch. `outcomes` gets 0 or the error number of each message.
    /// A send never waits for room: then it fails, so that messages to one
    /// socket keep their order.
    pub fn transmit(
        &mut self,
        batch: &Batch,
        sockets: &[Option<OwnedFd>],
        outcomes: &mut Vec<i32>,
    ) -> io::Result<()> {
        self.headers.fill(&self.pool, batch);
        self.outcomes.clear();
        self.outcomes.resize(batch.messages.len(), libc::ECANCELED);
        let mut next = 0;
        while next < batch.messages.len() {
            next = self.queue_sends(batch, sockets, next);
            self.finish_sends()?;
        }
        std::mem::swap(outcomes, &mut self.outcomes);
        Ok(())
    }

    /// Queues as many sends as there is room for; the index of the first one
    /// that is not queued.
    fn queue_sends(&mut self, batch: &Batch, sockets: &[Option<OwnedFd>], start: usize) -> usize {
        let mut queue = self.ring.submission();
        for (index, message) in batch.messages.iter().enumerate().skip(start) {
            let fd = descriptor(sockets, message.socket);
            let Some(header) = self.headers.headers.get(index) else {
                break;
            };
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let entry = opcode::SendMsg::new(Fd(fd), &raw const header.msg_hdr)
                .flags(flags as u32)
                .build()
                .user_data(index as u64);
            // SAFETY: what the entry points to is not touched before
            // `finish_sends` has seen its completion.
            if unsafe { queue.push(&entry) }.is_err() {
                return index;
            }
            self.unfinished += 1;
        }
        batch.messages.len()
    }

    /// Returns only when the kernel is done with every send: their memory is
    /// borrowed. If it cannot be known, the process ends.
    fn finish_sends(&mut self) -> io::Result<()> {
        let mut failures = 0;
        while self.unfinished > 0 {
            if let Err(error) = self.ring.submit_and_wait(self.unfinished) {
                match error.raw_os_error() {
                    Some(libc::EINTR | libc::EBUSY | libc::EAGAIN) if failures < 100_000 => {
                        failures += 1;
                    }
                    _ => std::process::abort(),
                }
            }
            self.reap();
        }
        Ok(())
    }

    fn recycle(&mut self) {
        for received in self.received.drain(..) {
            self.buffers.give(&self.pool, received.frame);
        }
        self.buffers.publish();
    }

    fn arm(&mut self, want_writable: bool) -> io::Result<()> {
        if !self.armed.receive {
            let entry = opcode::RecvMulti::new(Fd(self.rx.as_raw_fd()), GROUP).build();
            self.push(entry.user_data(RECEIVE))?;
            self.armed.receive = true;
        }
        let control = Fd(self.control.as_raw_fd());
        if !self.armed.readable {
            let entry = opcode::PollAdd::new(control, libc::POLLIN as u32).build();
            self.push(entry.user_data(READABLE))?;
            self.armed.readable = true;
        }
        if want_writable && !self.armed.writable {
            let entry = opcode::PollAdd::new(control, libc::POLLOUT as u32).build();
            self.push(entry.user_data(WRITABLE))?;
            self.armed.writable = true;
        }
        Ok(())
    }

    fn push(&mut self, entry: squeue::Entry) -> io::Result<()> {
        // SAFETY: the entry names descriptors that self owns and no memory but
        // the buffers, which are never unmapped.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        pushed.map_err(|_| io::Error::other("the submission queue is full"))
    }

    fn reap(&mut self) {
        for entry in self.ring.completion() {
            let (result, flags) = (entry.result(), entry.flags());
            match entry.user_data() {
                RECEIVE => {
                    self.armed.receive = cqueue::more(flags);
                    match (u32::try_from(result), cqueue::buffer_select(flags)) {
                        (Ok(len), Some(frame)) => self.arriving.push(Received { frame, len }),
                        (Ok(_), None) => {}
                        // Out of buffers: they are given back before the next
                        // wait, and the frames wait in the socket.
                        (Err(_), _) if result == -libc::ENOBUFS => {}
                        (Err(_), _) => self.events.receive_error = Some(-result),
                    }
                }
                READABLE => {
                    self.armed.readable = false;
                    self.events.readable = true;
                }
                WRITABLE => {
                    self.armed.writable = false;
                    self.events.writable = true;
                }
                index => {
                    self.unfinished = self.unfinished.saturating_sub(1);
                    if let Some(outcome) = self.outcomes.get_mut(index as usize) {
                        *outcome = (-result).max(0);
                    }
                }
            }
        }
    }
}

/// The ring through which free buffers are given to the kernel.
struct BufferRing {
    entries: NonNull<BufRingEntry>,
    tail: u16,
}

impl BufferRing {
    fn new() -> io::Result<BufferRing> {
        let length = usize::from(FRAMES) * size_of::<BufRingEntry>();
        let length = NonZeroUsize::new(length).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address of the kernel's choice replaces
        // nothing. It is never unmapped, as the kernel reads it.
        let start = unsafe {
            mmap_anonymous(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE,
            )
        }?;
        Ok(BufferRing {
            entries: start.cast(),
            tail: 0,
        })
    }

    /// Puts a buffer behind the others; [`BufferRing::publish`] shows it.
    fn give(&mut self, pool: &FramePool, frame: u16) {
        let Some(room) = pool.room(frame) else { return };
        let place = usize::from(self.tail % FRAMES);
        // SAFETY: the place is within the mapping.
        let entry = unsafe { self.entries.as_ptr().add(place) };
        // SAFETY: there are as many places as frames, so the kernel has taken
        // the entry that was here, and it reads a new one only after `publish`.
        let entry = unsafe { &mut *entry };
        entry.set_addr(room as u64);
        entry.set_len(FRAME_SIZE as u32);
        entry.set_bid(frame);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&mut self) {
        // SAFETY: entries is the start of a registered buffer ring.
        let tail = unsafe { types::BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: the tail is an aligned u16 that the kernel reads with acquire
        // and never writes.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
