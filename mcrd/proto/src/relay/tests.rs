//! The relay step by step; the comparison with a naive model is in `model`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::rule::tests::{input, name, output};
use super::*;
use crate::id::{IpProtocol, Port, UnicastAddr};

mod model;

fn host(text: &str) -> UnicastAddr {
    text.parse::<Ipv4Addr>().unwrap().try_into().unwrap()
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn interface(number: u32, name: &str) -> Interface {
    Interface {
        index: index(number),
        name: name.parse().unwrap(),
        up: true,
        mtu: 1500,
        mac: MacAddr([2, 0, 0, 0, 0, u8::try_from(number).unwrap()]),
        addresses: vec![format!("10.0.{number}.1/24").parse().unwrap()],
        multicast: true,
    }
}

fn present(relay: &mut Relay, interface: Interface) {
    relay.interface_changed(InterfaceChange::Present(interface));
}

fn gone(relay: &mut Relay, number: u32) {
    relay.interface_changed(InterfaceChange::Gone(index(number)));
}

fn drain(relay: &mut Relay) -> Vec<Output> {
    std::iter::from_fn(|| relay.poll_output()).collect()
}

fn rule(text: &str, input: RelayInput, outputs: Vec<RelayOutput>) -> RelayRule {
    RelayRule::new(name(text), input, outputs).unwrap()
}

fn simple(text: &str, group: &str) -> RelayRule {
    rule(text, input("in0", group), vec![output("out0")])
}

fn join(number: u32, group: &str, source: Option<&str>) -> Membership {
    Membership {
        interface: index(number),
        group: group.parse::<Ipv4Addr>().unwrap().try_into().unwrap(),
        source: source.map(host),
    }
}

/// A relay that knows `in0` (1) and `out0` (2).
fn relay() -> Relay {
    let mut relay = Relay::new();
    present(&mut relay, interface(1, "in0"));
    present(&mut relay, interface(2, "out0"));
    relay
}

fn egress(relay: &Relay, rule: &str) -> Vec<Egress> {
    let rule = relay.rule(&name(rule)).unwrap();
    let iif = relay.interfaces.index(&rule.input.interface).unwrap();
    let entry = relay.fib(iif).get(&rule.input.key(iif)).unwrap();
    entry.outputs.iter().map(|output| output.egress).collect()
}

#[test]
fn a_rule_becomes_an_entry_and_a_membership() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    let key = input("in0", "239.1.1.1").key(index(1));
    let entry = FibEntry {
        rule: name("a"),
        outputs: vec![FibOutput {
            egress: Egress::Ready {
                oif: index(2),
                source_mac: MacAddr([2, 0, 0, 0, 0, 2]),
                destination_mac: MacAddr([0x01, 0, 0x5e, 1, 1, 1]),
                mtu: 1500,
            },
            rewrite: Rewrite {
                source: Some(Ipv4Addr::new(10, 0, 2, 1)),
                source_port: None,
                destination: None,
                port: None,
                ttl: TtlRewrite::Set(crate::id::Ttl::new(16).unwrap()),
                dscp: None,
            },
        }],
    };
    let joined = join(1, "239.1.1.1", None);
    assert_eq!(
        drain(&mut relay),
        [
            Output::Join(joined),
            Output::Fib(FibUpdate::Set(key, entry))
        ]
    );
    assert!(relay.waiting(&name("a")).is_empty());

    let removed = relay.remove(&[name("a")]).unwrap();
    assert_eq!(removed, [simple("a", "239.1.1.1")]);
    assert_eq!(
        drain(&mut relay),
        [Output::Fib(FibUpdate::Remove(key)), Output::Leave(joined)]
    );
    assert!(relay.is_empty() && relay.fib(index(1)).is_empty());
    assert_eq!(relay.named_interfaces().count(), 0);
}

