//! One row for each thing that can be asked of a receiver.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use mcrgen::latency::Latencies;

use super::{Times, judge, judge_rate};
use crate::assertion::Truth;
use crate::run::ledger::{Arrival, RateSeen, RxSeen};
use crate::topology::model::{Bound, LinkId, RxCheck, WireId};

fn exactly(value: f64) -> Bound {
    Bound {
        min: Some(value),
        max: Some(value),
    }
}

fn at_most(value: f64) -> Bound {
    Bound {
        min: None,
        max: Some(value),
    }
}

/// 1000 sent, 990 received, one of them twice, 2 late.
fn seen() -> RxSeen {
    RxSeen {
        unheard_ns: 0,
        sent: 1000,
        received: 990,
        lost: 10,
        duplicated: 1,
        reordered: 2,
        corrupted: 0,
        own_drops: 0,
        first_ns: Some(5_030_000_000),
        gap_until_ns: None,
        gap_ns: 40_000_000,
        latencies: vec![
            Rc::new(Latencies::from(vec![(20_000, 900), (400_000, 7)])),
            Rc::new(Latencies::from(vec![(90_000, 81), (2_000_000, 2)])),
        ],
        arrivals: vec![Arrival {
            source: Some(Ipv4Addr::new(10, 0, 1, 1)),
            source_port: 4000,
            ttl: Some(15),
            dscp: Some(46),
        }],
        flows: 1,
        owed: Vec::new(),
        on_wire: Some(9),
    }
}

const SINCE: Times = Times {
    since_ns: 5_000_000_000,
    late: Duration::ZERO,
};

type Set = fn(&mut RxCheck);
const ROWS: &[(Set, Option<&str>)] = &[
    (|c| c.received = exactly(990.0), None),
    (
        |c| c.received = exactly(991.0),
        Some("received 990, expected 991"),
    ),
    (|c| c.loss = at_most(10.0), None),
    (|c| c.loss = exactly(0.0), Some("lost 10, expected 0")),
    (|c| c.loss_share = at_most(0.01), None),
    (
        |c| c.loss_share = at_most(0.009),
        Some("lost 1.000%, expected at most 0.900%"),
    ),
    (
        |c| c.duplicates = exactly(0.0),
        Some("duplicated 1, expected 0"),
    ),
    (
        |c| c.reorder = exactly(0.0),
        Some("reordered 2, expected 0"),
    ),
    (|c| c.corrupted = exactly(0.0), None),
    (
        |c| c.loss_on = Some(WireId::of(LinkId(0))),
        Some("lost 10, and the wire took 9"),
    ),
    (|c| c.first_within = Some(Duration::from_millis(30)), None),
    (
        |c| c.first_within = Some(Duration::from_millis(29)),
        Some("first datagram after 30ms, expected within 29ms"),
    ),
    (|c| c.gap_ns = at_most(4e7), None),
    (
        |c| c.gap_ns = at_most(3e7),
        Some("longest gap 40ms, expected at most 30ms"),
    ),
    (|c| c.latency_ns = vec![(0.99, at_most(9.1e4))], None),
    (
        |c| c.latency_ns = vec![(0.95, at_most(8e4))],
        Some("latency p95 90us, expected at most 80us"),
    ),
    (
        |c| c.latency_ns = vec![(1.0, at_most(1e6))],
        Some("latency p100 2.0ms, expected at most 1.0ms"),
    ),
    (|c| c.ttl = Some(15), None),
    (|c| c.ttl = Some(16), Some("ttl 15, expected 16")),
    (|c| c.dscp = Some(0), Some("dscp 46, expected 0")),
    (
        |c| c.source = Some(Ipv4Addr::new(10, 0, 1, 2)),
        Some("source 10.0.1.1, expected 10.0.1.2"),
    ),
    (
        |c| c.source_port = Some(1),
        Some("source port 4000, expected 1"),
    ),
];

