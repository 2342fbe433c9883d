//! Latencies as a histogram: bars of the same width on a logarithmic axis.

use mcrgen::latency::Latencies;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Bars of each doubling of the latency.
const PER_OCTAVE: f64 = 8.0;

/// A bar, in nanoseconds; as JSON `[from, to, count]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64)", into = "(u64, u64, u64)")]
pub struct Bar {
    /// From this latency on.
    pub from_ns: u64,
    /// Up to and without this one.
    pub to_ns: u64,
    /// How many were in between.
    pub count: u64,
}

impl From<(u64, u64, u64)> for Bar {
    fn from((from_ns, to_ns, count): (u64, u64, u64)) -> Bar {
        Bar {
            from_ns,
            to_ns,
            count,
        }
    }
}

impl From<Bar> for (u64, u64, u64) {
    fn from(bar: Bar) -> (u64, u64, u64) {
        (bar.from_ns, bar.to_ns, bar.count)
    }
}

/// The bars that are not empty, from the least on. All histograms have the same
/// edges, so that bars of several steps can be added up.
#[must_use]
pub fn bars(of: &Latencies) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for (ns, count) in of.iter() {
        // A bucket is narrower than a bar, and counts where it begins.
        let number = ((ns.max(1) as f64).log2() * PER_OCTAVE).floor();
        let edge = |number: f64| (number / PER_OCTAVE).exp2().round() as u64;
        let (from_ns, to_ns) = (edge(number), edge(number + 1.0));
        match bars.last_mut() {
            Some(last) if last.from_ns == from_ns => last.count = last.count.saturating_add(count),
            Some(_) | None => bars.push(Bar {
                from_ns,
                to_ns,
                count,
            }),
        }
    }
    bars
}
