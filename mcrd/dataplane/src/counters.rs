//! Counters in memory that supervisor and worker share.
//!
//! The supervisor makes a sealed memory file for each worker place (interface
//! and position) and keeps it mapped; the worker, and the one that replaces it
//! after a crash, maps the same file and adds to it. So a figure is exact at
//! the moment it is read, no message carries it, and no restart of a worker
//! loses it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use mcr_sys::memfile::SharedWords;
use serde::{Deserialize, Serialize};

/// The number of a counter cell in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// What one cell holds: for an entry what matched, for an output what was sent
/// and what was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cell {
    /// Packets.
    pub packets: u64,
    /// Bytes of those packets, from the IP header on.
    pub bytes: u64,
    /// Packets of this output that could not be sent.
    pub dropped: u64,
}

/// Why a packet was not forwarded, or a copy not sent. Each has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The frame is not IPv4 (ARP and IPv6 are counted here too).
    NotIpv4,
    /// The frame or a header in it is shorter than it says.
    Truncated,
    /// The IP header is malformed (version, header length, total length).
    BadHeader,
    /// The IP header checksum is wrong.
    BadChecksum,
    /// The UDP length is below 8 or beyond the IP packet.
    BadUdpLength,
    /// The destination is in 224.0.0.0/24 or not a group.
    NotForwardable,
    /// The time to live had ended on arrival (0), or ends here (routed).
    TtlExpired,
    /// A fragment, which no rule with a port can match.
    Fragment,
    /// No entry matches.
    NoRule,
    /// Our own packet came back.
    Looped,
    /// The copy is larger than the output's MTU.
    TooBig,
    /// The output has no interface now.
    NoInterface,
    /// The output's interface is down.
    InterfaceDown,
    /// The output's interface has no address.
    NoAddress,
    /// There is no route to the output's destination.
    NoRoute,
    /// The next hop's link-layer address is not known.
    NoNeighbor,
    /// The output's queue is full.
    QueueFull,
    /// The kernel refused the copy for another reason.
    SendError,
    /// IGMP or PIM, which the daemon takes by itself and nobody forwards.
    Control,
    /// The interface routes, and no route matches: handed to the router.
    NoEntry,
    /// The route takes the packet from another interface.
    WrongInterface,
    /// The route sends such packets nowhere.
    Discarded,
    /// The packet came down the shared tree, after the source was switched to
    /// its own, or had already come down the other.
    SptSwitch,
    /// An event for the router, above the rate of such events; the packet
    /// itself is counted apart.
    EventLimit,
    /// An event for the router that found no room in the channel.
    EventQueueFull,
}

impl DropReason {
    /// How many there are.
    pub const COUNT: usize = DropReason::ALL.len();

    /// All of them, in the order of their counters.
    pub const ALL: [DropReason; 25] = [
        DropReason::NotIpv4,
        DropReason::Truncated,
        DropReason::BadHeader,
        DropReason::BadChecksum,
        DropReason::BadUdpLength,
        DropReason::NotForwardable,
        DropReason::TtlExpired,
        DropReason::Fragment,
        DropReason::NoRule,
        DropReason::Looped,
        DropReason::TooBig,
        DropReason::NoInterface,
        DropReason::InterfaceDown,
        DropReason::NoAddress,
        DropReason::NoRoute,
        DropReason::NoNeighbor,
        DropReason::QueueFull,
        DropReason::SendError,
        DropReason::Control,
        DropReason::NoEntry,
        DropReason::WrongInterface,
        DropReason::Discarded,
        DropReason::SptSwitch,
        DropReason::EventLimit,
        DropReason::EventQueueFull,
    ];

    /// The name that the control API and the documents use.
    pub const fn name(self) -> &'static str {
        match self {
            DropReason::NotIpv4 => "not-ipv4",
            DropReason::Truncated => "truncated",
            DropReason::BadHeader => "bad-header",
            DropReason::BadChecksum => "bad-checksum",
            DropReason::BadUdpLength => "bad-udp-length",
            DropReason::NotForwardable => "not-forwardable",
            DropReason::TtlExpired => "ttl-expired",
            DropReason::Fragment => "fragment",
            DropReason::NoRule => "no-rule",
            DropReason::Looped => "looped",
            DropReason::TooBig => "too-big",
            DropReason::NoInterface => "no-interface",
            DropReason::InterfaceDown => "interface-down",
            DropReason::NoAddress => "no-address",
            DropReason::NoRoute => "no-route",
            DropReason::NoNeighbor => "no-neighbor",
            DropReason::QueueFull => "queue-full",
            DropReason::SendError => "send-error",
            DropReason::Control => "control",
            DropReason::NoEntry => "no-entry",
            DropReason::WrongInterface => "wrong-interface",
            DropReason::Discarded => "discarded",
            DropReason::SptSwitch => "spt-switch",
            DropReason::EventLimit => "event-limit",
            DropReason::EventQueueFull => "event-queue-full",
        }
    }
}

/// The most cells a file has: 10 000 entries with 256 outputs fit.
pub const MAX_CELLS: u32 = 4 << 20;

/// The words before the first cell: the totals, then the drop reasons, padded
/// so that new reasons do not move the cells.
const HEADER_WORDS: usize = 64;
const RECEIVED: usize = 0;
const MATCHED: usize = 1;
const DROPS: usize = 2;
const CELL_WORDS: usize = 3;
const WORDS: usize = HEADER_WORDS + MAX_CELLS as usize * CELL_WORDS;

/// What a worker has received in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packets that arrived; each one that was merged by the kernel counts.
    pub received: u64,
    /// Those that matched an entry.
    pub matched: u64,
}