#[test]
fn each_bound_is_judged_and_named() {
    for (set, want) in ROWS {
        let mut check = RxCheck::default();
        set(&mut check);
        let observed = judge(&check, &seen(), SINCE);
        match want {
            None => assert_eq!(observed.truth, Truth::True, "{:?}", observed.missed),
            Some(text) => assert_eq!(observed.missed, [*text]),
        }
    }
}

#[test]
fn silence_proves_nothing() {
    let silent = RxSeen::default();
    let no_loss = RxCheck {
        loss: exactly(0.0),
        ..RxCheck::default()
    };
    assert_eq!(
        judge(&no_loss, &silent, Times::default()).truth,
        Truth::False
    );
    let nothing = RxCheck {
        received: exactly(0.0),
        ..RxCheck::default()
    };
    assert_eq!(
        judge(&nothing, &silent, Times::default()).truth,
        Truth::True
    );
    let all_lost = RxSeen {
        sent: 5,
        lost: 5,
        ..RxSeen::default()
    };
    assert_eq!(
        judge(&nothing, &all_lost, Times::default()).truth,
        Truth::True
    );
    let no_duplicates = RxCheck {
        duplicates: exactly(0.0),
        ..RxCheck::default()
    };
    assert_eq!(
        judge(&no_duplicates, &all_lost, Times::default()).missed,
        ["nothing arrived"]
    );
}

#[test]
fn own_drops_are_not_loss() {
    let mut blind = seen();
    blind.own_drops = 4;
    let observed = judge(&RxCheck::default(), &blind, SINCE);
    assert_eq!(observed.truth, Truth::Unknowable);
    assert!(observed.missed[0].contains("own socket dropped 4"));
}

#[test]
fn the_line_has_all_figures_in_80_columns() {
    let line = judge(&RxCheck::default(), &seen(), SINCE).measured;
    assert_eq!(
        line,
        "sent 1000  received 990  lost 10  dup 1  reordered 2  p50 20us p99 90us"
    );
    let asked = RxCheck {
        gap_ns: at_most(1e9),
        first_within: Some(Duration::from_secs(1)),
        ..RxCheck::default()
    };
    let line = judge(&asked, &seen(), SINCE).measured;
    assert!(line.ends_with("  gap 40ms  first 30ms"), "{line}");
}

#[test]
fn rates() {
    let rate = RateSeen::over(500, 500_000, 1_000_000_000);
    let floor = Bound {
        min: Some(501.0),
        max: None,
    };
    let observed = judge_rate(&floor, &Bound::default(), &rate);
    assert_eq!(observed.missed, ["rate 500 pps, expected at least 501 pps"]);
    assert_eq!(observed.measured, "500 pps  4.0 Mbit/s");
    assert_eq!(
        judge_rate(&Bound::default(), &floor, &rate).truth,
        Truth::True
    );
}

#[test]
fn losses_that_are_all_of_the_wire_are_as_asked_for() {
    let check = RxCheck {
        loss_on: Some(WireId::of(LinkId(0))),
        ..RxCheck::default()
    };
    let of_wire = |on_wire| RxSeen { on_wire, ..seen() };
    assert_eq!(judge(&check, &of_wire(Some(10)), SINCE).missed, [""; 0]);
    assert_eq!(
        judge(&check, &of_wire(None), SINCE).missed,
        ["the wire took more datagrams than are kept apart"]
    );
}

#[test]
fn what_the_machine_took_counts_for_no_time() {
    let check = RxCheck {
        first_within: Some(Duration::from_millis(20)),
        gap_ns: at_most(3e7),
        ..RxCheck::default()
    };
    let judged = |late| {
        let times = Times {
            late: Duration::from_millis(late),
            ..SINCE
        };
        judge(&check, &seen(), times).missed.len()
    };
    // It came after 30 ms, and the longest gap was 40 ms.
    assert_eq!((judged(9), judged(10)), (2, 0));
}
