//! What FRR's pimd and zebra tell of multicast, read from their JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_api::router::RegisterState;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::{daemon, json};
use crate::assertion::router::{Group, Mroute, Neighbors, Rpf};

#[cfg(test)]
mod tests;

/// What pimd forwards Registers through; no interface of the network.
const REGISTER: &str = "pimreg";

pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value)
        .map_err(|error| format!("FRR's answer is not understood: {error}"))
}

/// The PIM neighbours.
///
/// # Errors
/// Why they are not known, in one sentence.
pub async fn neighbors(router: &str) -> Result<Neighbors, String> {
    neighbors_in(json(router, "show ip pim neighbor").await?)
}

fn neighbors_in(told: Value) -> Result<Neighbors, String> {
    let told: BTreeMap<String, BTreeMap<Ipv4Addr, Value>> = read(told)?;
    let pairs = told.into_iter().flat_map(|(interface, all)| {
        let all = all.into_keys();
        all.map(move |address| (interface.clone(), address))
    });
    Ok(pairs.collect())
}

/// The RP of a group: that with the longest range.
///
/// # Errors
/// As [`neighbors`].
pub async fn rp(router: &str, group: Ipv4Addr) -> Result<Option<Ipv4Addr>, String> {
    rp_in(json(router, "show ip pim rp-info").await?, group)
}

fn rp_in(told: Value, group: Ipv4Addr) -> Result<Option<Ipv4Addr>, String> {
    #[derive(Deserialize)]
    struct Range {
        group: Ipv4Net,
    }
    let told: BTreeMap<Ipv4Addr, Vec<Range>> = read(told)?;
    let all = told
        .into_iter()
        .flat_map(|(rp, ranges)| ranges.into_iter().map(move |range| (range.group, rp)));
    let best = all
        .filter(|(range, _)| range.contains(&group))
        .max_by_key(|(range, _)| range.prefix_len());
    Ok(best.map(|(_, rp)| rp))
}

/// The multicast routing table.
///
/// # Errors
/// As [`neighbors`].
pub async fn mroutes(router: &str) -> Result<Vec<Mroute>, String> {
    let upstream = json(router, "show ip pim upstream").await?;
    let forwarding = json(router, "show ip mroute").await?;
    mroutes_in(upstream, forwarding)
}

pub(super) fn source_of(text: &str) -> Option<Ipv4Addr> {
    // `*` is any.
    text.parse().ok()
}

fn mroutes_in(upstream: Value, forwarding: Value) -> Result<Vec<Mroute>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Upstream {
        #[serde(default)]
        inbound_interface: String,
        join_state: String,
        reg_state: Option<String>,
        spt_bit: u8,
    }
    #[derive(Deserialize)]
    struct Forwarding {
        iif: String,
        #[serde(default)]
        oil: BTreeMap<String, Value>,
    }
    type BySource<T> = BTreeMap<Ipv4Addr, BTreeMap<String, T>>;
    let known = |name: &str| !name.is_empty() && name != "<iif?>" && name != "Unknown";
    let mut table: BTreeMap<(Ipv4Addr, Option<Ipv4Addr>), Mroute> = BTreeMap::new();
    for (group, sources) in read::<BySource<Upstream>>(upstream)? {
        for (source, told) in sources {
            let source = source_of(&source);
            let entry = Mroute {
                source,
                group: Some(group),
                iif: known(&told.inbound_interface).then_some(told.inbound_interface),
                oif: BTreeSet::new(),
                joined: Some(told.join_state == "Joined"),
                spt: Some(told.spt_bit != 0),
                register: told.reg_state.as_deref().and_then(register),
                asserts: None,
            };
            table.insert((group, source), entry);
        }
    }
    for (group, sources) in read::<BySource<Forwarding>>(forwarding)? {
        for (source, told) in sources {
            let source = source_of(&source);
            let entry = table.entry((group, source)).or_insert_with(|| Mroute {
                source,
                group: Some(group),
                ..Mroute::default()
            });
            if known(&told.iif) {
                entry.iif = Some(told.iif);
            }
            let oil = told.oil.into_keys().filter(|name| name != REGISTER);
            entry.oif = oil.collect();
        }
    }
    Ok(table.into_values().collect())
}

