//! Spans over made-up reports: what is lost, what is under way, what belongs
//! to another span.

use std::net::Ipv4Addr;

use mcrgen::report::{ReceivedFlow, RecvReport, SendReport, SentFlow};

use super::{GRACE_NS, Ledger, RxSeen};

const MS: u64 = 1_000_000;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(239, 9, 9, 9);
const RUN: u64 = 7;

fn sent(at: u64, sent: u64) -> SendReport {
    SendReport {
        run: RUN,
        at_ns: at,
        sent,
        flows: vec![SentFlow {
            flow: 0,
            destination: GROUP,
            port: 5000,
            sent,
        }],
        ..SendReport::default()
    }
}

/// `lost` of the numbers `first..=highest` are missing.
fn flow(group: Ipv4Addr, first: u64, highest: u64, lost: u64, last_ns: u64) -> ReceivedFlow {
    ReceivedFlow {
        source: Some(Ipv4Addr::new(10, 0, 0, 1)),
        group: Some(group),
        port: 5000,
        run: RUN,
        flow: 0,
        received: highest + 1 - first - lost,
        bytes: (highest + 1 - first - lost) * 100,
        lost,
        first_sequence: first,
        highest_sequence: highest,
        first_ns: last_ns,
        last_ns,
        ..ReceivedFlow::default()
    }
}

fn seen(at: u64, flows: Vec<ReceivedFlow>) -> RecvReport {
    RecvReport {
        at_ns: at,
        joined_ns: MS,
        flows,
        ..RecvReport::default()
    }
}

fn rx(ledger: &Ledger, now: u64) -> RxSeen {
    ledger.rx(0, now, |_| true, |_, group| group == GROUP)
}

/// Joined first, then a sender that has sent 100 at 100 ms.
fn joined_then_sent() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.begin_span(0);
    let session = ledger.receiver_started(0);
    ledger.receiver_reported(session, seen(2 * MS, Vec::new()));
    ledger.sender_started(0, RUN);
    ledger.sender_reported(RUN, sent(100 * MS, 100));
    ledger
}

#[test]
fn what_is_under_way_is_not_lost_and_what_stays_away_is() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(100 * MS, vec![flow(GROUP, 0, 89, 0, 99 * MS)]));
    assert!(!ledger.is_settled(100 * MS));
    let early = rx(&ledger, 110 * MS);
    assert_eq!((early.sent, early.received, early.lost), (90, 90, 0));
    let late = rx(&ledger, 100 * MS + GRACE_NS);
    assert_eq!((late.sent, late.received, late.lost), (100, 90, 10));
    ledger.receiver_reported(0, seen(120 * MS, vec![flow(GROUP, 0, 99, 0, 119 * MS)]));
    assert!(ledger.is_settled(100 * MS));
    let all = rx(&ledger, 100 * MS + GRACE_NS);
    assert_eq!((all.sent, all.received, all.lost), (100, 100, 0));
}

#[test]
fn a_dark_receiver_lost_what_was_owed_and_nothing_of_other_groups() {
    let ledger = joined_then_sent();
    let dark = rx(&ledger, 100 * MS + GRACE_NS);
    assert_eq!((dark.sent, dark.received, dark.lost), (100, 0, 100));
    let not_owed = ledger.rx(0, 10_000 * MS, |_| true, |_, group| group == OTHER);
    assert_eq!(not_owed, RxSeen::default());
}

#[test]
fn a_hole_in_the_middle_and_a_late_first_datagram_are_loss() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(130 * MS, vec![flow(GROUP, 4, 99, 3, 100 * MS)]));
    let seen = rx(&ledger, 130 * MS);
    assert_eq!((seen.sent, seen.received, seen.lost), (100, 93, 7));
}

