//! From packets to the copies that are sent: matching, rewriting, counting.
//! Does no I/O: frames come in, a batch of messages goes out, and the outcome
//! of each message comes back to be counted.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use mcr_proto::fib::{Egress, FibEntry, FibKey, FibOutput, TtlRewrite, Unavailable};
use mcr_proto::id::{IfIndex, MacAddr};
use mcr_sys::frames::{Batch, Outgoing, Piece, Source};
use mcr_sys::vnet::{self, Checksum, Gso};

use super::parse::{ETHERNET, MAX_HEADERS, UdpState, parse};
use super::runs::{Origin, Run, Runs};
use crate::counters::{CounterWriter, DropReason, Slot};
use crate::rewrite::{UDP, UdpChecksum, resize, rewrite};
use crate::table::{Table, TableEntry, TableError};

/// Everything between receiving and sending.
#[derive(Debug)]
pub struct Forwarder {
    table: Table,
    counters: CounterWriter,
    interfaces: HashMap<IfIndex, usize>,
    sockets: Vec<Option<OwnedFd>>,
    gso: bool,
    runs: Runs,
    batch: Batch,
    pending: Vec<Pending>,
    retries: Vec<Pending>,
}

/// A message that was not yet counted.
#[derive(Clone, Copy, Debug)]
struct Pending {
    slot: Slot,
    packets: u32,
    bytes: u64,
    run: usize,
    output: usize,
    merged: bool,
}

/// Where a copy goes, once it is known that it can.
struct Target<'a> {
    slot: Slot,
    run: usize,
    output: usize,
    socket: usize,
    macs: (MacAddr, MacAddr),
    mtu: usize,
    rewrite: &'a FibOutput,
}

impl Forwarder {
    /// For the interface; `gso` says whether the kernel cuts runs of datagrams
    /// that a packet socket sends (Linux 6.2).
    pub fn new(iif: IfIndex, counters: CounterWriter, gso: bool) -> Forwarder {
        Forwarder {
            table: Table::new(iif),
            counters,
            interfaces: HashMap::new(),
            sockets: Vec::new(),
            gso,
            runs: Runs::new(),
            batch: Batch::default(),
            pending: Vec::new(),
            retries: Vec::new(),
        }
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Adds or replaces an entry.
    pub fn set(&mut self, key: FibKey, entry: FibEntry, slot: Slot) -> Result<(), TableError> {
        let (interfaces, sockets) = (&mut self.interfaces, &mut self.sockets);
        self.table
            .set(key, entry, slot, |oif| place(interfaces, sockets, oif))
    }

    /// Takes an entry away.
    pub fn remove(&mut self, key: &FibKey) -> bool {
        self.table.remove(key)
    }

    /// The socket of an output interface, or that there is none now.
    pub fn set_socket(&mut self, oif: IfIndex, socket: Option<OwnedFd>) {
        let at = place(&mut self.interfaces, &mut self.sockets, oif);
        if let Some(place) = self.sockets.get_mut(at) {
            *place = socket;
        }
    }

    /// The sockets that the messages name.
    pub fn sockets(&self) -> &[Option<OwnedFd>] {
        &self.sockets
    }

    /// The messages to send now.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Takes frames that were received: `number` and `bytes` of each, by index.
    pub fn accept<'a>(
        &mut self,
        count: usize,
        number: impl Fn(usize) -> u16,
        bytes: impl Fn(usize) -> &'a [u8],
    ) {
        self.runs.clear();
        for index in 0..count {
            let origin = Origin {
                index,
                frame: number(index),
                bytes: bytes(index),
            };
            self.accept_one(origin, &bytes);
        }
    }

