//! Steps and expectations as the model has them.

use std::time::Duration;

use super::good;
use crate::topology::model::{
    Action, Bound, Check, CounterOf, DaemonChange, Flap, LinkChange, LinkId, NodeId, RatePoint,
    RxCheck, Step,
};

const BEFORE: &str = "lab: 1\nnodes: {a: host, r1: mcrd, b: host}\n\
    links: [a -- r1, r1 -- b]\n\
    receivers:\n  R1: {at: b, group: 239.1.1.1}\n  R2: {at: b, group: 239.1.1.2, groups: 3}\n\
    sources: {S: {at: a, group: 239.1.1.1, rate: 2Mbit/s}}\n\
    steps:\n";

fn step(text: &str) -> Step {
    let topology = good(&format!("{BEFORE}{text}"));
    topology.steps.into_iter().next().expect("a step")
}

fn rx(step: &Step, position: usize) -> RxCheck {
    match &step.expect[position].check {
        Check::Rx(check) => (**check).clone(),
        other @ (Check::Rate { .. }
        | Check::Router(_)
        | Check::Tree { .. }
        | Check::Packets(_)
        | Check::State { .. }
        | Check::Mfc(_)
        | Check::Mdb(_)
        | Check::Log(_)
        | Check::Counters { .. }
        | Check::Exec { .. }) => {
            panic!("not rx: {other:?}")
        }
    }
}

const fn between(min: Option<f64>, max: Option<f64>) -> Bound {
    Bound { min, max }
}

#[test]
fn a_sweep_has_a_step_of_its_own_that_leaves_nothing_behind() {
    let topology = good(&format!(
        "{BEFORE}  - \"all starts\": {{send: S}}\n  \
         - \"and comes back\":\n      repeat:\n        over: events(pim.join or pim.hello from r1)\n        \
         since: all starts\n        limit: 7\n        \
         each: {{fault: {{a--r1: {{loss: 5%}}}}, heal: a--r1, expect: {{rx: {{by: R1}}}}}}\n        \
         report: {{worst: outage, by: [R1, R2], as: longest}}\n  \
         - fault: {{r1--b: {{loss: 1%}}}}\n"
    ));
    let step = &topology.steps[1];
    assert_eq!((step.actions.len(), step.expect.len()), (0, 0));
    let sweep = step.sweep.as_ref().expect("a sweep");
    assert_eq!(sweep.over.text, "pim.join or pim.hello from r1");
    assert_eq!((sweep.limit, sweep.since), (7, Some(0)));
    assert_eq!(sweep.each.title, "and comes back");
    assert_eq!((sweep.each.actions.len(), sweep.each.expect.len()), (2, 1));
    let by: Vec<usize> = sweep.worst.iter().map(|check| check.by).collect();
    assert_eq!((by, sweep.metric.as_deref()), (vec![0, 1], Some("longest")));
    // What it does to a wire, that wire must be there for.
    let wires: Vec<_> = topology.wires().map(|(at, _)| at.link).collect();
    assert_eq!(wires, [LinkId(0), LinkId(1)]);
    assert!(topology.steps[2].sweep.is_none());
}

#[test]
fn verbs_keep_the_order_of_the_file() {
    let step = step(
        "  - \"many things to ${b.ip}\":\n      wait: 50ms\n      send: S\n      \
         join: [R2, R1]\n      link: {up: b -- r1, down: a--r1, at: r1}\n      \
         daemon: {reload: r1}\n",
    );
    assert_eq!(step.title, "many things to 10.0.1.2");
    assert_eq!(step.line, 9);
    let told: Vec<String> = step
        .actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    let want = [
        Action::Wait(Duration::from_millis(50)),
        Action::Send(vec![0]),
        Action::Join(vec![1, 0]),
        Action::Link {
            change: LinkChange::Up,
            link: crate::topology::model::LinkId(1),
            at: Some(NodeId(1)),
        },
        Action::Link {
            change: LinkChange::Down,
            link: crate::topology::model::LinkId(0),
            at: Some(NodeId(1)),
        },
        Action::Daemon {
            change: DaemonChange::Reload,
            at: NodeId(1),
        },
    ];
    assert_eq!(told, want.map(|action| format!("{action:?}")));
}

#[test]
fn links_flap_and_daemons_start_again() {
    let step = step(
        "  - link: {flap: r1--b, count: 5, period: 200ms, mode: carrier, at: b}\n    \
         daemon: {restart: r1}\n    mark: now\n",
    );
    let told: Vec<String> = step
        .actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    let daemon = |change| Action::Daemon {
        change,
        at: NodeId(1),
    };
    let want = [
        Action::Flap(Flap {
            link: LinkId(1),
            at: Some(NodeId(2)),
            carrier: true,
            count: 5,
            period: Duration::from_millis(200),
        }),
        daemon(DaemonChange::Stop),
        daemon(DaemonChange::Start),
        Action::Mark("now".to_owned()),
    ];
    assert_eq!(told, want.map(|action| format!("{action:?}")));
}

#[test]
fn a_link_whose_carrier_is_taken_leads_over_a_wire() {
    let text = "  - link: {down: a--r1, mode: carrier}\n  - link: {up: r1--b}\n";
    let topology = good(&format!("{BEFORE}{text}"));
    assert!(topology.links[0].wire.is_some());
    assert!(topology.links[1].wire.is_none());
}

