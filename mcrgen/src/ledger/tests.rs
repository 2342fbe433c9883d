//! The ledger against a plain count of everything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const CLOCK: u32 = 7;

fn arrival(sequence: u64) -> Arrival {
    Arrival {
        source: Ipv4Addr::new(10, 0, 0, 1),
        group: Ipv4Addr::new(239, 1, 1, 1),
        port: 5000,
        source_port: 4000,
        header: Header {
            clock: CLOCK,
            flow: 1,
            run: 9,
            sequence,
            sent_ns: 1_000,
        },
        length: 100,
        arrival_ns: 2_000 + sequence,
        ttl: Some(4),
        dscp: Some(46),
        socket: 0,
        drops: 0,
    }
}

fn ledger() -> Ledger {
    Ledger::new(10, Clock::Same(CLOCK))
}

fn only(ledger: &Ledger) -> ReceivedFlow {
    let mut flows = ledger.report(u64::MAX, |_| 500);
    assert_eq!(flows.len(), 1);
    flows.remove(0)
}

#[test]
fn a_flow_is_described_by_its_datagrams() {
    let mut ledger = ledger();
    assert_eq!(ledger.note(&arrival(10)), Noted::FirstOfFlow);
    let late = Arrival {
        arrival_ns: 5_000,
        source_port: 4001,
        ttl: Some(3),
        dscp: None,
        ..arrival(12)
    };
    assert_eq!(ledger.note(&late), Noted::Counted);
    let flow = only(&ledger);
    assert_eq!(flow.source, Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(flow.group, Some(Ipv4Addr::new(239, 1, 1, 1)));
    assert_eq!((flow.port, flow.run, flow.flow), (5000, 9, 1));
    assert_eq!((flow.received, flow.bytes, flow.lost), (2, 200, 1));
    assert_eq!((flow.first_sequence, flow.highest_sequence), (10, 12));
    assert_eq!((flow.first_ns, flow.last_ns), (2_010, 5_000));
    assert_eq!(flow.join_to_first_ns, 1_510);
    assert_eq!(flow.longest_gap_ns, 2_990);
    assert_eq!((flow.ttl, flow.dscp), (Some(3), None));
    assert_eq!(flow.source_port, 4001);
    assert!(flow.latencies.is_empty(), "only where it is asked for");
    let latency = flow.latency.unwrap();
    assert!((1_000..=1_020).contains(&latency.min_ns), "{latency:?}");
    assert!((3_960..=4_040).contains(&latency.max_ns), "{latency:?}");
    assert_eq!(ledger.received(), 2);
}

#[test]
fn the_clock_of_another_machine_gives_no_latency() {
    let mut other = Ledger::new(10, Clock::Same(CLOCK + 1));
    other.note(&arrival(0));
    assert_eq!(only(&other).latency, None);
    let mut trusted = Ledger::new(10, Clock::Any);
    trusted.note(&arrival(0));
    assert!(only(&trusted).latency.is_some());
}

#[test]
fn a_clock_set_back_does_not_overflow() {
    let mut ledger = ledger();
    let mut early = arrival(0);
    early.arrival_ns = 10;
    ledger.note(&early);
    let mut earlier = arrival(1);
    earlier.arrival_ns = 5;
    ledger.note(&earlier);
    let flow = only(&ledger);
    assert_eq!(flow.latency.map(|latency| latency.max_ns), Some(0));
    assert_eq!((flow.longest_gap_ns, flow.join_to_first_ns), (0, 0));
}

#[test]
fn each_part_of_the_key_makes_a_flow() {
    let mut ledger = ledger();
    let base = arrival(0);
    let mut others = [base; 5];
    others[0].source = Ipv4Addr::new(10, 0, 0, 2);
    others[1].group = Ipv4Addr::new(239, 1, 1, 2);
    others[2].port = 5001;
    others[3].header.run = 10;
    others[4].header.flow = 2;
    ledger.note(&base);
    for other in &others {
        assert_eq!(ledger.note(other), Noted::FirstOfFlow, "{other:?}");
    }
    // The source port does not: a relay may change it.
    let mut same = arrival(1);
    same.source_port = 1;
    assert_eq!(ledger.note(&same), Noted::Counted);
    assert_eq!(ledger.report(u64::MAX, |_| 0).len(), 6);
}

#[test]
fn flows_beyond_the_limit_are_counted_only() {
    let mut ledger = Ledger::new(2, Clock::Any);
    for flow in 0..4 {
        let mut arrival = arrival(0);
        arrival.header.flow = flow;
        let noted = ledger.note(&arrival);
        assert_eq!(noted == Noted::Refused, flow >= 2);
    }
    assert_eq!(
        ledger.note(&Arrival {
            header: Header {
                flow: 0,
                sequence: 1,
                ..arrival(0).header
            },
            ..arrival(1)
        }),
        Noted::Counted
    );
    assert_eq!((ledger.refused(), ledger.received()), (2, 3));
    assert_eq!(ledger.report(u64::MAX, |_| 0).len(), 2);
}

#[test]
fn a_new_run_starts_anew() {
    let mut ledger = ledger();
    for sequence in [0, 1, 2] {
        ledger.note(&arrival(sequence));
    }
    let mut restarted = arrival(0);
    restarted.header.run = 10;
    ledger.note(&restarted);
    let flows = ledger.report(u64::MAX, |_| 0);
    assert_eq!(flows.len(), 2);
    assert!(
        flows
            .iter()
            .all(|f| f.lost == 0 && f.duplicated == 0 && f.reordered == 0)
    );
}

#[test]
fn a_very_late_datagram_is_too_old() {
    let mut ledger = ledger();
    for sequence in [0, crate::window::WINDOW + 5, 1] {
        ledger.note(&arrival(sequence));
    }
    let flow = only(&ledger);
    assert_eq!((flow.received, flow.too_old), (2, 1));
    assert_eq!(flow.bytes, 200);
}

#[test]
fn a_drop_seen_before_an_earlier_gap_does_not_explain_it() {
    let mut ledger = ledger();
    // Two lost in the network, then five dropped here with nothing after them.
    for (sequence, drops) in [(0, 0), (3, 0), (4, 5)] {
        ledger.note(&Arrival {
            drops,
            ..arrival(sequence)
        });
    }
    let flow = only(&ledger);
    assert_eq!((flow.lost, flow.own_drops), (2, 0));
}

#[test]
fn counted_drops_that_were_none_are_loss() {
    let mut ledger = ledger();
    for (sequence, drops) in [(0, 0), (6, 5)] {
        ledger.note(&Arrival {
            drops,
            ..arrival(sequence)
        });
    }
    let flows = ledger.report(2, |_| 0);
    assert_eq!((flows[0].lost, flows[0].own_drops), (3, 2));
}

#[test]
fn a_late_datagram_was_not_dropped() {
    let mut ledger = ledger();
    // Two of 1 to 3 were dropped, one was only late.
    for (sequence, drops) in [(0, 0), (4, 3), (2, 3)] {
        ledger.note(&Arrival {
            drops,
            ..arrival(sequence)
        });
    }
    let flow = only(&ledger);
    assert_eq!((flow.lost, flow.own_drops, flow.reordered), (0, 2, 1));
}

/// What happens to one datagram on its way.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Lost,
    Dropped,
    Doubled,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Doubled),
    ]
}

