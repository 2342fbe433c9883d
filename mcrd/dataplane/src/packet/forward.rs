//! From packets to the copies that are sent: matching, rewriting, counting.
//! Does no I/O: frames come in, a batch of messages goes out, and the outcome
//! of each message comes back to be counted.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::Instant;

use mcr_proto::fib::{FibEntry, FibKey, RouteEntry, RouteKey};
use mcr_proto::id::IfIndex;
use mcr_proto::router::DataPlaneEvent;
use mcr_sys::frames::Batch;

use super::copies::{Maker, Pending};
use super::parse::{Packet, parse};
use super::route::{Routed, Routing};
use super::runs::{Match, Origin, Runs};
use super::watch::Watch;
use super::whole;
use crate::counters::{CounterWriter, DropReason, Slot};
use crate::gate::{GateCell, GateFile};
use crate::table::{Table, TableError};

/// Everything between receiving and sending.
#[derive(Debug)]
pub struct Forwarder {
    iif: IfIndex,
    table: Table,
    counters: CounterWriter,
    gates: GateFile,
    /// Packets that match nothing are handed up.
    listening: bool,
    watch: Watch,
    interfaces: HashMap<IfIndex, usize>,
    sockets: Vec<Option<OwnedFd>>,
    gso: bool,
    runs: Runs,
    batch: Batch,
    pending: Vec<Pending>,
    retries: Vec<Pending>,
}

impl Forwarder {
    /// For the interface; `gso` says whether the kernel cuts runs of datagrams
    /// that a packet socket sends (Linux 6.2).
    pub fn new(iif: IfIndex, counters: CounterWriter, gates: GateFile, gso: bool) -> Forwarder {
        Forwarder {
            iif,
            table: Table::new(iif),
            counters,
            gates,
            listening: false,
            watch: Watch::new(),
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

    /// Adds or replaces a route.
    pub fn set_route(
        &mut self,
        key: RouteKey,
        entry: RouteEntry,
        slot: Slot,
        gate: Option<GateCell>,
    ) -> Result<(), TableError> {
        let (interfaces, sockets) = (&mut self.interfaces, &mut self.sockets);
        self.table.set_route(key, entry, slot, gate, |oif| {
            place(interfaces, sockets, oif)
        })
    }

    /// Takes a route away.
    pub fn remove_route(&mut self, key: &RouteKey) -> bool {
        self.table.remove_route(key)
    }

    /// Whether packets that match nothing are to be handed up.
    pub fn set_listening(&mut self, on: bool) {
        self.listening = on;
    }

    /// The next thing that the router is to know.
    pub fn next_event(&mut self) -> Option<DataPlaneEvent> {
        self.watch.next()
    }

    /// An event could not be told.
    pub fn event_lost(&self, reason: DropReason) {
        self.counters.dropped(reason, 1);
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
        now: Instant,
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
            self.accept_one(now, origin, &bytes);
        }
    }

    fn accept_one<'a>(
        &mut self,
        now: Instant,
        origin: Origin<'_>,
        bytes: impl Fn(usize) -> &'a [u8],
    ) {
        let mut packet = match parse(origin.bytes) {
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
        let relay = self.table.lookup(&packet.lookup());
        let route = self.route(now, &packet, origin.bytes, relay.is_some());
        if relay.is_none() && route.is_none() {
            return;
        }
        let headers = packet.header_len() as u64 * (packets - 1);
        let bytes_in_all = packet.total_len as u64 + headers;
        let routes = self.table.routes();
        let slots = [
            relay.and_then(|at| Some(self.table.entry(at)?.slot)),
            route.and_then(|at| Some(routes.get(at)?.slot)),
        ];
        self.counters.matched(packets);
        for slot in slots.into_iter().flatten() {
            self.counters.sent(slot, packets, bytes_in_all);
        }
        let may_be_cut = route
            .and_then(|at| routes.get(at))
            .is_some_and(|held| packets == 1 && packet.total_len > held.least_mtu);
        if may_be_cut {
            // It is part of no run.
            packet.segment = 0;
        }
        let entry = Match { relay, route };
        self.runs.add(entry, &packet, origin, bytes);
        if let Some(whole) = may_be_cut
            .then(|| whole::packet(&packet, origin.bytes, 0))
            .flatten()
        {
            self.runs.keep_whole(whole);
        }
    }

    /// The route by which copies of the packet are sent. Where none are, and
    /// no relay rule has the packet either, it is counted as dropped.
    fn route(
        &mut self,
        now: Instant,
        packet: &Packet,
        frame: &[u8],
        relayed: bool,
    ) -> Option<usize> {
        let mut routing = Routing {
            now,
            iif: self.iif,
            listening: self.listening,
            table: &mut self.table,
            gates: &self.gates,
            watch: &mut self.watch,
            counters: &self.counters,
        };
        let packets = u64::from(packet.packets);
        let (reason, slot) = match routing.route(packet, frame) {
            Routed::By(at) => return Some(at),
            Routed::Dropped { reason, slot } => (reason, slot),
            Routed::Unconcerned => (packet.unmatched(), None),
        };
        if let Some(slot) = slot {
            self.counters.refused(slot, packets);
        }
        if !relayed {
            self.counters.dropped(reason, packets);
        }
        None
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
        for index in 0..self.runs.len() {
            maker.copies(index);
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
            maker.copy(retry.run, retry.branch);
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