    fn accept_one<'a>(&mut self, origin: Origin<'_>, bytes: impl Fn(usize) -> &'a [u8]) {
        let packet = match parse(origin.bytes) {
            Ok(packet) => packet,
            Err(rejected) => {
                self.counters.received(u64::from(rejected.packets));
                self.counters
                    .dropped(rejected.reason, u64::from(rejected.packets));
                return;
            }
        };
        let packets = u64::from(packet.packets);
        self.counters.received(packets);
        if self.table.is_own(packet.source_mac) {
            self.counters.dropped(DropReason::Looped, packets);
            return;
        }
        let found = self.table.lookup(&packet.lookup());
        let Some((at, held)) = found.and_then(|at| Some((at, self.table.entry(at)?))) else {
            self.counters.dropped(packet.unmatched(), packets);
            return;
        };
        let headers = packet.header_len() as u64 * (packets - 1);
        self.counters
            .matched(held.slot, packets, packet.total_len as u64 + headers);
        self.runs.add(at, &packet, origin, bytes);
    }

    /// Makes the messages for all packets that were taken.
    pub fn assemble(&mut self) {
        self.batch.clear();
        self.pending.clear();
        let mut maker = Maker {
            table: &self.table,
            runs: &self.runs,
            counters: &self.counters,
            sockets: &self.sockets,
            gso: self.gso,
            batch: &mut self.batch,
            pending: &mut self.pending,
        };
        for (index, run) in self.runs.iter().enumerate() {
            let outputs = self
                .table
                .entry(run.entry)
                .map_or(0, |held| held.sockets.len());
            for output in 0..outputs {
                maker.copy(index, output);
            }
        }
    }

    /// Counts what became of the messages of the last batch. `true` means that
    /// there is another batch to send, of runs that the kernel did not take.
    pub fn settle(&mut self, outcomes: &[i32]) -> bool {
        self.retries.clear();
        for (index, pending) in self.pending.iter().enumerate() {
            let errno = outcomes.get(index).copied().unwrap_or(libc::ECANCELED);
            if errno == 0 {
                self.counters
                    .sent(pending.slot, u64::from(pending.packets), pending.bytes);
            } else if pending.merged && matches!(errno, libc::EINVAL | libc::EOPNOTSUPP) {
                self.retries.push(*pending);
            } else {
                self.counters
                    .unsent(pending.slot, reason(errno), u64::from(pending.packets));
            }
        }
        if self.retries.is_empty() {
            return false;
        }
        self.gso = false;
        self.batch.clear();
        self.pending.clear();
        let mut maker = Maker {
            table: &self.table,
            runs: &self.runs,
            counters: &self.counters,
            sockets: &self.sockets,
            gso: false,
            batch: &mut self.batch,
            pending: &mut self.pending,
        };
        for retry in &self.retries {
            maker.copy(retry.run, retry.output);
        }
        true
    }
}

fn place(
    interfaces: &mut HashMap<IfIndex, usize>,
    sockets: &mut Vec<Option<OwnedFd>>,
    oif: IfIndex,
) -> usize {
    *interfaces.entry(oif).or_insert_with(|| {
        sockets.push(None);
        sockets.len() - 1
    })
}

/// Makes messages; the parts of a [`Forwarder`] that this takes.
struct Maker<'a> {
    table: &'a Table,
    runs: &'a Runs,
    counters: &'a CounterWriter,
    sockets: &'a [Option<OwnedFd>],
    gso: bool,
    batch: &'a mut Batch,
    pending: &'a mut Vec<Pending>,
}

