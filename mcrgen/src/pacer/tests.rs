//! The pacer against its promises, with made-up time.

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;

/// Runs a pacer; the sender is away during each of `stalls` (start, length).
/// Gives the send times and counts.
fn run(pacer: &mut Pacer, from: u64, until: u64, stalls: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut now = from;
    let mut sends = Vec::new();
    while now < until {
        if let Some((start, length)) = stalls.iter().find(|(s, l)| (*s..s + l).contains(&now)) {
            now = start + length;
            continue;
        }
        match pacer.next(now) {
            Next::Send(count) => {
                pacer.sent(count);
                sends.push((now, count));
                now += 1;
            }
            Next::Wait(at) => {
                assert!(at > now, "waiting for {at} at {now}");
                now = at;
            }
            Next::Done => break,
        }
    }
    sends
}

fn total(sends: &[(u64, u64)]) -> u64 {
    sends.iter().map(|(_, count)| count).sum()
}

#[test]
fn a_slow_rate_is_exact() {
    let mut pacer = Pacer::new(10.0, Limit::Count(4), 5);
    let sends = run(&mut pacer, 5, S, &[]);
    let at: Vec<u64> = sends.iter().map(|(at, _)| at - 5).collect();
    assert_eq!(at, [0, 100 * MS, 200 * MS, 300 * MS]);
}

#[test]
fn a_duration_sends_what_is_due_before_its_end() {
    for (rate, duration, expected) in [
        (10.0, S, 10),
        (10.0, S + MS, 11),
        (3.0, S, 3),
        (1000.0, 250 * MS, 250),
        (0.5, S, 1),
        (300_000.0, 100 * MS, 30_000),
        (1_234_567.0, 10 * MS, 12_346),
    ] {
        let mut pacer = Pacer::new(rate, Limit::Duration(duration), 0);
        let sends = run(&mut pacer, 0, 10 * S, &[]);
        assert_eq!(total(&sends), expected, "{rate} pps for {duration} ns");
    }
}

#[test]
fn high_rates_go_out_in_batches() {
    for (rate, batch) in [(1e3, 1), (5e3, 1), (5e4, 10), (3e5, 60), (1e7, MAX_BATCH)] {
        let mut pacer = Pacer::new(rate, Limit::None, 0);
        let sends = run(&mut pacer, 0, 10 * MS, &[]);
        assert!(
            sends.iter().all(|(_, count)| *count == batch),
            "{rate}: {sends:?}"
        );
    }
}

#[test]
fn a_stall_is_caught_up_after_twenty_times_its_length() {
    let mut pacer = Pacer::new(10_000.0, Limit::None, 0);
    let stall = (S, 100 * MS);
    let sends = run(&mut pacer, 0, S + 2_300 * MS, &[stall]);
    let late = |until: u64| {
        let sent = total(
            &sends
                .iter()
                .copied()
                .filter(|(at, _)| *at <= until)
                .collect::<Vec<_>>(),
        );
        until / (100 * 1000) - sent.min(until / (100 * 1000))
    };
    assert!(late(S + 100 * MS) > 900);
    assert!(
        (400..600).contains(&late(S + 1_100 * MS)),
        "{}",
        late(S + 1_100 * MS)
    );
    assert!(late(S + 2_250 * MS) <= 2);
}

#[test]
fn a_sender_that_is_too_slow_stops_after_the_grace() {
    let mut pacer = Pacer::new(1000.0, Limit::Duration(S), 0);
    let away = (0, S + 900 * MS);
    let sends = run(&mut pacer, 0, 10 * S, &[away]);
    assert!(sends.iter().all(|(at, _)| *at < S + GRACE_NS));
    assert!((100..110).contains(&total(&sends)), "{}", total(&sends));
    assert_eq!(pacer.next(S + GRACE_NS), Next::Done);
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_bound(
        rate in prop_oneof![0.5..50.0, 50.0..5e3, 5e3..5e5],
        stalls in prop::collection::vec((0..200 * MS, 0..60 * MS), 0..5),
    ) {
        let mut pacer = Pacer::new(rate, Limit::None, 0);
        let sends = run(&mut pacer, 0, 300 * MS, &stalls);
        let per_ms = rate / 1e3;
        let bound = (per_ms * 10.0).ceil() + per_ms.ceil();
        let mut first = 0;
        let mut inside = 0;
        for (at, count) in &sends {
            inside += count;
            while sends[first].0 + WINDOW_NS <= *at {
                inside -= sends[first].1;
                first += 1;
            }
            prop_assert!(inside as f64 <= bound + 1e-3, "{inside} in 10 ms at {at}, bound {bound}");
        }
    }

    #[test]
    fn it_is_never_early_and_at_most_a_batch_late(rate in 1.0..5e5) {
        let mut pacer = Pacer::new(rate, Limit::None, 0);
        let sends = run(&mut pacer, 0, 50 * MS, &[]);
        let mut sent = 0;
        for (at, count) in sends {
            sent += count;
            let due = (at as f64 * rate / 1e9 + 1e-3).floor() as u64 + 1;
            prop_assert!(sent <= due, "{sent} sent, {due} due at {at}");
            prop_assert!(due - sent <= count + 1, "{sent} sent, {due} due at {at}");
        }
    }
}
