//! The copies of a run of packets, one for each output: which can be sent, with
//! which headers, and as how many messages.

use std::os::fd::OwnedFd;

use mcr_proto::fib::{Egress, FibEntry, Rewrite, TtlRewrite, Unavailable};
use mcr_proto::id::{IfIndex, MacAddr};
use mcr_proto::pim::register::fragment;
use mcr_sys::frames::{Batch, Outgoing, Piece, Source};
use mcr_sys::vnet::{self, Checksum, Gso};

use super::parse::{ETHERNET, MAX_HEADERS, UdpState};
use super::runs::{Run, Runs};
use crate::counters::{CounterWriter, DropReason, Slot};
use crate::rewrite::{UDP, UdpChecksum, resize, rewrite};
use crate::table::routes::HeldRoute;
use crate::table::{Table, TableEntry};

/// RFC 1812 §5.3.1: what a router changes in a packet.
const ROUTE: Rewrite = Rewrite {
    source: None,
    source_port: None,
    destination: None,
    port: None,
    ttl: TtlRewrite::Decrement,
    dscp: None,
};

/// An output of what a run matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// The output of the relay rule at this place.
    Relay(usize),
    /// The output of the route at this place.
    Route(usize),
}

/// A message that was not yet counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) slot: Slot,
    pub(super) packets: u32,
    pub(super) bytes: u64,
    pub(super) run: usize,
    pub(super) branch: Branch,
    pub(super) merged: bool,
}

/// Where a copy goes, once it is known that it can.
struct Target {
    slot: Slot,
    run: usize,
    branch: Branch,
    socket: usize,
    /// Destination and source.
    macs: (MacAddr, MacAddr),
    mtu: usize,
    rewrite: Rewrite,
}

/// Makes messages.
pub(super) struct Maker<'a> {
    pub(super) table: &'a Table,
    pub(super) runs: &'a Runs,
    pub(super) counters: &'a CounterWriter,
    pub(super) sockets: &'a [Option<OwnedFd>],
    pub(super) gso: bool,
    pub(super) batch: &'a mut Batch,
    pub(super) pending: &'a mut Vec<Pending>,
}