fn register(state: &str) -> Option<RegisterState> {
    match state {
        "RegNoInfo" => Some(RegisterState::NoInfo),
        "RegJoined" => Some(RegisterState::Join),
        "RegJoinPend" => Some(RegisterState::JoinPending),
        "RegPrune" => Some(RegisterState::Prune),
        _ => None,
    }
}

/// The IGMP groups.
///
/// # Errors
/// As [`neighbors`].
pub async fn groups(router: &str) -> Result<Vec<Group>, String> {
    let groups = json(router, "show ip igmp groups").await?;
    let sources = json(router, "show ip igmp sources").await?;
    groups_in(groups, &sources)
}

fn groups_in(told: Value, sources: &Value) -> Result<Vec<Group>, String> {
    #[derive(Deserialize)]
    struct Told {
        group: Ipv4Addr,
        /// Left out where the oldest host speaks IGMPv1 or v2, which have no
        /// other mode than EXCLUDE.
        mode: Option<String>,
        version: Option<u8>,
    }
    let told: BTreeMap<String, Value> = read(told)?;
    let mut all = Vec::new();
    for (interface, told) in told {
        // Beside the interfaces there are counters.
        let Some(groups) = told.get("groups") else {
            continue;
        };
        for told in read::<Vec<Told>>(groups.clone())? {
            let listed = sources
                .get(&interface)
                .and_then(|on| on.get(told.group.to_string()))
                .and_then(|group| group.get("sources"))
                .and_then(Value::as_array);
            let forwarded = listed.into_iter().flatten().filter_map(|source| {
                let forwarded = source.get("forwarded")?.as_bool()?;
                let source = source_of(source.get("source")?.as_str()?)?;
                forwarded.then_some(source)
            });
            all.push(Group {
                interface: interface.clone(),
                group: told.group,
                exclude: told.mode.is_none_or(|mode| mode == "EXCLUDE"),
                sources: forwarded.collect(),
                version: told.version,
            });
        }
    }
    Ok(all)
}

/// The IGMP querier of an interface.
///
/// # Errors
/// As [`neighbors`].
pub async fn querier(router: &str, interface: &str) -> Result<Option<Ipv4Addr>, String> {
    querier_in(json(router, "show ip igmp interface").await?, interface)
}

fn querier_in(told: Value, interface: &str) -> Result<Option<Ipv4Addr>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        querier_ip: Option<Ipv4Addr>,
    }
    let told: BTreeMap<String, Value> = read(told)?;
    let Some(told) = told.get(interface) else {
        return Ok(None);
    };
    let told: Told = read(told.clone())?;
    Ok(told.querier_ip.filter(|ip| !ip.is_unspecified()))
}

/// The way to an address, by zebra's table.
///
/// # Errors
/// As [`neighbors`].
pub async fn rpf(router: &str, address: Ipv4Addr) -> Result<Rpf, String> {
    let command = format!("show ip route {address} json");
    let answer = daemon(router, "zebra", &command).await?;
    let Ok(told) = serde_json::from_str(&answer) else {
        // Without a route it says so in words.
        return Ok(Rpf::default());
    };
    rpf_in(told)
}

fn rpf_in(told: Value) -> Result<Rpf, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct NextHop {
        ip: Option<Ipv4Addr>,
        interface_name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Route {
        #[serde(default)]
        selected: bool,
        #[serde(default)]
        nexthops: Vec<NextHop>,
    }
    let told: BTreeMap<String, Vec<Route>> = read(told)?;
    let selected = told.into_values().flatten().find(|route| route.selected);
    let hop = selected.and_then(|route| route.nexthops.into_iter().next());
    Ok(hop.map_or_else(Rpf::default, |hop| Rpf {
        interface: hop.interface_name,
        neighbor: hop.ip,
    }))
}
