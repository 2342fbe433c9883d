//! Right trees that were found by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Sending, Situation, Tables, World, differences, forwarded, right, told};
use crate::assertion::router::Mroute;
use crate::topology;
use crate::topology::model::{LinkId, NodeId, Topology};

/// A diamond with the RP off the shortest path, and a LAN with two routers and
/// another one behind them.
const FILE: &str = r#"
lab: 1
name: diamond
unicast: oracle
pim: { rp: "${rp.lo}", SWITCH }
nodes:
  src: host
  r1: mcrd
  mid: mcrd
  rp: mcrd
  r4: mcrd
  r5: { kind: KIND, pim: { interfaces: { lan: { dr_priority: 9 } } } }
  deep: mcrd
  rcv: host
  far: host
links:
  - src -- r1
  - r1 -- mid
  - mid -- r4
  - r1 -- rp: { metric: 30 }
  - rp -- r4: { metric: 30 }
  - r4 -- r5: { metric: 50 }
  - deep -- far
segments:
  lan: { members: [r4, r5, deep, rcv] }
receivers:
  R: { at: rcv, group: [239.1.1.1, 232.1.1.1] }
  F: { at: far, group: 239.1.1.1 }
  X: { at: far, group: 232.1.1.1, source: "${src.ip}" }
sources:
  S: { at: src, group: [239.1.1.1, 232.1.1.1], rate: 10pps }
"#;
const ASM: &str = "239.1.1.1";
const SSM: &str = "232.1.1.1";

