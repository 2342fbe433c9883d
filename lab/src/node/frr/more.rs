//! What FRR's pimd tells beside what expectations ask for: of interfaces, of
//! Joins and Asserts on them, of the messages that it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router::{AssertState, ProtocolCounters};
use serde::Deserialize;
use serde_json::Value;

use super::ask::{daemon, json};
use super::state::{read, source_of};

#[cfg(test)]
mod tests;

/// Its names of the messages that it counts, each with mcrd's.
const COUNTED: [(&str, &str); 6] = [
    ("hello", "hello"),
    ("join", "join-prune"),
    ("register", "register"),
    ("registerStop", "register-stop"),
    ("assert", "assert"),
    ("bsm", "bootstrap"),
];

/// IGMP on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Igmp {
    /// Its name.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// The version of the queries.
    pub version: Option<u8>,
}

/// Where IGMP runs.
///
/// # Errors
/// Why it is not known, in one sentence.
pub async fn igmp(router: &str) -> Result<Vec<Igmp>, String> {
    igmp_in(json(router, "show ip igmp interface").await?)
}

fn igmp_in(told: Value) -> Result<Vec<Igmp>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        state: String,
        version: Option<u8>,
        /// Where there is PIM, there is a socket of IGMP for mtrace.
        #[serde(default)]
        mtrace_only: bool,
    }
    let told: BTreeMap<String, Told> = read(told)?;
    let all = told.into_iter().filter(|(_, told)| !told.mtrace_only);
    let all = all.map(|(name, told)| Igmp {
        name,
        up: told.state == "up",
        version: told.version,
    });
    Ok(all.collect())
}

/// The interfaces whose members get a source of a group. Those that exclude
/// some sources get none: of them FRR 8 forwards no other, either.
///
/// # Errors
/// As [`igmp`].
pub async fn taking(
    router: &str,
    group: Ipv4Addr,
    source: Ipv4Addr,
) -> Result<BTreeSet<String>, String> {
    taking_in(json(router, "show ip igmp sources").await?, group, source)
}

fn taking_in(told: Value, group: Ipv4Addr, source: Ipv4Addr) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Source {
        source: String,
        forwarded: bool,
    }
    #[derive(Deserialize)]
    struct Told {
        sources: Vec<Source>,
    }
    let told: BTreeMap<String, BTreeMap<String, Value>> = read(told)?;
    let mut taking = BTreeSet::new();
    for (interface, mut told) in told {
        // Beside the groups there is the interface's name.
        let Some(told) = told.remove(&group.to_string()) else {
            continue;
        };
        let mut sources = read::<Told>(told)?.sources.into_iter();
        // `*` is any.
        let of = |one: &Source| source_of(&one.source).is_none_or(|listed| listed == source);
        if sources.any(|one| one.forwarded && of(&one)) {
            taking.insert(interface);
        }
    }
    Ok(taking)
}

/// A router behind an interface has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The interface.
    pub interface: String,
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
}

/// Where somebody has joined the group.
///
/// # Errors
/// As [`igmp`].
pub async fn joins(router: &str, group: Ipv4Addr) -> Result<Vec<Joined>, String> {
    joins_in(json(router, "show ip pim join").await?, group)
}

fn joins_in(told: Value, group: Ipv4Addr) -> Result<Vec<Joined>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        channel_join_name: String,
    }
    let told: BTreeMap<String, BTreeMap<String, Value>> = read(told)?;
    let mut all = Vec::new();
    for (interface, mut told) in told {
        // Beside the groups there are the interface's own settings.
        let Some(sources) = told.remove(&group.to_string()) else {
            continue;
        };
        for (source, told) in read::<BTreeMap<String, Told>>(sources)? {
            // The others are states without a Join.
            if ["JOIN", "PRUNEP"].contains(&told.channel_join_name.as_str()) {
                all.push(Joined {
                    interface: interface.clone(),
                    source: source_of(&source),
                });
            }
        }
    }
    Ok(all)
}

/// The Assert state of an entry on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assert {
    /// The interface.
    pub interface: String,
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// Assert state.
    pub state: AssertState,
    /// AssertWinner.
    pub winner: Option<Ipv4Addr>,
}

/// The Assert states of the group's entries, where there are any.
///
/// # Errors
/// As [`igmp`].
pub async fn asserts(router: &str, group: Ipv4Addr) -> Result<Vec<Assert>, String> {
    // It has no other form.
    let told = daemon(router, "pimd", "show ip pim assert").await?;
    Ok(asserts_in(&told, group))
}

fn asserts_in(told: &str, group: Ipv4Addr) -> Vec<Assert> {
    let group = group.to_string();
    let lines = told.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [interface, _address, source, of, state, winner, ..] = words[..] else {
            return None;
        };
        if of != group {
            return None;
        }
        let state = match state {
            "WINNER" => AssertState::Winner,
            "LOSER" => AssertState::Loser,
            _ => AssertState::NoInfo,
        };
        Some(Assert {
            interface: interface.to_owned(),
            source: source_of(source),
            state,
            winner: winner.parse().ok(),
        })
    });
    lines.collect()
}

/// Only source-specific trees are for this group.
///
/// # Errors
/// As [`igmp`].
pub async fn is_source_specific(router: &str, group: Ipv4Addr) -> Result<bool, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        group_type: String,
    }
    let told = json(router, &format!("show ip pim group-type {group}")).await?;
    Ok(read::<Told>(told)?.group_type == "SSM")
}

/// The messages of PIM that it counts, by mcrd's names.
///
/// # Errors
/// As [`igmp`].
pub async fn traffic(router: &str) -> Result<Vec<ProtocolCounters>, String> {
    traffic_in(json(router, "show ip pim interface traffic").await?)
}

fn traffic_in(told: Value) -> Result<Vec<ProtocolCounters>, String> {
    let told: BTreeMap<String, BTreeMap<String, Value>> = read(told)?;
    let all = told.into_iter().map(|(interface, told)| {
        let directions = COUNTED
            .into_iter()
            .flat_map(|(its, ours)| [(its, ours, "Rx", "rx"), (its, ours, "Tx", "tx")]);
        let counters = directions.filter_map(|(its, ours, end, direction)| {
            let count = told.get(&format!("{its}{end}"))?.as_u64()?;
            (count > 0).then(|| (format!("pim.{direction}.{ours}"), count))
        });
        ProtocolCounters {
            counters: counters.collect(),
            interface: Some(interface),
        }
    });
    Ok(all.collect())
}