#[test]
fn nothing_is_owed_from_before_the_join() {
    let mut ledger = Ledger::default();
    ledger.begin_span(0);
    ledger.sender_started(0, RUN);
    ledger.sender_reported(RUN, sent(40 * MS, 40));
    let session = ledger.receiver_started(0);
    let mut joined = seen(52 * MS, Vec::new());
    joined.joined_ns = 50 * MS;
    ledger.receiver_reported(session, joined.clone());
    ledger.sender_reported(RUN, sent(60 * MS, 60));
    joined.at_ns = 70 * MS;
    joined.flows = vec![flow(GROUP, 51, 69, 0, 70 * MS)];
    ledger.receiver_reported(session, joined.clone());
    let from_first = rx(&ledger, 70 * MS);
    assert_eq!((from_first.sent, from_first.lost), (19, 0));
    // Ten more than the sender had sent when the join was surely done.
    joined.flows = vec![flow(GROUP, 70, 79, 0, 80 * MS)];
    ledger.receiver_reported(session, joined);
    let too_late = rx(&ledger, 80 * MS);
    assert_eq!(
        (too_late.sent, too_late.received, too_late.lost),
        (20, 10, 10)
    );
}

#[test]
fn a_span_counts_only_what_was_sent_in_it() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(110 * MS, vec![flow(GROUP, 0, 99, 8, 100 * MS)]));
    ledger.begin_span(110 * MS);
    ledger.sender_reported(RUN, sent(200 * MS, 200));
    ledger.receiver_reported(0, seen(201 * MS, vec![flow(GROUP, 0, 199, 8, 200 * MS)]));
    let second = rx(&ledger, 201 * MS);
    assert_eq!((second.sent, second.received, second.lost), (100, 100, 0));
}

/// After a span that has ended the next one waits for what was sent since.
#[test]
fn a_span_after_another_waits_for_what_is_under_way() {
    let mut ledger = joined_then_sent();
    ledger.end_span(100 * MS);
    ledger.receiver_reported(0, seen(100 * MS, vec![flow(GROUP, 0, 99, 0, 100 * MS)]));
    assert!(ledger.is_settled(100 * MS));
    ledger.sender_reported(RUN, sent(150 * MS, 150));
    ledger.receiver_reported(0, seen(150 * MS, vec![flow(GROUP, 0, 148, 0, 150 * MS)]));
    assert!(!ledger.is_settled(150 * MS), "one is under way");
    ledger.receiver_reported(0, seen(151 * MS, vec![flow(GROUP, 0, 149, 0, 151 * MS)]));
    assert!(ledger.is_settled(150 * MS));
}

/// One that arrives in the span and was sent before does not stand for one that
/// the span loses.
#[test]
fn a_span_that_is_cut_has_what_is_under_way() {
    let cut = |lost| {
        let mut ledger = joined_then_sent();
        ledger.receiver_reported(0, seen(100 * MS, vec![flow(GROUP, 0, 98, 0, 99 * MS)]));
        ledger.cut_span(100 * MS);
        ledger.sender_reported(RUN, sent(200 * MS, 200));
        let arrived = flow(GROUP, 0, 199, lost, 200 * MS);
        ledger.receiver_reported(0, seen(201 * MS, vec![arrived]));
        let seen = rx(&ledger, 201 * MS);
        (seen.sent, seen.received, seen.lost)
    };
    assert_eq!(cut(0), (101, 101, 0));
    assert_eq!(cut(1), (101, 100, 1));
}

/// What was lost long before is not lost again.
#[test]
fn a_span_that_is_cut_has_nothing_that_is_gone() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(100 * MS, vec![flow(GROUP, 0, 49, 0, 50 * MS)]));
    let later = 100 * MS + GRACE_NS;
    ledger.receiver_reported(0, seen(later, vec![flow(GROUP, 0, 49, 0, 50 * MS)]));
    ledger.cut_span(later);
    ledger.sender_reported(RUN, sent(later + 100 * MS, 120));
    let arrived = flow(GROUP, 0, 119, 50, later + 100 * MS);
    ledger.receiver_reported(0, seen(later + 101 * MS, vec![arrived]));
    let seen = rx(&ledger, later + 101 * MS);
    assert_eq!((seen.sent, seen.received, seen.lost), (20, 20, 0));
}