fn lab(switch: &str, kind: &str) -> Topology {
    let text = FILE.replace("SWITCH", switch).replace("KIND", kind);
    let parsed = topology::parse(Path::new("lab.yaml"), &text, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn node(topology: &Topology, name: &str) -> NodeId {
    NodeId(
        topology
            .nodes
            .iter()
            .position(|node| node.name == name)
            .unwrap(),
    )
}

fn link(topology: &Topology, name: &str) -> LinkId {
    LinkId(
        topology
            .links
            .iter()
            .position(|link| link.name == name)
            .unwrap(),
    )
}

fn answer(
    topology: &Topology,
    situation: &Situation,
    joined: &[&str],
    group: &str,
    seen: &Sending,
) -> Result<String, String> {
    let of = |name: &&str| topology.receivers.iter().position(|one| one.name == **name);
    let joined: BTreeSet<usize> = joined.iter().filter_map(of).collect();
    let world = World::new(topology, situation, &joined)?;
    let right = right(&world, 0, group.parse().unwrap(), seen)?;
    Ok(told(topology, &right))
}

fn quiet(topology: &Topology, joined: &[&str], group: &str) -> String {
    let nothing = Sending::new();
    answer(topology, &Situation::default(), joined, group, &nothing).unwrap()
}

/// The DR is r5, whose way to the source leads over the LAN: r4 forwards there.
#[test]
fn last_hops_take_the_way_to_the_source() {
    for kind in ["mcrd", "frr"] {
        let lab = lab("spt_switch: immediate", kind);
        assert_eq!(
            quiet(&lab, &["F"], ASM),
            "r1 src -> mid, mid r1 -> r4, r4 mid -> lan, deep lan -> far"
        );
        assert_eq!(quiet(&lab, &["X"], SSM), quiet(&lab, &["F"], ASM));
        assert_eq!(quiet(&lab, &[], ASM), "no router forwards");
        // IGMPv3 without a source means nothing to an SSM group.
        assert_eq!(quiet(&lab, &["R"], SSM), "no router forwards");
    }
}

#[test]
fn without_a_switch_packets_come_by_the_rp() {
    let lab = lab("spt_switch: never", "mcrd");
    assert_eq!(
        quiet(&lab, &["F"], ASM),
        "r1 src -> rp, rp r1 -> r4, r4 rp -> lan, deep lan -> far"
    );
}

#[test]
fn what_is_down_is_gone_round() {
    let lab = lab("spt_switch: immediate", "mcrd");
    let ends = lab.links[link(&lab, "mid--r4").0].ends.clone();
    let down = Situation {
        down: BTreeSet::from([ends[0]]),
        eventful: true,
        ..Situation::default()
    };
    let nothing = Sending::new();
    let by_rp = "r1 src -> rp, rp r1 -> r4, r4 rp -> lan, deep lan -> far";
    assert_eq!(answer(&lab, &down, &["F"], ASM, &nothing).unwrap(), by_rp);
    let stopped = Situation {
        stopped: BTreeSet::from([node(&lab, "deep")]),
        ..Situation::default()
    };
    let told = answer(&lab, &stopped, &["F"], ASM, &nothing).unwrap();
    assert_eq!(told, "no router forwards");
    let lost = Situation {
        stopped: BTreeSet::from([node(&lab, "rp")]),
        ..Situation::default()
    };
    let told = answer(&lab, &lost, &["F"], ASM, &nothing).unwrap_err();
    assert!(told.contains("does not reach the RP"), "{told}");
}

/// Both routers of the LAN are asked, one by its members and one by a router
/// below: the better way wins, and after a change whoever has won before.
#[test]
fn an_assert_is_won_by_the_better_way_or_by_who_was_there() {
    let lab = lab("spt_switch: immediate", "mcrd");
    let (r4, r5, lan) = (node(&lab, "r4"), node(&lab, "r5"), link(&lab, "lan"));
    let nothing = Sending::new();
    let best = answer(&lab, &Situation::default(), &["X"], SSM, &nothing).unwrap();
    assert!(best.contains("r4 mid -> lan"), "{best}");
    assert_ne!(r4, r5);
    let eventful = Situation {
        eventful: true,
        ..Situation::default()
    };
    // r5 cannot be the forwarder: its own way leads over the LAN.
    let seen = Sending::from([(lan, BTreeSet::from([r5]))]);
    assert_eq!(answer(&lab, &eventful, &["X"], SSM, &seen).unwrap(), best);
}

#[test]
fn tables_are_followed_and_compared() {
    let lab = lab("spt_switch: immediate", "mcrd");
    let nothing = Situation::default();
    let joined = BTreeSet::from([1]);
    let world = World::new(&lab, &nothing, &joined).unwrap();
    let group = ASM.parse().unwrap();
    let right = right(&world, 0, group, &Sending::new()).unwrap();
    let entry = |iif: &str, oif: &str| {
        vec![Mroute {
            source: Some("10.0.0.1".parse().unwrap()),
            group: Some(group),
            iif: Some(iif.to_owned()),
            oif: BTreeSet::from([oif.to_owned()]),
            spt: Some(true),
            ..Mroute::default()
        }]
    };
    let source = (
        node(&lab, "src"),
        "10.0.0.1".parse().unwrap(),
        link(&lab, "src--r1"),
    );
    let mut tables: Tables = BTreeMap::from([
        (node(&lab, "r1"), entry("src", "mid")),
        (node(&lab, "mid"), entry("r1", "r4")),
        (node(&lab, "r4"), entry("mid", "lan")),
        (node(&lab, "deep"), entry("lan", "far")),
    ]);
    let (seen, sending) = forwarded(&lab, &tables, source, group);
    assert_eq!(differences(&lab, &right, &seen), Vec::<String>::new());
    assert_eq!(
        sending[&link(&lab, "lan")],
        BTreeSet::from([node(&lab, "r4")])
    );
    // What nobody brings is not forwarded, whatever the table says.
    tables.insert(node(&lab, "mid"), entry("rp", "r4"));
    let (seen, _) = forwarded(&lab, &tables, source, group);
    assert_eq!(
        differences(&lab, &right, &seen),
        [
            "mid forwards nothing; the model r1 -> r4",
            "r4 forwards nothing; the model mid -> lan",
            "deep forwards nothing; the model lan -> far",
        ]
    );
    tables.insert(node(&lab, "mid"), entry("r1", "r4"));
    tables.insert(node(&lab, "r1"), entry("src", "rp"));
    let (seen, _) = forwarded(&lab, &tables, source, group);
    let told = differences(&lab, &right, &seen);
    assert_eq!(told[0], "r1 forwards src -> rp; the model src -> mid");
}

/// A segment is up whoever is on it; a source whose own end is down sends nothing.
#[test]
fn a_source_without_its_interface_sends_nothing() {
    let text = "lab: 1\nname: cut\nunicast: oracle\npim: { rp: \"${r1.lo}\" }\n\
        nodes: { s: host, r1: mcrd, h: host }\nsegments: { a: [s, r1], b: [r1, h] }\n\
        receivers: { R: { at: h, group: 239.1.1.1 } }\n\
        sources: { S: { at: s, group: 239.1.1.1 } }\n";
    let lab = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let joined = BTreeSet::from([0]);
    let links = |situation: &Situation| {
        let world = World::new(&lab, situation, &joined).unwrap();
        let group = ASM.parse().unwrap();
        right(&world, 0, group, &Sending::new()).unwrap().links
    };
    let both = BTreeSet::from([link(&lab, "a"), link(&lab, "b")]);
    assert_eq!(links(&Situation::default()), both);
    let cut = |of: &str| Situation {
        down: [(node(&lab, of), 0)].into(),
        ..Situation::default()
    };
    assert!(links(&cut("s")).is_empty());
    assert_eq!(links(&cut("r1")), BTreeSet::from([link(&lab, "a")]));
}

/// r2 is on the source's link and on the RP tree: the packets need not go by the RP,
/// though its way to the source is another one.
#[test]
fn a_router_beside_the_source_takes_its_packets_there() {
    let text = "lab: 1\nname: beside\nunicast: oracle\n\
        pim: { rp: \"${rp.lo}\", spt_switch: never }\n\
        nodes: { s: host, r1: mcrd, r2: mcrd, rp: mcrd, h: host }\n\
        links: [rp -- r1, rp -- r2: { metric: 20 }]\n\
        segments: { a: [s, r1, r2], b: [r2, h] }\n\
        receivers: { R: { at: h, group: 239.1.1.1 } }\n\
        sources: { S: { at: s, group: 239.1.1.1 } }\n";
    let lab = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    assert_eq!(quiet(&lab, &["R"], ASM), "r2 a -> b");
}

/// The way to the source is a dead end, and leads over the members' link: packets
/// that come down the RP tree leave by it all the same.
#[test]
fn what_comes_down_the_rp_tree_leaves_by_the_way_to_the_source() {
    let text = "lab: 1\nname: dead-end\nunicast: oracle\npim: { rp: \"${r1.lo}\" }\n\
        nodes: { s: host, r1: mcrd, r2: mcrd, h: host }\n\
        segments: { a: [s, r1], b: [r1, r2], c: [r2, h] }\n";
    let lab = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let (source, group) = ("10.128.0.1".parse().unwrap(), ASM.parse().unwrap());
    let entry = |of, iif: &str, oif: &[&str]| Mroute {
        source: of,
        group: Some(group),
        iif: Some(iif.to_owned()),
        oif: oif.iter().map(|name| (*name).to_owned()).collect(),
        joined: Some(true),
        spt: Some(of.is_some() && iif == "a"),
        register: None,
        asserts: None,
    };
    let tables = Tables::from([
        (node(&lab, "r1"), vec![entry(Some(source), "a", &["b"])]),
        (
            node(&lab, "r2"),
            vec![entry(None, "b", &["c"]), entry(Some(source), "c", &[])],
        ),
    ]);
    let start = (node(&lab, "s"), source, link(&lab, "a"));
    let (seen, _) = forwarded(&lab, &tables, start, group);
    let way = (link(&lab, "b"), BTreeSet::from([link(&lab, "c")]));
    assert_eq!(seen[&node(&lab, "r2")], way);
}

/// A router takes for neighbours whom it may, and knows no more of a passive one
/// than of a host.
#[test]
fn routers_hear_those_that_they_may() {
    let text = "lab: 1\nname: lan\nunicast: oracle\npim: {}\n\
        nodes:\n  r1: mcrd\n  r2: { kind: frr, pim: { interfaces: { a: { dr_priority: 9 } } } }\n  \
        r3: { kind: mcrd, config: { pim: { interfaces: { a: { neighbors: [10.128.0.1/32] } } } } }\n  \
        r4: { kind: mcrd, pim: { interfaces: { a: { passive: true } } } }\n\
        segments: { a: [r1, r2, r3, r4] }\n";
    let lab = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let told = |situation: &Situation, of: &str| {
        let nobody = BTreeSet::new();
        let world = World::new(&lab, situation, &nobody).unwrap();
        let heard = world.neighbors(node(&lab, of)).into_iter();
        let heard = heard.map(|(_, address)| address.octets()[3]);
        let designated = world.designated_routers(node(&lab, of)).into_iter();
        let designated = designated.map(|(_, address)| address.octets()[3]);
        (heard.collect::<Vec<u8>>(), designated.collect::<Vec<u8>>())
    };
    let all = Situation::default();
    assert_eq!(told(&all, "r1"), (vec![2, 3], vec![2]));
    assert_eq!(told(&all, "r2"), (vec![1, 3], vec![2]));
    assert_eq!(told(&all, "r3"), (vec![1], vec![3]));
    assert_eq!(told(&all, "r4"), (vec![], vec![]));
    let stopped = Situation {
        stopped: BTreeSet::from([node(&lab, "r2")]),
        ..Situation::default()
    };
    assert_eq!(told(&stopped, "r1"), (vec![3], vec![3]));
    let cut = Situation {
        down: [(node(&lab, "r3"), 0)].into(),
        ..Situation::default()
    };
    assert_eq!(told(&cut, "r1"), (vec![2], vec![2]));
    assert_eq!(told(&cut, "r3"), (vec![], vec![]));
}

/// A wire that lets nothing through is no link that is down: OSPF learns of it by
/// silence, after a time.
#[test]
fn where_ospf_goes_round_silence_is_not_known() {
    let text = "lab: 1\nname: deaf\nunicast: frr-ospf\npim: { rp: \"${r1.lo}\" }\n\
        nodes: { s: host, r1: mcrd, r2: mcrd, h: host }\n\
        links: [s -- r1, r2 -- h]\nsegments: { lan: [r1, r2] }\n\
        steps: [{ fault: { \"r1:lan\": { dir: { lan>r1: { loss: 100% } } } } }, \
        { heal: \"r1:lan\" }]\n";
    let lab = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let mut situation = Situation::default();
    let joined = BTreeSet::new();
    let told = |situation: &Situation| World::new(&lab, situation, &joined).err();
    assert_eq!(told(&situation), None);
    situation.change(&lab, &lab.steps[0].actions[0]);
    let why = told(&situation).unwrap();
    assert!(why.contains("the wire of r1:lan"), "{why}");
    situation.change(&lab, &lab.steps[1].actions[0]);
    assert_eq!(told(&situation), None);
}
