//! What packets are forwarded by, and what switches have learned, against what
//! is asked of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Observed;
use super::bound::{self, number};
use super::router::{entry, interfaces, listed, no_members};
use crate::topology::question::{MdbQuestion, MfcQuestion};

#[cfg(test)]
mod tests;

/// An entry of a forwarding table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// The group.
    pub group: Ipv4Addr,
    /// The incoming interface.
    pub iif: Option<String>,
    /// The outgoing interfaces.
    pub oif: BTreeSet<String>,
    /// Packets that it took so far.
    pub packets: u64,
}

/// What a switch has learned, by the names of the nodes at its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// Who has members of a group.
    pub groups: BTreeMap<Ipv4Addr, BTreeSet<String>>,
    /// Where routers are.
    pub routers: BTreeSet<String>,
}

/// The entry that is meant.
#[must_use]
pub fn find<'a>(asked: &MfcQuestion, table: &'a [Forwarding]) -> Option<&'a Forwarding> {
    let mut all = table.iter();
    all.find(|one| one.source == asked.source && one.group == asked.group)
}

/// Judges an entry of a forwarding table, which took so many packets.
#[must_use]
pub fn mfc(asked: &MfcQuestion, table: &[Forwarding], packets: u64) -> Observed {
    let Some(found) = find(asked, table) else {
        let of_group = table.iter().filter(|one| one.group == asked.group);
        let others: Vec<String> = of_group.map(|one| entry(one.source, one.group)).collect();
        let measured = format!("no entry; of this group: {}", listed(&others));
        let missed = match asked.absent {
            true => Vec::new(),
            false => vec![measured.clone()],
        };
        return Observed::judged(measured, missed);
    };
    let oif: Vec<String> = found.oif.iter().cloned().collect();
    let iif = found.iif.as_deref().unwrap_or("none");
    let measured = format!("iif {iif}  oif {}  packets {packets}", listed(&oif));
    let mut missed = Vec::new();
    if asked.absent {
        missed.push("the entry is there".to_owned());
    }
    if let Some(wanted) = &asked.iif
        && wanted != iif
    {
        missed.push(format!("iif {iif}, expected {wanted}"));
    }
    missed.extend(interfaces("oif", &asked.oif, &found.oif));
    if let Some(wanted) = &asked.packets {
        missed.extend(bound::missed("packets", wanted, packets as f64, number));
    }
    Observed::judged(measured, missed).with_figure(packets as f64, "packets")
}

/// Judges what a switch has learned.
#[must_use]
pub fn mdb(asked: &MdbQuestion, seen: &Database) -> Observed {
    let names = |all: &BTreeSet<String>| listed(&all.iter().cloned().collect::<Vec<_>>());
    let Some(group) = asked.group else {
        let missed = interfaces("routers", &asked.ports, &seen.routers);
        return Observed::judged(format!("routers {}", names(&seen.routers)), missed);
    };
    let Some(members) = seen.groups.get(&group) else {
        let others: Vec<String> = seen.groups.keys().map(ToString::to_string).collect();
        return Observed::not_yet(no_members(&others));
    };
    let missed = interfaces("members", &asked.ports, members);
    Observed::judged(format!("members {}", names(members)), missed)
}