#[test]
fn a_span_that_begins_with_a_flow_waits_for_its_first_datagrams() {
    let mut ledger = joined_then_sent();
    assert!(!ledger.is_settled(100 * MS), "no report since");
    ledger.receiver_reported(0, seen(105 * MS, vec![flow(GROUP, 0, 104, 0, 105 * MS)]));
    assert!(ledger.is_settled(100 * MS));
    ledger.begin_span(100 * MS);
    ledger.sender_reported(RUN, sent(200 * MS, 200));
    ledger.receiver_reported(0, seen(201 * MS, vec![flow(GROUP, 0, 199, 0, 200 * MS)]));
    let second = rx(&ledger, 201 * MS);
    assert_eq!((second.sent, second.received, second.lost), (95, 95, 0));
}

/// What was sent before a span begins, after the sender's latest report, is not
/// lost in it.
#[test]
fn a_span_begins_when_the_sender_has_told_what_it_sent_before() {
    let mut ledger = joined_then_sent();
    // 100 to 104 were lost; they were sent by 105, and nobody told.
    ledger.receiver_reported(0, seen(106 * MS, vec![flow(GROUP, 0, 99, 0, 100 * MS)]));
    assert!(!ledger.is_settled(105 * MS));
    ledger.sender_reported(RUN, sent(110 * MS, 110));
    ledger.receiver_reported(0, seen(115 * MS, vec![flow(GROUP, 0, 109, 5, 110 * MS)]));
    assert!(ledger.is_settled(105 * MS));
    ledger.begin_span(105 * MS);
    ledger.sender_reported(RUN, sent(200 * MS, 200));
    ledger.receiver_reported(0, seen(201 * MS, vec![flow(GROUP, 0, 199, 5, 200 * MS)]));
    let second = rx(&ledger, 201 * MS);
    assert_eq!((second.sent, second.received, second.lost), (90, 90, 0));
}

/// On a wire that loses, the last ones may never come: a receiver's own clock
/// says when that is so. One that is late to report has had what it had long
/// before, and what came since would count for the span.
#[test]
fn a_span_begins_when_each_receiver_has_told_of_its_beginning() {
    let mut ledger = joined_then_sent();
    let report = |at: u64| seen(at * MS, vec![flow(GROUP, 0, 97, 0, 98 * MS)]);
    ledger.receiver_reported(0, report(99));
    assert!(!ledger.is_settled(100 * MS));
    ledger.receiver_reported(0, report(199));
    assert!(!ledger.is_settled(100 * MS), "98 and 99 may be under way");
    ledger.receiver_reported(0, report(200));
    assert!(ledger.is_settled(100 * MS));
}

#[test]
fn what_an_earlier_span_lost_is_not_lost_again() {
    let mut ledger = joined_then_sent();
    // Nothing arrives after 49, and the next span begins in the dark.
    ledger.receiver_reported(0, seen(100 * MS, vec![flow(GROUP, 0, 49, 0, 50 * MS)]));
    ledger.begin_span(100 * MS);
    ledger.sender_reported(RUN, sent(200 * MS, 200));
    ledger.receiver_reported(0, seen(201 * MS, vec![flow(GROUP, 0, 199, 50, 200 * MS)]));
    let second = rx(&ledger, 201 * MS);
    assert_eq!((second.sent, second.received, second.lost), (100, 100, 0));
}

#[test]
fn after_its_end_a_span_only_waits_for_its_own_datagrams() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(90 * MS, vec![flow(GROUP, 0, 89, 0, 90 * MS)]));
    ledger.end_span(100 * MS);
    assert!(!ledger.is_settled(100 * MS));
    ledger.sender_reported(RUN, sent(200 * MS, 200));
    ledger.receiver_reported(0, seen(120 * MS, vec![flow(GROUP, 0, 119, 0, 120 * MS)]));
    assert!(ledger.is_settled(100 * MS));
    let frozen = rx(&ledger, 120 * MS);
    ledger.receiver_reported(0, seen(300 * MS, vec![flow(GROUP, 0, 199, 40, 300 * MS)]));
    assert_eq!(rx(&ledger, 300 * MS), frozen);
    assert_eq!((frozen.sent, frozen.received, frozen.lost), (120, 120, 0));
}

