//! A router's answers, for the transcripts.

use mcr_api::{ErrorCode, Failure, Method};
use serde_json::{Value, json};

use crate::fake::Answer;

pub(crate) const PIM: &[&[&str]] = &[
    &["show", "interfaces"],
    &["show", "neighbors"],
    &["show", "rp"],
    &["show", "rp", "239.1.1.1"],
    &["show", "rpf", "10.9.0.7", "239.1.1.1"],
    &["show", "rpf", "192.0.2.1"],
    &["show", "rpf", "no-address"],
    &["show", "counters"],
    &["show", "neighbors", "--json"],
];

pub(crate) const IGMP: &[&[&str]] = &[
    &["show", "igmp"],
    &["show", "igmp", "groups", "--json"],
    &["show", "igmp", "interfaces"],
];

pub(crate) const MROUTE: &[&[&str]] = &[
    &["show", "mroute"],
    &["show", "mroute", "--detail"],
    &["show", "mroute", "239.9.9.9"],
    &["show", "mroute", "239.1.1.1", "--json"],
];

fn interfaces() -> Value {
    let mut up = json!({
        "interface": "enp129s0f1np1", "up": true, "address": "198.51.100.201",
        "passive": false, "dr": "198.51.100.200", "is_dr": false,
        "dr_priority": 4294967295_u32, "generation_id": 123456789,
        "hello_interval": 30.0, "next_hello": 12.5, "neighbors": 1024,
        "propagation_delay": 0.5, "override_interval": 2.5, "join_suppression": true,
    });
    let other = up.clone();
    up["interface"] = json!("eth1");
    up["is_dr"] = json!(true);
    let mut passive = other.clone();
    passive["passive"] = json!(true);
    let mut down = other.clone();
    down["up"] = json!(false);
    down["address"] = json!(null);
    down["dr"] = json!(null);
    json!([other, up, passive, down])
}

fn neighbors() -> Value {
    json!([
        {"interface": "enp129s0f1np1", "address": "198.51.100.200",
         "secondary_addresses": ["203.0.113.200", "192.0.2.200"], "uptime": 93784.2,
         "expires": 104.2, "dr_priority": 4294967295_u32, "is_dr": true,
         "generation_id": 7, "lan_prune_delay": {"propagation_delay": 0.5,
         "override_interval": 2.5, "tracking": false}},
        {"interface": "eth1", "address": "10.0.1.9", "secondary_addresses": [],
         "uptime": 1.25, "expires": null, "dr_priority": null, "is_dr": false,
         "generation_id": null, "lan_prune_delay": null},
    ])
}

fn rps() -> Value {
    json!([
        {"groups": "224.0.0.0/4", "address": "10.255.0.1", "priority": 0,
         "origin": "static", "is_me": true, "reachable": true},
        {"groups": "239.255.255.128/25", "address": "198.51.100.200", "priority": 255,
         "origin": "static", "is_me": false, "reachable": false},
        {"groups": "239.0.0.0/8", "address": "10.255.0.2", "priority": 1,
         "origin": "static", "is_me": false, "reachable": true},
    ])
}

fn rpf(address: std::net::Ipv4Addr) -> Value {
    if address.octets()[0] == 10 {
        json!({
            "address": address, "interface": "eth1", "next_hop": "10.0.1.2",
            "neighbor": "10.0.1.2", "connected": false, "is_me": false,
            "preference": 110, "metric": 20,
            "reason": "The kernel's route to 10.9.0.0/16 has 3 ways, and this one is \
                       chosen by source and group.",
        })
    } else {
        json!({
            "address": address, "interface": null, "next_hop": null, "neighbor": null,
            "connected": false, "is_me": false, "preference": null, "metric": null,
            "reason": "No route leads to 192.0.2.1.",
        })
    }
}

fn igmp_interfaces() -> Value {
    let interface = |name: &str, up: bool, me: bool| {
        json!({
            "interface": name, "up": up, "version": 3,
            "querier": up.then_some("198.51.100.200"), "is_querier": me,
            "next_query": me.then_some(101.2),
            "other_querier_expires": (up && !me).then_some(254.9),
            "robustness": 2, "query_interval": 125.0, "query_response_interval": 10.0,
            "last_member_query_interval": 1.0, "groups": 16384,
        })
    };
    json!([
        interface("enp129s0f1np1", true, false),
        interface("eth1", true, true),
        interface("eth2", false, false),
    ])
}

