//! Settings of routers of any kind, and what follows from them.

use std::time::Duration;

use serde_json::json;

use super::good;
use crate::topology::model::{Kind, Topology};

const LAB: &str = "
lab: 1
name: t
timers: { profile: fast, join_prune: 4s }
unicast: { mode: oracle, delay: 100ms }
pim:
  rp: { address: \"${r2.lo}\", groups: 239.0.0.0/8 }
  spt_switch: never
igmp: { query_interval: 7s }
nodes:
  h: host
  r1:
    kind: mcrd
    pim: { interfaces: { r2: { dr_priority: 9 } } }
    igmp: { interfaces: { h: { immediate_leave: true } } }
    config: { pim: { keepalive_period: 99 } }
  r2: frr
  far: custom
kinds: { custom: { cmd: sleep 100 } }
links: [h -- r1, r1 -- r2, r2 -- far]
";

fn config(topology: &Topology, node: usize) -> &serde_json::Value {
    match &topology.nodes[node].kind {
        Kind::Mcrd { config } => config,
        Kind::Host | Kind::Frr | Kind::Pimd | Kind::Custom(_) => panic!("no mcrd"),
    }
}

#[test]
fn mcrd_gets_its_sections_and_its_own_config_upon_them() {
    let topology = good(LAB);
    let pim = &config(&topology, 1)["pim"];
    assert_eq!(
        pim["rp"],
        json!({"static": [{"address": "10.255.0.3", "groups": ["239.0.0.0/8"]}]})
    );
    assert_eq!(pim["spt_switch"], "never");
    assert_eq!(pim["join_prune_interval"], 4.0);
    assert_eq!(pim["keepalive_period"], 99);
    let interfaces = &pim["interfaces"];
    assert_eq!(interfaces["r2"]["dr_priority"], 9);
    assert_eq!(interfaces["h"]["hello_interval"], 1.0);
    // IGMP is where a host is.
    let igmp = &config(&topology, 1)["igmp"]["interfaces"];
    assert_eq!(igmp.as_object().unwrap().len(), 1);
    assert_eq!(igmp["h"]["query_interval"], 7.0);
    assert_eq!(igmp["h"]["immediate_leave"], true);
    assert_eq!(igmp["h"]["query_response_interval"], 1.0);
}

#[test]
fn routers_of_other_kinds_have_the_same_settings() {
    let topology = good(LAB);
    let router = topology.nodes[2].router.as_ref().unwrap();
    assert!(router.never_switch);
    assert_eq!(router.timers.join_prune, Some(Duration::from_secs(4)));
    let names: Vec<&str> = router.pim.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["r1", "far"]);
    assert_eq!(router.igmp.len(), 1, "a custom node may be a host");
    assert_eq!(topology.nodes[2].loopback.len(), 1, "a loopback of its own");
    assert_eq!(topology.oracle, Some(Duration::from_millis(100)));
    assert!(topology.nodes[0].router.is_none());
}

#[test]
fn without_pim_there_is_no_router_and_no_section() {
    let topology = good("lab: 1\nnodes: { r1: mcrd, h: host }\nlinks: [r1 -- h]\n");
    assert!(topology.nodes[0].router.is_none());
    assert!(topology.nodes[0].loopback.is_empty());
    assert_eq!(*config(&topology, 0), json!({}));
    assert_eq!(topology.oracle, None);
}

#[test]
fn interfaces_can_be_left_out_and_put_in() {
    let topology = good(
        "
lab: 1
pim: { interfaces: {} }
nodes:
  r1:
    kind: mcrd
    pim: { interfaces: { h: { enabled: false } } }
    igmp: { interfaces: { r2: { enabled: true }, h: { enabled: false } } }
  r2: mcrd
  h: host
links: [r1 -- h, r1 -- r2]
",
    );
    let router = topology.nodes[0].router.as_ref().unwrap();
    let pim: Vec<&str> = router.pim.iter().map(|one| one.name.as_str()).collect();
    let igmp: Vec<&str> = router.igmp.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((pim, igmp), (vec!["r2"], vec!["r2"]));
}
