//! What was counted by route.
//!
//! As a rule's, a route's figure is the sum of the cells that are its now and
//! of those that were its and are not any more, so it survives a change of its
//! outputs and a worker. It ends with the route.

use std::collections::BTreeMap;

use mcr_dataplane::counters::{Cell, Slot};
use mcr_proto::fib::RouteKey;
use mcr_proto::id::IfIndex;

use super::tally::add;

/// A route's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteFigures {
    /// What was forwarded, and as dropped, what was not taken.
    pub(crate) own: Cell,
    /// What was sent on each output interface it has or had.
    pub(crate) outputs: BTreeMap<IfIndex, Cell>,
}

#[derive(Debug, Default)]
struct Counted {
    /// From cells that were given back.
    kept: RouteFigures,
    /// Cells that count for it, with their outputs.
    ranges: Vec<(Slot, Vec<IfIndex>)>,
    /// The packets that the router knows of.
    told: u64,
}

/// The figures of all routes of an input interface.
#[derive(Debug, Default)]
pub(super) struct RouteTally(BTreeMap<RouteKey, Counted>);

impl RouteTally {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, key: &RouteKey) -> bool {
        self.0.contains_key(key)
    }

    /// From now on the cells at `slot` count for the route.
    pub(super) fn open(&mut self, key: RouteKey, slot: Slot, outputs: Vec<IfIndex>) {
        let counted = self.0.entry(key).or_default();
        counted.ranges.push((slot, outputs));
    }

    /// No worker writes to the cells at `slot` any more.
    pub(super) fn close(&mut self, key: &RouteKey, slot: Slot, cell: impl Fn(Slot) -> Cell) {
        let Some(counted) = self.0.get_mut(key) else {
            return;
        };
        let Some(place) = counted.ranges.iter().position(|(at, _)| *at == slot) else {
            return;
        };
        let (slot, outputs) = counted.ranges.swap_remove(place);
        counted.kept.add(slot, &outputs, cell);
    }

    /// The route is gone, and with it what it counted.
    pub(super) fn forget(&mut self, key: &RouteKey) {
        self.0.remove(key);
    }

    /// The route's figures at this moment.
    pub(super) fn figures(&self, key: &RouteKey, cell: impl Fn(Slot) -> Cell) -> RouteFigures {
        self.0
            .get(key)
            .map(|counted| counted.figures(cell))
            .unwrap_or_default()
    }

    /// The (S,G) routes that have forwarded packets since the last call.
    pub(super) fn active(&mut self, cell: impl Fn(Slot) -> Cell) -> Vec<RouteKey> {
        let with_source = self.0.iter_mut().filter(|(key, _)| key.source.is_some());
        with_source
            .filter_map(|(key, counted)| {
                let packets = counted.packets(&cell);
                (std::mem::replace(&mut counted.told, packets) != packets).then_some(*key)
            })
            .collect()
    }
}

impl Counted {
    fn packets(&self, cell: impl Fn(Slot) -> Cell) -> u64 {
        let now = self.ranges.iter().map(|(slot, _)| cell(*slot).packets);
        self.kept.own.packets + now.sum::<u64>()
    }

    fn figures(&self, cell: impl Fn(Slot) -> Cell) -> RouteFigures {
        let mut figures = self.kept.clone();
        for (slot, outputs) in &self.ranges {
            figures.add(*slot, outputs, &cell);
        }
        figures
    }
}

impl RouteFigures {
    fn add(&mut self, slot: Slot, outputs: &[IfIndex], cell: impl Fn(Slot) -> Cell) {
        add(&mut self.own, cell(slot));
        for (at, oif) in (slot.0 + 1..).zip(outputs) {
            add(self.outputs.entry(*oif).or_default(), cell(Slot(at)));
        }
    }
}
