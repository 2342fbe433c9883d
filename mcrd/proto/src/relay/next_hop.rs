//! The link-layer addresses behind unicast outputs, as the kernel knows them.

use std::collections::{BTreeMap, BTreeSet};

use crate::fib::Unavailable;
use crate::id::{IfIndex, MacAddr, RuleName, UnicastAddr};

/// A unicast destination on an output interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHopKey {
    /// The output interface.
    pub oif: IfIndex,
    /// The destination.
    pub destination: UnicastAddr,
}

/// What the kernel says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NextHop {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// There is no route to the destination on this interface.
    NoRoute,
    /// There is a route, and the neighbour's address is not known.
    NoNeighbor,
    /// Frames go to this address.
    Resolved(MacAddr),
}

impl NextHop {
    pub(super) const fn mac(self) -> Result<MacAddr, Unavailable> {
        match self {
            NextHop::Resolved(mac) => Ok(mac),
            NextHop::NoRoute => Err(Unavailable::NoRoute),
            NextHop::Unknown | NextHop::NoNeighbor => Err(Unavailable::NoNeighbor),
        }
    }
}

#[derive(Debug, Default)]
struct Hop {
    state: NextHop,
    watched: bool,
    /// The interface went while it was watched: the watch must start anew.
    stale: bool,
    /// Rules with the number of their outputs that go here.
    users: BTreeMap<RuleName, usize>,
}

/// Asked for while an output uses it. An answer is kept until the end of the
/// watch was told, so a rule that is replaced keeps forwarding.
#[derive(Debug, Default)]
pub(super) struct NextHops {
    hops: BTreeMap<NextHopKey, Hop>,
    dirty: BTreeSet<NextHopKey>,
}

/// What the driver must do about a next hop.
pub(super) enum Watch {
    Start(NextHopKey),
    Stop(NextHopKey),
}

impl NextHops {
    pub(super) fn add(&mut self, key: NextHopKey, rule: &RuleName) {
        let hop = self.hops.entry(key).or_default();
        *hop.users.entry(rule.clone()).or_default() += 1;
        self.dirty.insert(key);
    }

    pub(super) fn remove(&mut self, key: NextHopKey, rule: &RuleName) {
        let Some(hop) = self.hops.get_mut(&key) else {
            return;
        };
        if let Some(count) = hop.users.get_mut(rule) {
            *count -= 1;
            if *count == 0 {
                hop.users.remove(rule);
            }
        }
        self.dirty.insert(key);
    }

    /// Returns the rules that depend on it, if the answer is news.
    pub(super) fn changed(&mut self, key: &NextHopKey, state: NextHop) -> Vec<RuleName> {
        match self.hops.get_mut(key) {
            Some(hop) if hop.state != state => {
                hop.state = state;
                hop.users.keys().cloned().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// What was known of the interface's neighbours is void.
    pub(super) fn forget(&mut self, index: IfIndex) {
        for (key, hop) in &mut self.hops {
            if key.oif == index {
                hop.state = NextHop::Unknown;
                hop.stale = hop.watched;
                self.dirty.insert(*key);
            }
        }
    }

    pub(super) fn state(&self, key: &NextHopKey) -> NextHop {
        self.hops.get(key).map_or(NextHop::Unknown, |hop| hop.state)
    }

    pub(super) fn poll(&mut self) -> Option<Watch> {
        while let Some(key) = self.dirty.pop_first() {
            let Some(hop) = self.hops.get_mut(&key) else {
                continue;
            };
            match (hop.users.is_empty(), hop.watched) {
                (false, false) => {
                    hop.watched = true;
                    return Some(Watch::Start(key));
                }
                (true, watched) => {
                    self.hops.remove(&key);
                    if watched {
                        return Some(Watch::Stop(key));
                    }
                }
                (false, true) if hop.stale => {
                    hop.stale = false;
                    hop.watched = false;
                    self.dirty.insert(key);
                    return Some(Watch::Stop(key));
                }
                (false, true) => {}
            }
        }
        None
    }
}