#[test]
fn a_set_of_rules_is_added_whole_or_not_at_all() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    let refusals = relay
        .add(vec![
            simple("a", "239.1.1.9"),
            simple("b", "239.1.1.1"),
            simple("c", "239.1.1.2"),
            simple("d", "239.1.1.2"),
        ])
        .unwrap_err();
    let same = |rule, other| Refusal::SameInput {
        rule: name(rule),
        other: name(other),
    };
    assert_eq!(
        refusals,
        [
            Refusal::NameTaken(name("a")),
            same("b", "a"),
            same("d", "c")
        ]
    );
    assert_eq!(
        refusals[1].to_string(),
        "rule 'b' has the same input as rule 'a'"
    );
    assert_eq!(relay.len(), 1);
}

#[test]
fn unknown_names_are_all_named_and_nothing_is_removed() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    let unknown = relay.remove(&[name("x"), name("a"), name("y")]);
    assert_eq!(unknown, Err(vec![name("x"), name("y")]));
    assert_eq!(relay.len(), 1);
}

#[test]
fn ten_thousand_rules_fit_one_interface_and_no_more() {
    let mut relay = relay();
    let nth = |n: u16| {
        let input = RelayInput {
            port: Port::new(n + 1),
            ..input("in0", "239.1.1.1")
        };
        rule(&format!("rule-{n}"), input, vec![output("out0")])
    };
    for n in 0..10_000 {
        relay.add(vec![nth(n)]).unwrap();
    }
    assert_eq!(drain(&mut relay).len(), 10_001, "one join, 10 000 entries");
    assert_eq!(relay.fib(index(1)).len(), 10_000);
    assert_eq!(
        relay.add(vec![nth(10_000)]),
        Err(vec![Refusal::TooManyRules {
            interface: "in0".parse().unwrap(),
            count: 10_001
        }])
    );
}

#[test]
fn rules_in_all_are_bounded() {
    let mut relay = Relay::new();
    let rules = (0..=10u16).flat_map(|n| {
        (1..=10_000u16).map(move |port| {
            let input = RelayInput {
                port: Port::new(port),
                ..input(&format!("in{n}"), "239.1.1.1")
            };
            rule(&format!("{n}-{port}"), input, vec![output("out0")])
        })
    });
    let rules: Vec<RelayRule> = rules.take(MAX_RULES + 1).collect();
    assert_eq!(
        relay.add(rules),
        Err(vec![Refusal::TooManyRulesInAll {
            count: MAX_RULES + 1
        }])
    );
}

#[test]
fn a_rule_waits_for_its_interfaces_and_says_so() {
    let mut relay = Relay::new();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    assert_eq!(drain(&mut relay), [], "nothing can be told yet");
    let sentences: Vec<String> = relay
        .waiting(&name("a"))
        .iter()
        .map(Waiting::to_string)
        .collect();
    assert_eq!(
        sentences,
        [
            "input interface in0 does not exist",
            "output 0 to 239.1.1.1 on out0: the interface does not exist"
        ]
    );

    present(&mut relay, interface(1, "in0"));
    let missing = Egress::Unavailable(Unavailable::NoInterface);
    assert_eq!(egress(&relay, "a"), [missing]);

    let mut out0 = interface(2, "out0");
    out0.up = false;
    present(&mut relay, out0.clone());
    let down = Egress::Unavailable(Unavailable::InterfaceDown);
    assert_eq!(egress(&relay, "a"), [down]);

    out0.up = true;
    out0.addresses.clear();
    present(&mut relay, out0);
    let no_address = Egress::Unavailable(Unavailable::NoAddress);
    assert_eq!(egress(&relay, "a"), [no_address]);

    let mut in0 = interface(1, "in0");
    in0.up = false;
    present(&mut relay, in0);
    present(&mut relay, interface(2, "out0"));
    assert_eq!(
        relay.waiting(&name("a")),
        [Waiting::Input {
            interface: "in0".parse().unwrap(),
            missing: false
        }]
    );
}

#[test]
fn an_address_is_needed_only_where_the_interface_is_the_source() {
    let mut relay = relay();
    let mut out0 = interface(2, "out0");
    out0.addresses.clear();
    present(&mut relay, out0);
    let output = RelayOutput {
        source: SourceAddress::Keep,
        ..output("out0")
    };
    let rule = rule("a", input("in0", "239.1.1.1"), vec![output]);
    relay.add(vec![rule]).unwrap();
    assert!(relay.waiting(&name("a")).is_empty());
}

