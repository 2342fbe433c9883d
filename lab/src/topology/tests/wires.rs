//! Wires: what the file says of them, and what steps change.

use std::time::Duration;

use mcr_sim::wire::{Impairment, Share};

use super::good;
use super::mistakes::{Case, judge};
use crate::topology::model::{Action, Check, LinkId, Topology, Wire, WireId};

const NODES: &str = "lab: 1\nname: t\nnodes: {a: host, b: host, c: host}\n";

fn lab(text: &str) -> Topology {
    good(&format!("{NODES}{text}"))
}

fn loss(share: f64) -> Impairment {
    Impairment {
        loss: Share::new(share),
        ..Impairment::default()
    }
}

fn wires(topology: &Topology) -> Vec<(WireId, Wire)> {
    let actions = topology.steps.iter().flat_map(|step| &step.actions);
    let wires = actions.filter_map(|action| {
        if let Action::Wire { at, wire } = action {
            return Some((*at, *wire));
        }
        None
    });
    wires.collect()
}

#[test]
fn options_are_of_both_directions_or_of_one() {
    let topology = lab(
        "links:\n  - a -- b: {delay: 5ms, jitter: 1ms, loss: 0.5%, dup: 1%, \
         reorder: 2%, corrupt: 3%, rate: 10Mbit/s, dir: {b>a: {loss: 4%}}}\n  - b -- c\n",
    );
    let there = Impairment {
        loss: Share::new(0.005),
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(1),
        dup: Share::new(0.01),
        reorder: Share::new(0.02),
        corrupt: Share::new(0.03),
        rate: Some(10_000_000),
    };
    let back = Impairment {
        loss: Share::new(0.04),
        ..there
    };
    assert_eq!(topology.links[0].wire, Some([there, back]));
    assert_eq!(topology.links[1].wire, None, "it stays a veth pair");
}

#[test]
fn losses_may_be_those_of_a_wire() {
    let topology = lab("links: [a -- b, b -- c]\n\
         receivers: {R: {at: b, interface: a, group: 239.1.1.1}}\n\
         sources: {S: {at: a, group: 239.1.1.1}}\n\
         steps: [{measure: {for: 1s, rx: {by: R, loss: {equals: wire(b--a)}}}}]\n");
    let check = &topology.steps[0].expect[0].check;
    assert!(matches!(check, Check::Rx(rx) if rx.loss_on == Some(WireId::of(LinkId(0)))));
    assert!(topology.links[0].wire.is_some(), "it leads over a wire");
    assert!(topology.links[1].wire.is_none());
}

#[test]
fn messages_are_named_and_healed() {
    let topology = lab("links: [a -- b, b -- c]\nsteps:\n  \
         - fault: {a--b: {messages: [{drop: igmp.leave from a, first: 2}, \
           {delay: pim.hello, by: 3s}, {dup: igmp, nth: 4}]}}\n  \
         - heal: [a--b, b--c]\n");
    let actions = topology.steps.iter().flat_map(|step| &step.actions);
    let rules: Vec<(WireId, String)> = actions
        .filter_map(|action| {
            if let Action::Rules { at, rules } = action {
                let told: Vec<String> = rules.iter().map(ToString::to_string).collect();
                return Some((*at, told.join("; ")));
            }
            None
        })
        .collect();
    let told = "drop the first 2 of igmp.leave from a; delay by 3s pim.hello; \
                double number 4 of igmp";
    let ab = WireId::of(LinkId(0));
    let want = [(ab, told.to_owned()), (ab, String::new())];
    assert_eq!(rules, want, "and a wire without rules is not told");
    assert!(topology.links[0].wire.is_some());
}

#[test]
fn faults_add_up_and_healing_gives_the_file_s_options_back() {
    let topology = lab("links: [{a -- b: {loss: 1%}}, b -- c]\nsteps:\n  \
         - fault: {a--b: {delay: 2ms}}\n  \
         - fault: {b--a: {dir: {b>a: {loss: 50%}}}, b--c: {loss: 2%}}\n  \
         - heal: a--b\n    fault: {a--b: {dup: 1%}}\n  \
         - heal: [a--b, c--b]\n");
    let clean = Impairment::default();
    let slow = Impairment {
        delay: Duration::from_millis(2),
        ..loss(0.01)
    };
    let worse = Impairment {
        loss: Share::new(0.5),
        ..slow
    };
    let doubled = Impairment {
        dup: Share::new(0.01),
        ..loss(0.01)
    };
    let first = [loss(0.01); 2];
    assert_eq!(topology.links[0].wire, Some(first));
    assert_eq!(topology.links[1].wire, Some([clean; 2]), "a step needs it");
    let (ab, bc) = (WireId::of(LinkId(0)), WireId::of(LinkId(1)));
    assert_eq!(
        wires(&topology),
        [
            (ab, [slow; 2]),
            (ab, [slow, worse]),
            (bc, [loss(0.02); 2]),
            (ab, first),
            (ab, [doubled; 2]),
            (ab, first),
            (bc, [clean; 2]),
        ]
    );
}

