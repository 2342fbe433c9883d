//! Mistakes in steps and expectations.

use super::mistakes::{Case, judge};

const BEFORE: &str = "lab: 1\nnodes: {a: host, r1: mcrd, b: host, c: {kind: custom, cmd: x}}\n\
    links: [a -- r1, r1 -- b, a -- c]\n\
    receivers: {R: {at: b, group: 239.1.1.1}}\n\
    sources: {S: {at: a, interface: r1, group: 239.1.1.1}}\n";

const OF_VERBS: &[Case] = &[
    (
        "steps: [{jion: R}]\n",
        1,
        "there is no verb `jion`",
        "did you mean `join`? A title so like a verb needs a space in it",
    ),
    (
        "steps:\n  - join: R\n    snd: S\n",
        3,
        "the key `snd` is not known here",
        "did you mean `send`?",
    ),
    (
        "steps: [\"everything starts\": R]\n",
        1,
        "expected the verbs of this step, found `R`",
        "a step's verbs are join, leave, send, stop, link, fault, heal, address, unicast, \
             config, hosts, daemon, exec, wait, mark, snap, parallel, repeat, measure, expect, never",
    ),
    (
        "steps:\n  - \"a\": {}\n",
        2,
        "this step does nothing and expects nothing",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R}, gate: {p95: 1s}}}]\n",
        1,
        "a gate is for a figure with a name",
        "give the value a name: `as: reconverge`",
    ),
    (
        "steps: [{expect: {rx: {by: R}, as: x, gate: {baseline: false}}}]\n",
        1,
        "this gate lets everything pass",
        "write `gate: { p95: 1.5s }` or `gate: { baseline: true }`",
    ),
    (
        "steps: [{expect: {rx: {by: R}, as: x, gate: {p95: 3%}}}]\n",
        1,
        "no figure is a share",
        "",
    ),
    (
        "steps:\n  - repeat: {over: pim, each: {expect: {rx: {by: R}}}}\n",
        2,
        "`pim` names no events",
        "write `over: events(pim)`, or a narrower expression over messages: \
             `over: events(pim.join or pim.register)`",
    ),
    (
        "steps:\n  - repeat:\n      over: events(pim.jion)\n      each: {expect: {rx: {by: R}}}\n",
        3,
        "there is no message `pim.jion`",
        "did you mean `pim.join`?",
    ),
    (
        "steps:\n  - repeat: {over: events(pim)}\n",
        2,
        "the key `each` is missing",
        "",
    ),
    (
        "steps:\n  - send: S\n    repeat: {over: events(pim), each: {expect: {rx: {by: R}}}}\n",
        2,
        "`send` is not done beside a sweep",
        "write it in `each`, or in a step of its own",
    ),
    (
        "steps:\n  - repeat: {over: events(pim), each: {wait: 1s}}\n",
        2,
        "nothing is expected after the events",
        "write what must be true again: `expect: { rate: { at: R, min: 50pps }, within: 20s }`",
    ),
    (
        "steps:\n  - repeat: {over: events(pim), each: {snap: a, expect: {rx: {by: R}}}}\n",
        2,
        "`snap` is not done at events",
        "",
    ),
    (
        "steps:\n  - repeat: {over: events(pim), each: {expect: {rx: {by: R}, as: x}}}\n",
        2,
        "the figures of single runs of a sweep are not kept",
        "name the longest outage: `report: { worst: outage, by: R, as: worst }`",
    ),
    (
        "steps:\n  - repeat:\n      over: events(pim or data)\n      each: {expect: {rx: {by: R}}}\n",
        3,
        "datagrams are no events of a sweep",
        "name messages of IGMP and PIM: `over: events(pim)`",
    ),
    (
        "steps:\n  - repeat: {over: events(pim), limit: 0, each: {expect: {rx: {by: R}}}}\n",
        2,
        "`limit` is 1 to 2000 events",
        "",
    ),
    (
        "steps:\n  - \"it starts\": {send: S}\n  - repeat:\n      over: events(pim)\n      \
             since: it strats\n      each: {expect: {rx: {by: R}}}\n",
        5,
        "there is no earlier step `it strats`",
        "did you mean `it starts`?",
    ),
    (
        "steps:\n  - repeat: {over: events(pim), each: {expect: {rx: {by: R}}},\n      \
             report: {worst: outage, by: Q}}\n",
        3,
        "there is no receiver `Q`",
        "known: R",
    ),
    (
        "steps: [{send: S, repeat: 1001}]\n",
        1,
        "`repeat` is 1 to 1000",
        "",
    ),
    (
        "steps: [{parallel: [{send: S}]}]\n",
        1,
        "`parallel` has two parts or more",
        "write `parallel: [{ link: { down: a--b } }, { send: S }]`",
    ),
    (
        "steps: [{parallel: [{send: S}, {join: R, expect: {rx: {by: R}}}]}]\n",
        1,
        "`expect` is done by a step alone",
        "write it beside `parallel`",
    ),
    (
        "steps: [{parallel: [{send: S}, {join: Q}]}]\n",
        1,
        "there is no receiver `Q`",
        "known: R",
    ),
    (
        "steps: [{join: Q}]\n",
        1,
        "there is no receiver `Q`",
        "known: R",
    ),
    (
        "steps: [{send: [S, T]}]\n",
        1,
        "there is no source `T`",
        "known: S",
    ),
    (
        "steps: [{wait: 5}]\n",
        1,
        "expected a duration such as `500ms` or `2s`, found the number 5",
        "",
    ),
    (
        "steps: [{link: {flap: a--c, count: 0}}]\n",
        1,
        "`count` is 1 to 1000",
        "",
    ),
    (
        "steps: [{link: {flap: a--c, period: 1ms}}]\n",
        1,
        "`period` is at least 10ms",
        "",
    ),
    (
        "steps: [{link: {down: a--c, count: 2}}]\n",
        1,
        "`count` is for `flap`",
        "",
    ),
    (
        "steps: [{link: {delete: a--c, mode: carrier}}]\n",
        1,
        "`mode` is for `down`, `up` and `flap`",
        "",
    ),
    (
        "steps: [{link: {flap: a--c, at: b}}]\n",
        1,
        "`b` is not on a--c",
        "",
    ),
    (
        "steps: [{daemon: {freeze: a}}]\n",
        1,
        "`a` is a host without daemon",
        "",
    ),
    (
        "steps: [{wait: 1s, repeat: 0}]\n",
        1,
        "`repeat` is 1 to 1000",
        "",
    ),
    (
        "steps: [{link: {down: a--b}}]\n",
        1,
        "there is no link `a--b`",
        "did you mean `a--c`?",
    ),
    (
        "steps: [{link: {down: a--r1, at: b}}]\n",
        1,
        "`b` is not on a--r1",
        "",
    ),
    (
        "steps: [{link: {at: b}}]\n",
        1,
        "no link is named here",
        "write `link: {down: a--b}`",
    ),
    (
        "steps: [{address: {at: b, set: 10.1.1.1/24}}]\n",
        1,
        "`b` is no interface",
        "write it as `NODE:INTERFACE`",
    ),
    (
        "steps: [{address: {at: \"b:rr1\", set: 10.1.1.1/24}}]\n",
        1,
        "there is no interface of `b` named `rr1`",
        "did you mean `r1`?",
    ),
    (
        "steps: [{daemon: {kill: a}}]\n",
        1,
        "`a` is a host without daemon",
        "",
    ),
    (
        "steps: [{daemon: {kill_workers: c}}]\n",
        1,
        "only mcrd has workers, `c` is custom",
        "",
    ),
    (
        "steps: [{daemon: {}}]\n",
        1,
        "no node is named here",
        "write `daemon: {kill: r1}`",
    ),
    (
        "steps: [{exec: {run: ls}}]\n",
        1,
        "the key `at` is missing",
        "",
    ),
    (
        "steps: [{exec: {at: r2, run: ls}}]\n",
        1,
        "there is no node `r2`",
        "did you mean `r1`?",
    ),
];

