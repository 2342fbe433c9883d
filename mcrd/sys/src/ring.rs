//! Packet sockets whose frames the kernel writes into memory that the reader
//! shares (TPACKET_V2): no system call and no wake-up for a frame.
//!
//! The third version packs frames more tightly, but hands them over a block at
//! a time: a frame waits until its block is full or a timer closes it, which
//! runs at every socket also when nothing arrives. Here each frame can be read
//! as soon as it is written, and a ring at which nothing happens costs nothing.

use std::io;
use std::mem;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::packet;

/// What is kept of a frame.
pub const SNAPLEN: usize = 256;

/// A slot has the kernel's header, room for a link header that ends at a
/// multiple of sixteen, and what is kept of a frame.
const SLOT: usize =
    (libc::TPACKET2_HDRLEN + 16).next_multiple_of(libc::TPACKET_ALIGNMENT) + SNAPLEN;

/// What the kernel allocates at a time; slots do not cross it.
const BLOCK: usize = 32 << 10;

/// Slots in a block.
const IN_A_BLOCK: usize = BLOCK / SLOT;

/// A frame that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// CLOCK_REALTIME when the kernel saw it, in nanoseconds.
    pub at_ns: u64,
    /// How long it was.
    pub length: u32,
    /// Its first bytes, at most [`SNAPLEN`].
    pub bytes: &'a [u8],
}

/// A socket and its ring.
#[derive(Debug)]
pub struct Ring {
    socket: OwnedFd,
    start: NonNull<u8>,
    blocks: usize,
    /// The slot that the kernel fills next.
    next: usize,
}

// SAFETY: the mapping belongs to the value, which reads it through a mutable
// reference only.
unsafe impl Send for Ring {}

impl Ring {
    /// Gives a socket that is not bound yet a ring of about so many bytes, and
    /// at least one block.
    pub(crate) fn new(socket: OwnedFd, bytes: usize) -> io::Result<Ring> {
        let blocks = (bytes / BLOCK).max(1);
        let count = |value: usize| libc::c_uint::try_from(value).map_err(io::Error::other);
        let version = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
        option(&socket, libc::PACKET_VERSION, &version)?;
        let request = libc::tpacket_req {
            tp_block_size: count(BLOCK)?,
            tp_block_nr: count(blocks)?,
            tp_frame_size: count(SLOT)?,
            tp_frame_nr: count(blocks * IN_A_BLOCK)?,
        };
        option(&socket, libc::PACKET_RX_RING, &request)?;
        let length = NonZeroUsize::new(blocks * BLOCK).ok_or(io::ErrorKind::InvalidInput)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces
        // nothing; the ring has exactly this length.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, &socket, 0) }?;
        Ok(Ring {
            socket,
            start: start.cast(),
            blocks,
            next: 0,
        })
    }

    /// For how many frames there is room.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.blocks * IN_A_BLOCK
    }

    /// Reads what is there, at most as many frames as there is room for; returns
    /// how many.
    pub fn read(&mut self, mut each: impl FnMut(Frame<'_>)) -> usize {
        for taken in 0..self.slots() {
            let offset = self.next / IN_A_BLOCK * BLOCK + self.next % IN_A_BLOCK * SLOT;
            // SAFETY: `next` is below the number of slots, so all of the slot is
            // within the mapping.
            let slot = unsafe { self.start.add(offset) };
            // SAFETY: a slot begins with its status, aligned to sixteen bytes,
            // which both sides change atomically.
            let status = unsafe { AtomicU32::from_ptr(slot.as_ptr().cast()) };
            if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return taken;
            }
            // SAFETY: the slot is the reader's until the status is set back, and
            // holds a header that the kernel has written.
            let header: libc::tpacket2_hdr = unsafe { slot.cast().read() };
            let begins = usize::from(header.tp_mac).min(SLOT);
            let length = (header.tp_snaplen as usize).min(SLOT - begins);
            // SAFETY: `begins` is at most the slot's size.
            let kept = unsafe { slot.add(begins) };
            // SAFETY: within the slot, which is the reader's for now; the slice
            // does not outlive the call.
            let bytes = unsafe { std::slice::from_raw_parts(kept.as_ptr(), length) };
            each(Frame {
                at_ns: u64::from(header.tp_sec) * 1_000_000_000 + u64::from(header.tp_nsec),
                length: header.tp_len,
                bytes: &bytes[..length.min(SNAPLEN)],
            });
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % self.slots();
        }
        self.slots()
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new` with this length, and no slice
        // of it outlives a call of `read`.
        let unmapped = unsafe { munmap(self.start.cast(), self.blocks * BLOCK) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

fn option<T>(socket: &OwnedFd, option: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: value lives during the call and has the size that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            (&raw const *value).cast(),
            mem::size_of_val(value) as libc::socklen_t,
        )
    };
    packet::check(result)
}
