//! Which sequence numbers of a flow have arrived, in bounded memory.
//!
//! The latest [`WINDOW`] sequence numbers are known one by one; of older ones
//! only their count. A datagram that comes after more than that many later
//! ones is `TooOld`: whether it is a duplicate cannot be told any more.

#[cfg(test)]
mod tests;

/// How far back a duplicate or a late datagram is recognized: 218 ms at
/// 300 000 datagrams a second.
pub const WINDOW: u64 = 65_536;

const WORDS: usize = (WINDOW / 64) as usize;

/// What a sequence number is, given those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The highest up to now.
    New {
        /// How many numbers it skips.
        gap: u64,
    },
    /// Lower than the highest, for the first time.
    Late,
    /// Here before.
    Duplicate,
    /// Below the window.
    TooOld,
}

/// The sequence numbers of one flow.
#[derive(Clone, Debug)]
pub struct SequenceWindow {
    bits: Box<[u64]>,
    lowest: u64,
    highest: u64,
    distinct: u64,
}

impl SequenceWindow {
    /// A flow whose first datagram to arrive is number `first`.
    pub fn new(first: u64) -> Self {
        let mut window = Self {
            bits: vec![0; WORDS].into(),
            lowest: first,
            highest: first,
            distinct: 1,
        };
        window.mark(first);
        window
    }

    /// Notes an arrival.
    pub fn record(&mut self, sequence: u64) -> Seen {
        if sequence > self.highest {
            let gap = sequence - self.highest - 1;
            self.forget_between(self.highest, sequence);
            self.mark(sequence);
            self.highest = sequence;
            self.distinct += 1;
            return Seen::New { gap };
        }
        if self.highest - sequence >= WINDOW {
            return Seen::TooOld;
        }
        if self.is_marked(sequence) {
            return Seen::Duplicate;
        }
        self.mark(sequence);
        self.lowest = self.lowest.min(sequence);
        self.distinct += 1;
        Seen::Late
    }

    /// The lowest number that arrived.
    pub fn lowest(&self) -> u64 {
        self.lowest
    }

    /// The highest number that arrived.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Different numbers that arrived.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// Numbers between the lowest and the highest that did not arrive.
    pub fn missing(&self) -> u64 {
        (self.highest - self.lowest)
            .saturating_add(1)
            .saturating_sub(self.distinct)
    }

    fn mark(&mut self, sequence: u64) {
        let (word, bit) = place(sequence);
        self.bits[word] |= bit;
    }

    fn is_marked(&self, sequence: u64) -> bool {
        let (word, bit) = place(sequence);
        self.bits[word] & bit != 0
    }

    /// Clears the places that the numbers above `old` and below `new` take over
    /// from numbers one window older.
    fn forget_between(&mut self, old: u64, new: u64) {
        if new - old >= WINDOW {
            self.bits.fill(0);
            return;
        }
        let mut sequence = old + 1;
        while sequence <= new {
            let (word, bit) = place(sequence);
            if bit == 1 && new - sequence >= 63 {
                self.bits[word] = 0;
                sequence += 64;
            } else {
                self.bits[word] &= !bit;
                if sequence == new {
                    return;
                }
                sequence += 1;
            }
        }
    }
}

fn place(sequence: u64) -> (usize, u64) {
    let index = sequence % WINDOW;
    // The index is below WINDOW, which is small.
    ((index / 64) as usize, 1 << (index % 64))
}
