//! The forwarding table: what a data plane is told.
//!
//! A static rule and, later, a learned route are entries of the same kind; a
//! change is a [`FibUpdate`], and a removal is an update like any other.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::id::{Dscp, GroupAddr, IfIndex, IpProtocol, MacAddr, Port, RuleName, Ttl, UnicastAddr};

/// What a packet must match. The most specific key that matches wins: with
/// source before without, then with port before without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FibKey {
    /// The interface it arrived on.
    pub iif: IfIndex,
    /// Its destination.
    pub group: GroupAddr,
    /// Its source; `None` matches any.
    pub source: Option<UnicastAddr>,
    /// Its protocol.
    pub protocol: IpProtocol,
    /// Its UDP destination port; `None` matches any, and is the only value for
    /// other protocols.
    pub port: Option<Port>,
}

/// What to do with a packet that matched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FibEntry {
    /// The rule this entry comes from.
    pub rule: RuleName,
    /// The copies to send, in the rule's order; an output that cannot be sent
    /// now stays in its place with a [`Egress::Unavailable`], so that positions
    /// are those of the rule.
    pub outputs: Vec<FibOutput>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FibOutput {
    /// Whether and where the copy can leave.
    pub egress: Egress,
    /// How its headers differ from the packet that arrived.
    pub rewrite: Rewrite,
}

/// Where a copy leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Egress {
    /// It can be sent.
    Ready {
        /// The output interface.
        oif: IfIndex,
        /// The frame's source.
        source_mac: MacAddr,
        /// The frame's destination.
        destination_mac: MacAddr,
        /// The largest IP packet the interface sends.
        mtu: u32,
    },
    /// It cannot be sent now, and each such copy is counted under this reason.
    Unavailable(Unavailable),
}

/// Why an output waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unavailable {
    /// There is no interface of that name.
    NoInterface,
    /// The interface is down or has no carrier.
    InterfaceDown,
    /// The interface has no IPv4 address to send from.
    NoAddress,
    /// The kernel has no route to the unicast destination on this interface.
    NoRoute,
    /// The next hop's link-layer address is not known.
    NoNeighbor,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unavailable::NoInterface => "the interface does not exist",
            Unavailable::InterfaceDown => "the interface is down or has no carrier",
            Unavailable::NoAddress => "the interface has no IPv4 address",
            Unavailable::NoRoute => "there is no route to the destination",
            Unavailable::NoNeighbor => "the neighbour's link-layer address is not known",
        })
    }
}

/// How a copy's headers differ from the packet that arrived; `None` keeps the
/// field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rewrite {
    /// The IP source.
    pub source: Option<Ipv4Addr>,
    /// The UDP source port.
    pub source_port: Option<Port>,
    /// The IP destination.
    pub destination: Option<Ipv4Addr>,
    /// The UDP destination port.
    pub port: Option<Port>,
    /// The time to live.
    pub ttl: TtlRewrite,
    /// The DiffServ code point; the two ECN bits are always kept.
    pub dscp: Option<Dscp>,
}

/// What happens to the time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TtlRewrite {
    /// A relay sends the packet anew, with this value.
    Set(Ttl),
    /// A router takes one off, and drops a packet that would leave with 0.
    Decrement,
}

/// One change of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FibUpdate {
    /// The key has this entry now, whether or not it had another before.
    Set(FibKey, FibEntry),
    /// The key has no entry now.
    Remove(FibKey),
}

/// The entries of one input interface.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fib {
    entries: BTreeMap<FibKey, FibEntry>,
    digest: FibDigest,
}

impl Fib {
    /// A table without entries.
    pub const fn new() -> Fib {
        Fib {
            entries: BTreeMap::new(),
            digest: FibDigest(0),
        }
    }

    /// The entries, by key.
    pub const fn entries(&self) -> &BTreeMap<FibKey, FibEntry> {
        &self.entries
    }

    /// The entry of this key.
    pub fn get(&self, key: &FibKey) -> Option<&FibEntry> {
        self.entries.get(key)
    }