#[test]
fn a_repeated_step_counts_its_times() {
    let topology = good(&format!("{BEFORE}  - \"again\": {{join: R1, repeat: 3}}\n"));
    let titles = topology.steps.iter().map(|step| step.title.as_str());
    let titles: Vec<&str> = titles.collect();
    assert_eq!(
        titles,
        ["again (1 of 3)", "again (2 of 3)", "again (3 of 3)"]
    );
}

#[test]
fn a_step_without_title_is_named_by_its_verbs() {
    assert_eq!(
        step("  - join: [R1, R2]\n    send: S\n").title,
        "join R1 R2, send S"
    );
}

#[test]
fn rx_bounds_have_their_meaning() {
    let step = step(
        "  - expect:\n      rx: {by: [R1, R2], of: S, loss: 1%, duplicates: 0, reorder: \
         {max: 3}, gap: 50ms, p99_latency: 10ms, max_latency: {min: 1ms, max: 1s}, \
         first_within: 300ms}\n      within: 2s\n      holds: 1s\n      level: warn\n      \
         as: first\n",
    );
    assert_eq!(step.expect.len(), 2);
    assert_eq!((rx(&step, 0).by, rx(&step, 1).by), (0, 1));
    let check = rx(&step, 0);
    assert_eq!(check.of, [0]);
    // At least one must arrive, or nothing would be judged at all.
    assert_eq!(check.received, between(Some(1.0), None));
    assert_eq!(check.loss, Bound::default());
    assert_eq!(check.loss_share, between(None, Some(0.01)));
    assert_eq!(check.duplicates, between(Some(0.0), Some(0.0)));
    assert_eq!(check.reorder, between(None, Some(3.0)));
    assert_eq!(check.gap_ns, between(None, Some(5e7)));
    let latencies = [
        (0.99, between(None, Some(1e7))),
        (1.0, between(Some(1e6), Some(1e9))),
    ];
    assert_eq!(check.latency_ns, latencies);
    assert_eq!(check.first_within, Some(Duration::from_millis(300)));
    let expectation = &step.expect[0];
    assert_eq!(expectation.within, Duration::from_secs(2));
    assert_eq!(expectation.holds, Duration::from_secs(1));
    assert!(expectation.warn && !expectation.never);
    assert_eq!(expectation.metric.as_deref(), Some("first"));
}

#[test]
fn never_and_measure() {
    let step = step(
        "  - measure: {for: 2s, rx: {by: R1, received: 400, loss: 0}}\n    \
         never:\n      - {rate: {at: \"b:r1\", of: 239.1.1.1, max: 8kbit/s}, for: 3s}\n",
    );
    assert!(matches!(step.actions[..], [Action::Measure(time)] if time.as_secs() == 2));
    assert_eq!(rx(&step, 0).received, between(Some(400.0), Some(400.0)));
    assert_eq!(rx(&step, 0).loss, between(Some(0.0), Some(0.0)));
    let never = &step.expect[1];
    assert!(never.never);
    assert_eq!(never.within, Duration::from_secs(3));
    let Check::Rate { at, of, pps, bps } = &never.check else {
        panic!("not a rate");
    };
    assert_eq!(*at, RatePoint::Interface(NodeId(2), 0));
    assert_eq!(
        of.map(|group| group.to_string()).as_deref(),
        Some("239.1.1.1")
    );
    assert_eq!(
        (*pps, *bps),
        (Bound::default(), between(None, Some(8000.0)))
    );
}

#[test]
fn counters_and_exec() {
    let step = step(
        "  - expect:\n      - counters: {at: r1, input: a, drops.no-rule: 0, \
         received: {min: 5}}\n      - exec: {at: r1, run: \"echo ${self:-x}\", contains: x}\n",
    );
    let Check::Counters { at, of, bounds } = &step.expect[0].check else {
        panic!("not counters");
    };
    assert_eq!(*at, NodeId(1));
    assert_eq!(*of, CounterOf::Input("a".to_owned()));
    let want = [
        ("drops.no-rule".to_owned(), between(Some(0.0), Some(0.0))),
        ("received".to_owned(), between(Some(5.0), None)),
    ];
    assert_eq!(*bounds, want);
    let Check::Exec {
        exec,
        status,
        contains,
    } = &step.expect[1].check
    else {
        panic!("not exec");
    };
    assert_eq!((exec.at, *status), (NodeId(1), 0));
    assert_eq!(exec.run, "echo x");
    assert_eq!(contains.as_deref(), Some("x"));
}

#[test]
fn groups_are_counted_up() {
    let topology = good(&format!("{BEFORE}  - join: R1\n"));
    let groups: Vec<String> = topology.receivers[1]
        .groups
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(groups, ["239.1.1.2", "239.1.1.3", "239.1.1.4"]);
}

#[test]
fn what_is_done_at_once_keeps_the_order_of_each_part() {
    let step = step(
        "  - parallel:\n      - {wait: 1s, link: {down: a--r1}}\n      - send: S\n        \
         join: [R1, R2]\n    mark: then\n",
    );
    let [Action::Together(rows), Action::Mark(_)] = &step.actions[..] else {
        panic!("{:?}", step.actions);
    };
    assert!(matches!(
        rows[0][..],
        [Action::Wait(_), Action::Link { .. }]
    ));
    assert!(matches!(rows[1][..], [Action::Send(_), Action::Join(_)]));
    let all = step.actions.iter().flat_map(Action::each);
    assert_eq!(all.count(), 5, "each of them, and the mark");
}
