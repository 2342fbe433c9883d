//! The routes of a worker's table: (S,G), then (*,G).

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use mcr_proto::fib::{FibDigest, RouteEntry, RouteKey};

use crate::counters::Slot;
use crate::gate::GateCell;

/// A route as the worker holds it.
#[derive(Clone, Debug)]
pub struct HeldRoute {
    /// Its key.
    pub key: RouteKey,
    /// The entry that the supervisor sent.
    pub entry: RouteEntry,
    /// Its first counter cell.
    pub slot: Slot,
    /// What it shares with the other entries of its source and group.
    pub gate: Option<GateCell>,
    /// The index of each output's socket.
    pub sockets: Vec<usize>,
    /// The least that one of the outputs takes.
    pub least_mtu: usize,
    /// When the router was last told of a packet that it did not expect here.
    pub told: Option<Instant>,
}

/// The routes.
#[derive(Debug, Default)]
pub struct Routes {
    /// Group and source; 0 stands for any source, which no key can name.
    index: HashMap<u64, usize>,
    entries: Vec<Option<HeldRoute>>,
    free: Vec<usize>,
    digest: FibDigest,
}

impl Routes {
    /// The number of the route that a packet matches. One that matches a key
    /// with its source never falls through to the one without, whatever that
    /// route does with it (RFC 7761 §4.2).
    pub fn lookup(&self, source: Ipv4Addr, group: Ipv4Addr) -> Option<usize> {
        if self.index.is_empty() {
            return None;
        }
        let of = |source| self.index.get(&exact(group, source)).copied();
        of(u32::from(source)).or_else(|| of(0))
    }

    /// The route with this number.
    pub fn get(&self, number: usize) -> Option<&HeldRoute> {
        self.entries.get(number).and_then(Option::as_ref)
    }

    /// The route with this key.
    pub(super) fn of(&self, key: &RouteKey) -> Option<&HeldRoute> {
        self.get(*self.index.get(&exact_of(key))?)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut HeldRoute> {
        self.entries.get_mut(number).and_then(Option::as_mut)
    }

    /// The digest of all routes.
    pub fn digest(&self) -> FibDigest {
        self.digest
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds a route whose key has none.
    pub(super) fn insert(&mut self, held: HeldRoute) {
        self.digest = self.digest.with_route(&held.key, &held.entry);
        let key = exact_of(&held.key);
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                self.entries.len() - 1
            }
        };
        self.entries[at] = Some(held);
        self.index.insert(key, at);
    }

    pub(super) fn remove(&mut self, key: &RouteKey) -> Option<HeldRoute> {
        let at = self.index.remove(&exact_of(key))?;
        self.free.push(at);
        let held = self.entries.get_mut(at).and_then(Option::take)?;
        self.digest = self.digest.without_route(&held.key, &held.entry);
        Some(held)
    }
}

fn exact_of(key: &RouteKey) -> u64 {
    let source = key.source.map_or(0, |source| u32::from(source.get()));
    exact(key.group.get(), source)
}

fn exact(group: Ipv4Addr, source: u32) -> u64 {
    u64::from(u32::from(group)) << 32 | u64::from(source)
}

#[cfg(test)]
mod tests;