#[test]
fn what_was_overtaken_when_a_span_ended_is_not_lost() {
    let mut ledger = joined_then_sent();
    ledger.end_span(100 * MS);
    // The last one came before three others.
    ledger.receiver_reported(0, seen(101 * MS, vec![flow(GROUP, 0, 99, 3, 101 * MS)]));
    assert!(!ledger.is_settled(100 * MS));
    ledger.receiver_reported(0, seen(106 * MS, vec![flow(GROUP, 0, 104, 0, 106 * MS)]));
    assert!(ledger.is_settled(100 * MS));
    let frozen = rx(&ledger, 106 * MS);
    assert_eq!((frozen.sent, frozen.received, frozen.lost), (105, 105, 0));
}

#[test]
fn where_something_is_lost_the_report_with_the_fewest_holes_counts() {
    let mut ledger = joined_then_sent();
    ledger.end_span(100 * MS);
    let mut report = |at: u64, highest: u64, lost: u64| {
        let flows = vec![flow(GROUP, 0, highest, lost, at * MS)];
        ledger.receiver_reported(0, seen(at * MS, flows));
        ledger.is_settled(100 * MS)
    };
    assert!(!report(101, 99, 7));
    assert!(!report(110, 109, 4));
    assert!(!report(200, 199, 9));
    assert!(report(350, 349, 11), "the time of grace is over");
    let frozen = rx(&ledger, 350 * MS);
    assert_eq!((frozen.sent, frozen.received, frozen.lost), (110, 106, 4));
}

#[test]
fn every_group_that_a_relay_delivers_to_is_owed_in_full() {
    let mut ledger = joined_then_sent();
    let both = vec![
        flow(GROUP, 0, 99, 0, 100 * MS),
        flow(OTHER, 0, 59, 0, 60 * MS),
    ];
    ledger.receiver_reported(0, seen(110 * MS, both));
    let seen = rx(&ledger, 100 * MS + GRACE_NS);
    assert_eq!((seen.sent, seen.received, seen.lost), (200, 160, 40));
    assert_eq!(seen.flows, 2);
}

#[test]
fn a_flow_goes_on_under_another_source_address() {
    let mut ledger = joined_then_sent();
    let mut moved = flow(GROUP, 60, 99, 0, 100 * MS);
    moved.source = Some(Ipv4Addr::new(10, 0, 0, 2));
    let parts = vec![flow(GROUP, 0, 59, 0, 60 * MS), moved];
    ledger.receiver_reported(0, seen(110 * MS, parts));
    let seen = rx(&ledger, 110 * MS);
    assert_eq!((seen.sent, seen.received, seen.lost), (100, 100, 0));
    assert_eq!(seen.arrivals.len(), 2);
}

#[test]
fn own_drops_and_damage_are_of_the_span() {
    let mut ledger = joined_then_sent();
    let mut report = seen(110 * MS, vec![flow(GROUP, 0, 99, 0, 100 * MS)]);
    report.socket_drops = 3;
    report.corrupted = 2;
    ledger.receiver_reported(0, report.clone());
    assert_eq!(rx(&ledger, 110 * MS).own_drops, 3);
    ledger.begin_span(111 * MS);
    report.at_ns = 120 * MS;
    report.corrupted = 5;
    ledger.receiver_reported(0, report);
    let second = rx(&ledger, 120 * MS);
    assert_eq!((second.own_drops, second.corrupted), (0, 3));
}

#[test]
fn rates_over_the_latest_time() {
    let mut ledger = joined_then_sent();
    assert_eq!(ledger.rx_rate(0, None, 0), None, "watched for no time");
    for step in 1..=20_u64 {
        let at = 100 * MS + step * 50 * MS;
        let highest = step * 50 - 1;
        ledger.receiver_reported(0, seen(at, vec![flow(GROUP, 0, highest, 0, at)]));
    }
    let now = ledger.rx_rate(0, Some(GROUP), 0).unwrap();
    assert!((now.pps - 1000.0).abs() < 1.0, "{now:?}");
    assert!((now.bps - 800_000.0).abs() < 1000.0, "{now:?}");
    assert!(ledger.rx_rate(0, Some(OTHER), 0).unwrap().pps < 0.1);
}

