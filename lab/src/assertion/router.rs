//! What routers know against what is asked of them. Every kind of router tells
//! it in these types.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router::{AssertState, RegisterState};

use crate::assertion::Observed;
use crate::topology::model::NodeId;
use crate::topology::question::{IgmpQuestion, Interfaces, MrouteQuestion, Office, Sight};

#[cfg(test)]
mod tests;

/// PIM neighbours: interface and address.
pub type Neighbors = BTreeSet<(String, Ipv4Addr)>;

/// An entry of a multicast routing table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mroute {
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// The group.
    pub group: Option<Ipv4Addr>,
    /// The incoming interface.
    pub iif: Option<String>,
    /// The outgoing interfaces.
    pub oif: BTreeSet<String>,
    /// Joined upstream, where it is told.
    pub joined: Option<bool>,
    /// SPTbit, where it is told.
    pub spt: Option<bool>,
    /// Register state, where it is told.
    pub register: Option<RegisterState>,
    /// Asserts by interface, where they are told.
    pub asserts: Option<BTreeMap<String, Assert>>,
}

/// An Assert of an entry on an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assert {
    /// The router's own state.
    pub state: AssertState,
    /// AssertWinner.
    pub winner: Option<Ipv4Addr>,
}

/// A group's members on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The interface.
    pub interface: String,
    /// The group.
    pub group: Ipv4Addr,
    /// EXCLUDE mode.
    pub exclude: bool,
    /// The sources that are forwarded.
    pub sources: BTreeSet<Ipv4Addr>,
    /// The IGMP version of its oldest host, where it is told.
    pub version: Option<u8>,
}

/// The way to an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rpf {
    /// The interface.
    pub interface: Option<String>,
    /// The next router.
    pub neighbor: Option<Ipv4Addr>,
}

/// Judges neighbours; `name` gives a node's name.
#[must_use]
pub fn neighbors(
    asked: &[Sight],
    seen: &BTreeMap<NodeId, Neighbors>,
    name: &dyn Fn(NodeId) -> String,
) -> Observed {
    let mut missed = Vec::new();
    for sight in asked {
        let there = seen.get(&sight.at).is_some_and(|all| {
            all.iter().any(|(interface, address)| {
                *interface == sight.interface && *address == sight.address
            })
        });
        let (at, of) = (name(sight.at), &sight.name);
        match (sight.wanted, there) {
            (true, false) => missed.push(format!("{at} does not see {of} on {}", sight.interface)),
            (false, true) => missed.push(format!("{at} still sees {of} on {}", sight.interface)),
            (true, true) | (false, false) => {}
        }
    }
    let told = seen.iter().map(|(at, all)| {
        let all: Vec<String> = all.iter().map(|(_, address)| address.to_string()).collect();
        format!("{} sees {}", name(*at), listed(&all))
    });
    Observed::judged(told.collect::<Vec<_>>().join("; "), missed)
}

/// Judges who holds an office, by router.
#[must_use]
pub fn elected(
    office: Office,
    is: &str,
    address: Ipv4Addr,
    seen: &[(String, Option<Ipv4Addr>)],
) -> Observed {
    agreed(
        office.name(),
        Some(address),
        &format!("{is} ({address})"),
        seen,
    )
}

/// Judges who is the RP, by router.
#[must_use]
pub fn rp(is: Option<Ipv4Addr>, seen: &[(String, Option<Ipv4Addr>)]) -> Observed {
    agreed("RP", is, &told(is), seen)
}

fn told(address: Option<Ipv4Addr>) -> String {
    address.map_or_else(|| "none".to_owned(), |address| address.to_string())
}

fn agreed(
    what: &str,
    is: Option<Ipv4Addr>,
    wanted: &str,
    seen: &[(String, Option<Ipv4Addr>)],
) -> Observed {
    let wrong = seen.iter().filter(|(_, seen)| *seen != is);
    let missed =
        wrong.map(|(at, seen)| format!("{at} has {what} {}, expected {wanted}", told(*seen)));
    let line = seen
        .iter()
        .map(|(at, seen)| format!("{at}: {}", told(*seen)));
    Observed::judged(
        line.clone().collect::<Vec<_>>().join("  "),
        missed.collect(),
    )
}

/// Names in a line.
#[must_use]
pub fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(" ")
    }
}

/// The entry's name: `(10.0.0.1, 239.1.1.1)`.
#[must_use]
pub fn entry(source: Option<Ipv4Addr>, group: Ipv4Addr) -> String {
    match source {
        Some(source) => format!("({source},{group})"),
        None => format!("(*,{group})"),
    }
}

