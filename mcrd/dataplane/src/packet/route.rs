//! What a route makes of a packet: whether copies of it are sent, and what the
//! router is told.

use std::time::Instant;

use mcr_proto::fib::Accept;
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::router::DataPlaneEvent;

use super::parse::Packet;
use super::watch::{Kind, TELL_AGAIN, Watch};
use super::whole;
use crate::counters::{CounterWriter, DropReason, Slot};
use crate::gate::{Arrival, Fingerprint, GateFile};
use crate::table::Table;
use crate::table::routes::HeldRoute;

const IGMP: u8 = 2;
const PIM: u8 = 103;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// Copies of it are sent by the route with this number.
    By(usize),
    /// No copy is sent.
    Dropped {
        /// Why.
        reason: DropReason,
        /// Where the route that dropped it counts.
        slot: Option<Slot>,
    },
    /// Routes are nothing to this interface.
    Unconcerned,
}

/// What is asked, and told, to route a packet.
pub(super) struct Routing<'a> {
    pub(super) now: Instant,
    pub(super) iif: IfIndex,
    pub(super) listening: bool,
    pub(super) table: &'a mut Table,
    pub(super) gates: &'a GateFile,
    pub(super) watch: &'a mut Watch,
    pub(super) counters: &'a CounterWriter,
}

impl Routing<'_> {
    /// Decides about the packet, whose frame this is.
    pub(super) fn route(&mut self, packet: &Packet, frame: &[u8]) -> Routed {
        if !self.listening && self.table.routes().is_empty() {
            return Routed::Unconcerned;
        }
        let dropped = |reason| Routed::Dropped { reason, slot: None };
        if matches!(packet.protocol, IGMP | PIM) {
            return dropped(DropReason::Control);
        }
        // RFC 1812 §5.3.1; it makes no state either.
        if packet.ttl <= 1 {
            return dropped(DropReason::TtlExpired);
        }
        let Some(at) = self.table.routes().lookup(packet.source, packet.group) else {
            if !self.listening {
                return Routed::Unconcerned;
            }
            self.tell_first(Kind::Miss, packet, frame);
            return dropped(DropReason::NoEntry);
        };
        match self.table.routes().get(at) {
            Some(held) => {
                let (accept, slot) = (held.entry.accept, held.slot);
                match self.accept(at, accept, packet, frame) {
                    Ok(()) => self.taken(at, packet, frame),
                    Err(reason) => Routed::Dropped {
                        reason,
                        slot: Some(slot),
                    },
                }
            }
            None => Routed::Unconcerned,
        }
    }

    fn accept(
        &mut self,
        at: usize,
        accept: Accept,
        packet: &Packet,
        frame: &[u8],
    ) -> Result<(), DropReason> {
        match accept {
            Accept::Forward => Ok(()),
            Accept::Discard => Err(DropReason::Discarded),
            Accept::WrongInterface => {
                let iif = self.iif;
                self.tell_unexpected(at, packet, |source, group| DataPlaneEvent::WrongInterface {
                    iif,
                    source,
                    group,
                });
                Err(DropReason::WrongInterface)
            }
            Accept::UntilSwitch => match self.gate(at) {
                Some(gate) => fingerprint(packet, frame)
                    .is_none_or(|print| self.gates.pass_shared(gate, print))
                    .then_some(())
                    .ok_or(DropReason::SptSwitch),
                None => Ok(()),
            },
            Accept::Switch => self.switch(at, packet, frame),
        }
    }

    /// A packet came down the source's own tree, while the router does not know
    /// yet that packets do: it is told until it does.
    fn switch(&mut self, at: usize, packet: &Packet, frame: &[u8]) -> Result<(), DropReason> {
        let iif = self.iif;
        self.tell_unexpected(at, packet, |source, group| DataPlaneEvent::Switched {
            iif,
            source,
            group,
        });
        let Some(gate) = self.gate(at) else {
            return Ok(());
        };
        match self.gates.pass_own(gate, || fingerprint(packet, frame)) {
            Arrival::Later | Arrival::First => Ok(()),
            Arrival::FirstAgain => Err(DropReason::SptSwitch),
        }
    }

    fn taken(&mut self, at: usize, packet: &Packet, frame: &[u8]) -> Routed {
        let asks = |held: &HeldRoute| (held.entry.new_sources, held.entry.register);
        let (new_sources, register) = self.table.routes().get(at).map_or((false, false), asks);
        if new_sources {
            self.tell_first(Kind::Source, packet, frame);
        }
        if register {
            self.tell_whole(Kind::Register, packet, frame, Some(at));
        }
        Routed::By(at)
    }

    fn gate(&self, at: usize) -> Option<crate::gate::GateCell> {
        self.table.routes().get(at).and_then(|held| held.gate)
    }

    /// Tells the first packets of a flow.
    fn tell_first(&mut self, kind: Kind, packet: &Packet, frame: &[u8]) {
        if self
            .watch
            .is_early(self.now, kind, packet.source, packet.group)
        {
            self.tell_whole(kind, packet, frame, None);
        }
    }

    /// Hands the packet to the router, or each of those that it stands for.
    /// `by` is the route that took it.
    fn tell_whole(&mut self, kind: Kind, packet: &Packet, frame: &[u8], by: Option<usize>) {
        let iif = self.iif;
        let route = by.and_then(|at| self.table.routes().get(at));
        let outputs = route.map_or(&[][..], |held| &held.entry.outputs);
        for index in 0..packet.packets {
            let event = || {
                let packet = whole::packet(packet, frame, index)?;
                Some(match kind {
                    Kind::Source => DataPlaneEvent::NewSource { iif, packet },
                    Kind::Register => DataPlaneEvent::Register {
                        iif,
                        forwarded: outputs.iter().map(|output| output.oif).collect(),
                        packet,
                    },
                    Kind::Miss | Kind::Unexpected => DataPlaneEvent::NoEntry { iif, packet },
                })
            };
            if !self.watch.raise(self.now, kind, event) {
                self.counters.dropped(DropReason::EventLimit, 1);
            }
        }
    }

    /// Tells the router, once a second, of a packet that met this route.
    fn tell_unexpected(
        &mut self,
        at: usize,
        packet: &Packet,
        event: impl FnOnce(UnicastAddr, GroupAddr) -> DataPlaneEvent,
    ) {
        let now = self.now;
        let Some(held) = self.table.route_mut(at) else {
            return;
        };
        let again = |told| now.saturating_duration_since(told) >= TELL_AGAIN;
        if !held.told.is_none_or(again) {
            return;
        }
        let event = || {
            let source = UnicastAddr::try_from(packet.source).ok()?;
            Some(event(source, held.key.group))
        };
        if self.watch.raise(now, Kind::Unexpected, event) {
            held.told = Some(now);
        } else {
            self.counters.dropped(DropReason::EventLimit, 1);
        }
    }
}

/// Of the packet, or of the last of those that it stands for.
fn fingerprint(packet: &Packet, frame: &[u8]) -> Option<Fingerprint> {
    if packet.packets == 1 {
        return whole::ip(packet, frame).and_then(Fingerprint::of);
    }
    let last = whole::packet(packet, frame, packet.packets - 1)?;
    Fingerprint::of(&last)
}
