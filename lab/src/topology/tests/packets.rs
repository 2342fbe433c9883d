//! Conditions on messages: what becomes of them, and mistakes in them.

use std::time::Duration;

use super::mistakes::{Case, judge};
use super::{good, read};
use crate::topology::messages::{Messages, MessagesCheck};
use crate::topology::model::{Check, LinkId, Topology};

const BEFORE: &str = "lab: 1\nunicast: oracle\npim: {rp: \"${r1.lo}\"}\n\
    nodes: {a: host, r1: mcrd, r2: mcrd, b: host}\n\
    links: [a -- r1, r1 -- r2, r2 -- b]\n";

fn checks(topology: &Topology) -> Vec<&MessagesCheck> {
    let expect = topology.steps.iter().flat_map(|step| &step.expect);
    let packets = expect.filter_map(|one| match &one.check {
        Check::Packets(check) => Some(&**check),
        Check::Rx(_)
        | Check::Rate { .. }
        | Check::Counters { .. }
        | Check::Router(_)
        | Check::Tree { .. }
        | Check::State { .. }
        | Check::Mfc(_)
        | Check::Mdb(_)
        | Check::Log(_)
        | Check::Exec { .. } => None,
    });
    packets.collect()
}

#[test]
fn every_form_is_read() {
    let steps = "steps:\n\
        - expect: { packets: pim.hello }\n\
        - expect: { packets: { at: r2--r1, first: \"pim.join(*, 239.1.1.1) r2>r1\", of: pim } }\n\
        - expect: { packets: { between: [r1, r2, b], seq: [pim.join, pim.prune], after: 2s } }\n\
        - measure: { for: 1s, packets: { match: pim, count: { max: 3 }, window: 500ms } }\n\
        - never: { packets: pim.assert, for: 1s }\n\
        - expect: { packets: { match: pim, count: 3 }, holds: 1s }\n";
    let topology = good(&format!("{BEFORE}{steps}"));
    let all = checks(&topology);
    assert_eq!(all.len(), 6);
    assert_eq!(
        (all[0].links.len(), all[0].place.as_str()),
        (3, "all links")
    );
    assert_eq!(
        (&all[1].links, all[1].place.as_str()),
        (&vec![LinkId(1)], "r2--r1")
    );
    assert_eq!(all[2].links, [LinkId(1), LinkId(2)]);
    assert_eq!(all[2].after, Duration::from_secs(2));
    assert!(matches!(&all[1].asked, Messages::First { of: Some(_), .. }));
    assert!(matches!(&all[2].asked, Messages::Sequence(all) if all.len() == 2));
    let Messages::Count { count, window, .. } = &all[3].asked else {
        panic!("{:?}", all[3]);
    };
    assert_eq!((count.min, count.max), (None, Some(3.0)));
    assert_eq!(*window, Some(Duration::from_millis(500)));
}

#[test]
fn variables_stand_in_expressions() {
    let step = "steps: [{expect: {packets: \"pim.join(*, ${vars.g}) to ${r1.lo}\"}}]\n";
    let topology = good(&format!("{BEFORE}vars: {{g: 239.9.9.9}}\n{step}"));
    let Messages::First { first, .. } = &checks(&topology)[0].asked else {
        panic!("no first");
    };
    assert_eq!(first.text, "pim.join(*, 239.9.9.9) to 10.255.0.2");
    assert!(
        read(&format!("{BEFORE}{step}")).is_err(),
        "no such variable"
    );
}

const MISTAKES: &[Case] = &[
    (
        "steps: [{expect: {packets: pim.jion}}]\n",
        1,
        "there is no message `pim.jion`",
        "did you mean `pim.join`?",
    ),
    (
        "steps: [{expect: {packets: \"pim.join r2>nobody\"}}]\n",
        1,
        "there is no node `nobody`",
        "known: a, r1, r2, b",
    ),
    (
        "steps: [{expect: {packets: {at: r1--b, first: pim}}}]\n",
        1,
        "there is no link `r1--b`",
        "did you mean `r2--b`?",
    ),
    (
        "steps: [{expect: {packets: {between: [a, b], first: pim}}}]\n",
        1,
        "these nodes have no link in common",
        "name two or more that do, or links as `at: a--b`",
    ),
    (
        "steps: [{expect: {packets: {at: r1--r2, between: [r1, r2], first: pim}}}]\n",
        1,
        "`at` and `between` both say which links are meant",
        "write one of them",
    ),
    (
        "steps: [{expect: {packets: {first: pim, seq: [pim]}}}]\n",
        1,
        "messages are asked for by `first`, by `seq`, or by `match` and `count`",
        "write one of these: `first: \"pim.join(*, 239.1.1.1)\"`, `seq: [pim.register, \
         pim.register-stop]`, `{match: pim.hello, count: {min: 1}}`",
    ),
    (
        "steps: [{expect: {packets: {match: pim}}}]\n",
        1,
        "`match` needs a `count`",
        "write `count: {max: 3}`",
    ),
    (
        "steps: [{expect: {packets: {match: pim, count: 3}}}]\n",
        1,
        "this would be true before more of them can come",
        "count in `measure: {for: 5s, packets: ...}`, or say how long it `holds`",
    ),
    (
        "steps: [{measure: {for: 1s, packets: pim}}]\n",
        1,
        "in a measured time messages are counted",
        "write `{match: pim.hello, count: 2}`",
    ),
    (
        "steps: [{expect: {packets: {seq: []}}}]\n",
        1,
        "a sequence has 1 to 32 messages",
        "write `seq: [pim.register, pim.register-stop]`",
    ),
];

#[test]
fn mistakes_are_told() {
    judge(BEFORE, MISTAKES);
}
