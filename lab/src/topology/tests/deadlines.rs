//! Durations in the protocols' own times.

use std::time::Duration;

use super::good;
use super::mistakes::{Case, judge};
use crate::topology::model::{Action, Check};

fn lab(head: &str, steps: &str) -> String {
    format!(
        "lab: 1\n{head}\nnodes: {{a: host, b: host}}\nlinks: [a -- b]\n\
         receivers: {{R: {{at: b, group: 239.1.1.1}}}}\nsteps:\n{steps}\n"
    )
}

fn within(head: &str, written: &str) -> Duration {
    let step = format!("  - expect: {{ rx: {{ by: R }}, within: {written} }}");
    good(&lab(head, &step)).steps[0].expect[0].within
}

#[test]
fn of_every_timer() {
    let millis = Duration::from_millis;
    let fast = [
        ("2 * pim.hello", 2_000),
        ("pim.hello_holdtime", 3_500),
        ("pim.triggered_hello_delay + 1s", 1_200),
        ("pim.propagation_delay + pim.override_interval", 500),
        ("1.5 * pim.join_prune", 3_000),
        ("pim.join_prune_holdtime", 7_000),
        ("pim.keepalive", 30_000),
        ("pim.register_suppression - pim.register_probe", 8_000),
        ("pim.assert", 10_000),
        ("igmp.query", 5_000),
        ("igmp.query_response", 1_000),
        ("igmp.last_member_query", 500),
        ("igmp.last_member + 100ms", 1_100),
        ("igmp.membership", 11_000),
        ("unicast.delay * 2", 200),
    ];
    let head = "timers: fast\nunicast: {mode: oracle, delay: 100ms}";
    for (written, want) in fast {
        assert_eq!(within(head, written), millis(want), "{written}");
    }
}

#[test]
fn of_what_the_file_sets() {
    let seconds = Duration::from_secs;
    assert_eq!(within("", "pim.hello"), seconds(30));
    assert_eq!(within("", "igmp.membership"), seconds(260));
    assert_eq!(
        within("timers: {hello: 4s}", "pim.hello_holdtime"),
        seconds(14)
    );
    let igmp = "timers: fast\nigmp: {last_member_query_interval: 2s, last_member_query_count: 3}";
    assert_eq!(within(igmp, "igmp.last_member"), seconds(6));
    let vars = "timers: fast\nvars: {n: 3}";
    assert_eq!(within(vars, "'${n} * pim.hello'"), seconds(3));
}

/// Everywhere in a step where a duration stands.
#[test]
fn in_every_place_of_a_step() {
    let topology = good(&lab(
        "timers: fast",
        "  - wait: pim.hello / 2\n\
         \x20 - measure: {for: 3 * pim.hello, rx: {by: R, gap: {max: pim.hello + 5ms}}}\n\
         \x20 - never: {rx: {by: R, first_within: pim.hello}, for: 4 * pim.hello}",
    ));
    let seconds = Duration::from_secs;
    let actions = |step: usize| &topology.steps[step].actions;
    assert!(matches!(actions(0)[..], [Action::Wait(time)] if time == seconds(1) / 2));
    assert!(matches!(actions(1)[..], [Action::Measure(time)] if time == seconds(3)));
    let Check::Rx(rx) = &topology.steps[1].expect[0].check else {
        panic!("a check of what was received");
    };
    assert_eq!(rx.gap_ns.max, Some(1.005e9));
    let never = &topology.steps[2].expect[0];
    assert_eq!(never.within, seconds(4));
    let Check::Rx(rx) = &never.check else {
        panic!("a check of what was received");
    };
    assert_eq!(rx.first_within, Some(seconds(1)));
}

const MISTAKES: &[Case] = &[
    (
        "steps: [{wait: 2 * pim.helo}]\n",
        1,
        "there is no time `pim.helo`",
        "did you mean `pim.hello`?",
    ),
    (
        "steps: [{wait: 2 * ospf.dead_interval}]\n",
        1,
        "there is no time `ospf.dead_interval`",
        "known: pim.hello, pim.hello_holdtime, pim.triggered_hello_delay, \
         pim.propagation_delay, pim.override_interval, pim.join_prune, \
         pim.join_prune_holdtime, pim.keepalive, pim.register_suppression, \
         pim.register_probe, pim.assert, igmp.query, igmp.query_response, \
         igmp.last_member_query, igmp.last_member, igmp.membership",
    ),
    (
        "steps: [{wait: 2 * 3}]\n",
        1,
        "`2 * 3` is a number, not a duration",
        "write it as `500ms`, `2s` or `2 * pim.hello`",
    ),
    (
        "steps: [{wait: pim.hello - 1m}]\n",
        1,
        "`pim.hello - 1m` is less than nothing",
        "",
    ),
    (
        "steps: [{wait: 9999 * pim.keepalive}]\n",
        1,
        "`9999 * pim.keepalive` is more than a day",
        "",
    ),
    (
        "timers: {hello: pim.join_prune / 2}\n",
        1,
        "`pim.join_prune / 2`: the timers are not known here",
        "durations of steps may be written with them",
    ),
    (
        "steps: [{wait: 2 pim.hello}]\n",
        1,
        "`2 pim.hello`: `pim.hello` cannot stand there",
        "",
    ),
];

#[test]
fn mistakes() {
    judge("lab: 1\nnodes: {a: host}\n", MISTAKES);
}