/// Judges an entry of a multicast routing table.
#[must_use]
pub fn mroute(asked: &MrouteQuestion, table: &[Mroute]) -> Observed {
    let found = table
        .iter()
        .find(|entry| entry.source == asked.source && entry.group == Some(asked.group));
    let Some(found) = found else {
        let others: Vec<String> = table
            .iter()
            .filter(|entry| entry.group == Some(asked.group))
            .map(|one| entry(one.source, asked.group))
            .collect();
        let measured = format!("no entry; of this group: {}", listed(&others));
        let missed = if asked.absent {
            Vec::new()
        } else {
            vec![measured.clone()]
        };
        return Observed::judged(measured, missed);
    };
    let measured = describe(found);
    if asked.absent {
        return Observed::judged(measured, vec!["the entry is there".to_owned()]);
    }
    let mut missed = Vec::new();
    if asked.iif.is_some() && asked.iif != found.iif {
        let (asked, found) = (asked.iif.as_deref(), found.iif.as_deref());
        missed.push(format!(
            "iif {}, expected {}",
            found.unwrap_or("none"),
            asked.unwrap_or("none")
        ));
    }
    missed.extend(interfaces("oif", &asked.oif, &found.oif));
    missed.extend(as_told(
        "register",
        asked.register,
        found.register,
        register,
    ));
    for (is, interfaces) in [
        (AssertState::Winner, &asked.winner),
        (AssertState::Loser, &asked.loser),
    ] {
        for interface in interfaces {
            let state = |all: &BTreeMap<String, Assert>| {
                all.get(interface).copied().unwrap_or_default().state
            };
            let found = found.asserts.as_ref().map(state);
            let what = format!("Assert on {interface}");
            missed.extend(as_told(&what, Some(is), found, assert_state));
        }
    }
    for (what, asked, found) in [
        ("joined", asked.joined, found.joined),
        ("spt", asked.spt, found.spt),
    ] {
        missed.extend(as_told(what, asked, found, |value| value.to_string()));
    }
    Observed::judged(measured, missed)
}

