//! Runs of datagrams of one flow that can leave as one message.
//!
//! The kernel carries a run through its stack once and cuts it at the end, so
//! the cost of sending is shared. Runs keep the order within a flow: a packet
//! joins the last run of its flow or starts a new one behind it.

use std::hash::{BuildHasher, RandomState};

use mcr_sys::frames::{Piece, Source};
use mcr_sys::vnet;

use super::parse::{ETHERNET, MAX_HEADERS, Packet, UdpState, udp_checksum_holds};
use crate::rewrite::UDP;

/// The most datagrams in a run: Linux UDP_MAX_SEGMENTS before 6.9.
const MAX_DATAGRAMS: u32 = 64;

/// The most payload in a run: with headers it fits a 16-bit length.
const MAX_PAYLOAD: usize = 65_535 - 20 - UDP;

const PLACES: usize = 512;
const NONE: u16 = u16::MAX;

/// The table entries that a packet matches. Copies go out by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Match {
    /// The number of the relay rule's entry.
    pub(super) relay: Option<usize>,
    /// The number of the route.
    pub(super) route: Option<usize>,
}

/// Some datagrams with the same headers but for length and identification.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The table entries they match.
    pub(super) entry: Match,
    /// The first one, as it was parsed.
    pub(super) first: Packet,
    /// Its headers from IP on.
    pub(super) headers: [u8; MAX_HEADERS],
    /// How many there are.
    pub(super) packets: u32,
    /// Bytes of all payloads.
    pub(super) payload: usize,
    /// All of it, where it may have to be cut into fragments.
    pub(super) whole: Option<Box<[u8]>>,
    /// The checksums have been verified or need no verifying.
    verified: bool,
    /// Nothing more can join.
    closed: bool,
    /// The index of the frame list's entry that holds the first one.
    frame: usize,
    head: u32,
    tail: u32,
}

/// The runs of a batch.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    pieces: Vec<(Piece, u32)>,
    /// The last run of each flow, by hash.
    last: Box<[u16; PLACES]>,
    hasher: RandomState,
}

/// The frame a packet is from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Index in the list of frames received.
    pub(super) index: usize,
    /// Its number in memory.
    pub(super) frame: u16,
    /// Its bytes.
    pub(super) bytes: &'a [u8],
}

