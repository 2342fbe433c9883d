//! Memory for the frames that arrive, and the description of those to send:
//! what [`crate::uring`] and [`crate::mmsg`] have in common.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use crate::vnet;

/// The room for a frame: the virtio header, the link header and the longest IP
/// packet, so that merged datagrams and jumbo frames fit whole. It is an odd
/// number of cache lines, so the starts of frames spread over the cache, and
/// pages that no frame reaches take no memory.
pub const FRAME_SIZE: usize = 65_600;

const _: () = assert!(FRAME_SIZE > vnet::LEN + 14 + 65_535 && FRAME_SIZE.is_multiple_of(64));

/// How many frames there is room for. The kernel's buffer holds what arrives
/// beyond them.
pub const FRAMES: u16 = 256;

/// A frame that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it is.
    pub frame: u16,
    /// How long it is, with its virtio header. [`FRAME_SIZE`] means that it may
    /// have been cut off.
    pub len: u32,
}

/// Where the bytes of a piece are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In [`Batch::headers`].
    Headers,
    /// In a frame that arrived.
    Frame(u16),
}

/// Some bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where they are.
    pub source: Source,
    /// Their first.
    pub offset: u32,
    /// How many.
    pub len: u32,
}

/// One message to send: some pieces that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The index of its socket.
    pub socket: usize,
    /// Its first piece.
    pub first: usize,
    /// How many pieces it has; at most 1024 (UIO_MAXIOV).
    pub pieces: usize,
}

/// Messages to send, in their order.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The bytes that were written for them.
    pub headers: Vec<u8>,
    /// The pieces of all messages.
    pub pieces: Vec<Piece>,
    /// The messages.
    pub messages: Vec<Outgoing>,
}

impl Batch {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.pieces.clear();
        self.messages.clear();
    }
}

/// The room for all frames.
#[derive(Debug)]
pub(crate) struct FramePool {
    start: NonNull<u8>,
}

const POOL_SIZE: usize = FRAME_SIZE * FRAMES as usize;

impl FramePool {
    pub(crate) fn new() -> io::Result<FramePool> {
        let length = NonZeroUsize::new(POOL_SIZE).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address of the kernel's choice replaces
        // nothing.
        let start = unsafe {
            mmap_anonymous(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE,
            )
        }?;
        Ok(FramePool {
            start: start.cast(),
        })
    }

    /// The start of a frame's room; `None` for a number beyond the pool.
    pub(crate) fn room(&self, frame: u16) -> Option<*mut u8> {
        if frame >= FRAMES {
            return None;
        }
        // SAFETY: the offset is within the mapping.
        Some(unsafe { self.start.as_ptr().add(usize::from(frame) * FRAME_SIZE) })
    }

    /// A frame's bytes.
    ///
    /// # Safety
    ///
    /// The kernel must have filled it and must not be given it to fill again
    /// while the slice lives.
    pub(crate) unsafe fn frame(&self, received: Received) -> &[u8] {
        let len = (received.len as usize).min(FRAME_SIZE);
        match self.room(received.frame) {
            // SAFETY: room has FRAME_SIZE bytes, all initialised (by the
            // mapping if not since), and nobody writes to them by the contract.
            Some(room) => unsafe { std::slice::from_raw_parts(room, len) },
            None => &[],
        }
    }
}

impl Drop for FramePool {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new` with this length.
        let unmapped = unsafe { munmap(self.start.cast(), POOL_SIZE) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

/// Message headers for the kernel, kept to be filled again for each batch.
#[derive(Debug, Default)]
pub(crate) struct MessageHeaders {
    vectors: Vec<libc::iovec>,
    pub(crate) headers: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers are only followed while a batch is sent, by the thread
// that filled them in just before.
unsafe impl Send for MessageHeaders {}

impl MessageHeaders {
    /// Describes the batch. The headers point into pool, batch and self: they
    /// are good until one of these changes.
    pub(crate) fn fill(&mut self, pool: &FramePool, batch: &Batch) {
        self.vectors.clear();
        self.vectors
            .extend(batch.pieces.iter().map(|piece| vector(pool, batch, piece)));
        self.headers.clear();
        for message in &batch.messages {
            let end = message.first.saturating_add(message.pieces);
            let vectors = self.vectors.get_mut(message.first..end);
            // SAFETY: plain data for which all zeros is valid.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            if let Some(vectors) = vectors {
                header.msg_hdr.msg_iov = vectors.as_mut_ptr();
                header.msg_hdr.msg_iovlen = vectors.len();
            }
            self.headers.push(header);
        }
    }
}

/// A piece that reaches beyond its source is sent as an empty one.
fn vector(pool: &FramePool, batch: &Batch, piece: &Piece) -> libc::iovec {
    let (offset, len) = (piece.offset as usize, piece.len as usize);
    let base: Option<*const u8> = match piece.source {
        Source::Headers => batch
            .headers
            .get(offset..offset.saturating_add(len))
            .map(<[u8]>::as_ptr),
        Source::Frame(frame) if offset.saturating_add(len) <= FRAME_SIZE => pool
            .room(frame)
            // SAFETY: the offset was checked to be within the room.
            .map(|room| unsafe { room.add(offset) }.cast_const()),
        Source::Frame(_) => None,
    };
    libc::iovec {
        iov_base: base.unwrap_or(ptr::null()).cast_mut().cast(),
        iov_len: if base.is_some() { len } else { 0 },
    }
}

/// The descriptor of a message's socket; -1, which the kernel refuses, for one
/// that is not open.
pub(crate) fn descriptor(sockets: &[Option<OwnedFd>], index: usize) -> RawFd {
    sockets
        .get(index)
        .and_then(Option::as_ref)
        .map_or(-1, AsRawFd::as_raw_fd)
}
