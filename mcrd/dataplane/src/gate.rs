//! The switch of a source from the shared tree to its own, between workers.
//!
//! The copies down the two trees arrive on different interfaces, so at
//! different workers. A cell of shared memory for each (S,G) that is being
//! switched says whether the first packet has come down the source's own tree,
//! and, until then, which packet came last down the shared one. So there is
//! neither a duplicate nor a loss where the delays of the two ways differ by
//! less than the time between two packets (RFC 7761 §4.2.2).

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use mcr_sys::memfile::SharedWords;
use mcr_wire::ipv4::Packet;
use serde::{Deserialize, Serialize};

/// The most (S,G) that are being switched at a time.
pub const MAX_GATES: u32 = 1 << 16;

/// The number of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GateCell(pub u32);

/// What makes a packet the same on both ways: not its time to live, nor the
/// checksums, one of which covers that and the other may be unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

/// The source has been switched.
const SWITCHED: u64 = 1 << 63;

/// Tells a fingerprint from a cell that nothing was written to.
const SEEN: u64 = 1 << 62;

/// What the first packets down the source's own tree find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The source was switched before.
    Later,
    /// It is switched by this packet, which is new.
    First,
    /// It is switched by this packet, which came down the shared tree too.
    FirstAgain,
}

/// The cells, mapped by the supervisor and all workers.
#[derive(Debug)]
pub struct GateFile(SharedWords);

impl GateFile {
    /// A new file, all zero. It takes memory only where it is written.
    pub fn create() -> io::Result<GateFile> {
        SharedWords::create("mcr-gates", MAX_GATES as usize).map(GateFile)
    }

    /// Maps the file that the supervisor sent.
    pub fn open(file: OwnedFd) -> io::Result<GateFile> {
        let words = SharedWords::open(file)?;
        if words.words().len() != MAX_GATES as usize {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "the file of gates has {} words instead of {MAX_GATES}",
                    words.words().len()
                ),
            ));
        }
        Ok(GateFile(words))
    }

    /// A packet came down the shared tree: whether it is to be forwarded. All
    /// that the holders of a cell share is the cell, so no order of other
    /// memory hangs on it.
    pub fn pass_shared(&self, cell: GateCell, packet: Fingerprint) -> bool {
        let Some(word) = self.word(cell) else {
            return true;
        };
        let forward = |old: u64| (old & SWITCHED == 0).then_some(packet.0 | SEEN);
        word.fetch_update(Relaxed, Relaxed, forward).is_ok()
    }

    /// A packet came down the source's own tree.
    pub fn pass_own(
        &self,
        cell: GateCell,
        packet: impl FnOnce() -> Option<Fingerprint>,
    ) -> Arrival {
        let Some(word) = self.word(cell) else {
            return Arrival::Later;
        };
        if word.load(Relaxed) & SWITCHED != 0 {
            return Arrival::Later;
        }
        let old = word.swap(SWITCHED, Relaxed);
        if old & SWITCHED != 0 {
            return Arrival::Later;
        }
        if old & SEEN != 0 && packet().is_some_and(|packet| packet.0 | SEEN == old) {
            Arrival::FirstAgain
        } else {
            Arrival::First
        }
    }

    /// Makes the cell as new; for one that no worker uses.
    pub fn clear(&self, cell: GateCell) {
        if let Some(word) = self.word(cell) {
            word.store(0, Relaxed);
        }
    }

    fn word(&self, cell: GateCell) -> Option<&AtomicU64> {
        self.0.words().get(cell.0 as usize)
    }
}

/// The descriptor to hand to a worker.
impl AsFd for GateFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Fingerprint {
    /// Of an IPv4 packet from its header on; `None` for what is none.
    pub fn of(packet: &[u8]) -> Option<Fingerprint> {
        const UDP: u8 = 17;
        let packet = Packet::parse(packet).ok()?;
        let header = packet.header();
        // The standard hasher with its fixed keys: supervisor and workers are
        // one binary.
        let mut hasher = DefaultHasher::new();
        hasher.write_u16(header.identification.get());
        hasher.write_u16(header.flags_fragment.get());
        hasher.write_u16(header.total_length.get());
        hasher.write_u8(header.protocol);
        match packet.payload() {
            payload if header.protocol == UDP && header.fragment_offset() == 0 => {
                hasher.write(payload.get(..6).unwrap_or(payload));
                hasher.write(payload.get(8..).unwrap_or(&[]));
            }
            payload => hasher.write(payload),
        }
        Some(Fingerprint(hasher.finish() & !(SWITCHED | SEEN)))
    }
}

#[cfg(test)]
mod tests;
