//! The section `pim`.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jsonc_parser::ast::Value;
use mcr_proto::config::{
    Config, PimConfig, PimInterfaceConfig, RegisterAccept, SptSwitch, StaticRp,
};

use super::values::{
    boolean, group_range, interfaces, list, network, number, optional, optional_list, seconds,
    unicast,
};
use crate::walk::{Path, Walk, nearest, shown, span};

const PIM: &[&str] = &[
    "interfaces",
    "rp",
    "ssm_range",
    "spt_switch",
    "join_prune_interval",
    "keepalive_period",
    "register_suppression",
    "register_probe",
    "register_accept",
    "assert_time",
    "preferences",
    "ecmp",
];
const PIM_INTERFACE: &[&str] = &[
    "passive",
    "hello_interval",
    "hello_holdtime",
    "triggered_hello_delay",
    "dr_priority",
    "propagation_delay",
    "override_interval",
    "tracking",
    "neighbors",
];
const RP: &[&str] = &["static", "hash_mask_len"];
const STATIC_RP: &[&str] = &["address", "groups", "priority", "override"];
const REGISTER_ACCEPT: &[&str] = &["sources", "groups"];

/// What a Hello's Holdtime can tell, without the value that is for ever.
const MAX_HOLDTIME: f64 = 65_534.0;

/// 3.5 intervals must be a holdtime.
const MAX_INTERVAL: f64 = 18_724.0;

/// The priority of a C-RP that tells none (RFC 5059 §4.2 as FRR has it).
const DEFAULT_RP_PRIORITY: u8 = 192;

const EVERY_GROUP: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(224, 0, 0, 0), 4);

/// Names of rtm_protocol values (rtnetlink(7), linux/rtnetlink.h).
const PROTOCOLS: [(&str, u8); 8] = [
    ("kernel", 2),
    ("boot", 3),
    ("static", 4),
    ("bgp", 186),
    ("isis", 187),
    ("ospf", 188),
    ("rip", 189),
    ("eigrp", 192),
];

pub(super) fn pim(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>, config: &mut Config) {
    let Some(members) = walk.object(value, path, PIM) else {
        return;
    };
    if let Some(value) = members.get("interfaces") {
        for (name, pim) in interfaces(walk, value, &path.key("interfaces"), interface) {
            config.interfaces.entry(name).or_default().pim = Some(pim);
        }
    }
    let default = PimConfig::default();
    let pim = &mut config.pim;
    if let Some(value) = members.get("rp") {
        rp(walk, value, &path.key("rp"), pim);
    }
    if let Some(ranges) = optional_list(walk, &members, path, "ssm_range", group_range) {
        pim.ssm_ranges = ranges;
    }
    if let Some(value) = optional(&members, "spt_switch") {
        pim.spt_switch = spt_switch(walk, value, &path.key("spt_switch"));
    }
    let mut time = |key, least, most, default| {
        seconds(walk, &members, path, key, least..=most).unwrap_or(default)
    };
    pim.join_prune_interval = time(
        "join_prune_interval",
        0.1,
        MAX_INTERVAL,
        default.join_prune_interval,
    );
    pim.keepalive_period = time("keepalive_period", 1.0, 86_400.0, default.keepalive_period);
    pim.register_suppression = time(
        "register_suppression",
        0.5,
        86_400.0,
        default.register_suppression,
    );
    pim.register_probe = time("register_probe", 0.1, 3_600.0, default.register_probe);
    pim.assert_time = time("assert_time", 4.0, 86_400.0, default.assert_time);
    // RFC 7761 §4.11: the probe goes out before the suppression ends, which
    // is after half of its time at the earliest.
    if pim.register_probe * 2 >= pim.register_suppression {
        walk.report(span(value), &path.key("register_probe"), || {
            let message = format!(
                "register_probe, {} s, must be less than half of register_suppression, {} s",
                pim.register_probe.as_secs_f64(),
                pim.register_suppression.as_secs_f64()
            );
            (message, None)
        });
    }
    pim.register_accept = optional_list(walk, &members, path, "register_accept", register_accept);
    if let Some(value) = members.get("preferences") {
        preferences(walk, value, &path.key("preferences"), &mut pim.preferences);
    }
    pim.ecmp = boolean(walk, &members, path, "ecmp").unwrap_or(false);
}

