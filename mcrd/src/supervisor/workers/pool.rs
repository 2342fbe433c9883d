//! The workers of one input interface, and the table they share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mcr_dataplane::counters::{Cell, DropReason, Slot, SlotAllocator};
use mcr_proto::fib::{Egress, RouteKey};
use mcr_proto::id::{IfIndex, InterfaceName, RuleName};

use super::gates::{Gate, Gates};
use super::place::{Place, State};
use super::routed::{RouteFigures, RouteTally};
use super::tables::{Entry, Key};
use super::tally::{InputTally, Tally};

/// How long workers that were told to stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// One set of workers on one interface; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolId(pub(super) u64);

/// What the workers of an interface are to hold, beside the entries
/// themselves.
pub(super) struct Table {
    pub(super) interface: InterfaceName,
    pub(super) iif: IfIndex,
    /// Where each entry counts, and which interfaces it sends on.
    pub(super) placed: BTreeMap<Key, Placed>,
    /// Entries for which there are no cells now.
    pub(super) unplaced: BTreeSet<Key>,
    /// Output interfaces with the number of entries that use them.
    pub(super) oifs: BTreeMap<IfIndex, usize>,
    /// Grows with each range of cells, and each gate, that is given back.
    pub(super) epoch: u64,
    /// Packets that match nothing are handed up.
    pub(super) listening: bool,
}

/// An entry's cells, outputs and gate.
pub(super) struct Placed {
    pub(super) slot: Slot,
    pub(super) oifs: BTreeSet<IfIndex>,
    pub(super) gate: Option<Rc<Gate>>,
    counts: Counts,
}

/// What an entry's cells count for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Counts {
    /// A rule, with so many outputs.
    Rule(RuleName, usize),
    /// A route, with these outputs.
    Route(RouteKey, Vec<IfIndex>),
}

/// What no entry uses and a worker may still use.
struct Draining {
    epoch: u64,
    cells: Option<(Slot, Counts)>,
    _gate: Option<Rc<Gate>>,
}

/// The workers of one input interface.
pub(super) struct Pool {
    pub(super) id: PoolId,
    pub(super) table: Table,
    pub(super) places: Vec<Place>,
    /// When the workers were told to stop, the moment they must have.
    pub(super) stopping: Option<Instant>,
    /// Since when there is nothing to do.
    pub(super) idle_since: Option<Instant>,
    slots: SlotAllocator,
    routed: RouteTally,
    draining: VecDeque<Draining>,
}

impl Pool {
    pub(super) fn new(
        id: PoolId,
        interface: InterfaceName,
        iif: IfIndex,
        places: Vec<Place>,
    ) -> Pool {
        Pool {
            id,
            table: Table {
                interface,
                iif,
                placed: BTreeMap::new(),
                unplaced: BTreeSet::new(),
                oifs: BTreeMap::new(),
                epoch: 0,
                listening: false,
            },
            places,
            stopping: None,
            idle_since: None,
            slots: SlotAllocator::new(),
            routed: RouteTally::default(),
            draining: VecDeque::new(),
        }
    }

    /// The key has this entry now.
    pub(super) fn set(&mut self, entry: Entry<'_>, gates: &Gates, tally: &mut Tally) {
        let (key, counts) = (entry.key(), Counts::of(&entry));
        let oifs = oifs(&entry);
        for oif in &oifs {
            *self.table.oifs.entry(*oif).or_default() += 1;
        }
        let gate = match entry {
            Entry::Relay(..) => None,
            Entry::Route(key, entry) => gates.of(&key, entry),
        };
        let old = self.take(&key);
        let reused = old
            .as_ref()
            .filter(|old| old.counts == counts && self.is_current(old, tally))
            .map(|old| old.slot);
        self.drain(old, reused.is_some());
        match reused.or_else(|| self.allocate(&counts, tally)) {
            Some(slot) => {
                self.table.unplaced.remove(&key);
                let placed = Placed {
                    slot,
                    oifs,
                    gate,
                    counts,
                };
                self.table.placed.insert(key, placed);
            }
            None => {
                self.unuse(&oifs);
                self.table.unplaced.insert(key);
            }
        }
        self.mark(key);
    }

    /// The key has no entry now.
    pub(super) fn remove(&mut self, key: Key) {
        let old = self.take(&key);
        self.drain(old, false);
        self.table.unplaced.remove(&key);
        if let Key::Route(key) = &key {
            self.routed.forget(key);
        }
        self.mark(key);
    }

    fn mark(&mut self, key: Key) {
        for place in &mut self.places {
            place.mark(key);
        }
    }

    fn is_current(&self, placed: &Placed, tally: &Tally) -> bool {
        match &placed.counts {
            Counts::Rule(rule, _) => tally.is_current(rule, self.id, placed.slot),
            Counts::Route(..) => true,
        }
    }

    fn allocate(&mut self, counts: &Counts, tally: &mut Tally) -> Option<Slot> {
        let slot = self.slots.allocate(counts.cells())?;
        for place in &self.places {
            place.counters.clear(slot, counts.cells());
        }
        match counts {
            Counts::Rule(rule, _) => tally.open(rule, self.id, slot),
            Counts::Route(key, outputs) => self.routed.open(*key, slot, outputs.clone()),
        }
        Some(slot)
    }

    fn take(&mut self, key: &Key) -> Option<Placed> {
        let placed = self.table.placed.remove(key)?;
        self.unuse(&placed.oifs);
        Some(placed)
    }

