//! What wires carried, as the report tells it.

use super::stage::Stage;
use crate::backend::netns::Carried;
use crate::report::WireReport;
use crate::topology::model::{LinkId, Topology};

#[cfg(test)]
mod tests;

/// What wires carried at a moment, by link: from the first end, and from the
/// second.
pub(super) type Wires = Vec<(LinkId, [Carried; 2])>;

/// What each wire carried since an earlier moment, in each direction.
pub(super) fn since(topology: &Topology, before: &Wires, now: &Wires) -> Vec<WireReport> {
    let mut all = Vec::new();
    for (link, carried) in now {
        let known = before.iter().find(|(known, _)| known == link);
        let known = known.map(|(_, carried)| *carried).unwrap_or_default();
        for (direction, (now, before)) in carried.iter().zip(&known).enumerate() {
            all.push(one(topology, *link, direction, before, now));
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
    link: LinkId,
    direction: usize,
    before: &Carried,
    now: &Carried,
) -> WireReport {
    let model = &topology.links[link.0];
    let name = |end: usize| {
        let node = model.ends.get(end).map(|(node, _)| *node);
        node.map_or("?", |node| &topology.nodes[node.0].name)
    };
    let (from, to) = (name(direction), name(1 - direction));
    let counts = now.counts.since(&before.counts);
    WireReport {
        link: model.name.clone(),
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
