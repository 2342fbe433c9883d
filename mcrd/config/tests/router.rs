//! The router's sections: what values become, and what is said of wrong ones.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use mcr_config::parse;
use mcr_proto::config::{Config, IgmpVersion, SptSwitch};

fn router(text: &str) -> Config {
    match parse("mcrd.json5", text) {
        Ok(loaded) => loaded.router,
        Err(problems) => panic!("{problems}"),
    }
}

/// Key and message of each problem.
fn said(text: &str) -> Vec<(String, String)> {
    let problems = parse("mcrd.json5", text).unwrap_err().to_api();
    let said = problems.into_iter();
    said.map(|problem| (problem.key, problem.message)).collect()
}

#[track_caller]
fn one(text: &str, key: &str, message: &str) {
    assert_eq!(said(text), [(key.to_owned(), message.to_owned())]);
}

/// RFC 7761 §4.11, RFC 9776 §8: the defaults.
/// RFC 4607 §1: the SSM range.
#[test]
fn an_interface_that_is_only_named_has_the_defaults_of_the_rfcs() {
    let config = router("{ pim: { interfaces: { a: {} } }, igmp: { interfaces: { a: {} } } }");
    let a = &config.interfaces[&"a".parse().unwrap()];
    let (pim, igmp) = (a.pim.clone().unwrap(), a.igmp.clone().unwrap());
    assert_eq!(pim.hello_interval, Duration::from_secs(30));
    assert_eq!((pim.holdtime(), pim.dr_priority), (105, 1));
    assert_eq!(pim.propagation_delay, Duration::from_millis(500));
    assert_eq!(pim.override_interval, Duration::from_millis(2500));
    assert_eq!(igmp.version, IgmpVersion::V3);
    assert_eq!(igmp.query_interval, Duration::from_secs(125));
    assert_eq!(igmp.query_response_interval, Duration::from_secs(10));
    assert_eq!((igmp.robustness, igmp.last_member_query_count), (2, None));
    assert_eq!(config.pim.join_prune_interval, Duration::from_secs(60));
    assert_eq!(config.pim.join_prune_holdtime(), 210);
    assert_eq!(config.pim.keepalive_period, Duration::from_secs(210));
    assert_eq!(config.pim.spt_switch, SptSwitch::Immediate);
    assert!(
        config.pim.is_ssm(
            "232.1.1.1"
                .parse::<std::net::Ipv4Addr>()
                .unwrap()
                .try_into()
                .unwrap()
        )
    );
}

#[test]
fn an_interface_can_have_one_protocol_without_the_other() {
    let config = router("{ pim: { interfaces: { a: {} } }, igmp: { interfaces: { b: {} } } }");
    let has = |name: &str| {
        let interface = &config.interfaces[&name.parse().unwrap()];
        (interface.pim.is_some(), interface.igmp.is_some())
    };
    assert_eq!((has("a"), has("b")), ((true, false), (false, true)));
}

#[test]
fn values_arrive() {
    let config = router(
        r#"{
        pim: {
          interfaces: { a: { hello_interval: 1, hello_holdtime: 3.5, dr_priority: 0 } },
          rp: { static: [{ address: "10.0.0.1" }, { address: "10.0.0.2", groups: ["239.1.0.0/16"] }] },
          spt_switch: "never", join_prune_interval: 2,
          preferences: { ospf: 30, "42": 7 },
        },
        igmp: { interfaces: { a: { version: 2, static_groups: [{ group: "239.1.1.1" }] } } },
        mroutes: [{ network: "10.1.0.0/24", interface: "a" }],
        }"#,
    );
    let a = &config.interfaces[&"a".parse().unwrap()];
    let pim = a.pim.clone().unwrap();
    assert_eq!((pim.holdtime(), pim.dr_priority), (4, 0));
    assert_eq!(config.pim.spt_switch, SptSwitch::Never);
    assert_eq!(config.pim.join_prune_holdtime(), 7);
    let rps: Vec<_> = config.pim.static_rps.iter().collect();
    assert_eq!(rps[0].groups, ["224.0.0.0/4".parse().unwrap()]);
    assert_eq!(rps[1].groups, ["239.1.0.0/16".parse().unwrap()]);
    assert_eq!(
        (config.pim.preferences[&188], config.pim.preferences[&42]),
        (30, 7)
    );
    assert_eq!(config.pim.preferences[&186], 20);
    assert_eq!(a.igmp.clone().unwrap().version, IgmpVersion::V2);
    assert_eq!(config.mroutes[0].next_hop, None);
}

