//! What was counted, by rule and by input interface.
//!
//! Workers count into cells of shared memory. A rule's figure is the sum of
//! the cells that are its now and of those that were its and are not any more,
//! so it survives a worker, an interface and a change of the rule's outputs.

use std::collections::BTreeMap;

use mcr_dataplane::counters::{Cell, DropReason, Slot};
use mcr_proto::id::{InterfaceName, RuleName};
use mcr_proto::relay::{RelayOutput, RelayRule};

use super::pool::PoolId;

/// A range of cells that counts for a rule: its own cell, then its outputs'.
#[derive(Debug)]
struct Segment {
    pool: PoolId,
    slot: Slot,
    /// For each output cell the rule's output it belongs to; `None` for an
    /// output that the rule has no more.
    outputs: Vec<Option<usize>>,
    /// The cells are those of the rule's present outputs, in order.
    current: bool,
}

#[derive(Debug)]
struct RuleTally {
    outputs: Vec<RelayOutput>,
    /// From cells that were given back: the rule's own, then its outputs'.
    own: Cell,
    sent: Vec<Cell>,
    segments: Vec<Segment>,
}

/// What one input interface's workers counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InputTally {
    pub(crate) received: u64,
    pub(crate) matched: u64,
    pub(crate) kernel_drops: u64,
    pub(crate) drops: [u64; DropReason::ALL.len()],
}

impl InputTally {
    pub(super) fn add(&mut self, other: &InputTally) {
        self.received += other.received;
        self.matched += other.matched;
        self.kernel_drops += other.kernel_drops;
        for (sum, more) in self.drops.iter_mut().zip(other.drops) {
            *sum += more;
        }
    }
}

/// A rule's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleFigures {
    /// What matched.
    pub(crate) own: Cell,
    /// What each output sent, in the rule's order.
    pub(crate) outputs: Vec<Cell>,
}

/// The figures of all rules and inputs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rules: BTreeMap<RuleName, RuleTally>,
    /// From workers that ended for good, by input interface.
    inputs: BTreeMap<InterfaceName, InputTally>,
}

impl Tally {
    /// The rule is new or has changed. Outputs that it keeps keep their count.
    pub(super) fn rule_set(&mut self, rule: &RelayRule) {
        let Some(tally) = self.rules.get_mut(&rule.name) else {
            let tally = RuleTally {
                outputs: rule.outputs.clone(),
                own: Cell::default(),
                sent: vec![Cell::default(); rule.outputs.len()],
                segments: Vec::new(),
            };
            self.rules.insert(rule.name.clone(), tally);
            return;
        };
        if tally.outputs == rule.outputs {
            return;
        }
        let places: BTreeMap<&RelayOutput, usize> = rule
            .outputs
            .iter()
            .enumerate()
            .map(|(place, output)| (output, place))
            .collect();
        let moved: Vec<Option<usize>> = tally
            .outputs
            .iter()
            .map(|output| places.get(output).copied())
            .collect();
        let mut sent = vec![Cell::default(); rule.outputs.len()];
        for (old, new) in moved.iter().enumerate() {
            if let Some(new) = new {
                sent[*new] = tally.sent[old];
            }
        }
        tally.sent = sent;
        for segment in &mut tally.segments {
            segment.current = false;
            for place in &mut segment.outputs {
                *place = place.and_then(|old| moved[old]);
            }
        }
        tally.outputs.clone_from(&rule.outputs);
    }

    /// The rule is gone, and with it what it counted.
    pub(super) fn rule_removed(&mut self, name: &RuleName) {
        self.rules.remove(name);
    }

    /// From now on the cells at `slot` count for the rule.
    pub(super) fn open(&mut self, name: &RuleName, pool: PoolId, slot: Slot) {
        if let Some(tally) = self.rules.get_mut(name) {
            let outputs = (0..tally.outputs.len()).map(Some).collect();
            tally.segments.push(Segment {
                pool,
                slot,
                outputs,
                current: true,
            });
        }
    }

    /// Whether the cells at `slot` can go on counting for the rule.
    pub(super) fn is_current(&self, name: &RuleName, pool: PoolId, slot: Slot) -> bool {
        self.rules.get(name).is_some_and(|tally| {
            tally
                .segments
                .iter()
                .any(|segment| segment.current && (segment.pool, segment.slot) == (pool, slot))
        })
    }

    /// No worker writes to the cells at `slot` any more: their figures are
    /// kept with the rule, if they are a rule's still.
    pub(super) fn close(
        &mut self,
        name: &RuleName,
        pool: PoolId,
        slot: Slot,
        cell: impl Fn(Slot) -> Cell,
    ) {
        let Some(tally) = self.rules.get_mut(name) else {
            return;
        };
        let here = |segment: &Segment| (segment.pool, segment.slot) == (pool, slot);
        let Some(place) = tally.segments.iter().position(here) else {
            return;
        };
        let segment = tally.segments.swap_remove(place);
        add(&mut tally.own, cell(slot));
        for (cell, place) in segment.cells(cell) {
            if let Some(sum) = tally.sent.get_mut(place) {
                add(sum, cell);
            }
        }
    }

    /// The rule's figures at this moment.
    pub(super) fn rule(&self, name: &RuleName, cell: impl Fn(PoolId, Slot) -> Cell) -> RuleFigures {
        let Some(tally) = self.rules.get(name) else {
            return RuleFigures::default();
        };
        let mut figures = RuleFigures {
            own: tally.own,
            outputs: tally.sent.clone(),
        };
        for segment in &tally.segments {
            add(&mut figures.own, cell(segment.pool, segment.slot));
            for (cell, place) in segment.cells(|slot| cell(segment.pool, slot)) {
                if let Some(sum) = figures.outputs.get_mut(place) {
                    add(sum, cell);
                }
            }
        }
        figures
    }

    /// Keeps what workers counted that have ended for good.
    pub(super) fn close_input(&mut self, interface: &InterfaceName, counted: &InputTally) {
        self.inputs
            .entry(interface.clone())
            .or_default()
            .add(counted);
    }

    /// What is kept of input interfaces.
    pub(super) fn inputs(&self) -> BTreeMap<InterfaceName, InputTally> {
        self.inputs.clone()
    }
}

impl Segment {
    /// The output cells that are the rule's, each with its output.
    fn cells(&self, cell: impl Fn(Slot) -> Cell) -> impl Iterator<Item = (Cell, usize)> {
        let first = self.slot.0 + 1;
        (first..)
            .zip(&self.outputs)
            .filter_map(move |(slot, place)| place.map(|place| (cell(Slot(slot)), place)))
    }
}

pub(super) fn add(sum: &mut Cell, more: Cell) {
    sum.packets += more.packets;
    sum.bytes += more.bytes;
    sum.dropped += more.dropped;
}

#[cfg(test)]
mod tests;
