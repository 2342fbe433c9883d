//! The sections of mcrd's configuration that follow from a router's settings.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_api::config::{
    ConfigFile, Igmp, IgmpInterface, Pim, PimInterface, Rp, SptSwitch, StaticGroup, StaticRp,
};

use crate::topology::router::{self, Router};

/// `pim` and `igmp`, as JSON.
pub(crate) fn sections(router: &Router) -> serde_json::Value {
    let config = ConfigFile {
        pim: pim(router),
        igmp: Igmp {
            interfaces: router.igmp.iter().map(igmp_interface).collect(),
        },
        ..ConfigFile::default()
    };
    serde_json::to_value(config).unwrap_or_default()
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn texts(ranges: &[Ipv4Net]) -> Vec<String> {
    ranges.iter().map(ToString::to_string).collect()
}

fn pim(router: &Router) -> Pim {
    let rp = |rp: &router::StaticRp| StaticRp {
        address: rp.address.to_string(),
        groups: Some(texts(&rp.groups)),
        priority: None,
        overrides: None,
    };
    let timers = &router.timers;
    Pim {
        interfaces: router.pim.iter().map(pim_interface).collect(),
        rp: Rp {
            static_rps: router.rps.iter().map(rp).collect(),
            hash_mask_len: None,
        },
        ssm_range: router.ssm_range.as_deref().map(texts),
        spt_switch: router
            .never_switch
            .then(|| SptSwitch::Word("never".to_owned())),
        join_prune_interval: seconds(timers.join_prune),
        keepalive_period: seconds(timers.keepalive),
        register_suppression: seconds(timers.register_suppression),
        register_probe: seconds(timers.register_probe),
        register_accept: None,
        assert_time: seconds(timers.assert),
        preferences: BTreeMap::new(),
        ecmp: None,
    }
}

fn pim_interface(own: &router::PimInterface) -> (String, PimInterface) {
    let interface = PimInterface {
        passive: own.passive.then_some(true),
        hello_interval: seconds(own.hello),
        hello_holdtime: seconds(own.hello_holdtime),
        triggered_hello_delay: seconds(own.triggered_hello_delay),
        dr_priority: own.dr_priority,
        propagation_delay: seconds(own.propagation_delay),
        override_interval: seconds(own.override_interval),
        tracking: None,
        neighbors: None,
    };
    (own.name.clone(), interface)
}

fn igmp_interface(own: &router::IgmpInterface) -> (String, IgmpInterface) {
    let static_groups = own.static_groups.iter().map(|(group, source)| StaticGroup {
        group: group.to_string(),
        source: source.map(|source| source.to_string()),
    });
    let interface = IgmpInterface {
        version: own.version,
        robustness: own.robustness,
        query_interval: seconds(own.query_interval),
        query_response_interval: seconds(own.query_response_interval),
        last_member_query_interval: seconds(own.last_member_query_interval),
        last_member_query_count: own.last_member_query_count,
        startup_query_interval: None,
        immediate_leave: own.immediate_leave,
        require_router_alert: None,
        max_groups: own.max_groups,
        max_sources: own.max_sources,
        groups: own.groups.as_deref().map(texts),
        static_groups: static_groups.collect(),
    };
    (own.name.clone(), interface)
}
