//! What a receiver got, and a rate, against their bounds.

use std::fmt::Write;
use std::time::Duration;

use mcrgen::latency::Latencies;

use crate::assertion::bound::{self, bps, nanoseconds, number, percent, pps};
use crate::assertion::{Observed, Truth};
use crate::run::ledger::{RateSeen, RxSeen};
use crate::topology::model::{Bound, RxCheck};

#[cfg(test)]
mod tests;

/// What times are counted from, and judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// When the first datagram could have come, in the clock of the reports.
    pub since_ns: u64,
    /// Waiting for the machine, which is not the network's.
    pub late: Duration,
}

/// Judges what a receiver got.
#[must_use]
pub fn judge(check: &RxCheck, seen: &RxSeen, times: Times) -> Observed {
    let since = times.since_ns;
    let mut missed = Vec::new();
    if seen.own_drops > 0 {
        return Observed {
            truth: Truth::Unknowable,
            measured: measured(check, seen, since),
            missed: vec![format!(
                "not measured: the receiver's own socket dropped {} datagrams; \
                 lower the rate, or run fewer things beside it",
                seen.own_drops
            )],
            figure: None,
            since_ns: None,
        };
    }
    judge_counts(check, seen, &mut missed);
    judge_times(check, seen, times, &mut missed);
    judge_arrivals(check, seen, &mut missed);
    let mut observed = Observed::judged(measured(check, seen, since), missed);
    if let Some(first) = first_after(seen, since)
        && check.first_within.is_some()
    {
        observed = observed.with_figure(first as f64 / 1e9, "s");
    } else if let Some((quantile, _)) = check.latency_ns.first()
        && let Some(latency) = seen.latency().at(*quantile)
    {
        observed = observed.with_figure(latency as f64 / 1e9, "s");
    } else if !bound::is_open(&check.gap_ns) {
        observed = observed.with_figure(seen.gap_ns as f64 / 1e9, "s");
    } else {
        observed = observed.with_figure(seen.received as f64, "packets");
    }
    observed
}

/// The figures in one line: sent, received, lost, duplicated, latency, and
/// what else is asked for.
fn measured(check: &RxCheck, seen: &RxSeen, since: u64) -> String {
    let mut line = format!(
        "sent {}  received {}  lost {}  dup {}",
        seen.sent, seen.received, seen.lost, seen.duplicated
    );
    if seen.reordered > 0 {
        add(&mut line, &format!("  reordered {}", seen.reordered));
    }
    if seen.corrupted > 0 {
        add(&mut line, &format!("  corrupted {}", seen.corrupted));
    }
    if let Some(latency) = seen.latency().quantiles() {
        add(
            &mut line,
            &format!(
                "  p50 {} p99 {}",
                nanoseconds(latency.p50_ns as f64),
                nanoseconds(latency.p99_ns as f64)
            ),
        );
    }
    if !bound::is_open(&check.gap_ns) {
        add(
            &mut line,
            &format!("  gap {}", nanoseconds(seen.gap_ns as f64)),
        );
    }
    if let (Some(_), Some(first)) = (check.first_within, first_after(seen, since)) {
        add(&mut line, &format!("  first {}", nanoseconds(first as f64)));
    }
    line
}

/// Judges a rate.
#[must_use]
pub fn judge_rate(want_pps: &Bound, want_bps: &Bound, seen: &RateSeen) -> Observed {
    let mut missed = Vec::new();
    missed.extend(bound::missed("rate", want_pps, seen.pps, pps));
    missed.extend(bound::missed("rate", want_bps, seen.bps, bps));
    let line = format!("{}  {}", pps(seen.pps), bps(seen.bps));
    let observed = Observed::judged(line, missed);
    if bound::is_open(want_pps) && !bound::is_open(want_bps) {
        observed.with_figure(seen.bps, "bit/s")
    } else {
        observed.with_figure(seen.pps, "pps")
    }
}

fn add(line: &mut String, more: &str) {
    // Writing to a String cannot fail.
    line.write_str(more).unwrap_or_default();
}

