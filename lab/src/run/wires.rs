//! What wires carried, as the report tells it.

use std::collections::BTreeMap;

use super::record::wire_words;
use super::stage::Stage;
use crate::backend::netns::Carried;
use crate::report::WireReport;
use crate::topology::model::{Action, LinkId, Topology, Wire, WireId};

#[cfg(test)]
mod tests;

/// What was laid on wires by steps, in place of what the file says.
#[derive(Clone, Debug, Default)]
pub(super) struct Laid {
    wires: BTreeMap<WireId, Wire>,
    /// In words.
    rules: BTreeMap<WireId, Vec<String>>,
}

impl Laid {
    /// A step did this.
    pub(super) fn note(&mut self, action: &Action) {
        if let Action::Wire { at, wire } = action {
            self.wires.insert(*at, *wire);
        } else if let Action::Rules { at, rules } = action {
            let words = rules.iter().map(ToString::to_string).collect();
            self.rules.insert(*at, words);
        }
    }

    /// What a link's wires do now, in words.
    pub(super) fn on(&self, topology: &Topology, link: LinkId) -> Option<String> {
        let model = topology.links.get(link.0)?;
        let words = model.wires(link).map(|(at, first)| {
            let wire = self.wires.get(&at).copied().unwrap_or(first);
            let (_, sides) = topology.wire_told(at);
            let mut words = vec![wire_words(&sides, &wire)];
            words.extend(self.rules.get(&at).into_iter().flatten().cloned());
            words.retain(|word| !word.is_empty());
            let words = words.join("; ");
            // Of a segment's wires it is said which one it is.
            match (at.member, words.is_empty()) {
                (Some(_), false) => format!("{}: {words}", sides[0]),
                (Some(_), true) | (None, _) => words,
            }
        });
        let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// What a link's wires do by the file, in words.
#[must_use]
pub fn at_first(topology: &Topology, link: LinkId) -> Option<String> {
    Laid::default().on(topology, link)
}

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
