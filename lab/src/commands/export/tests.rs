//! What containerlab is given.

use serde_json::Value;

use super::containerlab;
use crate::topology::parse;

const LAB: &str = "\
lab: 1
name: clab
unicast: oracle
nodes:
  src: { kind: host, env: { WHO: me } }
  r1: { kind: mcrd, lo: 10.255.0.1/32 }
  rcv: { kind: host, routes: default via 10.2.0.1 }
links:
  - src -- r1: { net: 10.1.0.0/24, mtu: 1400 }
  - r1 -- rcv: { net: 10.2.0.0/24, loss: 5% }
segments:
  lan: { members: [src, r1], net: 10.3.0.0/24, snooping: true }
receivers:
  R: { at: rcv, group: 239.1.1.1 }
steps:
  - join: R
";

#[test]
fn nodes_links_and_segments_are_containerlabs() {
    let read = parse("clab.yaml".as_ref(), LAB, &[], &|_| None);
    let topology = read.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let (text, missing) = containerlab(&topology, "mcr:latest");
    let file: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(file["name"], "clab");
    let nodes = file["topology"]["nodes"].as_object().unwrap();
    let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
    assert_eq!(names, ["src", "r1", "rcv", "lan-lan"]);
    assert_eq!(nodes["r1"]["image"], "mcr:latest");
    assert_eq!(nodes["src"]["env"]["WHO"], "me");
    assert!(nodes.values().all(|node| node["kind"] == "linux"));
    let does = |node: &str, command: &str| {
        let exec = nodes[node]["exec"].as_array().unwrap();
        assert!(exec.iter().any(|one| one == command), "{node}: {exec:?}");
    };
    does("r1", "ip address add 10.255.0.1/32 dev lo");
    does("r1", "ip address add 10.1.0.2/24 dev src");
    does("r1", "sysctl -w net.ipv4.ip_forward=1");
    does("rcv", "ip route replace 0.0.0.0/0 via 10.2.0.1");
    does(
        "lan-lan",
        "ip link add br0 type bridge mcast_snooping 1 mcast_querier 0",
    );
    does("lan-lan", "ip link set dev p1 master br0 up");
    // Every end is an interface of a node, and no interface is used twice.
    let links = file["topology"]["links"].as_array().unwrap();
    let ends = links
        .iter()
        .flat_map(|link| link["endpoints"].as_array().unwrap());
    let mut ends: Vec<&str> = ends.map(|end| end.as_str().unwrap()).collect();
    assert_eq!(links.len(), 4);
    assert_eq!(links[0]["mtu"], 1400);
    assert!(
        ends.iter()
            .all(|end| nodes.contains_key(end.split(':').next().unwrap()))
    );
    let all = ends.len();
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), all);
    let missing = missing.join("\n");
    for part in [
        "mcrd: ",
        "r1--rcv",
        "receivers are not in it: R",
        "1 steps",
        "unicast",
    ] {
        assert!(missing.contains(part), "{part}: {missing}");
    }
}