#[test]
fn a_time_that_cannot_be() {
    let interface = |member: &str| format!("{{ pim: {{ interfaces: {{ a: {{ {member} }} }} }} }}");
    let key = "pim.interfaces.a.hello_interval";
    let message = "a time in seconds from 0.1 to 18724 is expected here";
    for value in ["0", "-1", "18725", "'30'", "true"] {
        one(
            &interface(&format!("hello_interval: {value}")),
            key,
            message,
        );
    }
    one(
        &interface("hello_interval: 5, hello_holdtime: 5"),
        "pim.interfaces.a.hello_holdtime",
        "a holdtime of 5 s ends before the next Hello, after 5 s",
    );
}

#[test]
fn times_that_do_not_go_together() {
    one(
        "{ pim: { register_suppression: 10, register_probe: 5 } }",
        "pim.register_probe",
        "register_probe, 5 s, must be less than half of register_suppression, 10 s",
    );
    one(
        "{ igmp: { interfaces: { a: { query_interval: 10 } } } }",
        "igmp.interfaces.a.query_response_interval",
        "the query response interval, 10 s, must be less than the query interval, 10 s",
    );
}

#[test]
fn an_rp_that_cannot_be() {
    let rp = |member: &str| format!("{{ pim: {{ rp: {{ static: [{{ {member} }}] }} }} }}");
    one(
        &rp(""),
        "pim.rp.static[0].address",
        "the key 'address' is missing in this object",
    );
    assert_eq!(
        said(&rp("address: '239.1.1.1'"))[0].0,
        "pim.rp.static[0].address"
    );
    one(
        &rp("address: '10.0.0.1', groups: ['10.0.0.0/8']"),
        "pim.rp.static[0].groups[0]",
        "10.0.0.0/8 is not a range of multicast groups",
    );
    one(
        &rp("address: '10.0.0.1', groups: ['239.1.1.1/16']"),
        "pim.rp.static[0].groups[0]",
        "'239.1.1.1/16' has bits beyond its prefix length",
    );
    one(
        &rp("address: '10.0.0.1', groups: []"),
        "pim.rp.static[0].groups",
        "the RP has no groups",
    );
}

#[test]
fn words_and_names_that_are_not_known() {
    one(
        "{ pim: { spt_switch: 'nevr' } }",
        "pim.spt_switch",
        "there is no SPT switch 'nevr'",
    );
    one(
        "{ pim: { preferences: { osp: 3 } } }",
        "pim.preferences.osp",
        "there is no routing protocol 'osp'",
    );
    one(
        "{ igmp: { interfaces: { 'a b': {} } } }",
        "igmp.interfaces.a b",
        "interface name 'a b' contains ' '",
    );
    one(
        "{ igmp: { interfaces: { a: { versions: 2 } } } }",
        "igmp.interfaces.a.versions",
        "there is no key 'versions' here",
    );
    one(
        "{ igmp: { interfaces: { a: { version: 1 } } } }",
        "igmp.interfaces.a.version",
        "a number from 2 to 3 is expected here, not 1",
    );
    one(
        "{ mroutes: [{ network: '10.0.0.0/33', interface: 'a' }] }",
        "mroutes[0].network",
        "'10.0.0.0/33' is not an IPv4 network",
    );
    one(
        "{ igmp: { interfaces: { a: { static_groups: [{ group: '224.0.0.5' }] } } } }",
        "igmp.interfaces.a.static_groups[0].group",
        "224.0.0.5 is in 224.0.0.0/24, which is never forwarded",
    );
}