#[test]
fn what_came_before_the_asking_is_in_no_rate() {
    let mut ledger = joined_then_sent();
    for step in 1..=20_u64 {
        let at = 100 * MS + step * 50 * MS;
        // Nothing comes any more from 600 ms on.
        let highest = step.min(10) * 50 - 1;
        ledger.receiver_reported(0, seen(at, vec![flow(GROUP, 0, highest, 0, at)]));
    }
    assert_eq!(
        ledger.rx_rate(0, None, 701 * MS),
        None,
        "not for long enough"
    );
    let now = ledger.rx_rate(0, None, 700 * MS).unwrap();
    assert!(now.pps.abs() < 0.1, "{now:?}");
}

#[test]
fn a_gap_belongs_to_the_span_in_which_it_ends() {
    let mut ledger = joined_then_sent();
    let mut gap = flow(GROUP, 0, 49, 0, 50 * MS);
    gap.longest_gap_ns = 30 * MS;
    ledger.receiver_reported(0, seen(60 * MS, vec![gap.clone()]));
    assert_eq!(rx(&ledger, 60 * MS).gap_ns, 30 * MS);
    ledger.begin_span(60 * MS);
    gap.last_ns = 62 * MS;
    ledger.receiver_reported(0, seen(62 * MS, vec![gap]));
    assert_eq!(rx(&ledger, 62 * MS).gap_ns, 12 * MS);
}

#[test]
fn latencies_are_of_the_span_and_the_last_report_adds_none() {
    let told = |at: u64, highest: u64, latencies: Vec<(u64, u64)>| {
        let mut flow = flow(GROUP, 0, highest, 0, at);
        flow.latencies = latencies.into();
        seen(at, vec![flow])
    };
    let all = |ledger: &Ledger| rx(ledger, 900 * MS).latency();
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, told(100 * MS, 99, vec![(1000, 100)]));
    assert_eq!(all(&ledger), vec![(1000, 100)].into());
    ledger.begin_span(100 * MS);
    assert!(all(&ledger).is_empty());
    ledger.receiver_reported(0, told(150 * MS, 149, vec![(1000, 20), (2000, 30)]));
    let second = vec![(1000, 20), (2000, 30)].into();
    assert_eq!(all(&ledger), second);
    let mut last = told(151 * MS, 149, vec![(1000, 120), (2000, 30)]);
    last.last = true;
    ledger.receiver_reported(0, last);
    assert_eq!(all(&ledger), second);
    // What comes after the report that the span is judged by is not of it.
    ledger.sender_reported(RUN, sent(150 * MS, 150));
    ledger.end_span(150 * MS);
    ledger.receiver_reported(0, told(160 * MS, 149, Vec::new()));
    ledger.receiver_reported(0, told(170 * MS, 169, vec![(9000, 20)]));
    assert_eq!(all(&ledger), second);
}

#[test]
fn nothing_is_owed_after_a_leave() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(110 * MS, vec![flow(GROUP, 0, 99, 0, 100 * MS)]));
    ledger.receiver_ended(0, 110 * MS);
    ledger.sender_reported(RUN, sent(900 * MS, 900));
    let seen = rx(&ledger, 5_000 * MS);
    assert_eq!((seen.sent, seen.received, seen.lost), (100, 100, 0));
}

#[test]
fn a_receiver_that_left_while_nothing_came_has_no_gap_in_later_spans() {
    let mut ledger = joined_then_sent();
    ledger.receiver_reported(0, seen(60 * MS, vec![flow(GROUP, 0, 49, 0, 50 * MS)]));
    // Nothing comes for so long that what is missing was lost; then it leaves.
    ledger.sender_reported(RUN, sent(600 * MS, 600));
    ledger.receiver_ended(0, 1_000 * MS);
    assert_eq!(rx(&ledger, 3_000 * MS).gap_ns, 950 * MS);
    ledger.receiver_started(0);
    ledger.begin_span(4_000 * MS);
    assert_eq!(rx(&ledger, 5_000 * MS).gap_ns, 0);
}