#[test]
fn members_of_a_segment_have_wires_of_their_own() {
    let topology = lab(
        "segments:\n  lan: [a, {b: {loss: 1%, dir: {lan>b: {delay: 2ms}}}}, c]\n  \
         two: {members: [a, \"b:x\": {}], snooping: true}\nsteps:\n  \
         - fault: {c:lan: {dir: {c>lan: {loss: 50%}}}, b:lan: {dup: 1%}}\n  \
         - fault: {b:x: {messages: {drop: igmp}}}\n  \
         - heal: [c:lan, b:lan, b:x]\n",
    );
    let lan = &topology.links[0];
    let [a, b, c] = lan.ends[..] else {
        panic!("{:?}", lan.ends);
    };
    let clean = Impairment::default();
    let slow = Impairment {
        delay: Duration::from_millis(2),
        ..loss(0.01)
    };
    assert_eq!(lan.wire(Some(a)), None);
    assert_eq!(lan.wire(Some(b)), Some([loss(0.01), slow]));
    assert_eq!(lan.wire(Some(c)), Some([clean; 2]), "a step needs it");
    let x = topology.links[1].ends[1];
    let names: Vec<_> = topology
        .wires()
        .map(|(at, _)| topology.wire_told(at).0)
        .collect();
    assert_eq!(names, ["b:lan", "c:lan", "b:x"]);
    let of = |link, end| WireId {
        link: LinkId(link),
        member: Some(end),
    };
    let doubled = Share::new(0.01);
    let with = |one: Impairment| Impairment {
        dup: doubled,
        ..one
    };
    assert_eq!(
        wires(&topology),
        [
            (of(0, c), [loss(0.5), clean]),
            (of(0, b), [with(loss(0.01)), with(slow)]),
            (of(0, c), [clean; 2]),
            (of(0, b), [loss(0.01), slow]),
            (of(1, x), [clean; 2]),
        ]
    );
}

#[test]
fn a_wire_may_be_there_in_any_case() {
    let topology = lab("links: [a -- b: {wire: always}, b -- c: {wire: auto}]\n\
         segments: {lan: [a, {b: {wire: always}}]}\n");
    let names = topology.wires().map(|(at, wire)| {
        assert_eq!(wire, Wire::default(), "it does nothing");
        topology.wire_told(at).0
    });
    assert_eq!(names.collect::<Vec<_>>(), ["a--b", "b:lan"]);
}

#[test]
fn links_and_members_inherit_what_wires_do() {
    let topology = lab("defaults: {link: {loss: 1%, delay: 2ms, mtu: 9000}}\n\
         links: [a -- b: {loss: 2%}, b -- c: {loss: null, delay: null}]\n\
         segments: {lan: [a, {b: {dir: {lan>b: {loss: 3%}}}}, {c: {loss: null, delay: null}}]}\n");
    let slow = |share| Impairment {
        delay: Duration::from_millis(2),
        ..loss(share)
    };
    assert_eq!(topology.links[0].wire, Some([slow(0.02); 2]));
    assert_eq!(topology.links[1].wire, None, "null takes it away");
    let lan = &topology.links[2];
    assert_eq!((lan.mtu, lan.wire), (9000, None));
    let [a, b, c] = lan.ends[..] else {
        panic!("{:?}", lan.ends);
    };
    assert_eq!(lan.wire(Some(a)), Some([slow(0.01); 2]));
    assert_eq!(lan.wire(Some(b)), Some([slow(0.01), slow(0.03)]));
    assert_eq!(lan.wire(Some(c)), None);
}

