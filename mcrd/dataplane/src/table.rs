//! A worker's lookup table.
//!
//! It holds the entries of one input interface. A lookup tries at most four
//! exact keys, the most specific first, and of these only the shapes that the
//! table has. Routes are beside them, in [`routes`].

mod own;
pub mod routes;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use mcr_proto::fib::{Egress, FibDigest, FibEntry, FibKey, FibOutput, RouteEntry, RouteKey};
use mcr_proto::id::{IfIndex, MacAddr};

use self::own::OwnAddresses;
use self::routes::{HeldRoute, Routes};
use crate::counters::Slot;
use crate::gate::GateCell;

/// The most entries a table holds.
pub const MAX_ENTRIES: usize = 1 << 20;

/// What a packet is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its source.
    pub source: Ipv4Addr,
    /// Its destination.
    pub group: Ipv4Addr,
    /// Its protocol.
    pub protocol: u8,
    /// Its UDP destination port; `None` for a fragment or another protocol.
    pub port: Option<u16>,
}

/// An entry as the worker holds it.
#[derive(Clone, Debug)]
pub struct TableEntry {
    /// The entry that the supervisor sent.
    pub entry: FibEntry,
    /// Its first counter cell.
    pub slot: Slot,
    /// For each output, the index of its socket; `None` where it cannot leave.
    pub sockets: Vec<Option<usize>>,
    key: FibKey,
}

/// Why an entry was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The key is for another interface.
    #[error("an entry for interface {got} reached the worker of interface {iif}")]
    Interface {
        /// The interface of the entry.
        got: IfIndex,
        /// The interface of the table.
        iif: IfIndex,
    },
    /// There are too many entries.
    #[error("the table is full with {MAX_ENTRIES} entries")]
    Full,
}

/// The table.
#[derive(Debug)]
pub struct Table {
    iif: IfIndex,
    index: HashMap<Exact, usize>,
    entries: Vec<Option<TableEntry>>,
    free: Vec<usize>,
    shapes: [usize; 4],
    own: OwnAddresses,
    digest: FibDigest,
    routes: Routes,
}

/// Group and source, then protocol and port; 0 stands for any source and port,
/// which no key can name.
type Exact = (u64, u32);

impl Table {
    /// An empty table for the interface.
    pub fn new(iif: IfIndex) -> Table {
        Table {
            iif,
            index: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            shapes: [0; 4],
            own: OwnAddresses::default(),
            digest: FibDigest::default(),
            routes: Routes::default(),
        }
    }

