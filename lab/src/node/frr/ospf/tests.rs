//! What ospfd reads.

use std::path::Path;

use super::config;
use crate::topology::model::Topology;
use crate::topology::parse;

const LAB: &str = "lab: 1\nunicast: frr-ospf\npim: {}\n\
    nodes: {h: host, r1: frr, r2: mcrd, k: kernel, c: {kind: custom, cmd: cat}}\n\
    links: [h -- r1, r1 -- r2: {metric: 7}, r2 -- c]\nsegments: {lan: [r1, k]}\n";

fn lab() -> Topology {
    let read = parse(Path::new("lab.yaml"), LAB, &[], &|_| None);
    read.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

#[test]
fn all_interfaces_are_in_it_and_hosts_hear_nothing() {
    let lab = lab();
    let ospf = lab.nodes[1].ospf.as_ref().expect("OSPF");
    let text = config("r1", ospf);
    for part in [
        "hostname r1\n",
        "interface r2\n ip ospf cost 7\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n \
         ip ospf retransmit-interval 1\n ip ospf network point-to-point\n",
        "interface lan\n ip ospf cost 10\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n ip ospf retransmit-interval 1\n!\n",
        " ospf router-id 10.255.0.2\n",
        " ip ospf network point-to-point\n ip ospf passive\n!\ninterface r2\n",
        " network 10.0.0.2/24 area 0\n network 10.0.1.1/24 area 0\n",
        " network 10.255.0.2/32 area 0\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert_eq!(text.matches("passive").count(), 1, "{text}");
}

#[test]
fn every_router_speaks_it_and_hosts_have_a_way_out() {
    let lab = lab();
    let speaks: Vec<bool> = lab.nodes.iter().map(|node| node.ospf.is_some()).collect();
    assert_eq!(speaks, [false, true, true, true, false]);
    let ids: Vec<String> = lab
        .nodes
        .iter()
        .filter_map(|node| node.ospf.as_ref())
        .map(|ospf| ospf.router_id.to_string())
        .collect();
    // The kernel has no loopback address: the one of its interface.
    assert_eq!(ids, ["10.255.0.2", "10.255.0.3", "10.128.0.2"]);
    let ways: Vec<usize> = lab.nodes.iter().map(|node| node.routes.len()).collect();
    assert_eq!(ways, [1, 0, 0, 0, 1]);
}
