//! The workers of one input interface, and the table they share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mcr_dataplane::counters::{Cell, DropReason, Slot, SlotAllocator};
use mcr_proto::fib::{Egress, FibEntry, FibKey};
use mcr_proto::id::{IfIndex, InterfaceName, RuleName};

use super::place::{Place, State};
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
    pub(super) placed: BTreeMap<FibKey, Placed>,
    /// Entries for which there are no cells now.
    pub(super) unplaced: BTreeSet<FibKey>,
    /// Output interfaces with the number of entries that use them.
    pub(super) oifs: BTreeMap<IfIndex, usize>,
    /// Grows with each range of cells that is given back.
    pub(super) epoch: u64,
}

/// An entry's cells and outputs.
pub(super) struct Placed {
    pub(super) slot: Slot,
    pub(super) oifs: BTreeSet<IfIndex>,
    rule: RuleName,
    cells: u32,
}

/// Cells that no entry uses and a worker may still write to.
struct Draining {
    epoch: u64,
    slot: Slot,
    rule: RuleName,
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
            },
            places,
            stopping: None,
            idle_since: None,
            slots: SlotAllocator::new(),
            draining: VecDeque::new(),
        }
    }

    /// The key has this entry now.
    pub(super) fn set(&mut self, key: FibKey, entry: &FibEntry, tally: &mut Tally) {
        let oifs = oifs(entry);
        for oif in &oifs {
            *self.table.oifs.entry(*oif).or_default() += 1;
        }
        let reused = self.table.placed.get(&key).and_then(|placed| {
            let current =
                placed.rule == entry.rule && tally.is_current(&entry.rule, self.id, placed.slot);
            (current && placed.cells == cells(entry)).then_some(placed.slot)
        });
        let slot = match (self.take(&key), reused) {
            (_, Some(slot)) => Some(slot),
            (old, None) => {
                self.drain(old);
                self.allocate(entry, tally)
            }
        };
        match slot {
            Some(slot) => {
                self.table.unplaced.remove(&key);
                let placed = Placed {
                    slot,
                    oifs,
                    rule: entry.rule.clone(),
                    cells: cells(entry),
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
    pub(super) fn remove(&mut self, key: FibKey) {
        let old = self.take(&key);
        self.drain(old);
        self.table.unplaced.remove(&key);
        self.mark(key);
    }

    fn mark(&mut self, key: FibKey) {
        for place in &mut self.places {
            place.mark(key);
        }
    }

    fn allocate(&mut self, entry: &FibEntry, tally: &mut Tally) -> Option<Slot> {
        let slot = self.slots.allocate(cells(entry))?;
        for place in &self.places {
            place.counters.clear(slot, cells(entry));
        }
        tally.open(&entry.rule, self.id, slot);
        Some(slot)
    }

    fn take(&mut self, key: &FibKey) -> Option<Placed> {
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

    fn drain(&mut self, placed: Option<Placed>) {
        if let Some(placed) = placed {
            self.table.epoch += 1;
            self.draining.push_back(Draining {
                epoch: self.table.epoch,
                slot: placed.slot,
                rule: placed.rule,
            });
        }
    }

    /// Takes back the cells that no worker writes to any more. Returns entries
    /// that waited for cells, if some are free now.
    pub(super) fn reclaim(&mut self, tally: &mut Tally) -> Vec<FibKey> {
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
            if let Some(done) = self.draining.pop_front() {
                let places = &self.places;
                tally.close(&done.rule, self.id, done.slot, |slot| sum(places, slot));
                self.slots.release(done.slot);
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
        let keys: Vec<FibKey> = self.table.placed.keys().copied().collect();
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

/// The cells an entry needs: its own, and one for each output.
fn cells(entry: &FibEntry) -> u32 {
    u32::try_from(entry.outputs.len() + 1).unwrap_or(u32::MAX)
}

fn oifs(entry: &FibEntry) -> BTreeSet<IfIndex> {
    entry
        .outputs
        .iter()
        .filter_map(|output| match output.egress {
            Egress::Ready { oif, .. } => Some(oif),
            Egress::Unavailable(_) => None,
        })
        .collect()
}
