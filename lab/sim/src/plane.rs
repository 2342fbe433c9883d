//! The data plane of a simulated router: does with packets what the forwarding
//! table says, and tells what that asks to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::fib::{Accept, RouteEntry, RouteKey, RouteUpdate};
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::router::DataPlaneEvent;
use mcr_proto::router::io::Forward;
use mcr_proto::time::Instant;

use crate::packet::Data;

/// How often a wrong interface, and a new source, is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Tables and what they remember of packets.
#[derive(Debug, Default)]
pub struct Plane {
    entries: BTreeMap<RouteKey, RouteEntry>,
    listening: BTreeSet<IfIndex>,
    /// Sources whose own tree delivers, while the table does not say so yet.
    switched: BTreeSet<(UnicastAddr, GroupAddr)>,
    told: BTreeMap<(Told, RouteKey), Instant>,
    /// Packets that entries took to forward or register them.
    taken: BTreeMap<RouteKey, u64>,
    /// Packets that came with a TTL that ends here: in a network that is small
    /// they went in circles.
    pub expired: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    NewSource,
    WrongInterface,
    Active,
}

/// What becomes of a packet.
#[derive(Debug, Default)]
pub struct Taken {
    /// The copies.
    pub copies: Vec<(IfIndex, Data)>,
    /// What the router has to know.
    pub events: Vec<DataPlaneEvent>,
}

impl Plane {
    /// The table.
    pub fn entries(&self) -> &BTreeMap<RouteKey, RouteEntry> {
        &self.entries
    }

    /// Takes packets from the interface, or none.
    pub fn listen(&mut self, iface: IfIndex, on: bool) {
        match on {
            true => self.listening.insert(iface),
            false => self.listening.remove(&iface),
        };
    }

    /// Packets of a source, or by (*,G), that were taken in to be forwarded or
    /// registered; `None` where there is no entry for them.
    pub fn taken(&self, group: Ipv4Addr, source: Option<Ipv4Addr>) -> Option<u64> {
        let keys = self
            .entries
            .keys()
            .filter(|key| key.group.get() == group && key.source.map(UnicastAddr::get) == source);
        let counts = keys.map(|key| self.taken.get(key).copied().unwrap_or(0));
        counts.reduce(|sum, count| sum + count)
    }

    /// Changes the table.
    pub fn apply(&mut self, update: RouteUpdate) {
        let (key, entry) = match update {
            RouteUpdate::Set(key, entry) => (key, Some(entry)),
            RouteUpdate::Remove(key) => (key, None),
        };
        let switches = entry
            .as_ref()
            .is_some_and(|entry| entry.accept == Accept::Switch);
        if let Some(source) = key.source.filter(|_| !switches) {
            let was = self.entries.get(&key);
            if was.is_some_and(|was| was.accept == Accept::Switch) {
                self.switched.remove(&(source, key.group));
            }
        }
        match entry {
            Some(entry) => {
                self.entries.insert(key, entry);
            }
            None => {
                self.entries.remove(&key);
                self.taken.remove(&key);
                self.told.retain(|(_, of), _| *of != key);
            }
        }
    }

    /// A packet arrived. `active_every` is how often a forwarding entry tells
    /// that it forwards.
    pub fn receive(
        &mut self,
        now: Instant,
        iif: IfIndex,
        data: Data,
        active_every: Duration,
    ) -> Taken {
        let mut taken = Taken::default();
        if !self.listening.contains(&iif) {
            return taken;
        }
        if data.ttl <= 1 {
            self.expired += 1;
            return taken;
        }
        let (source, group) = (data.source, data.group);
        let exact = RouteKey {
            iif,
            group,
            source: Some(source),
        };
        let any = RouteKey {
            source: None,
            ..exact
        };
        let found = self.entries.get_key_value(&exact);
        let Some((key, entry)) = found.or_else(|| self.entries.get_key_value(&any)) else {
            let packet = data.emit();
            taken.events.push(DataPlaneEvent::NoEntry { iif, packet });
            return taken;
        };
        let (key, entry) = (*key, entry.clone());
        let forwards = match entry.accept {
            Accept::Forward => true,
            Accept::UntilSwitch => !self.switched.contains(&(source, group)),
            Accept::Switch => {
                if self.switched.insert((source, group)) {
                    taken
                        .events
                        .push(DataPlaneEvent::Switched { iif, source, group });
                }
                true
            }
            Accept::WrongInterface => {
                if self.tell(now, Told::WrongInterface, exact, TOLD_EVERY) {
                    let event = DataPlaneEvent::WrongInterface { iif, source, group };
                    taken.events.push(event);
                }
                false
            }
            Accept::Discard => false,
        };
        if !forwards {
            return taken;
        }
        *self.taken.entry(key).or_default() += 1;
        let copy = |output: &mcr_proto::fib::RouteOutput| (output.oif, data.forwarded());
        taken.copies = entry.outputs.iter().map(copy).collect();
        if entry.register {
            taken.events.push(DataPlaneEvent::Register {
                iif,
                forwarded: entry.outputs.iter().map(|output| output.oif).collect(),
                packet: data.emit(),
            });
        }
        if entry.new_sources && self.tell(now, Told::NewSource, exact, TOLD_EVERY) {
            let packet = data.emit();
            taken.events.push(DataPlaneEvent::NewSource { iif, packet });
        }
        if key.source.is_some() && self.tell(now, Told::Active, exact, active_every) {
            taken
                .events
                .push(DataPlaneEvent::Active { iif, source, group });
        }
        taken
    }

    /// The copies of a packet that the router hands down.
    pub fn forward(&self, forward: &Forward) -> Vec<(IfIndex, Data)> {
        let Some(data) = Data::parse(&forward.packet) else {
            return Vec::new();
        };
        let switched = self.switched.contains(&(data.source, data.group));
        if (forward.until_switch && switched) || data.ttl <= 1 {
            return Vec::new();
        }
        let copy = |oif: &IfIndex| (*oif, data.forwarded());
        forward.outputs.iter().map(copy).collect()
    }

    fn tell(&mut self, now: Instant, what: Told, key: RouteKey, every: Duration) -> bool {
        let last = self.told.get(&(what, key));
        if last.is_some_and(|last| now < *last + every) {
            return false;
        }
        self.told.insert((what, key), now);
        true
    }
}

#[cfg(test)]
mod tests;
