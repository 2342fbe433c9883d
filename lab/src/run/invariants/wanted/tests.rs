//! Receivers, routers and members that make a link wanted, and links that are not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use super::Known;
use crate::assertion::router::{Group, Mroute};
use crate::reference::{Situation, Tables, configured_members};
use crate::topology;
use crate::topology::model::{LinkId, NodeId, Topology};

const GROUP: &str = "239.1.1.1";
const SOURCE: &str = "10.0.0.1";

/// Links in this order: src--r1, r1--r2, r1--r3, r2--rcv, r3--h.
fn lab(r3: &str) -> Topology {
    let text = format!(
        "lab: 1\nname: tree\nunicast: oracle\npim: {{ rp: \"${{r1.lo}}\" }}\n\
        nodes: {{ src: host, r1: mcrd, r2: mcrd, r3: {r3}, rcv: host, h: host }}\n\
        links: [src -- r1, r1 -- r2, r1 -- r3, r2 -- rcv, r3 -- h]\n\
        receivers: {{ R: {{ at: rcv, group: {GROUP} }} }}\n\
        sources: {{ S: {{ at: src, group: {GROUP} }} }}\n"
    );
    let parsed = topology::parse(Path::new("lab.yaml"), &text, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn entry(of: Option<&str>, iif: &str, oif: &str, joined: bool) -> Mroute {
    Mroute {
        source: of.map(ip),
        group: Some(ip(GROUP)),
        iif: Some(iif.to_owned()),
        oif: oif.split_whitespace().map(str::to_owned).collect(),
        joined: Some(joined),
        spt: Some(of.is_some()),
        ..Mroute::default()
    }
}

/// R has joined, and r2 for it.
fn known(topology: &Topology) -> Known<'_> {
    Known {
        topology,
        joined: BTreeSet::from([0]),
        configured: BTreeSet::new(),
        members: BTreeMap::new(),
        tables: Tables::from([
            (NodeId(1), vec![entry(Some(SOURCE), "src", "r2", false)]),
            (NodeId(2), vec![entry(Some(SOURCE), "r1", "rcv", true)]),
            (NodeId(3), Vec::new()),
        ]),
        silent: BTreeSet::new(),
    }
}

/// What is said of traffic on links at these positions.
fn traffic(known: &Known<'_>, links: &[usize]) -> Vec<String> {
    let links = links.iter().map(|at| LinkId(*at)).collect();
    known.unwanted(ip(GROUP), &links, &BTreeSet::from([0]))
}

fn unwanted(links: &[&str]) -> Vec<String> {
    let told = |link: &&str| {
        format!("{link} carries {GROUP}, which no receiver and no router there wants")
    };
    links.iter().map(told).collect()
}

#[test]
fn traffic_is_wanted_by_receivers_and_by_routers_that_have_joined() {
    let lab = lab("mcrd");
    let mut known = known(&lab);
    // Nobody need want it on the source's own link.
    assert_eq!(traffic(&known, &[0, 1, 3]), unwanted(&[]));
    assert_eq!(
        traffic(&known, &[0, 1, 2, 3, 4]),
        unwanted(&["r1--r3", "r3--h"])
    );
    known.joined.clear();
    assert_eq!(traffic(&known, &[0, 1, 3]), unwanted(&["r2--rcv"]));
    // It is a member's no more, and the router has left.
    let left = vec![entry(Some(SOURCE), "r1", "", false)];
    known.tables.insert(NodeId(2), left);
    assert_eq!(traffic(&known, &[1]), unwanted(&["r1--r2"]));
    known.silent.insert(NodeId(2));
    assert_eq!(traffic(&known, &[1, 3]), unwanted(&[]));
}

#[test]
fn a_source_is_pruned_off_the_rp_tree() {
    let lab = lab("mcrd");
    let mut known = known(&lab);
    let star = entry(None, "r1", "h", true);
    known.tables.insert(NodeId(3), vec![star.clone()]);
    assert_eq!(traffic(&known, &[2]), unwanted(&[]));
    let own = entry(Some(SOURCE), "h", "", true);
    let waits = Mroute {
        spt: Some(false),
        ..own.clone()
    };
    known.tables.insert(NodeId(3), vec![star.clone(), waits]);
    assert_eq!(traffic(&known, &[2]), unwanted(&[]));
    known.tables.insert(NodeId(3), vec![star, own]);
    assert_eq!(traffic(&known, &[2]), unwanted(&["r1--r3"]));
}

/// Of a kernel it is known what it forwards, and not whether it has joined.
#[test]
fn a_kernel_wants_what_it_forwards() {
    let lab = lab("kernel");
    let mut known = known(&lab);
    let mut kernel = entry(Some(SOURCE), "r1", "", false);
    (kernel.joined, kernel.spt) = (None, None);
    known.tables.insert(NodeId(3), vec![kernel.clone()]);
    assert_eq!(traffic(&known, &[2]), unwanted(&["r1--r3"]));
    kernel.oif = BTreeSet::from(["h".to_owned()]);
    known.tables.insert(NodeId(3), vec![kernel]);
    assert_eq!(traffic(&known, &[2]), unwanted(&[]));
}

#[test]
fn entries_lead_to_members_and_to_routers_that_have_joined() {
    let lab = lab("mcrd");
    let mut known = known(&lab);
    assert_eq!(known.leading_nowhere(), Vec::<String>::new());
    known.joined.clear();
    let nowhere = ["(10.0.0.1,239.1.1.1) at r2 leads to rcv, where nobody has joined"];
    assert_eq!(known.leading_nowhere(), nowhere);
    let member = |exclude, sources: &[&str]| Group {
        interface: "rcv".to_owned(),
        group: ip(GROUP),
        exclude,
        sources: sources.iter().map(|source| ip(source)).collect(),
        version: None,
    };
    for (member, wants) in [
        (member(true, &[]), true),
        (member(false, &[SOURCE]), true),
        (member(false, &["10.9.9.9"]), false),
    ] {
        known.members.insert(NodeId(2), vec![member]);
        assert_eq!(known.leading_nowhere().is_empty(), wants);
    }
    known.members.clear();
    known.configured.insert((LinkId(3), ip(GROUP)));
    assert_eq!(known.leading_nowhere(), Vec::<String>::new());
    // r3 has not joined, whatever r1 has of it.
    let more = vec![entry(Some(SOURCE), "src", "r2 r3", false)];
    known.tables.insert(NodeId(1), more);
    let nowhere = ["(10.0.0.1,239.1.1.1) at r1 leads to r3, where nobody has joined"];
    assert_eq!(known.leading_nowhere(), nowhere);
}

#[test]
fn members_may_be_configured() {
    let rules = "{ kind: mcrd, igmp: { interfaces: { h: { static_groups: { group: 239.2.2.2 } } } }, \
        config: { rules: [{ name: a, input: { interface: r1, group: 239.3.3.3 }, \
        outputs: [{ interface: h }] }] } }";
    let lab = lab(rules);
    let all = |situation: &Situation| configured_members(&lab, situation);
    let wanted = BTreeSet::from([(LinkId(4), ip("239.2.2.2")), (LinkId(2), ip("239.3.3.3"))]);
    assert_eq!(all(&Situation::default()), wanted);
    let stopped = Situation {
        stopped: BTreeSet::from([NodeId(3)]),
        ..Situation::default()
    };
    assert!(all(&stopped).is_empty());
}