/// What is wrong with a value that not every kind of router tells.
fn as_told<T: Copy + PartialEq>(
    what: &str,
    asked: Option<T>,
    found: Option<T>,
    show: impl Fn(T) -> String,
) -> Option<String> {
    match (asked, found) {
        (Some(asked), Some(found)) if asked != found => {
            Some(format!("{what} {}, expected {}", show(found), show(asked)))
        }
        (Some(_), None) => Some(format!("this kind of router does not tell `{what}`")),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

fn register(state: RegisterState) -> String {
    match state {
        RegisterState::NoInfo => "no-info",
        RegisterState::Join => "join",
        RegisterState::JoinPending => "join-pending",
        RegisterState::Prune => "prune",
    }
    .to_owned()
}

fn assert_state(state: AssertState) -> String {
    match state {
        AssertState::NoInfo => "no-info",
        AssertState::Winner => "winner",
        AssertState::Loser => "loser",
    }
    .to_owned()
}

/// An entry in one line.
#[must_use]
pub fn describe(found: &Mroute) -> String {
    let oif: Vec<String> = found.oif.iter().cloned().collect();
    let mut line = format!(
        "iif {}  oif {}",
        found.iif.as_deref().unwrap_or("none"),
        listed(&oif)
    );
    for (what, value) in [("joined", found.joined), ("spt", found.spt)] {
        match value {
            Some(true) => line.push_str(&format!("  {what}")),
            Some(false) => line.push_str(&format!("  not {what}")),
            None => {}
        }
    }
    for (interface, one) in found.asserts.iter().flatten() {
        if one.state != AssertState::NoInfo {
            let state = assert_state(one.state);
            line.push_str(&format!("  assert {state} on {interface}"));
        }
    }
    match found.register {
        Some(RegisterState::NoInfo) | None => {}
        Some(state) => line.push_str(&format!("  register {}", register(state))),
    }
    line
}

/// What of a set of names is not as asked.
#[must_use]
pub fn interfaces(what: &str, asked: &Interfaces, found: &BTreeSet<String>) -> Vec<String> {
    let list = |names: &BTreeSet<String>| listed(&names.iter().cloned().collect::<Vec<_>>());
    let mut missed = Vec::new();
    if let Some(exact) = &asked.exact
        && exact != found
    {
        missed.push(format!("{what} {}, expected {}", list(found), list(exact)));
    }
    let lacking: BTreeSet<String> = asked.has.difference(found).cloned().collect();
    if !lacking.is_empty() {
        missed.push(format!("{what} lacks {}", list(&lacking)));
    }
    let extra: BTreeSet<String> = asked.not.intersection(found).cloned().collect();
    if !extra.is_empty() {
        missed.push(format!("{what} has {}", list(&extra)));
    }
    missed
}

/// What of the links that carry something is not as asked, a line each.
#[must_use]
pub fn carriers(asked: &Interfaces, found: &BTreeSet<String>) -> Vec<String> {
    let exact = asked.exact.iter().flatten();
    let wanted: BTreeSet<&String> = exact.chain(&asked.has).collect();
    let lacking = wanted.iter().filter(|link| !found.contains(**link));
    let lacking = lacking.map(|link| format!("{link} does not carry it, and must"));
    let exactly = |link: &String| asked.exact.as_ref().is_none_or(|all| all.contains(link));
    let extra = found
        .iter()
        .filter(|link| asked.not.contains(*link) || !exactly(link));
    let extra = extra.map(|link| format!("{link} carries it, and must not"));
    lacking.chain(extra).collect()
}

/// What is told of a group without members, where there are those of others.
#[must_use]
pub fn no_members(others: &[String]) -> String {
    if others.is_empty() {
        "none, and none of another group".to_owned()
    } else {
        format!("none; there are members of {}", others.join(" "))
    }
}

/// Judges a group's members on an interface.
#[must_use]
pub fn igmp(asked: &IgmpQuestion, seen: &[Group]) -> Observed {
    let on = seen.iter().filter(|one| one.interface == asked.interface);
    let Some(found) = on.clone().find(|one| one.group == asked.group) else {
        let others: Vec<String> = on.map(|one| one.group.to_string()).collect();
        let measured = no_members(&others);
        let missed = if asked.absent {
            Vec::new()
        } else {
            vec![measured.clone()]
        };
        return Observed::judged(measured, missed);
    };
    let sources: Vec<String> = found.sources.iter().map(ToString::to_string).collect();
    let mode = |exclude| if exclude { "exclude" } else { "include" };
    let mut measured = format!("{}  sources {}", mode(found.exclude), listed(&sources));
    if let Some(version) = found.version {
        measured.push_str(&format!("  version {version}"));
    }
    let version = |version: u8| version.to_string();
    let mut missed: Vec<String> = as_told("version", asked.version, found.version, version)
        .into_iter()
        .collect();
    if asked.absent {
        missed.push("there are members".to_owned());
    }
    if let Some(exclude) = asked.exclude
        && exclude != found.exclude
    {
        missed.push(format!(
            "mode {}, expected {}",
            mode(found.exclude),
            mode(exclude)
        ));
    }
    if let Some(wanted) = &asked.sources
        && *wanted != found.sources
    {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        missed.push(format!(
            "sources {}, expected {}",
            listed(&sources),
            listed(&wanted)
        ));
    }
    Observed::judged(measured, missed)
}

/// Judges how many groups have members on an interface.
#[must_use]
pub fn groups(interface: &str, asked: usize, seen: &[Group]) -> Observed {
    let on = seen.iter().filter(|one| one.interface == interface);
    let count = on.count();
    let missed = (count != asked).then(|| format!("groups {count}, expected {asked}"));
    Observed::judged(format!("groups {count}"), missed.into_iter().collect())
}

/// Judges the way to an address; an interface `None` is that there is no way.
#[must_use]
pub fn rpf(
    interface: Option<Option<&str>>,
    neighbor: Option<Option<Ipv4Addr>>,
    seen: &Rpf,
) -> Observed {
    let mut missed = Vec::new();
    let found = seen.interface.as_deref();
    if let Some(interface) = interface
        && interface != found
    {
        missed.push(format!(
            "interface {}, expected {}",
            found.unwrap_or("none"),
            interface.unwrap_or("none")
        ));
    }
    if let Some(neighbor) = neighbor
        && neighbor != seen.neighbor
    {
        missed.push(format!(
            "neighbor {}, expected {}",
            told(seen.neighbor),
            told(neighbor)
        ));
    }
    let measured = format!(
        "interface {}  neighbor {}",
        found.unwrap_or("none"),
        told(seen.neighbor)
    );
    Observed::judged(measured, missed)
}
