//! What wires carried, as the report tells it.

use super::stage::Stage;
use crate::backend::netns::Carried;
use crate::report::WireReport;
use crate::topology::model::{Topology, WireId};

#[cfg(test)]
mod tests;

/// What wires carried at a moment: from the first side, and from the second.
pub(super) type Wires = Vec<(WireId, [Carried; 2])>;

/// What each wire carried since an earlier moment, in each direction.
pub(super) fn since(topology: &Topology, before: &Wires, now: &Wires) -> Vec<WireReport> {
    let mut all = Vec::new();
    for (at, carried) in now {
        let known = before.iter().find(|(known, _)| known == at);
        let known = known.map(|(_, carried)| *carried).unwrap_or_default();
        for (direction, (now, before)) in carried.iter().zip(&known).enumerate() {
            all.push(one(topology, *at, direction, before, now));
        }
    }
    all
}

/// What each wire carried in the whole run.
pub(super) fn in_all<S: Stage>(stage: &S) -> Vec<WireReport> {
    since(stage.topology(), &Wires::new(), &stage.wires())
}

fn one(
    topology: &Topology,
    at: WireId,
    direction: usize,
    before: &Carried,
    now: &Carried,
) -> WireReport {
    let (name, sides) = topology.wire_told(at);
    let (from, to) = (&sides[direction], &sides[1 - direction]);
    let counts = now.counts.since(&before.counts);
    WireReport {
        link: name,
        way: format!("{from}>{to}"),
        frames: counts.frames,
        passed: counts.frames.saturating_sub(counts.dropped()),
        dropped: counts.lost + counts.named_lost,
        named: counts.named,
        queue_full: counts.queue_full,
        duplicated: counts.copied,
        delayed: counts.delayed,
        reordered: counts.jumped,
        corrupted: counts.corrupted,
        overrun: now.overrun.saturating_sub(before.overrun),
    }
}

/// What there is to say of wires after a step that failed.
pub(super) fn findings(topology: &Topology, before: &Wires, now: &Wires) -> Vec<String> {
    let all = since(topology, before, now).into_iter();
    all.filter_map(|wire| {
        let told = wire.told()?;
        Some(format!("wire {}: {told}", wire.way))
    })
    .collect()
}