#[test]
fn an_interface_that_returns_with_another_number_is_followed() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    drain(&mut relay);
    let old = input("in0", "239.1.1.1").key(index(1));

    gone(&mut relay, 1);
    let told = drain(&mut relay);
    assert_eq!(told, [Output::Fib(FibUpdate::Remove(old))], "and no leave");

    present(&mut relay, interface(7, "in0"));
    let told = drain(&mut relay);
    assert_eq!(told[0], Output::Join(join(7, "239.1.1.1", None)));
    assert_eq!(relay.fib(index(7)).len(), 1);

    // The new number can be reported before the old one is gone.
    present(&mut relay, interface(8, "in0"));
    gone(&mut relay, 7);
    assert_eq!(relay.fib(index(7)).len(), 0);
    assert_eq!(relay.fib(index(8)).len(), 1);
    assert_eq!(relay.interfaces().count(), 2);
    let told = drain(&mut relay);
    assert!(told.contains(&Output::Join(join(8, "239.1.1.1", None))));
    assert!(!told.iter().any(|output| matches!(output, Output::Leave(_))));
}

#[test]
fn a_renamed_interface_takes_its_rules_away_and_its_memberships_are_left() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    drain(&mut relay);
    present(&mut relay, interface(1, "other"));
    let told = drain(&mut relay);
    assert!(told.contains(&Output::Leave(join(1, "239.1.1.1", None))));
    assert!(relay.fib(index(1)).is_empty());
    assert!(relay.interface_by_name(&"in0".parse().unwrap()).is_none());
}

#[test]
fn the_same_report_twice_changes_nothing() {
    let mut relay = relay();
    relay.add(vec![simple("a", "239.1.1.1")]).unwrap();
    drain(&mut relay);
    present(&mut relay, interface(2, "out0"));
    gone(&mut relay, 99);
    assert_eq!(drain(&mut relay), []);
}

#[test]
fn one_membership_for_any_source_stands_for_all() {
    let group = "239.1.1.1";
    let from = |text: &str, source: &str| {
        let input = RelayInput {
            source: Some(host(source)),
            ..input("in0", group)
        };
        rule(text, input, vec![output("out0")])
    };
    let memberships = |relay: &mut Relay| -> Vec<Output> {
        let mut told = drain(relay);
        told.retain(|output| !matches!(output, Output::Fib(_)));
        told
    };
    let any = join(1, group, None);
    let [s1, s2] = ["10.9.0.1", "10.9.0.2"].map(|source| join(1, group, Some(source)));
    let mut relay = relay();

    relay
        .add(vec![from("s1", "10.9.0.1"), from("s2", "10.9.0.2")])
        .unwrap();
    assert_eq!(
        memberships(&mut relay),
        [Output::Join(s1), Output::Join(s2)]
    );

    relay.add(vec![simple("any", group)]).unwrap();
    let switch = [Output::Join(any), Output::Leave(s1), Output::Leave(s2)];
    assert_eq!(memberships(&mut relay), switch);

    relay.remove(&[name("s2")]).unwrap();
    assert_eq!(memberships(&mut relay), []);

    relay.remove(&[name("any")]).unwrap();
    assert_eq!(
        memberships(&mut relay),
        [Output::Join(s1), Output::Leave(any)]
    );
}

#[test]
fn two_rules_of_one_group_share_its_membership() {
    let mut relay = relay();
    let with_port = RelayInput {
        port: Port::new(5000),
        ..input("in0", "239.1.1.1")
    };
    let second = rule("b", with_port, vec![output("out0")]);
    relay.add(vec![simple("a", "239.1.1.1"), second]).unwrap();
    drain(&mut relay);
    relay.remove(&[name("a")]).unwrap();
    let told = drain(&mut relay);
    assert!(!told.iter().any(|output| matches!(output, Output::Leave(_))));
    relay.remove(&[name("b")]).unwrap();
    let leave = Output::Leave(join(1, "239.1.1.1", None));
    assert!(drain(&mut relay).contains(&leave));
}

fn unicast(destination: &str) -> RelayOutput {
    RelayOutput {
        destination: Some(Destination::Unicast(host(destination))),
        ..output("out0")
    }
}