impl Maker<'_> {
    /// One output's copy of a run.
    fn copy(&mut self, index: usize, output: usize) {
        let (table, runs) = (self.table, self.runs);
        let Some(run) = runs.get(index) else { return };
        let Some(held) = table.entry(run.entry) else {
            return;
        };
        let slot = Slot(held.slot.0.saturating_add(1).saturating_add(output as u32));
        match self.target(held, run, slot, (index, output)) {
            Ok(target) => self.send(run, &target),
            Err(reason) => self.counters.unsent(slot, reason, u64::from(run.packets)),
        }
    }

    fn target<'t>(
        &self,
        held: &'t TableEntry,
        run: &Run,
        slot: Slot,
        (index, output): (usize, usize),
    ) -> Result<Target<'t>, DropReason> {
        let rewrite = held
            .entry
            .outputs
            .get(output)
            .ok_or(DropReason::NoInterface)?;
        let (macs, mtu) = match rewrite.egress {
            Egress::Ready {
                source_mac,
                destination_mac,
                mtu,
                ..
            } => ((destination_mac, source_mac), mtu as usize),
            Egress::Unavailable(why) => return Err(unavailable(why)),
        };
        let socket = held.sockets.get(output).copied().flatten();
        let open = |at: &usize| self.sockets.get(*at).is_some_and(Option::is_some);
        let socket = socket.filter(open).ok_or(DropReason::NoInterface)?;
        if rewrite.rewrite.ttl == TtlRewrite::Decrement && run.headers[8] <= 1 {
            return Err(DropReason::TtlExpired);
        }
        Ok(Target {
            slot,
            run: index,
            output,
            socket,
            macs,
            mtu,
            rewrite,
        })
    }

    fn send(&mut self, run: &Run, target: &Target<'_>) {
        let header_len = run.first.header_len();
        if run.packets == 1 {
            if header_len + run.payload > target.mtu {
                self.counters.unsent(target.slot, DropReason::TooBig, 1);
            } else {
                self.single(run, target);
            }
        } else if self.gso && header_len + run.first.segment <= target.mtu {
            self.merged(run, target);
        } else {
            self.one_by_one(run, target);
        }
    }

    /// The packet as it came, with other headers.
    fn single(&mut self, run: &Run, target: &Target<'_>) {
        let udp = run.first.udp.map(|udp| match udp.checksum {
            UdpState::Partial => UdpChecksum::Partial,
            UdpState::None | UdpState::Unverified | UdpState::Verified => UdpChecksum::Complete,
        });
        let vnet = vnet::Header {
            checksum: match udp {
                Some(UdpChecksum::Partial) => unfinished(run),
                Some(UdpChecksum::Complete) | None => Checksum::Unknown,
            },
            ..vnet::Header::PLAIN
        };
        let mut headers = run.headers;
        let first = self.start(run, target, vnet, &mut headers, udp);
        let payload = self.runs.payload(run).filter(|piece| piece.len > 0);
        self.batch.pieces.extend(payload);
        self.finish(run, target, first, (1, run.payload));
    }

    /// All datagrams as one message, which the kernel cuts.
    fn merged(&mut self, run: &Run, target: &Target<'_>) {
        let vnet = vnet::Header {
            checksum: unfinished(run),
            gso: Gso::UdpL4 {
                size: run.first.segment as u16,
            },
            header_len: (ETHERNET + run.first.header_len()) as u16,
        };
        let mut headers = run.headers;
        let len = (UDP + run.payload) as u16;
        resize(&mut headers, run.first.ip_len, len, 0);
        let udp = Some(UdpChecksum::Partial);
        let first = self.start(run, target, vnet, &mut headers, udp);
        self.batch.pieces.extend(self.runs.payload(run));
        self.finish(run, target, first, (run.packets, run.payload));
    }

    /// Each datagram as a message of its own, where the kernel does not cut, or
    /// where only a last, shorter one fits.
    fn one_by_one(&mut self, run: &Run, target: &Target<'_>) {
        let (runs, segment) = (self.runs, run.first.segment.max(1) as u32);
        let mut index = 0;
        for piece in runs.payload(run) {
            for offset in (0..piece.len).step_by(segment as usize) {
                let len = segment.min(piece.len - offset);
                let part = Piece {
                    offset: piece.offset + offset,
                    len,
                    ..piece
                };
                self.datagram(run, target, part, index);
                index += 1;
            }
        }
    }

    fn datagram(&mut self, run: &Run, target: &Target<'_>, part: Piece, index: u16) {
        let payload = part.len as usize;
        if run.first.header_len() + payload > target.mtu {
            self.counters.unsent(target.slot, DropReason::TooBig, 1);
            return;
        }
        let vnet = vnet::Header {
            checksum: unfinished(run),
            ..vnet::Header::PLAIN
        };
        let mut headers = run.headers;
        resize(
            &mut headers,
            run.first.ip_len,
            (UDP + payload) as u16,
            index,
        );
        let udp = Some(UdpChecksum::Partial);
        let first = self.start(run, target, vnet, &mut headers, udp);
        self.batch.pieces.push(part);
        self.finish(run, target, first, (1, payload));
    }

    /// Starts a message with its headers; the index of its first piece.
    fn start(
        &mut self,
        run: &Run,
        target: &Target<'_>,
        vnet: vnet::Header,
        headers: &mut [u8; MAX_HEADERS],
        udp: Option<UdpChecksum>,
    ) -> usize {
        let len = run.first.header_len();
        // The end of the time to live was dealt with in `target`.
        let alive = rewrite(
            &mut headers[..len],
            run.first.ip_len,
            udp,
            &target.rewrite.rewrite,
        );
        debug_assert_eq!(alive, Ok(()));
        let offset = self.batch.headers.len();
        self.batch.headers.extend_from_slice(&vnet.emit());
        self.batch.headers.extend_from_slice(&target.macs.0.0);
        self.batch.headers.extend_from_slice(&target.macs.1.0);
        self.batch.headers.extend_from_slice(&[0x08, 0x00]);
        self.batch.headers.extend_from_slice(&headers[..len]);
        let first = self.batch.pieces.len();
        self.batch.pieces.push(Piece {
            source: Source::Headers,
            offset: offset as u32,
            len: (self.batch.headers.len() - offset) as u32,
        });
        first
    }

    fn finish(
        &mut self,
        run: &Run,
        target: &Target<'_>,
        first: usize,
        (packets, payload): (u32, usize),
    ) {
        self.batch.messages.push(Outgoing {
            socket: target.socket,
            first,
            pieces: self.batch.pieces.len() - first,
        });
        self.pending.push(Pending {
            slot: target.slot,
            packets,
            bytes: (payload + run.first.header_len() * packets as usize) as u64,
            run: target.run,
            output: target.output,
            merged: packets > 1,
        });
    }
}

fn unfinished(run: &Run) -> Checksum {
    Checksum::Partial {
        start: (ETHERNET + run.first.ip_len) as u16,
        offset: 6,
    }
}

fn unavailable(why: Unavailable) -> DropReason {
    match why {
        Unavailable::NoInterface => DropReason::NoInterface,
        Unavailable::InterfaceDown => DropReason::InterfaceDown,
        Unavailable::NoAddress => DropReason::NoAddress,
        Unavailable::NoRoute => DropReason::NoRoute,
        Unavailable::NoNeighbor => DropReason::NoNeighbor,
    }
}

fn reason(errno: i32) -> DropReason {
    match errno {
        libc::ENETDOWN => DropReason::InterfaceDown,
        libc::ENXIO | libc::ENODEV | libc::EBADF => DropReason::NoInterface,
        libc::EMSGSIZE => DropReason::TooBig,
        libc::ENOBUFS | libc::EAGAIN => DropReason::QueueFull,
        _ => DropReason::SendError,
    }
}

#[cfg(test)]
mod tests;
