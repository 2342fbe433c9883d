//! Packets that nobody wants: where they were seen, so that the data plane
//! drops them by itself and does not ask again for each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::Touched;
use crate::time::Instant;

/// How many are remembered. Packets of others are asked about as often as the
/// data plane's budget lets them.
const CAPACITY: usize = 16 * 1024;

/// How long one is remembered: what changes meanwhile forgets it too.
const TIME: Duration = Duration::from_secs(60);

/// The packets that nobody wants.
#[derive(Debug, Default)]
pub struct Unwanted {
    seen: BTreeMap<GroupAddr, BTreeSet<(UnicastAddr, IfIndex)>>,
    /// In the order of their times; what was forgotten stays until then.
    times: VecDeque<(Instant, GroupAddr, UnicastAddr, IfIndex)>,
}

impl Unwanted {
    /// Remembers it; whether there was room.
    pub fn add(
        &mut self,
        now: Instant,
        group: GroupAddr,
        source: UnicastAddr,
        iif: IfIndex,
    ) -> bool {
        if self.times.len() >= CAPACITY {
            return false;
        }
        if self.seen.entry(group).or_default().insert((source, iif)) {
            self.times.push_back((now + TIME, group, source, iif));
        }
        true
    }

    /// Those of a group's touched sources.
    pub fn of(&self, group: GroupAddr, touched: &Touched) -> Vec<(UnicastAddr, IfIndex)> {
        let Some(seen) = self.seen.get(&group) else {
            return Vec::new();
        };
        match touched {
            Touched::All => seen.iter().copied().collect(),
            Touched::Sources(sources) => {
                let of_source = |source| {
                    let from_here = seen.range((source, IfIndex::MIN)..);
                    from_here.take_while(move |(other, _)| *other == source)
                };
                sources
                    .iter()
                    .copied()
                    .flat_map(of_source)
                    .copied()
                    .collect()
            }
        }
    }

    /// It is wanted now.
    pub fn forget(&mut self, group: GroupAddr, source: UnicastAddr, iif: IfIndex) {
        if let Some(seen) = self.seen.get_mut(&group) {
            seen.remove(&(source, iif));
            if seen.is_empty() {
                self.seen.remove(&group);
            }
        }
    }

    /// When the next one is to be forgotten.
    pub fn next(&self) -> Option<Instant> {
        self.times.front().map(|(at, ..)| *at)
    }

    /// Forgets what is old; its groups and sources.
    pub fn expire(&mut self, now: Instant) -> BTreeSet<(GroupAddr, UnicastAddr)> {
        let mut gone = BTreeSet::new();
        while let Some((_, group, source, iif)) = self.times.pop_front_if(|(at, ..)| *at <= now) {
            self.forget(group, source, iif);
            gone.insert((group, source));
        }
        gone
    }

    /// Forgets those whose sources are in the network; they and their groups.
    pub fn take(&mut self, network: Ipv4Net) -> Vec<(GroupAddr, UnicastAddr)> {
        let mut taken = Vec::new();
        self.seen.retain(|group, seen| {
            seen.retain(|(source, _)| {
                let gone = network.contains(&source.get());
                taken.extend(gone.then_some((*group, *source)));
                !gone
            });
            !seen.is_empty()
        });
        self.times
            .retain(|(_, _, source, _)| !network.contains(&source.get()));
        taken
    }

    /// Forgets all; the groups.
    pub fn clear(&mut self) -> Vec<GroupAddr> {
        self.times.clear();
        std::mem::take(&mut self.seen).into_keys().collect()
    }
}

#[cfg(test)]
mod tests;