#[test]
fn of_verbs() {
    let cases = OF_VERBS;
    judge(BEFORE, cases);
}

const OF_EXPECTATIONS: &[Case] = &[
    (
        "steps:\n  - expect:\n      - within: 1s\n",
        3,
        "an expectation is one condition, such as `rx` or `mroute`",
        "write several as a list, each with its own `within`",
    ),
    (
        "steps: [{expect: {rx: {by: Q}}}]\n",
        1,
        "there is no receiver `Q`",
        "known: R",
    ),
    (
        "steps: [{expect: {rx: {by: R, los: 0}}}]\n",
        1,
        "the key `los` is not known here",
        "did you mean `loss`?",
    ),
    (
        "steps: [{expect: {rx: {by: R, loss: 10ms}}}]\n",
        1,
        "expected a number, or a map of `min` and `max`",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R, p99_latency: 5}}}]\n",
        1,
        "expected a duration such as `500ms` or `2s`",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R, received: {min: 5, max: 4}}}}]\n",
        1,
        "`min` is more than `max`",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R, received: {}}}}]\n",
        1,
        "a bound needs `min` or `max`",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R, received: {least: 5}}}}]\n",
        1,
        "a bound has `min` and `max`, not `least`",
        "",
    ),
    (
        "steps: [{expect: {rx: {by: R, loss: {min: 1, max: 5%}}}}]\n",
        1,
        "`min` and `max` have different units",
        "",
    ),
    (
        "steps: [{never: {rx: {by: R}}}]\n",
        1,
        "the key `for` is missing",
        "",
    ),
    (
        "steps: [{expect: {rate: {at: RR, min: 1pps}}}]\n",
        1,
        "there is no receiver `RR`",
        "did you mean `R`?",
    ),
    (
        "steps: [{expect: {rate: {at: R}}}]\n",
        1,
        "a rate needs `min` or `max`",
        "",
    ),
    (
        "steps: [{expect: {counters: {at: a, rule: x, packets: 1}}}]\n",
        1,
        "`a` does not run mcrd, which has counters",
        "",
    ),
    (
        "steps: [{expect: {counters: {at: r1, packets: 1}}}]\n",
        1,
        "counters are those of a `rule`, of an `input` or of an `interface`",
        "",
    ),
    (
        "steps: [{expect: {counters: {at: r1, rule: x, packet: 1}}}]\n",
        1,
        "there is no counter `packet`",
        "did you mean `packets`?",
    ),
    (
        "steps: [{expect: {counters: {at: r1, rule: x}}}]\n",
        1,
        "no counter is named here",
        "",
    ),
    (
        "steps: [{expect: {counters: {at: r1, input: x, received: 1}}}]\n",
        1,
        "there is no interface of `r1` named `x`",
        "known: a, b",
    ),
    (
        "steps: [{expect: {rx: {by: R}, level: wran}}]\n",
        1,
        "`wran` is not known here",
        "did you mean `warn`?",
    ),
    (
        "steps: [{expect: {state: {same_as_model: [mroute, msdp.sa]}}}]\n",
        1,
        "`msdp.sa` is not known here",
        "known: all, mroute, mfc, neighbors, dr, rp",
    ),
    (
        "steps: [{expect: {state: {same_as: before, same_as_model: all}}}]\n",
        1,
        "`state` needs either `same_as` or `same_as_model`",
        "write `{ same_as: NAME }` with the name of a `snap`, or `{ same_as_model: all }`",
    ),
    (
        "steps: [{expect: {state: {same_as_model: []}}}]\n",
        1,
        "`same_as_model` names nothing",
        "write `same_as_model: all`",
    ),
    (
        "steps: [{measure: {for: 0s, rx: {by: R}}}]\n",
        1,
        "a measurement needs some time",
        "",
    ),
];

#[test]
fn of_expectations() {
    let cases = OF_EXPECTATIONS;
    judge(BEFORE, cases);
}
