//! Plans between small topologies.

use super::{DaemonPlan, Made, Plan, Undone, What};
use crate::topology::model::Topology;
use crate::topology::parse;

const OLD: &str = "\
nodes:
  src: host
  r1: mcrd
  r2: mcrd
  rcv: host
links:
  - src -- r1: { net: 10.1.0.0/24 }
  - r1 -- r2: { net: 10.2.0.0/24 }
  - r2 -- rcv: { net: 10.3.0.0/24 }
segments:
  lan: { members: [r1, r2], net: 10.4.0.0/24 }
receivers:
  R: { at: rcv, interface: r2, group: 239.1.1.1 }
sources:
  S: { at: src, group: 239.1.1.1 }
";

fn read(text: &str) -> Topology {
    let text = format!("lab: 1\nname: plan\n{text}");
    let read = parse("plan.yaml".as_ref(), &text, &[], &|_| None);
    read.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

/// What it takes from `OLD` to the same with some words replaced.
fn plan(words: &[(&str, &str)]) -> Plan {
    let mut text = OLD.to_owned();
    for (old, new) in words {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    Plan::of(&read(OLD), &read(&text), &Undone::new())
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(super::Change::line).collect()
}

#[test]
fn the_same_takes_nothing() {
    let plan = plan(&[]);
    assert!(plan.changes.is_empty(), "{:?}", lines(&plan));
    assert!(plan.keeps_links(&read(OLD)));
    assert!(plan.links.iter().all(|link| link.made == Made::Kept));
    assert!(
        plan.nodes
            .iter()
            .all(|node| node.daemon == DaemonPlan::Keep)
    );
}

#[test]
fn a_node_and_its_link_come_and_go() {
    let come = [
        ("  r2: mcrd\n", "  r0: kernel\n  r2: mcrd\n"),
        ("links:\n", "links:\n  - r0 -- r1: { net: 10.9.0.0/24 }\n"),
    ];
    let there = plan(&come);
    assert_eq!(lines(&there), ["+ link r0--r1", "+ node r0  kernel"]);
    assert_eq!(there.links[1].was.map(|link| link.0), Some(0));
    assert_eq!(there.nodes[3].was.map(|node| node.0), Some(2));
    assert!(!there.keeps_links(&read(OLD)));
    let gone = [
        ("  rcv: host\n", ""),
        ("  - r2 -- rcv: { net: 10.3.0.0/24 }\n", ""),
    ];
    let gone = plan(&[
        gone[0],
        gone[1],
        ("R: { at: rcv, interface: r2", "R: { at: src, interface: r1"),
    ]);
    assert_eq!(
        lines(&gone),
        [
            "- node rcv  host",
            "- link r2--rcv",
            "~ receiver R  is another; begins again where it runs",
        ]
    );
    assert!(gone.receivers[0].again && !gone.receivers[0].start);
}

#[test]
fn what_a_running_link_cannot_become_is_made_anew() {
    let cases = [
        (
            "net: 10.2.0.0/24",
            "net: 10.2.0.0/24, mtu: 1400",
            "mtu 1500 -> 1400",
        ),
        (
            "net: 10.2.0.0/24",
            "net: 10.2.0.0/24, delay: 1ms",
            "over a wire now",
        ),
        ("r1 -- r2", "r1:up -- r2", "other interfaces"),
        (
            "members: [r1, r2]",
            "members: [r1, r2], snooping: true",
            "other snooping",
        ),
    ];
    for (old, new, why) in cases {
        let plan = plan(&[(old, new)]);
        let anew = plan.changes.iter().find(|one| one.how.contains(why));
        assert!(anew.is_some(), "{new}: {:?}", lines(&plan));
        assert_eq!(plan.gone_links.len(), 1, "{new}");
    }
}

#[test]
fn what_can_be_changed_stays() {
    let address = plan(&[("net: 10.2.0.0/24", "net: 10.5.0.0/24")]);
    assert_eq!(
        lines(&address),
        [
            "~ addresses r1:r2  10.2.0.1/24 -> 10.5.0.1/24",
            "~ addresses r2:r1  10.2.0.2/24 -> 10.5.0.2/24",
        ]
    );
    assert!(address.gone_links.is_empty() && address.hint.is_none());
    let metric = plan(&[("net: 10.2.0.0/24", "net: 10.2.0.0/24, metric: 7")]);
    assert_eq!(lines(&metric), ["~ routes r1--r2  metric 10 -> 7"]);
    let member = plan(&[("members: [r1, r2]", "members: [r1, r2, rcv]")]);
    let text = lines(&member).join("\n");
    assert!(text.contains("~ segment lan  rcv joins"), "{text}");
    let config = plan(&[(
        "r2: mcrd",
        "r2: { kind: mcrd, config: { log: { level: debug } } }",
    )]);
    assert_eq!(
        lines(&config),
        ["~ daemon r2  takes its new configuration while it runs"]
    );
    assert_eq!(config.nodes[2].daemon, DaemonPlan::Reload);
    let kind = plan(&[("r2: mcrd", "r2: kernel")]);
    assert_eq!(lines(&kind), ["~ daemon r2  mcrd -> kernel"]);
    let rate = plan(&[("S: { at: src", "S: { rate: 7pps, at: src")]);
    assert_eq!(
        lines(&rate),
        ["~ source S  is another; begins again where it runs"]
    );
}

#[test]
fn addresses_that_move_are_told_and_why() {
    let before = "nodes: { a: kernel, b: kernel, c: kernel }\nlinks:\n  - a -- b\n";
    let after = "nodes: { a: kernel, b: kernel, c: kernel }\nlinks:\n  - b -- c\n  - a -- b\n";
    let plan = Plan::of(&read(before), &read(after), &Undone::new());
    let text = lines(&plan).join("\n");
    assert!(text.contains("~ addresses a:b  "), "{text}");
    assert!(plan.hint.is_some());
    let after = "nodes: { a: kernel, b: kernel, c: kernel }\nlinks:\n  - a -- b\n  - b -- c\n";
    let plan = Plan::of(&read(before), &read(after), &Undone::new());
    assert_eq!(lines(&plan), ["+ link b--c"]);
    let before = "nodes: { a: { kind: mcrd, lo: auto } }\n";
    let plan = Plan::of(
        &read(before),
        &read("nodes: { b: { kind: mcrd, lo: auto }, a: { kind: mcrd, lo: auto } }\n"),
        &Undone::new(),
    );
    let text = lines(&plan).join("\n");
    assert!(
        text.contains("~ node a  other loopback addresses"),
        "{text}"
    );
    assert!(plan.hint.is_some());
}

#[test]
fn what_was_left_undone_is_done_the_next_time() {
    let old = read(OLD);
    let cases = [
        (
            What::Link,
            "r1--r2",
            "~ link r1--r2  made anew: it was left unfinished",
        ),
        (
            What::Segment,
            "lan",
            "~ segment lan  made anew: it was left unfinished",
        ),
        (
            What::Daemon,
            "r1",
            "~ daemon r1  restarted: it was left unfinished",
        ),
        (What::Node, "r1", "~ node r1  it was left unfinished"),
        (What::Source, "S", "~ source S  was left unfinished"),
        (
            What::Addresses,
            "r1:r2",
            "~ addresses r1:r2  10.2.0.1/24 -> 10.2.0.1/24",
        ),
        (
            What::Routes,
            "unicast",
            "~ routes unicast  they were left unfinished",
        ),
    ];
    for (what, name, line) in cases {
        let undone = Undone::from([(what, name.to_owned())]);
        let plan = Plan::of(&old, &old, &undone);
        assert!(
            lines(&plan).contains(&line.to_owned()),
            "{:?}",
            lines(&plan)
        );
    }
    let undone = Undone::from([(What::Link, "gone".to_owned())]);
    assert!(Plan::of(&old, &old, &undone).changes.is_empty());
}

/// A router of each kind, when one of its links is made anew and when it has
/// another address: which start again, and which take another configuration.
#[test]
fn daemons_that_do_not_follow_their_interfaces_start_again() {
    let old = "pim: {}\nnodes:\n  m: mcrd\n  f: frr\n  p: pimd\n  h: host\n  \
        s: { kind: smcroute, mroutes: { from: h, group: 239.1.1.1, to: m } }\n\
        links:\n  - m -- h: { net: 10.1.0.0/24 }\n  - f -- h: { net: 10.2.0.0/24 }\n  \
        - p -- h: { net: 10.3.0.0/24 }\n  - s -- h: { net: 10.4.0.0/24 }\n  - s -- m\n";
    let restarted = |new: &str| {
        let plan = Plan::of(&read(old), &read(new), &Undone::new());
        let kept = plan.nodes.iter().map(|node| node.daemon);
        kept.map(|daemon| daemon == DaemonPlan::Restart)
            .collect::<Vec<bool>>()
    };
    let anew = old.replace("0/24 }", "0/24, mtu: 1400 }");
    assert_eq!(restarted(&anew), [false, true, true, false, true]);
    let addresses = old.replace("net: 10.", "net: 10.9");
    assert_eq!(restarted(&addresses), [false, false, true, false, true]);
    assert_eq!(restarted(old), [false; 5]);
}
