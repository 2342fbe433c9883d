//! The datagram: a header that lets a receiver measure, then filler.
//!
//! | octets | field |
//! |---|---|
//! | 0..4 | magic, "MCRG" |
//! | 4 | version, 1 |
//! | 5 | reserved, 0 |
//! | 6..8 | length of the UDP payload |
//! | 8..12 | CRC-32 of the filler, then of the header with this field 0 |
//! | 12..16 | clock: which machine's clock the send time is of |
//! | 16..20 | flow |
//! | 20..28 | run |
//! | 28..36 | sequence |
//! | 36..44 | send time, CLOCK_REALTIME in ns since 1970 |
//!
//! Numbers are in network byte order.

#[cfg(test)]
mod tests;

use crc32fast::Hasher;

/// Octets before the filler, and so the smallest datagram.
pub const HEADER_LEN: usize = 44;
/// The largest UDP payload of IPv4.
pub const MAX_LEN: usize = 65_507;

const MAGIC: u32 = u32::from_be_bytes(*b"MCRG");
const VERSION: u8 = 1;
const CRC: std::ops::Range<usize> = 8..12;
/// Different fillers; the sequence number chooses one.
const FILLERS: usize = 256;
/// A magic with at most this many wrong bits is a magic that was damaged.
const DAMAGED_BITS: u32 = 4;

/// What a datagram says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Which machine's clock `sent_ns` is of.
    pub clock: u32,
    /// The sender's flow number.
    pub flow: u32,
    /// The sender's run.
    pub run: u64,
    /// Counts the flow's datagrams that the kernel took, from 0.
    pub sequence: u64,
    /// CLOCK_REALTIME of the send call.
    pub sent_ns: u64,
}

/// What a received payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A datagram of `mcrgen`, as it was sent.
    Ours(Header),
    /// A datagram of `mcrgen` that was changed on the way.
    Corrupted,
    /// Something else.
    Foreign,
}

/// A size that a datagram cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "size {0} is not possible: the UDP payload is {HEADER_LEN} to {MAX_LEN} \
     bytes (the first {HEADER_LEN} carry run, sequence and time)"
)]
pub struct BadSize(pub usize);

/// The parts of datagrams of one size that do not change from one to the next.
pub struct Template {
    length: u16,
    pattern: Vec<u8>,
    filler_crcs: Vec<u32>,
}

impl Template {
    /// For datagrams with `size` bytes of UDP payload.
    pub fn new(size: usize) -> Result<Self, BadSize> {
        let length = u16::try_from(size).map_err(|_| BadSize(size))?;
        if !(HEADER_LEN..=MAX_LEN).contains(&size) {
            return Err(BadSize(size));
        }
        let filler = size - HEADER_LEN;
        let pattern = pattern(filler + FILLERS - 1);
        let filler_crcs = pattern
            .windows(filler.max(1))
            .take(FILLERS)
            .map(|window| crc32fast::hash(&window[..filler]))
            .collect();
        Ok(Self {
            length,
            pattern,
            filler_crcs,
        })
    }

    /// The filler behind the header with this sequence number.
    pub fn filler(&self, sequence: u64) -> &[u8] {
        let start = filler_index(sequence);
        &self.pattern[start..start + usize::from(self.length) - HEADER_LEN]
    }

    /// The header's octets. The filler's CRC is known beforehand, so the cost
    /// does not grow with the size.
    pub fn header(&self, header: &Header) -> [u8; HEADER_LEN] {
        let mut octets = [0; HEADER_LEN];
        octets[0..4].copy_from_slice(&MAGIC.to_be_bytes());
        octets[4] = VERSION;
        octets[6..8].copy_from_slice(&self.length.to_be_bytes());
        octets[12..16].copy_from_slice(&header.clock.to_be_bytes());
        octets[16..20].copy_from_slice(&header.flow.to_be_bytes());
        octets[20..28].copy_from_slice(&header.run.to_be_bytes());
        octets[28..36].copy_from_slice(&header.sequence.to_be_bytes());
        octets[36..44].copy_from_slice(&header.sent_ns.to_be_bytes());
        let filler_crc = self.filler_crcs[filler_index(header.sequence)];
        let mut hasher = Hasher::new_with_initial(filler_crc);
        hasher.update(&octets);
        octets[CRC].copy_from_slice(&hasher.finalize().to_be_bytes());
        octets
    }

    /// The UDP payload's length.
    pub fn length(&self) -> u16 {
        self.length
    }
}

fn filler_index(sequence: u64) -> usize {
    // The remainder is below 256.
    (sequence % FILLERS as u64) as usize
}

/// Octets in no order that a fault would keep: a multiplicative generator.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length.max(FILLERS)).map(|_| next()).collect()
}

/// Reads a received UDP payload.
pub fn parse(payload: &[u8]) -> Payload {
    let Some((head, filler)) = payload.split_first_chunk::<HEADER_LEN>() else {
        return match payload.first_chunk::<4>() {
            Some(magic) if looks_ours(*magic) => Payload::Corrupted,
            Some(_) | None => Payload::Foreign,
        };
    };
    if !looks_ours(u32_at(head, 0).to_be_bytes()) {
        return Payload::Foreign;
    }
    let mut unsigned = *head;
    unsigned[CRC].fill(0);
    let mut hasher = Hasher::new();
    hasher.update(filler);
    hasher.update(&unsigned);
    let length = usize::from(u16::from_be_bytes([head[6], head[7]]));
    if u32_at(head, 0) != MAGIC
        || hasher.finalize() != u32_at(head, CRC.start)
        || length != payload.len()
    {
        return Payload::Corrupted;
    }
    if head[4] != VERSION {
        return Payload::Foreign;
    }
    Payload::Ours(fields(head))
}

/// Reads the header of a payload whose end may be missing, as a capture keeps
/// it. Damage is not noticed.
pub fn peek(payload: &[u8]) -> Option<Header> {
    let head = payload.first_chunk::<HEADER_LEN>()?;
    let ours = u32_at(head, 0) == MAGIC && head[4] == VERSION;
    ours.then(|| fields(head))
}

fn fields(head: &[u8; HEADER_LEN]) -> Header {
    let u64_at = |at: usize| u64::from(u32_at(head, at)) << 32 | u64::from(u32_at(head, at + 4));
    Header {
        clock: u32_at(head, 12),
        flow: u32_at(head, 16),
        run: u64_at(20),
        sequence: u64_at(28),
        sent_ns: u64_at(36),
    }
}

fn u32_at(head: &[u8; HEADER_LEN], at: usize) -> u32 {
    u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

fn looks_ours(magic: [u8; 4]) -> bool {
    (u32::from_be_bytes(magic) ^ MAGIC).count_ones() <= DAMAGED_BITS
}