fn igmp_groups() -> Value {
    let group = |group: &str, mode: &str, sources: Value| {
        json!({
            "interface": "enp129s0f1np1", "group": group, "mode": mode, "version": 3,
            "uptime": 12.0, "expires": (mode == "exclude").then_some(259.6),
            "sources": sources, "last_reporter": "198.51.100.7", "is_static": false,
        })
    };
    let mut v1 = group("239.100.100.101", "exclude", json!([]));
    v1["version"] = json!(1);
    v1["is_static"] = json!(true);
    let mut fixed = group("239.100.100.102", "exclude", json!([]));
    fixed["is_static"] = json!(true);
    fixed["last_reporter"] = json!(null);
    fixed["expires"] = json!(null);
    let source = |source: &str, forward: bool| {
        json!({
            "source": source, "forward": forward, "expires": forward.then_some(9.96),
        })
    };
    json!({"items": [
        group("232.1.1.1", "include", json!([source("198.51.100.101", true),
                                             source("10.0.0.1", true)])),
        group("239.100.100.100", "exclude", json!([source("10.0.0.1", true),
                                                   source("10.0.0.2", false)])),
        v1,
        fixed,
    ]})
}

fn mroute_interface(name: &str) -> Value {
    json!({
        "interface": name, "downstream": null, "expires": null, "rpt_pruned": false,
        "local_members": false, "assert": "no-info", "assert_winner": null,
        "assert_timer": null,
    })
}

fn mroutes() -> Value {
    let mut joined = mroute_interface("eth2");
    joined["downstream"] = json!("join");
    joined["expires"] = json!(187.4);
    joined["local_members"] = json!(true);
    let mut pending = mroute_interface("eth3");
    pending["downstream"] = json!("prune-pending");
    pending["expires"] = json!(2.95);
    pending["assert"] = json!("winner");
    pending["assert_timer"] = json!(170.0);
    let mut lost = mroute_interface("enp129s0f1np1");
    lost["rpt_pruned"] = json!(true);
    lost["assert"] = json!("loser");
    lost["assert_winner"] = json!("198.51.100.200");
    lost["assert_timer"] = json!(180.0);
    let star_g = json!({
        "source": null, "group": "239.1.1.1", "rp": "10.255.0.1", "iif": "eth1",
        "rpf_neighbor": "10.0.1.2", "olist": ["eth2"], "joined": true,
        "join_timer": 42.3, "spt_bit": false, "keepalive": null, "register": "no-info",
        "register_timer": null, "rpt_pruned": false, "interfaces": [joined],
        "packets": null, "bytes": null,
    });
    let mut sg = star_g.clone();
    sg["source"] = json!("198.51.100.101");
    sg["group"] = json!("239.100.100.100");
    sg["iif"] = json!("enp129s0f1np1");
    sg["rpf_neighbor"] = json!(null);
    sg["olist"] = json!(["enp129s0f0np0", "eth2", "eth3"]);
    sg["spt_bit"] = json!(true);
    sg["rpt_pruned"] = json!(true);
    sg["keepalive"] = json!(209.0);
    sg["register"] = json!("join");
    sg["packets"] = json!(1234);
    sg["bytes"] = json!(1234000);
    sg["interfaces"] = json!([star_g["interfaces"][0], pending, lost]);
    let mut idle = star_g.clone();
    idle["source"] = json!("10.0.0.7");
    idle["joined"] = json!(false);
    idle["iif"] = json!(null);
    idle["rpf_neighbor"] = json!(null);
    idle["olist"] = json!([]);
    idle["interfaces"] = json!([]);
    idle["register"] = json!("prune");
    idle["register_timer"] = json!(55.0);
    json!({"items": [star_g, idle, sg]})
}

pub(crate) fn answer(method: Method) -> Answer {
    Ok(match method {
        Method::PimInterfaces {} => interfaces(),
        Method::PimNeighbors {} => neighbors(),
        Method::PimRps {} => rps(),
        Method::PimRp { group } if group.is_multicast() => json!({
            "group": group, "rp": "10.255.0.2", "is_me": false,
            "reason": "Of the RPs whose ranges have the group, 239.0.0.0/8 is the longest.",
        }),
        Method::Rpf { address, .. } => rpf(address),
        Method::IgmpInterfaces {} => igmp_interfaces(),
        Method::IgmpGroups { .. } => igmp_groups(),
        Method::Mroute { group, .. } if group != Some([239, 9, 9, 9].into()) => mroutes(),
        Method::Mroute { .. } => json!({"items": []}),
        Method::StatsProtocols {} => json!([
            {"interface": null, "counters": {"refused.groups": 3}},
            {"interface": "enp129s0f1np1", "counters": {
                "pim.rx.hello": 123456, "pim.drop.neighbor-not-allowed": 18446744073709551615_u64}},
        ]),
        other => {
            return Err(Failure {
                code: ErrorCode::Invalid,
                message: format!("no answer is written for {other:?}"),
                problems: vec![],
            });
        }
    })
}