const MISTAKES: &[Case] = &[
    (
        "segments: {lan: [a, {b: {los: 1%}}]}\n",
        1,
        "the key `los` is not known here",
        "did you mean `loss`?",
    ),
    (
        "segments: {lan: [a, {b: {loss: 1%}, c: {}}]}\n",
        1,
        "expected one member",
        "write `- r1`, or `- r1: {loss: 1%}`",
    ),
    (
        "segments: {lan: [a, {b: {dir: {b>a: {loss: 1%}}}}]}\n",
        1,
        "`b>a` is no direction of this link",
        "write `b>lan` or `lan>b`",
    ),
    (
        "segments: {lan: {members: [a, {b: {loss: 1%}}], checksum_offload: true}}\n",
        1,
        "a segment with checksum offload has no wire",
        "",
    ),
    (
        "segments: {lan: [a, b]}\nsteps:\n  - fault: {b:lam: {loss: 1%}}\n",
        3,
        "there is no interface of `b` named `lam`",
        "did you mean `lan`?",
    ),
    (
        "links: [a -- b]\nsteps: [{fault: {a--b: {messages: {drop: pim.jion}}}}]\n",
        2,
        "there is no message `pim.jion`",
        "did you mean `pim.join`?",
    ),
    (
        "links: [a -- b]\nsteps: [{fault: {a--b: {messages: {drop: igmp from d}}}}]\n",
        2,
        "there is no node `d`",
        "known: a, b, c",
    ),
    (
        "links: [a -- b]\nsteps: [{fault: {a--b: {messages: {drop: pim, dup: pim}}}}]\n",
        2,
        "a message gets one of `drop`, `delay` and `dup`",
        "write `{drop: \"pim.join r2>r1\", first: 2}`",
    ),
    (
        "links: [a -- b]\nsteps: [{fault: {a--b: {messages: {delay: pim}}}}]\n",
        2,
        "`delay` needs the time, as `by`",
        "write `{delay: pim.register-stop, by: 3s}`",
    ),
    (
        "links: [a -- b]\nsteps: [{fault: {a--b: {messages: {drop: pim, nth: 0}}}}]\n",
        2,
        "messages are counted from 1",
        "",
    ),
    (
        "links: [{a -- b: {loss: 5}}]\n",
        1,
        "expected a share such as `0.5%`, found the number 5",
        "",
    ),
    (
        "links: [{a -- b: {loss: 101%}}]\n",
        1,
        "expected a share such as `0.5%`, found `101%`",
        "",
    ),
    (
        "links: [{a -- b: {rate: 100pps}}]\n",
        1,
        "expected a rate such as `10Mbit/s`, found `100pps`",
        "",
    ),
    (
        "links: [{a -- b: {wire: allways}}]\n",
        1,
        "`allways` is not known here",
        "did you mean `always`?",
    ),
    (
        "links: [{a -- b: {jitter: 1ms}}]\n",
        1,
        "`jitter` is more than `delay`",
        "a frame takes `delay`, and up to `jitter` more or less",
    ),
    (
        "links: [{a -- b: {reorder: 1%}}]\n",
        1,
        "`reorder` needs a `delay`",
        "the frames that it means take no delay, and so overtake others",
    ),
    (
        "links: [{a -- b: {loss: 1%, dir: {a>c: {loss: 2%}}}}]\n",
        1,
        "`a>c` is no direction of this link",
        "write `a>b` or `b>a`",
    ),
    (
        "links: [{a -- b: {loss: 1%, checksum_offload: true}}]\n",
        1,
        "a link with a wire has no checksum offload",
        "",
    ),
    (
        "links: [a -- b]\nsteps:\n  - fault: {a--d: {loss: 1%}}\n",
        3,
        "there is no link `a--d`",
        "did you mean `a--b`?",
    ),
    (
        "links: [a -- b]\nsteps:\n  - fault: {a--b: {}}\n",
        3,
        "this fault does nothing",
        "write `fault: {a--b: {loss: 5%}}`",
    ),
    (
        "segments: {lan: [a, b]}\nsteps:\n  - heal: lan\n",
        3,
        "`lan` is a segment",
        "its wires are at its members: `a:lan`",
    ),
    (
        "links: [{a -- b: {checksum_offload: true}}]\nsteps:\n  - fault: {a--b: {loss: 1%}}\n",
        3,
        "`a--b` has checksum offload, and so no wire",
        "",
    ),
];

#[test]
fn mistakes_of_wires() {
    judge(NODES, MISTAKES);
}
