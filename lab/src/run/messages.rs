//! The messages of IGMP and PIM of all links, kept in a bounded ring that is
//! always on: conditions look at them while a step runs, and a failure is
//! written down with them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::capture::{Frame, control};
use super::control::Control;
use crate::topology::model::LinkId;

#[cfg(test)]
mod tests;

/// What the ring may take.
pub const RING_BYTES: usize = 32 * 1024 * 1024;
/// What keeping a message costs beside its bytes.
const OVERHEAD: usize = 64;
/// Within this time the members of a segment show the same frame.
pub const SAME_NS: u64 = 5_000_000;
/// Within this time they do where a wire may hold it back: any other member has
/// shown it, and none shows it twice.
pub const HELD_NS: u64 = 10_000_000_000;
/// So many messages before the asked ones are looked at for the same frame.
const BACK: usize = 256;

/// The ring. Messages are numbered in the order in which they were read.
#[derive(Debug, Default)]
pub struct Ring {
    kept: VecDeque<(usize, Frame)>,
    bytes: usize,
    /// The number of the oldest that is kept.
    first: u64,
}

/// What stands behind a point at which messages are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The link.
    pub link: LinkId,
    /// Other points show the same frames.
    pub repeats: bool,
    /// And some later than others: they are behind wires.
    pub held: bool,
}

/// Points that have shown a frame.
#[derive(Debug)]
pub struct Shown {
    first_ns: u64,
    latest_ns: u64,
    points: BTreeSet<usize>,
}

impl Shown {
    /// A point has shown it.
    #[must_use]
    pub fn first(point: usize, at_ns: u64) -> Shown {
        Shown {
            first_ns: at_ns,
            latest_ns: at_ns,
            points: BTreeSet::from([point]),
        }
    }

    /// Another point shows it; `false` where it is another frame of the same
    /// bytes.
    pub fn again(&mut self, point: usize, at_ns: u64, held: bool) -> bool {
        let soon = at_ns.abs_diff(self.latest_ns) < SAME_NS;
        let late = held && !self.points.contains(&point) && at_ns.abs_diff(self.first_ns) < HELD_NS;
        if !soon && !late {
            return false;
        }
        self.latest_ns = at_ns;
        self.points.insert(point);
        true
    }

    /// When a point showed it last.
    #[must_use]
    pub fn latest_ns(&self) -> u64 {
        self.latest_ns
    }
}

/// Messages that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// They, in the order of their time.
    pub messages: Vec<Control>,
    /// The number to ask from the next time.
    pub next: u64,
    /// So many of them are not kept any more.
    pub missed: u64,
}

impl Ring {
    /// A message was seen at a point.
    pub fn push(&mut self, point: usize, frame: Frame) {
        self.bytes += frame.bytes.len() + OVERHEAD;
        self.kept.push_back((point, frame));
        while self.bytes > RING_BYTES {
            let Some((_, old)) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= old.bytes.len() + OVERHEAD;
            self.first += 1;
        }
    }

    /// All that are kept, with their point, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = (usize, &Frame)> {
        self.kept.iter().map(|(point, frame)| (*point, frame))
    }

    /// The messages with this number or a later one. What several members of a
    /// segment show is told once.
    #[must_use]
    pub fn told(&self, from: u64, sources: &[Source]) -> Told {
        let missed = self.first.saturating_sub(from);
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let skip = skip.min(self.kept.len());
        let back = skip.saturating_sub(BACK);
        let mut shown: BTreeMap<(LinkId, &[u8]), Shown> = BTreeMap::new();
        let mut messages = Vec::new();
        for (position, (point, frame)) in self.kept.iter().enumerate().skip(back) {
            let Some(source) = sources.get(*point) else {
                continue;
            };
            if source.repeats {
                let key = (source.link, &*frame.bytes);
                let first = || Shown::first(*point, frame.at_ns);
                match shown.entry(key) {
                    Entry::Vacant(place) => drop(place.insert(first())),
                    Entry::Occupied(mut known) => {
                        if known.get_mut().again(*point, frame.at_ns, source.held) {
                            continue;
                        }
                        known.insert(first());
                    }
                }
            }
            if position >= skip {
                messages.extend(read(source.link, frame));
            }
        }
        messages.sort_by_key(|message| message.at_ns);
        Told {
            messages,
            next: self.first + self.kept.len() as u64,
            missed,
        }
    }
}

fn read(link: LinkId, frame: &Frame) -> Option<Control> {
    let found = control(&frame.bytes)?;
    Some(Control {
        at_ns: frame.at_ns,
        link,
        source: found.source,
        destination: found.destination,
        ttl: found.ttl,
        protocol: found.protocol,
        payload: found.payload.into(),
    })
}