impl Runs {
    pub(super) fn new() -> Runs {
        Runs {
            runs: Vec::new(),
            pieces: Vec::new(),
            last: Box::new([NONE; PLACES]),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.pieces.clear();
        self.last.fill(NONE);
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Run> {
        self.runs.get(index)
    }

    /// The pieces of a run's payload, in order.
    pub(super) fn payload(&self, run: &Run) -> impl Iterator<Item = Piece> {
        let mut next = run.head;
        std::iter::from_fn(move || {
            let (piece, after) = self.pieces.get(next as usize)?;
            next = *after;
            Some(*piece)
        })
    }

    /// Adds a packet that matched `entry`. `bytes_of` gives the bytes of an
    /// earlier frame of the batch.
    pub(super) fn add<'a>(
        &mut self,
        entry: Match,
        packet: &Packet,
        origin: Origin<'_>,
        bytes_of: impl FnOnce(usize) -> &'a [u8],
    ) {
        if packet.fragment || packet.udp.is_none() {
            // Its ports are not known, so it may be of any flow: what follows
            // must not overtake it.
            self.last.fill(NONE);
        }
        let place = self.place(entry, packet);
        let last = usize::from(self.last[place]);
        let piece = payload_piece(packet, origin.frame);
        if let Some(run) = self.runs.get_mut(last)
            && run.accepts(entry, packet, origin.bytes)
            && run.verify(bytes_of)
            && is_verified(packet, origin.bytes)
        {
            run.packets += packet.packets;
            run.payload += piece.len as usize;
            run.closed = !(piece.len as usize).is_multiple_of(run.first.segment);
            let at = self.pieces.len() as u32;
            self.pieces.push((piece, u32::MAX));
            if let Some((_, next)) = self.pieces.get_mut(run.tail as usize) {
                *next = at;
            }
            run.tail = at;
            return;
        }
        self.start(entry, packet, origin, piece);
        self.last[place] = (self.runs.len() - 1) as u16;
    }

    /// Keeps the bytes of the packet that was added last.
    pub(super) fn keep_whole(&mut self, whole: Vec<u8>) {
        if let Some(run) = self.runs.last_mut() {
            run.whole = Some(whole.into_boxed_slice());
        }
    }

    fn start(&mut self, entry: Match, packet: &Packet, origin: Origin<'_>, piece: Piece) {
        let at = self.pieces.len() as u32;
        self.pieces.push((piece, u32::MAX));
        let mut headers = [0; MAX_HEADERS];
        let from = vnet::LEN + ETHERNET;
        let len = packet.header_len();
        headers[..len].copy_from_slice(&origin.bytes[from..from + len]);
        let payload = piece.len as usize;
        self.runs.push(Run {
            entry,
            first: *packet,
            headers,
            packets: packet.packets,
            payload,
            whole: None,
            verified: false,
            // Options would be repeated in each datagram of a run, and an empty
            // payload cannot be counted off.
            closed: packet.segment == 0
                || packet.ip_len != 20
                || !payload.is_multiple_of(packet.segment),
            frame: origin.index,
            head: at,
            tail: at,
        });
    }

    fn place(&self, entry: Match, packet: &Packet) -> usize {
        let ports = packet.udp.map_or(0, |udp| {
            u32::from(udp.source_port) << 16 | u32::from(udp.port)
        });
        let flow = (entry, u32::from(packet.source), ports);
        // Flows that share a place only share less of the cost: the run there
        // is compared before it is joined, and a new one takes the place.
        self.hasher.hash_one(flow) as usize % PLACES
    }
}

impl Run {
    /// Whether the packet is the next datagram, or datagrams, of this run.
    fn accepts(&self, entry: Match, packet: &Packet, bytes: &[u8]) -> bool {
        let payload = packet.total_len - packet.header_len().min(packet.total_len);
        let first = &self.first;
        let fits = packet.segment == first.segment
            || (packet.packets == 1 && packet.segment < first.segment);
        if self.closed
            || self.entry != entry
            || packet.segment == 0
            || !fits
            || packet.ip_len != first.ip_len
            || self.packets + packet.packets > MAX_DATAGRAMS
            || self.payload + payload > MAX_PAYLOAD
        {
            return false;
        }
        let from = vnet::LEN + ETHERNET;
        let Some(headers) = bytes.get(from..from + packet.header_len()) else {
            return false;
        };
        let ours = &self.headers;
        let same = |range: std::ops::Range<usize>| headers[range.clone()] == ours[range];
        // Type of service; flags; time to live and protocol; addresses, ports.
        same(1..2) && same(6..8) && same(8..10) && same(12..24) && self.continues(headers)
    }

    /// RFC 6864 §4.1: the identification means nothing in a packet that must
    /// not be fragmented; in another it must be what the kernel will count to.
    fn continues(&self, headers: &[u8]) -> bool {
        let id = |bytes: &[u8]| u16::from_be_bytes([bytes[4], bytes[5]]);
        let dont_fragment = headers[6] & 0x40 != 0;
        dont_fragment || id(headers) == id(&self.headers).wrapping_add(self.packets as u16)
    }

    /// A run leaves with checksums that the kernel computes anew: nothing
    /// damaged may get a right one by that.
    fn verify<'a>(&mut self, bytes_of: impl FnOnce(usize) -> &'a [u8]) -> bool {
        if !self.verified {
            self.verified = is_verified(&self.first, bytes_of(self.frame));
            self.closed = !self.verified;
        }
        self.verified
    }
}

fn is_verified(packet: &Packet, bytes: &[u8]) -> bool {
    match packet.udp.map(|udp| udp.checksum) {
        Some(UdpState::Verified | UdpState::Partial) => true,
        Some(UdpState::Unverified) => {
            let from = vnet::LEN + ETHERNET;
            bytes
                .get(from..from + packet.total_len)
                .is_some_and(|ip| udp_checksum_holds(ip, packet))
        }
        Some(UdpState::None) | None => false,
    }
}

fn payload_piece(packet: &Packet, frame: u16) -> Piece {
    let headers = packet.header_len();
    Piece {
        source: Source::Frame(frame),
        offset: (vnet::LEN + ETHERNET + headers) as u32,
        len: packet.total_len.saturating_sub(headers) as u32,
    }
}