    /// Adds the entry or puts it in the place of the one with the same key.
    /// `socket` gives the index of an interface's socket.
    pub fn set(
        &mut self,
        key: FibKey,
        entry: FibEntry,
        slot: Slot,
        mut socket: impl FnMut(IfIndex) -> usize,
    ) -> Result<(), TableError> {
        self.check(key.iif)?;
        self.remove(&key);
        if self.index.len() >= MAX_ENTRIES {
            return Err(TableError::Full);
        }
        for (_, mac) in ready(&entry) {
            self.own.add(mac);
        }
        self.digest = self.digest.with(&key, &entry);
        let sockets = entry
            .outputs
            .iter()
            .map(|output| interface(output).map(|(oif, _)| socket(oif)))
            .collect();
        let held = TableEntry {
            entry,
            slot,
            sockets,
            key,
        };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.entries.push(None);
                self.entries.len() - 1
            }
        };
        self.entries[at] = Some(held);
        self.shapes[shape(&key)] += 1;
        self.index.insert(exact_of(&key), at);
        Ok(())
    }

    /// Takes the entry with this key away; `false` if there is none.
    pub fn remove(&mut self, key: &FibKey) -> bool {
        if key.iif != self.iif {
            return false;
        }
        let Some(at) = self.index.remove(&exact_of(key)) else {
            return false;
        };
        if let Some(held) = self.entries.get_mut(at).and_then(Option::take) {
            self.digest = self.digest.without(&held.key, &held.entry);
            for (_, mac) in ready(&held.entry) {
                self.own.remove(mac);
            }
        }
        self.shapes[shape(key)] -= 1;
        self.free.push(at);
        true
    }

    /// The number of the entry that a packet matches.
    pub fn lookup(&self, packet: &Lookup) -> Option<usize> {
        let port = packet.port.unwrap_or(0);
        let source = u32::from(packet.source);
        // In the order of `shape`; a port of 0 cannot be asked for.
        let tries = [(source, port), (source, 0), (0, port), (0, 0)];
        for (shape, (source, port)) in tries.into_iter().enumerate() {
            let asks_port = shape % 2 == 0;
            if self.shapes[shape] == 0 || (asks_port && port == 0) {
                continue;
            }
            let key = exact(u32::from(packet.group), source, packet.protocol, port);
            if let Some(at) = self.index.get(&key) {
                return Some(*at);
            }
        }
        None
    }

    /// The entry with this number.
    pub fn entry(&self, number: usize) -> Option<&TableEntry> {
        self.entries.get(number).and_then(Option::as_ref)
    }

    /// Whether a frame with this source is one of our own copies.
    pub fn is_own(&self, source: MacAddr) -> bool {
        self.own.contains(source)
    }

    /// Adds the route or puts it in the place of the one with the same key.
    pub fn set_route(
        &mut self,
        key: RouteKey,
        entry: RouteEntry,
        slot: Slot,
        gate: Option<GateCell>,
        mut socket: impl FnMut(IfIndex) -> usize,
    ) -> Result<(), TableError> {
        self.check(key.iif)?;
        let told = self.routes.of(&key).and_then(|old| {
            let same = old.entry.accept == entry.accept;
            old.told.filter(|_| same)
        });
        self.remove_route(&key);
        if self.routes.len() >= MAX_ENTRIES {
            return Err(TableError::Full);
        }
        let sockets = entry
            .outputs
            .iter()
            .map(|output| socket(output.oif))
            .collect();
        for output in &entry.outputs {
            self.own.add(output.source_mac);
        }
        let least_mtu = entry.outputs.iter().map(|output| output.mtu).min();
        self.routes.insert(HeldRoute {
            key,
            entry,
            slot,
            gate,
            sockets,
            least_mtu: least_mtu.map_or(usize::MAX, |mtu| mtu as usize),
            told,
        });
        Ok(())
    }

    /// Takes the route with this key away; `false` if there is none.
    pub fn remove_route(&mut self, key: &RouteKey) -> bool {
        if key.iif != self.iif {
            return false;
        }
        let Some(held) = self.routes.remove(key) else {
            return false;
        };
        for output in &held.entry.outputs {
            self.own.remove(output.source_mac);
        }
        true
    }

    /// The routes.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The route with this number, to note what was told of it.
    pub fn route_mut(&mut self, number: usize) -> Option<&mut HeldRoute> {
        self.routes.get_mut(number)
    }

    /// The digest of all entries, routes among them.
    pub fn digest(&self) -> FibDigest {
        self.digest.and(self.routes.digest())
    }

    /// How many entries there are, routes among them.
    pub fn len(&self) -> usize {
        self.index.len() + self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, got: IfIndex) -> Result<(), TableError> {
        let iif = self.iif;
        if got == iif {
            Ok(())
        } else {
            Err(TableError::Interface { got, iif })
        }
    }
}

fn interface(output: &FibOutput) -> Option<(IfIndex, MacAddr)> {
    match output.egress {
        Egress::Ready {
            oif, source_mac, ..
        } => Some((oif, source_mac)),
        Egress::Unavailable(_) => None,
    }
}

fn ready(entry: &FibEntry) -> impl Iterator<Item = (IfIndex, MacAddr)> {
    entry.outputs.iter().filter_map(interface)
}

/// The place of a key's kind in the order of lookup.
fn shape(key: &FibKey) -> usize {
    match (key.source, key.port) {
        (Some(_), Some(_)) => 0,
        (Some(_), None) => 1,
        (None, Some(_)) => 2,
        (None, None) => 3,
    }
}

fn exact_of(key: &FibKey) -> Exact {
    exact(
        u32::from(key.group.get()),
        key.source.map_or(0, |source| u32::from(source.get())),
        key.protocol.0,
        key.port.map_or(0, |port| port.get()),
    )
}

fn exact(group: u32, source: u32, protocol: u8, port: u16) -> Exact {
    (
        u64::from(group) << 32 | u64::from(source),
        u32::from(protocol) << 16 | u32::from(port),
    )
}

#[cfg(test)]
mod tests;