fn judge_counts(check: &RxCheck, seen: &RxSeen, missed: &mut Vec<String>) {
    let counts = [
        ("received", &check.received, seen.received),
        ("lost", &check.loss, seen.lost),
        ("duplicated", &check.duplicates, seen.duplicated),
        ("reordered", &check.reorder, seen.reordered),
        ("corrupted", &check.corrupted, seen.corrupted),
    ];
    for (what, bound, value) in counts {
        missed.extend(bound::missed(what, bound, value as f64, number));
    }
    if seen.sent > 0 {
        let share = seen.lost as f64 / seen.sent as f64;
        missed.extend(bound::missed("lost", &check.loss_share, share, percent));
    }
    if check.loss_on.is_some() {
        missed.extend(unlike_wire(seen));
    }
    // Nothing sent would meet every upper bound, and prove nothing.
    let none_wanted = bound::contains(&check.received, 0.0) && !bound::is_open(&check.received);
    if seen.sent == 0 && seen.received == 0 && !none_wanted {
        missed.push("nothing was sent while it was joined".to_owned());
    } else if seen.received == 0 && !none_wanted && is_about_arrivals(check) {
        missed.push("nothing arrived".to_owned());
    }
}

/// The losses are not those of the wire.
fn unlike_wire(seen: &RxSeen) -> Option<String> {
    match seen.on_wire {
        None => Some("the wire took more datagrams than are kept apart".to_owned()),
        Some(taken) if taken == seen.lost => None,
        Some(taken) => Some(format!("lost {}, and the wire took {taken}", seen.lost)),
    }
}

/// Something is asked that only an arrived datagram can answer.
fn is_about_arrivals(check: &RxCheck) -> bool {
    !bound::is_open(&check.duplicates)
        || !bound::is_open(&check.reorder)
        || !bound::is_open(&check.corrupted)
        || !bound::is_open(&check.gap_ns)
}

fn judge_times(check: &RxCheck, seen: &RxSeen, times: Times, missed: &mut Vec<String>) {
    if let Some(within) = check.first_within {
        match first_after(seen, times.since_ns) {
            Some(first) if Duration::from_nanos(first) <= within + times.late => {}
            Some(first) => missed.push(format!(
                "first datagram after {}, expected within {}",
                nanoseconds(first as f64),
                bound::duration(within)
            )),
            None => missed.push("no datagram yet".to_owned()),
        }
    }
    let late = u64::try_from(times.late.as_nanos()).unwrap_or(u64::MAX);
    let gap = seen.gap_ns as f64;
    if !bound::contains(&check.gap_ns, seen.gap_ns.saturating_sub(late) as f64) {
        missed.extend(bound::missed(
            "longest gap",
            &check.gap_ns,
            gap,
            nanoseconds,
        ));
    }
    let latency = match check.latency_ns.is_empty() {
        true => Latencies::default(),
        false => seen.latency(),
    };
    for (quantile, bound) in &check.latency_ns {
        let what = format!("latency p{}", number(quantile * 100.0));
        match latency.at(*quantile) {
            Some(value) => {
                missed.extend(bound::missed(&what, bound, value as f64, nanoseconds));
            }
            None => missed.push(format!("{what} not measured: nothing arrived")),
        }
    }
}

fn judge_arrivals(check: &RxCheck, seen: &RxSeen, missed: &mut Vec<String>) {
    let asked = check.ttl.is_some()
        || check.dscp.is_some()
        || check.source.is_some()
        || check.source_port.is_some();
    if asked && seen.arrivals.is_empty() {
        missed.push("nothing arrived".to_owned());
    }
    for arrival in &seen.arrivals {
        let mut differ = |what: &str, wanted: Option<String>, got: Option<String>| {
            if wanted.is_some() && wanted != got {
                let got = got.unwrap_or_else(|| "unknown".to_owned());
                let wanted = wanted.unwrap_or_default();
                missed.push(format!("{what} {got}, expected {wanted}"));
            }
        };
        let text = |value: u8| value.to_string();
        differ("ttl", check.ttl.map(text), arrival.ttl.map(text));
        differ("dscp", check.dscp.map(text), arrival.dscp.map(text));
        differ(
            "source",
            check.source.map(|source| source.to_string()),
            arrival.source.map(|source| source.to_string()),
        );
        differ(
            "source port",
            check.source_port.map(|port| port.to_string()),
            Some(arrival.source_port.to_string()),
        );
    }
}

fn first_after(seen: &RxSeen, since: u64) -> Option<u64> {
    seen.first_ns.map(|first| first.saturating_sub(since))
}
