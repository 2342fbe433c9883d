//! The section `igmp`.

use jsonc_parser::ast::Value;
use mcr_proto::config::{Config, IgmpInterfaceConfig, IgmpVersion};
use mcr_proto::id::{GroupAddr, UnicastAddr};

use super::values::{
    boolean, group, group_range, interfaces, number, optional, optional_list, seconds, unicast,
};
use crate::walk::{Path, Walk, span};

const IGMP: &[&str] = &["interfaces"];
const IGMP_INTERFACE: &[&str] = &[
    "version",
    "robustness",
    "query_interval",
    "query_response_interval",
    "last_member_query_interval",
    "last_member_query_count",
    "startup_query_interval",
    "immediate_leave",
    "require_router_alert",
    "max_groups",
    "max_sources",
    "groups",
    "static_groups",
];
const STATIC_GROUP: &[&str] = &["group", "source"];

/// The longest time that QQIC and Max Resp Code can tell (RFC 9776 §4.1.1):
/// 31744 s, and 3174.4 s.
const MAX_QUERY_INTERVAL: f64 = 31_744.0;
const MAX_RESPONSE: f64 = 3_174.4;

pub(super) fn igmp(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>, config: &mut Config) {
    let Some(members) = walk.object(value, path, IGMP) else {
        return;
    };
    if let Some(value) = members.get("interfaces") {
        for (name, igmp) in interfaces(walk, value, &path.key("interfaces"), interface) {
            config.interfaces.entry(name).or_default().igmp = Some(igmp);
        }
    }
}

fn interface(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<IgmpInterfaceConfig> {
    let members = walk.object(value, path, IGMP_INTERFACE)?;
    let default = IgmpInterfaceConfig::default();
    let version = match number::<u8>(walk, &members, path, "version", 2..=3) {
        Some(2) => IgmpVersion::V2,
        Some(_) | None => IgmpVersion::V3,
    };
    let query_interval = seconds(
        walk,
        &members,
        path,
        "query_interval",
        1.0..=MAX_QUERY_INTERVAL,
    )
    .unwrap_or(default.query_interval);
    let mut time = |key, most| seconds(walk, &members, path, key, 0.1..=most);
    let query_response_interval =
        time("query_response_interval", MAX_RESPONSE).unwrap_or(default.query_response_interval);
    let last_member_query_interval = time("last_member_query_interval", MAX_RESPONSE)
        .unwrap_or(default.last_member_query_interval);
    let startup_query_interval = time("startup_query_interval", MAX_QUERY_INTERVAL);
    // RFC 9776 §8.3: the response interval is less than the query interval.
    if query_response_interval >= query_interval {
        let at = optional(&members, "query_response_interval")
            .or_else(|| optional(&members, "query_interval"))
            .unwrap_or(value);
        walk.report(span(at), &path.key("query_response_interval"), || {
            let message = format!(
                "the query response interval, {} s, must be less than the query interval, {} s",
                query_response_interval.as_secs_f64(),
                query_interval.as_secs_f64()
            );
            (message, None)
        });
    }
    let static_groups = optional_list(walk, &members, path, "static_groups", static_group);
    Some(IgmpInterfaceConfig {
        version,
        robustness: number(walk, &members, path, "robustness", 1..=7).unwrap_or(default.robustness),
        query_interval,
        query_response_interval,
        last_member_query_interval,
        last_member_query_count: number(walk, &members, path, "last_member_query_count", 1..=7),
        startup_query_interval,
        immediate_leave: boolean(walk, &members, path, "immediate_leave").unwrap_or(false),
        require_router_alert: boolean(walk, &members, path, "require_router_alert")
            .unwrap_or(false),
        max_groups: number(walk, &members, path, "max_groups", 0..=1 << 20)
            .unwrap_or(default.max_groups),
        max_sources: number(walk, &members, path, "max_sources", 0..=1 << 16)
            .unwrap_or(default.max_sources),
        groups: optional_list(walk, &members, path, "groups", group_range),
        static_groups: static_groups.into_iter().flatten().collect(),
    })
}

fn static_group(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
) -> Option<(GroupAddr, Option<UnicastAddr>)> {
    let members = walk.object(value, path, STATIC_GROUP)?;
    let group = walk
        .required(&members, path, "group")
        .and_then(|value| group(walk, value, &path.key("group")));
    let source = match optional(&members, "source") {
        Some(value) => Some(unicast(walk, value, &path.key("source"))?),
        None => None,
    };
    Some((group?, source))
}