impl Maker<'_> {
    /// All copies of a run.
    pub(super) fn copies(&mut self, index: usize) {
        let (table, runs) = (self.table, self.runs);
        let Some(run) = runs.get(index) else { return };
        let relay = run.entry.relay.and_then(|at| table.entry(at));
        let route = run.entry.route.and_then(|at| table.routes().get(at));
        if let Some(held) = relay {
            for output in 0..held.sockets.len() {
                self.copy(index, Branch::Relay(output));
            }
        }
        let Some(held) = route else { return };
        for (place, output) in held.entry.outputs.iter().enumerate() {
            let sent = relay.is_some_and(|held| sends_unchanged(&held.entry, output.oif, run));
            if !sent {
                self.copy(index, Branch::Route(place));
            }
        }
    }

    /// One output's copy of a run.
    pub(super) fn copy(&mut self, index: usize, branch: Branch) {
        let (table, runs) = (self.table, self.runs);
        let Some(run) = runs.get(index) else { return };
        let (slot, target) = match branch {
            Branch::Relay(output) => {
                let Some(held) = run.entry.relay.and_then(|at| table.entry(at)) else {
                    return;
                };
                let slot = output_slot(held.slot, output);
                (slot, self.relay_target(held, run, slot, (index, output)))
            }
            Branch::Route(output) => {
                let Some(held) = run.entry.route.and_then(|at| table.routes().get(at)) else {
                    return;
                };
                let slot = output_slot(held.slot, output);
                (slot, self.route_target(held, slot, (index, output)))
            }
        };
        match target {
            Ok(target) => self.send(run, &target),
            Err(reason) => self.counters.unsent(slot, reason, u64::from(run.packets)),
        }
    }

    fn relay_target(
        &self,
        held: &TableEntry,
        run: &Run,
        slot: Slot,
        (index, output): (usize, usize),
    ) -> Result<Target, DropReason> {
        let out = held
            .entry
            .outputs
            .get(output)
            .ok_or(DropReason::NoInterface)?;
        let (macs, mtu) = match out.egress {
            Egress::Ready {
                source_mac,
                destination_mac,
                mtu,
                ..
            } => ((destination_mac, source_mac), mtu as usize),
            Egress::Unavailable(why) => return Err(unavailable(why)),
        };
        let socket = held.sockets.get(output).copied().flatten();
        if out.rewrite.ttl == TtlRewrite::Decrement && run.first.ttl <= 1 {
            return Err(DropReason::TtlExpired);
        }
        Ok(Target {
            slot,
            run: index,
            branch: Branch::Relay(output),
            socket: self.open(socket)?,
            macs,
            mtu,
            rewrite: out.rewrite,
        })
    }

    fn route_target(
        &self,
        held: &HeldRoute,
        slot: Slot,
        (index, output): (usize, usize),
    ) -> Result<Target, DropReason> {
        let out = held
            .entry
            .outputs
            .get(output)
            .ok_or(DropReason::NoInterface)?;
        let group = held.key.group.get();
        Ok(Target {
            slot,
            run: index,
            branch: Branch::Route(output),
            socket: self.open(held.sockets.get(output).copied())?,
            macs: (MacAddr::of_group(group), out.source_mac),
            mtu: out.mtu as usize,
            rewrite: ROUTE,
        })
    }

    /// The socket, if it is there now.
    fn open(&self, socket: Option<usize>) -> Result<usize, DropReason> {
        let open = |at: &usize| self.sockets.get(*at).is_some_and(Option::is_some);
        socket.filter(open).ok_or(DropReason::NoInterface)
    }

    fn send(&mut self, run: &Run, target: &Target) {
        let header_len = run.first.header_len();
        if run.packets == 1 {
            if header_len + run.payload <= target.mtu {
                self.single(run, target);
            } else if let Branch::Route(_) = target.branch {
                self.fragments(run, target);
            } else {
                self.counters.unsent(target.slot, DropReason::TooBig, 1);
            }
        } else if self.gso && header_len + run.first.segment <= target.mtu {
            self.merged(run, target);
        } else {
            self.one_by_one(run, target);
        }
    }

    /// The packet as it came, with other headers.
    fn single(&mut self, run: &Run, target: &Target) {
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

    /// A routed packet that is larger than the interface takes, in fragments if
    /// its sender allows them (RFC 1812 §4.2.2.7).
    fn fragments(&mut self, run: &Run, target: &Target) {
        let mtu = u16::try_from(target.mtu).unwrap_or(u16::MAX);
        let whole = run.whole.as_deref().unwrap_or_default();
        let Ok(parts) = fragment::for_register(whole, mtu) else {
            self.counters.unsent(target.slot, DropReason::TooBig, 1);
            return;
        };
        for (number, part) in parts.iter().enumerate() {
            let offset = self.batch.headers.len();
            self.frame(vnet::Header::PLAIN, target, part);
            let first = self.batch.pieces.len();
            self.batch.pieces.push(self.written(offset));
            // The packet is counted with its first fragment.
            let packets = u32::from(number == 0);
            let payload = run.payload * packets as usize;
            self.finish(run, target, first, (packets, payload));
        }
    }

    /// All datagrams as one message, which the kernel cuts.
    fn merged(&mut self, run: &Run, target: &Target) {
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
    fn one_by_one(&mut self, run: &Run, target: &Target) {
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

    fn datagram(&mut self, run: &Run, target: &Target, part: Piece, index: u16) {
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
        target: &Target,
        vnet: vnet::Header,
        headers: &mut [u8; MAX_HEADERS],
        udp: Option<UdpChecksum>,
    ) -> usize {
        let len = run.first.header_len();
        // The end of the time to live was dealt with in `target`.
        let alive = rewrite(&mut headers[..len], run.first.ip_len, udp, &target.rewrite);
        debug_assert_eq!(alive, Ok(()));
        let offset = self.batch.headers.len();
        self.frame(vnet, target, &headers[..len]);
        let first = self.batch.pieces.len();
        self.batch.pieces.push(self.written(offset));
        first
    }

    /// Writes what leads a frame, and these bytes of it.
    fn frame(&mut self, vnet: vnet::Header, target: &Target, ip: &[u8]) {
        let headers = &mut self.batch.headers;
        headers.extend_from_slice(&vnet.emit());
        headers.extend_from_slice(&target.macs.0.0);
        headers.extend_from_slice(&target.macs.1.0);
        headers.extend_from_slice(&[0x08, 0x00]);
        headers.extend_from_slice(ip);
    }

    /// The piece of what was written from `offset` on.
    fn written(&self, offset: usize) -> Piece {
        Piece {
            source: Source::Headers,
            offset: offset as u32,
            len: (self.batch.headers.len() - offset) as u32,
        }
    }

    fn finish(
        &mut self,
        run: &Run,
        target: &Target,
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
            branch: target.branch,
            merged: packets > 1,
        });
    }
}

/// Whether the rule sends the run on the interface as it is, but for its time
/// to live: a route's copy there would be the same packet again.
fn sends_unchanged(entry: &FibEntry, oif: IfIndex, run: &Run) -> bool {
    let port = run.first.udp.map(|udp| udp.port);
    entry.outputs.iter().any(|output| {
        let here = match output.egress {
            Egress::Ready { oif: ready, .. } => ready == oif,
            Egress::Unavailable(_) => false,
        };
        let rewrite = &output.rewrite;
        here && rewrite.destination.is_none_or(|to| to == run.first.group)
            && rewrite.port.is_none_or(|to| Some(to.get()) == port)
    })
}

/// The cell of the output at this place, after the entry's own.
fn output_slot(entry: Slot, output: usize) -> Slot {
    Slot(entry.0.saturating_add(1).saturating_add(output as u32))
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