#[test]
fn a_unicast_output_waits_for_its_next_hop() {
    let mut relay = relay();
    let rule = rule("a", input("in0", "239.1.1.1"), vec![unicast("10.0.2.9")]);
    relay.add(vec![rule]).unwrap();
    let key = NextHopKey {
        oif: index(2),
        destination: host("10.0.2.9"),
    };
    assert_eq!(drain(&mut relay)[0], Output::WatchNextHop(key));
    let reason = |reason| vec![Egress::Unavailable(reason)];
    assert_eq!(egress(&relay, "a"), reason(Unavailable::NoNeighbor));
    relay.next_hop_changed(&key, NextHop::NoRoute);
    assert_eq!(egress(&relay, "a"), reason(Unavailable::NoRoute));
    relay.next_hop_changed(&key, NextHop::NoNeighbor);
    assert_eq!(egress(&relay, "a"), reason(Unavailable::NoNeighbor));
    let mac = MacAddr([2, 9, 9, 9, 9, 9]);
    relay.next_hop_changed(&key, NextHop::Resolved(mac));
    assert!(matches!(
        egress(&relay, "a")[0],
        Egress::Ready { destination_mac, .. } if destination_mac == mac
    ));
    assert_eq!(drain(&mut relay).len(), 1, "one change is told");

    relay.remove(&[name("a")]).unwrap();
    assert_eq!(drain(&mut relay)[0], Output::UnwatchNextHop(key));
    relay.next_hop_changed(&key, NextHop::NoRoute);
    assert_eq!(drain(&mut relay), []);
}

#[test]
fn a_replaced_rule_keeps_what_it_shares_with_the_old_one() {
    let mut relay = relay();
    let old = rule("a", input("in0", "239.1.1.1"), vec![unicast("10.0.2.9")]);
    relay.add(vec![old]).unwrap();
    drain(&mut relay);
    let key = NextHopKey {
        oif: index(2),
        destination: host("10.0.2.9"),
    };
    let mac = MacAddr([2, 9, 9, 9, 9, 9]);
    relay.next_hop_changed(&key, NextHop::Resolved(mac));
    drain(&mut relay);

    let outputs = vec![unicast("10.0.2.9"), output("out0")];
    let new = rule("a", input("in0", "239.1.1.1"), outputs);
    let changes = relay.plan(vec![new.clone()], false).unwrap();
    assert_eq!(changes.changed, [new]);
    relay.apply(changes);
    assert_eq!(egress(&relay, "a").len(), 2);
    let told = drain(&mut relay);
    assert!(
        matches!(told[..], [Output::Fib(FibUpdate::Set(..))]),
        "{told:?}"
    );
    assert!(relay.waiting(&name("a")).is_empty());
}

#[test]
fn a_next_hop_is_asked_for_anew_on_an_interface_that_was_replaced() {
    let mut relay = relay();
    let rule = rule("a", input("in0", "239.1.1.1"), vec![unicast("10.0.2.9")]);
    relay.add(vec![rule]).unwrap();
    let key = NextHopKey {
        oif: index(2),
        destination: host("10.0.2.9"),
    };
    drain(&mut relay);
    relay.next_hop_changed(&key, NextHop::Resolved(MacAddr([2; 6])));
    // Gone and back under the same number, before anything was told.
    gone(&mut relay, 2);
    present(&mut relay, interface(2, "out0"));
    let told = drain(&mut relay);
    assert_eq!(
        told[..2],
        [Output::UnwatchNextHop(key), Output::WatchNextHop(key)]
    );
    let unknown = Egress::Unavailable(Unavailable::NoNeighbor);
    assert_eq!(egress(&relay, "a"), [unknown]);
}