fn interface(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<PimInterfaceConfig> {
    let members = walk.object(value, path, PIM_INTERFACE)?;
    let default = PimInterfaceConfig::default();
    let mut time = |key, least, most| seconds(walk, &members, path, key, least..=most);
    let hello_interval =
        time("hello_interval", 0.1, MAX_INTERVAL).unwrap_or(default.hello_interval);
    let hello_holdtime = time("hello_holdtime", 0.1, MAX_HOLDTIME);
    let triggered_hello_delay =
        time("triggered_hello_delay", 0.0, 60.0).unwrap_or(default.triggered_hello_delay);
    // 15 and 16 bits of milliseconds (RFC 7761 §4.9.2).
    let propagation_delay =
        time("propagation_delay", 0.0, 32.767).unwrap_or(default.propagation_delay);
    let override_interval =
        time("override_interval", 0.0, 65.535).unwrap_or(default.override_interval);
    if let Some(holdtime) = hello_holdtime
        && holdtime <= hello_interval
    {
        let at = optional(&members, "hello_holdtime").unwrap_or(value);
        walk.report(span(at), &path.key("hello_holdtime"), || {
            let message = format!(
                "a holdtime of {} s ends before the next Hello, after {} s",
                holdtime.as_secs_f64(),
                hello_interval.as_secs_f64()
            );
            let help = "leave it out for 3.5 times the interval";
            (message, Some(help.to_owned()))
        });
    }
    Some(PimInterfaceConfig {
        passive: boolean(walk, &members, path, "passive").unwrap_or(false),
        hello_interval,
        hello_holdtime,
        triggered_hello_delay,
        dr_priority: number(walk, &members, path, "dr_priority", 0..=u64::from(u32::MAX))
            .unwrap_or(default.dr_priority),
        propagation_delay,
        override_interval,
        tracking: boolean(walk, &members, path, "tracking").unwrap_or(false),
        neighbors: optional_list(walk, &members, path, "neighbors", network),
    })
}

fn rp(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>, pim: &mut PimConfig) {
    let Some(members) = walk.object(value, path, RP) else {
        return;
    };
    if let Some(value) = members.get("static") {
        pim.static_rps = list(walk, value, &path.key("static"), static_rp);
    }
    if let Some(len) = number(walk, &members, path, "hash_mask_len", 0..=32) {
        pim.hash_mask_len = len;
    }
}

fn static_rp(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<StaticRp> {
    let members = walk.object(value, path, STATIC_RP)?;
    let address = walk
        .required(&members, path, "address")
        .and_then(|value| unicast(walk, value, &path.key("address")));
    let groups = optional_list(walk, &members, path, "groups", group_range);
    if groups.as_ref().is_some_and(Vec::is_empty) {
        let at = optional(&members, "groups").unwrap_or(value);
        let empty = walk.list(at, path).is_some_and(<[_]>::is_empty);
        if empty {
            walk.report(span(at), &path.key("groups"), || {
                let help = "leave 'groups' out for every group";
                ("the RP has no groups".to_owned(), Some(help.to_owned()))
            });
        }
    }
    Some(StaticRp {
        address: address?,
        groups: groups.unwrap_or_else(|| vec![EVERY_GROUP]),
        priority: number(walk, &members, path, "priority", 0..=255).unwrap_or(DEFAULT_RP_PRIORITY),
        r#override: boolean(walk, &members, path, "override").unwrap_or(false),
    })
}

fn spt_switch(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> SptSwitch {
    if matches!(value, Value::Array(_)) {
        return SptSwitch::Groups(list(walk, value, path, group_range));
    }
    let word = walk.string(value, path).given();
    match word.as_deref() {
        Some("never") => SptSwitch::Never,
        Some("immediate") | None => SptSwitch::Immediate,
        Some(other) => {
            walk.report(span(value), path, || {
                let message = format!("there is no SPT switch '{}'", shown(other));
                (message, Some(nearest(other, &["immediate", "never"])))
            });
            SptSwitch::Immediate
        }
    }
}

fn register_accept(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<RegisterAccept> {
    let members = walk.object(value, path, REGISTER_ACCEPT)?;
    let sources = match optional(&members, "sources") {
        Some(value) => network(walk, value, &path.key("sources"))?,
        None => Ipv4Net::default(),
    };
    let groups = match optional(&members, "groups") {
        Some(value) => group_range(walk, value, &path.key("groups"))?,
        None => EVERY_GROUP,
    };
    Some(RegisterAccept { sources, groups })
}

fn preferences(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
    preferences: &mut BTreeMap<u8, u32>,
) {
    let Some(object) = walk.map(value, path) else {
        return;
    };
    for member in &object.properties {
        let name = member.name.as_str();
        let path = path.key(name);
        let known = PROTOCOLS.iter().find(|(known, _)| *known == name);
        let protocol = known.map(|(_, number)| *number).or(name.parse().ok());
        // 31 bits (RFC 7761 §4.9.6), and the highest one is an AssertCancel's.
        let preference = walk.integer::<u32>(&member.value, &path, 0..=0x7fff_fffe);
        match (protocol, preference.given()) {
            (Some(protocol), Some(preference)) => {
                preferences.insert(protocol, preference);
            }
            (Some(_), None) => {}
            (None, _) => walk.report(span(&member.name), &path, || {
                let message = format!("there is no routing protocol '{}'", shown(name));
                let names = PROTOCOLS.map(|(name, _)| name);
                (message, Some(nearest(name, &names)))
            }),
        }
    }
}