/// The supervisor's side of a counter file.
#[derive(Debug)]
pub struct CounterFile(SharedWords);

impl CounterFile {
    /// A new file, all zero. It takes memory only where it is written.
    pub fn create() -> io::Result<CounterFile> {
        SharedWords::create("mcr-counters", WORDS).map(CounterFile)
    }

    /// The totals.
    pub fn totals(&self) -> Totals {
        Totals {
            received: self.word(RECEIVED),
            matched: self.word(MATCHED),
        }
    }

    /// How many packets or copies were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.word(DROPS + reason as usize)
    }

    /// The cell; all zero for one beyond the file.
    pub fn cell(&self, slot: Slot) -> Cell {
        let start = cell_start(slot);
        Cell {
            packets: self.word(start),
            bytes: self.word(start + 1),
            dropped: self.word(start + 2),
        }
    }

    /// Sets `count` cells from `slot` on to zero. For a range that no worker
    /// uses: one that was just allocated.
    pub fn clear(&self, slot: Slot, count: u32) {
        let start = cell_start(slot);
        let end = start.saturating_add(count as usize * CELL_WORDS);
        for word in self.0.words().iter().take(end).skip(start) {
            // A page that was never written stays without memory.
            if word.load(Relaxed) != 0 {
                word.store(0, Relaxed);
            }
        }
    }

    fn word(&self, index: usize) -> u64 {
        self.0
            .words()
            .get(index)
            .map_or(0, |word| word.load(Relaxed))
    }
}

/// The descriptor to hand to the worker.
impl AsFd for CounterFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The worker's side of a counter file. A file has one writer at a time, so an
/// addition is a load and a store, without a locked instruction.
#[derive(Debug)]
pub struct CounterWriter(SharedWords);

impl CounterWriter {
    /// Maps the file that the supervisor sent.
    pub fn open(file: OwnedFd) -> io::Result<CounterWriter> {
        let words = SharedWords::open(file)?;
        if words.words().len() != WORDS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "the counter file has {} words instead of {WORDS}",
                    words.words().len()
                ),
            ));
        }
        Ok(CounterWriter(words))
    }

    /// Counts packets that arrived.
    pub fn received(&self, packets: u64) {
        self.add(RECEIVED, packets);
    }

    /// Counts packets that matched an entry, or more than one.
    pub fn matched(&self, packets: u64) {
        self.add(MATCHED, packets);
    }

    /// Counts packets that the entry at `slot` did not take, without a reason
    /// of their own.
    pub fn refused(&self, slot: Slot, packets: u64) {
        self.add(cell_start(slot) + 2, packets);
    }

    /// Counts packets that matched the entry at `slot`, or copies that the
    /// output there sent.
    pub fn sent(&self, slot: Slot, packets: u64, bytes: u64) {
        let start = cell_start(slot);
        self.add(start, packets);
        self.add(start + 1, bytes);
    }

    /// Counts packets dropped before any copy was made.
    pub fn dropped(&self, reason: DropReason, packets: u64) {
        self.add(DROPS + reason as usize, packets);
    }

    /// Counts copies that the output at `slot` could not send.
    pub fn unsent(&self, slot: Slot, reason: DropReason, packets: u64) {
        self.add(DROPS + reason as usize, packets);
        self.add(cell_start(slot) + 2, packets);
    }

    fn add(&self, index: usize, amount: u64) {
        // The supervisor only gives out slots within the file; one beyond it
        // has nowhere to be counted.
        let word: Option<&AtomicU64> = self.0.words().get(index);
        if let Some(word) = word {
            word.store(word.load(Relaxed).wrapping_add(amount), Relaxed);
        }
    }
}

const fn cell_start(slot: Slot) -> usize {
    HEADER_WORDS + slot.0 as usize * CELL_WORDS
}

/// Gives out ranges of cells, for the supervisor. A range is given out again
/// only after it was released: that is, after the worker has confirmed the
/// commit that took its entry away.
#[derive(Clone, Debug)]
pub struct SlotAllocator {
    /// Start and length of what is free; neighbours are always joined.
    free: BTreeMap<u32, u32>,
    /// Start and length of what is given out.
    used: BTreeMap<u32, u32>,
}

impl Default for SlotAllocator {
    fn default() -> SlotAllocator {
        SlotAllocator::new()
    }
}

impl SlotAllocator {
    /// All cells of a file are free.
    pub fn new() -> SlotAllocator {
        SlotAllocator {
            free: BTreeMap::from([(0, MAX_CELLS)]),
            used: BTreeMap::new(),
        }
    }

    /// A range of `count` cells, the lowest one that is free; `None` when
    /// there is none so long or `count` is 0.
    pub fn allocate(&mut self, count: u32) -> Option<Slot> {
        if count == 0 {
            return None;
        }
        let (start, len) = self
            .free
            .iter()
            .find(|(_, len)| **len >= count)
            .map(|(start, len)| (*start, *len))?;
        self.free.remove(&start);
        if len > count {
            self.free.insert(start + count, len - count);
        }
        self.used.insert(start, count);
        Some(Slot(start))
    }

    /// Takes back the range that starts at `slot`; `false` if none does.
    pub fn release(&mut self, slot: Slot) -> bool {
        let Some(mut len) = self.used.remove(&slot.0) else {
            return false;
        };
        let mut start = slot.0;
        if let Some(after) = self.free.remove(&(start + len)) {
            len += after;
        }
        if let Some((before, before_len)) = self.free.range(..start).next_back()
            && before + before_len == start
        {
            len += before_len;
            start = *before;
        }
        self.free.insert(start, len);
        true
    }
}

#[cfg(test)]
mod tests;
