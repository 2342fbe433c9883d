//! Nodes of each kind, and what is no key of theirs.

use super::good;
use super::mistakes::{Case, judge};
use crate::topology::model::{Kind, StaticMroute};

#[test]
fn static_routes_name_interfaces_by_what_they_lead_to() {
    let topology = good(
        "lab: 1\nnodes:\n  a: host\n  s: {kind: smcroute, mroutes: {from: a, group: 239.1.1.1, \
         source: '${a.ip}', to: [b, lan]}}\n  b: host\n\
         links: ['s:out -- b', 'a -- s:in']\nsegments: {lan: [s]}\n",
    );
    let want = StaticMroute {
        from: "in".to_owned(),
        group: [239, 1, 1, 1].into(),
        source: Some([10, 0, 1, 1].into()),
        to: vec!["out".to_owned(), "lan".to_owned()],
    };
    let mroutes = vec![want];
    assert_eq!(topology.nodes[1].kind, Kind::Smcroute { mroutes });
}

/// IGMP runs where hosts are; other routers are none.
#[test]
fn routers_without_pim_are_no_hosts() {
    let topology =
        good("lab: 1\npim: {}\nnodes: {r: mcrd, k: kernel, h: host}\nlinks: [r -- k, r -- h]\n");
    let router = topology.nodes[0].router.as_ref().expect("a router");
    let igmp: Vec<&str> = router
        .igmp
        .iter()
        .map(|interface| &*interface.name)
        .collect();
    assert_eq!(igmp, ["h"]);
    assert!(topology.nodes[1].router.is_none());
}

const MISTAKES: &[Case] = &[
    (
        "nodes: {a: smcroute}\n",
        1,
        "`a` has no `mroutes`",
        "write `mroutes: [{from: a, group: 239.1.1.1, to: b}]`",
    ),
    (
        "nodes: {a: {kind: kernel, mroutes: []}}\n",
        1,
        "only a node of kind smcroute has `mroutes`",
        "",
    ),
    (
        "nodes: {a: {kind: smcroute, mroutes: {from: b, group: 239.1.1.1, to: c}}, b: host}\n\
         links: [a -- b]\n",
        1,
        "there is no interface of `a` named `c`",
        "known: b",
    ),
    (
        "nodes: {a: {kind: smcroute, mroutes: {from: b, group: 10.1.1.1, to: b}}}\n",
        1,
        "expected a multicast address, 224.0.0.0 to 239.255.255.255, found `10.1.1.1`",
        "",
    ),
    (
        "nodes: {k: kernel}\nsteps: [{daemon: {kill: k}}]\n",
        2,
        "`k` is a kernel without daemon",
        "",
    ),
    (
        "nodes: {k: kernel}\nsteps: [{expect: {rp: {at: k, group: 239.1.1.1, is: none}}}]\n",
        2,
        "`k` is no router that tells its state",
        "routers of kind mcrd and frr do, where there is `pim`",
    ),
];

#[test]
fn mistakes() {
    judge("lab: 1\n", MISTAKES);
}