    /// The digest of all entries.
    pub const fn digest(&self) -> FibDigest {
        self.digest
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes the change and returns the entry that the key had.
    pub fn apply(&mut self, update: FibUpdate) -> Option<FibEntry> {
        let (key, entry) = match update {
            FibUpdate::Set(key, entry) => (key, Some(entry)),
            FibUpdate::Remove(key) => (key, None),
        };
        if let Some(entry) = &entry {
            self.digest = self.digest.with(&key, entry);
        }
        let old = match entry {
            Some(entry) => self.entries.insert(key, entry),
            None => self.entries.remove(&key),
        };
        if let Some(old) = &old {
            self.digest = self.digest.without(&key, old);
        }
        old
    }
}

/// A digest of a whole table, independent of the order of its changes: the sum
/// of the digests of its entries. Two holders of the same table agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct FibDigest(u64);

impl FibDigest {
    /// The digest after the entry was added.
    #[must_use]
    pub fn with(self, key: &FibKey, entry: &FibEntry) -> FibDigest {
        FibDigest(self.0.wrapping_add(digest(key, entry)))
    }

    /// The digest after the entry was taken away.
    #[must_use]
    pub fn without(self, key: &FibKey, entry: &FibEntry) -> FibDigest {
        FibDigest(self.0.wrapping_sub(digest(key, entry)))
    }

    /// The number, for display.
    pub const fn get(self) -> u64 {
        self.0
    }
}

fn digest(key: &impl Hash, entry: &impl Hash) -> u64 {
    // The standard hasher with its fixed keys: the same in every process of
    // the same build, and supervisor and workers are one binary.
    let mut hasher = std::hash::DefaultHasher::new();
    key.hash(&mut hasher);
    entry.hash(&mut hasher);
    hasher.finish()
}

/// What a routed packet must match. A packet that matches a key with its source
/// never falls through to the one without (RFC 7761 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteKey {
    /// The interface it arrived on.
    pub iif: IfIndex,
    /// Its destination.
    pub group: GroupAddr,
    /// Its source; `None` is the (*,G) entry.
    pub source: Option<UnicastAddr>,
}

/// What to do with a routed packet. It keeps everything but its TTL, which
/// becomes one less. Where a relay rule matches too, the copies of both are
/// sent, and an interface and destination that both have only once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteEntry {
    /// Whether it is taken from this interface.
    pub accept: Accept,
    /// Hand each packet that is taken to the router too, to be registered.
    pub register: bool,
    /// Hand the first packets of each source to the router: in a (*,G) entry,
    /// and in that of a source on the link that has no state of its own yet.
    pub new_sources: bool,
    /// Where copies are sent.
    pub outputs: Vec<RouteOutput>,
}

/// Whether an entry takes packets from its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Accept {
    /// They are forwarded.
    Forward,
    /// They come down the RP tree and are forwarded until the first one comes
    /// from the source's own tree.
    UntilSwitch,
    /// They come from the source's own tree: the first one ends what
    /// [`Accept::UntilSwitch`] takes, is told to the router, and is forwarded
    /// like all after it.
    Switch,
    /// They are dropped and told, at most once a second.
    WrongInterface,
    /// They are dropped.
    Discard,
}

/// One copy of a routed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouteOutput {
    /// The output interface.
    pub oif: IfIndex,
    /// The frame's source.
    pub source_mac: MacAddr,
    /// The largest IP packet the interface sends.
    pub mtu: u32,
}

/// One change of the routed part of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteUpdate {
    /// The key has this entry now, whether or not it had another before.
    Set(RouteKey, RouteEntry),
    /// The key has no entry now.
    Remove(RouteKey),
}

impl FibDigest {
    /// The digest after the routed entry was added.
    #[must_use]
    pub fn with_route(self, key: &RouteKey, entry: &RouteEntry) -> FibDigest {
        FibDigest(self.0.wrapping_add(digest(key, entry)))
    }

    /// The digest after the routed entry was taken away.
    #[must_use]
    pub fn without_route(self, key: &RouteKey, entry: &RouteEntry) -> FibDigest {
        FibDigest(self.0.wrapping_sub(digest(key, entry)))
    }

    /// The digest of two tables together.
    #[must_use]
    pub fn and(self, other: FibDigest) -> FibDigest {
        FibDigest(self.0.wrapping_add(other.0))
    }
}

#[cfg(test)]
mod tests;