#[test]
fn a_plan_is_the_difference() {
    let mut relay = relay();
    let (a, b) = (simple("a", "239.1.1.1"), simple("b", "239.1.1.2"));
    relay.add(vec![a.clone(), b]).unwrap();
    let changed = simple("b", "239.1.1.3");
    let new = simple("c", "239.1.1.4");

    let target = vec![changed.clone(), new.clone()];
    let merged = relay.plan(target.clone(), true).unwrap();
    let expected = RuleChanges {
        added: vec![new],
        removed: Vec::new(),
        changed: vec![changed],
    };
    assert_eq!(merged, expected);
    let replaced = relay.plan(target, false).unwrap();
    assert_eq!(replaced.removed, [name("a")]);

    relay.apply(replaced);
    assert_eq!(relay.len(), 2);
    let same: Vec<RelayRule> = relay.rules().cloned().collect();
    assert!(relay.plan(same, false).unwrap().is_empty());
    let clash = relay.plan(vec![simple("z", "239.1.1.4")], true);
    assert_eq!(
        clash,
        Err(vec![Refusal::SameInput {
            rule: name("z"),
            other: name("c")
        }])
    );
    assert_eq!(
        relay.plan(vec![a.clone(), a], false),
        Err(vec![Refusal::NameTaken(name("a"))])
    );
}

#[test]
fn two_rules_can_swap_their_inputs_in_one_plan() {
    let mut relay = relay();
    let rules = vec![simple("a", "239.1.1.1"), simple("b", "239.1.1.2")];
    relay.add(rules).unwrap();
    drain(&mut relay);
    let swapped = vec![simple("a", "239.1.1.2"), simple("b", "239.1.1.1")];
    let changes = relay.plan(swapped, false).unwrap();
    relay.apply(changes);
    let told = drain(&mut relay);
    assert_eq!(
        told.len(),
        2,
        "two entries change, no group is left: {told:?}"
    );
}

#[test]
fn a_plan_that_is_out_of_date_still_leaves_one_rule_an_input() {
    let mut relay = relay();
    let changes = relay.plan(vec![simple("a", "239.1.1.1")], true).unwrap();
    relay.add(vec![simple("b", "239.1.1.1")]).unwrap();
    relay.apply(changes);
    let names: Vec<&str> = relay.rules().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["a"]);
    assert_eq!(relay.fib(index(1)).len(), 1);
}

#[test]
fn the_use_of_interfaces_is_counted() {
    let mut relay = relay();
    let wide = rule(
        "b",
        input("in0", "239.1.1.2"),
        vec![unicast("10.0.2.9"), output("out0"), output("in1")],
    );
    relay.add(vec![simple("a", "239.1.1.1"), wide]).unwrap();
    let uses: Vec<(&str, usize, usize)> = relay
        .named_interfaces()
        .map(|(name, uses)| (name.as_str(), uses.input_rules, uses.outputs))
        .collect();
    assert_eq!(uses, [("in0", 2, 0), ("in1", 0, 1), ("out0", 0, 3)]);
    let after: Vec<&str> = relay
        .rules_after(&name("a"))
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(after, ["b"]);
}

#[test]
fn a_rewrite_carries_what_the_output_sets() {
    let mut relay = relay();
    let set = RelayOutput {
        destination: Some(Destination::try_from(Ipv4Addr::new(239, 9, 9, 9)).unwrap()),
        port: Port::new(9),
        source: SourceAddress::Address(host("10.7.7.7")),
        source_port: Port::new(8),
        dscp: Some(46.try_into().unwrap()),
        ..output("out0")
    };
    relay
        .add(vec![rule("a", input("in0", "239.1.1.1"), vec![set])])
        .unwrap();
    let key = input("in0", "239.1.1.1").key(index(1));
    let output = relay.fib(index(1)).get(&key).unwrap().outputs[0].clone();
    assert_eq!(output.rewrite.source, Some(Ipv4Addr::new(10, 7, 7, 7)));
    assert_eq!(
        output.rewrite.destination,
        Some(Ipv4Addr::new(239, 9, 9, 9))
    );
    assert_eq!(output.rewrite.port, Port::new(9));
    assert_eq!(output.rewrite.source_port, Port::new(8));
    assert_eq!(output.rewrite.dscp, Some(46.try_into().unwrap()));
    assert!(matches!(
        output.egress,
        Egress::Ready {
            destination_mac: MacAddr([0x01, 0, 0x5e, 9, 9, 9]),
            ..
        }
    ));
    assert_eq!(IpProtocol::UDP.to_string(), "udp");
}