proptest! {
    #[test]
    fn own_drops_are_told_from_loss(fates in prop::collection::vec(fate(), 0..300), first in 0..1_000_000_u64) {
        let mut ledger = ledger();
        let mut counter = 0;
        // What happened since the last arrival counts with the next one.
        let (mut lost, mut dropped) = (0, 0);
        let mut expected = (0, 0, 0, 0);
        for (sequence, fate) in (first..).zip(&fates) {
            match fate {
                Fate::Lost => lost += 1,
                Fate::Dropped => {
                    dropped += 1;
                    counter += 1;
                }
                Fate::Arrives | Fate::Doubled => {
                    ledger.note(&Arrival { drops: counter, ..arrival(sequence) });
                    if expected.0 > 0 {
                        expected.1 += lost;
                        expected.2 += dropped;
                    }
                    (lost, dropped) = (0, 0);
                    expected.0 += 1;
                    if matches!(fate, Fate::Doubled) {
                        ledger.note(&Arrival { drops: counter, ..arrival(sequence) });
                        expected.3 += 1;
                    }
                }
            }
        }
        if expected.0 > 0 {
            let flow = only(&ledger);
            prop_assert_eq!((flow.received, flow.lost, flow.own_drops, flow.duplicated), expected);
            prop_assert_eq!(flow.reordered, 0);
        }
    }

    #[test]
    fn any_order_equals_a_plain_count(
        first in 0..1000_u64,
        keys in prop::collection::vec((any::<bool>(), 0..40_u64, 1..3_usize), 1..400),
    ) {
        // Each datagram is delayed by up to 40 places, and some come twice.
        let mut order: Vec<(u64, u64)> = Vec::new();
        for (index, (lost, delay, copies)) in (0..).zip(&keys) {
            let copies = if *lost && index % 5 == 0 { 0 } else { *copies };
            order.extend((0..copies as u64).map(|copy| (index + delay + copy * 7, first + index)));
        }
        order.sort_by_key(|(place, _)| *place);
        let mut ledger = ledger();
        let mut seen = BTreeSet::new();
        let (mut duplicated, mut reordered) = (0, 0);
        for (_, sequence) in &order {
            ledger.note(&arrival(*sequence));
            let highest = seen.last().copied().unwrap_or(0);
            if !seen.insert(*sequence) {
                duplicated += 1;
            } else if *sequence < highest {
                reordered += 1;
            }
        }
        let (Some(low), Some(high)) = (seen.first(), seen.last()) else { return Ok(()) };
        let flow = only(&ledger);
        prop_assert_eq!(flow.received, seen.len() as u64);
        prop_assert_eq!(flow.lost, high - low + 1 - seen.len() as u64);
        prop_assert_eq!((flow.duplicated, flow.reordered), (duplicated, reordered));
        prop_assert_eq!((flow.first_sequence, flow.highest_sequence), (*low, *high));
        prop_assert_eq!(ledger.received(), flow.received);
    }

    #[test]
    fn two_flows_at_one_socket_keep_the_sum(fates in prop::collection::vec((0..2_u32, fate()), 0..200)) {
        let mut ledger = ledger();
        let mut counter = 0;
        let mut next = [1_u64; 2];
        let at = |flow: u32, sequence: u64, drops: u64| {
            let mut arrival = Arrival { drops, ..arrival(sequence) };
            arrival.header.flow = flow;
            arrival
        };
        let mut lost = 0;
        for flow in 0..2 {
            ledger.note(&at(flow, 0, 0));
        }
        for (flow, fate) in fates {
            let sequence = next[flow as usize];
            next[flow as usize] += 1;
            match fate {
                Fate::Lost => lost += 1,
                Fate::Dropped => counter += 1,
                Fate::Arrives | Fate::Doubled => {
                    ledger.note(&at(flow, sequence, counter));
                }
            }
        }
        for flow in 0..2 {
            ledger.note(&at(flow, next[flow as usize], counter));
        }
        let flows = ledger.report(u64::MAX, |_| 0);
        prop_assert_eq!(flows.iter().map(|flow| flow.lost).sum::<u64>(), lost);
    }
}

#[test]
fn a_line_has_the_latencies_since_the_one_before_and_the_last_one_all() {
    let mut ledger = Ledger::new(8, Clock::Any);
    let arrive = |ledger: &mut Ledger, sequence, latency| {
        let mut arrival = arrival(sequence);
        arrival.arrival_ns = arrival.header.sent_ns + latency;
        ledger.note(&arrival);
    };
    let told = |ledger: &Ledger, last| {
        let mut flows = ledger.report(u64::MAX, |_| 0);
        ledger.tell_latencies(&mut flows, last);
        flows.remove(0).latencies
    };
    arrive(&mut ledger, 0, 1_000);
    arrive(&mut ledger, 1, 1_000);
    let first = told(&ledger, false);
    assert_eq!(first.iter().map(|one| one.1).collect::<Vec<_>>(), [2]);
    ledger.latencies_told();
    arrive(&mut ledger, 2, 50_000);
    // The line was refused, and the next one has what it had.
    let refused = told(&ledger, false);
    assert_eq!((refused.total(), told(&ledger, false)), (1, refused));
    let all = told(&ledger, true);
    assert_eq!(all.total(), 3);
    assert_eq!(all.quantiles(), ledger.report(0, |_| 0)[0].latency);
}