    fn unuse(&mut self, oifs: &BTreeSet<IfIndex>) {
        for oif in oifs {
            if let Some(users) = self.table.oifs.get_mut(oif) {
                *users -= 1;
                if *users == 0 {
                    self.table.oifs.remove(oif);
                }
            }
        }
    }

    fn drain(&mut self, placed: Option<Placed>, keep_cells: bool) {
        let Some(placed) = placed else { return };
        let cells = (!keep_cells).then_some((placed.slot, placed.counts));
        if cells.is_some() || placed.gate.is_some() {
            self.table.epoch += 1;
            self.draining.push_back(Draining {
                epoch: self.table.epoch,
                cells,
                _gate: placed.gate,
            });
        }
    }

    /// Takes back the cells that no worker writes to any more. Returns entries
    /// that waited for cells, if some are free now.
    pub(super) fn reclaim(&mut self, tally: &mut Tally) -> Vec<Key> {
        let confirmed = self
            .places
            .iter()
            .map(|place| place.confirmed_epoch())
            .min()
            .unwrap_or(u64::MAX);
        let before = self.draining.len();
        while self
            .draining
            .front()
            .is_some_and(|next| next.epoch <= confirmed)
        {
            let done = self.draining.pop_front().and_then(|done| done.cells);
            if let Some((slot, counts)) = done {
                let cell = |slot| sum(&self.places, slot);
                match counts {
                    Counts::Rule(rule, _) => tally.close(&rule, self.id, slot, cell),
                    Counts::Route(key, _) => self.routed.close(&key, slot, cell),
                }
                self.slots.release(slot);
            }
        }
        if self.draining.len() == before {
            return Vec::new();
        }
        self.table.unplaced.iter().copied().collect()
    }

    /// The figures of one cell, of all workers.
    pub(super) fn cell(&self, slot: Slot) -> Cell {
        sum(&self.places, slot)
    }

    /// Whether the workers have nothing to hold and nothing to hand up.
    pub(super) fn is_idle(&self) -> bool {
        let table = &self.table;
        table.placed.is_empty() && table.unplaced.is_empty() && !table.listening
    }

    /// Whether there are routes.
    pub(super) fn routes(&self) -> bool {
        !self.routed.is_empty()
    }

    /// Whether it has this one.
    pub(super) fn has_route(&self, key: &RouteKey) -> bool {
        self.routed.has(key)
    }

    /// The (S,G) routes that have forwarded packets since the last call.
    pub(super) fn active(&mut self) -> Vec<RouteKey> {
        let places = &self.places;
        self.routed.active(|slot| sum(places, slot))
    }

    /// The route's figures.
    pub(super) fn route(&self, key: &RouteKey) -> RouteFigures {
        self.routed.figures(key, |slot| self.cell(slot))
    }

    /// What the workers counted beside the rules.
    pub(super) fn input(&self) -> InputTally {
        let mut input = InputTally::default();
        for place in &self.places {
            let totals = place.counters.totals();
            input.add(&InputTally {
                received: totals.received,
                matched: totals.matched,
                kernel_drops: place.kernel_drops,
                drops: DropReason::ALL.map(|reason| place.counters.dropped(reason)),
            });
        }
        input
    }

    /// Tells the workers to end.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stopping = Some(now + STOP_WITHIN);
        for place in &mut self.places {
            place.stop();
        }
    }

    /// Whether the workers have ended for good.
    pub(super) fn has_ended(&self) -> bool {
        self.stopping.is_some()
            && self
                .places
                .iter()
                .all(|place| matches!(place.state, State::Done))
    }

    /// When there is something to do.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match self.stopping {
            Some(by) => self.places.iter().any(Place::can_be_killed).then_some(by),
            None => {
                let places = self.places.iter().filter_map(Place::next_timeout);
                places
                    .chain(self.idle_since.map(|since| since + super::LINGER))
                    .min()
            }
        }
    }

    /// Keeps what was counted; for a pool whose workers have ended.
    pub(super) fn close(&mut self, tally: &mut Tally) {
        let keys: Vec<Key> = self.table.placed.keys().copied().collect();
        for key in keys {
            self.remove(key);
        }
        self.reclaim(tally);
        tally.close_input(&self.table.interface, &self.input());
    }
}

fn sum(places: &[Place], slot: Slot) -> Cell {
    places.iter().fold(Cell::default(), |sum, place| {
        let cell = place.counters.cell(slot);
        Cell {
            packets: sum.packets + cell.packets,
            bytes: sum.bytes + cell.bytes,
            dropped: sum.dropped + cell.dropped,
        }
    })
}

impl Counts {
    fn of(entry: &Entry<'_>) -> Counts {
        match entry {
            Entry::Relay(_, entry) => Counts::Rule(entry.rule.clone(), entry.outputs.len()),
            Entry::Route(key, entry) => {
                Counts::Route(*key, entry.outputs.iter().map(|out| out.oif).collect())
            }
        }
    }

    /// The cells an entry needs: its own, and one for each output.
    fn cells(&self) -> u32 {
        let outputs = match self {
            Counts::Rule(_, outputs) => *outputs,
            Counts::Route(_, outputs) => outputs.len(),
        };
        u32::try_from(outputs + 1).unwrap_or(u32::MAX)
    }
}

fn oifs(entry: &Entry<'_>) -> BTreeSet<IfIndex> {
    match entry {
        Entry::Route(_, entry) => entry.outputs.iter().map(|output| output.oif).collect(),
        Entry::Relay(_, entry) => entry
            .outputs
            .iter()
            .filter_map(|output| match output.egress {
                Egress::Ready { oif, .. } => Some(oif),
                Egress::Unavailable(_) => None,
            })
            .collect(),
    }
}
