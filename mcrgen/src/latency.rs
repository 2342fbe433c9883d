//! One-way latencies, counted in buckets to one part in a hundred: bounded, and
//! added up over flows, receivers and runs, as quantiles cannot be.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::report::Latency;

/// Significant decimal digits that are kept.
const DIGITS: u8 = 2;
/// The longest latency that is told from longer ones: one hour.
const MAX_NS: u64 = 3_600_000_000_000;

fn record(into: &mut Histogram<u64>, ns: u64, count: u64) {
    let ns = ns.min(MAX_NS);
    if into.record_n(ns, count).is_err() {
        into.saturating_record_n(ns, count);
    }
}

fn quantiles(of: &Histogram<u64>) -> Option<Latency> {
    if of.is_empty() {
        return None;
    }
    let mut quantiles = of.value_at_quantiles([0.5, 0.9, 0.99, 0.999]);
    Some(Latency {
        min_ns: of.min(),
        p50_ns: quantiles.next()?,
        p90_ns: quantiles.next()?,
        p99_ns: quantiles.next()?,
        p999_ns: quantiles.next()?,
        max_ns: of.max(),
    })
}

/// Those of a flow as it goes on: all, and those that were not told yet.
#[derive(Default)]
pub(crate) struct Counted {
    both: Option<Both>,
}

struct Both {
    all: Histogram<u64>,
    new: Histogram<u64>,
}

impl Counted {
    /// Counts one.
    pub(crate) fn note(&mut self, ns: u64) {
        if self.both.is_none()
            && let (Ok(all), Ok(new)) = (Histogram::new(DIGITS), Histogram::new(DIGITS))
        {
            self.both = Some(Both { all, new });
        }
        if let Some(both) = &mut self.both {
            record(&mut both.all, ns, 1);
            record(&mut both.new, ns, 1);
        }
    }

    pub(crate) fn quantiles(&self) -> Option<Latency> {
        quantiles(&self.both.as_ref()?.all)
    }

    pub(crate) fn all(&self) -> Latencies {
        let both = self.both.as_ref();
        both.map(|both| buckets(&both.all)).unwrap_or_default()
    }

    pub(crate) fn untold(&self) -> Latencies {
        let both = self.both.as_ref();
        both.map(|both| buckets(&both.new)).unwrap_or_default()
    }

    /// Those that there are by now have been told.
    pub(crate) fn told(&mut self) {
        if let Some(both) = &mut self.both
            && !both.new.is_empty()
        {
            both.new.reset();
        }
    }
}

fn buckets(of: &Histogram<u64>) -> Latencies {
    let buckets = of.iter_recorded();
    let buckets = buckets.map(|one| {
        let from_ns = of.lowest_equivalent(one.value_iterated_to());
        (from_ns, one.count_at_value())
    });
    Latencies(buckets.collect())
}

/// Latencies by bucket: where each begins, in nanoseconds, and how many it
/// counts. Those that count none are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Latencies(BTreeMap<u64, u64>);

impl From<Vec<(u64, u64)>> for Latencies {
    fn from(buckets: Vec<(u64, u64)>) -> Latencies {
        let mut all = Latencies::default();
        for (from_ns, count) in buckets {
            all.add(from_ns, count);
        }
        all
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(all: Latencies) -> Vec<(u64, u64)> {
        all.0.into_iter().collect()
    }
}

impl Latencies {
    fn add(&mut self, from_ns: u64, count: u64) {
        if count > 0 {
            let known = self.0.entry(from_ns).or_default();
            *known = known.saturating_add(count);
        }
    }

    /// Counts all of another's.
    pub fn merge(&mut self, other: &Latencies) {
        for (from_ns, count) in other.iter() {
            self.add(from_ns, count);
        }
    }

    /// Those that an earlier state of the same did not have.
    #[must_use]
    pub fn since(&self, earlier: &Latencies) -> Latencies {
        let mut new = Latencies::default();
        for (from_ns, count) in self.iter() {
            let before = earlier.0.get(&from_ns).copied().unwrap_or(0);
            new.add(from_ns, count.saturating_sub(before));
        }
        new
    }

    /// None was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, one| sum.saturating_add(*one))
    }

    /// Where each bucket begins and what it counts, from the least on.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(from_ns, count)| (*from_ns, *count))
    }

    fn histogram(&self) -> Option<Histogram<u64>> {
        let mut all = Histogram::new(DIGITS).ok()?;
        for (from_ns, count) in self.iter() {
            record(&mut all, from_ns, count);
        }
        Some(all)
    }

    /// The least, the most, and what so many are not above; `None` where none
    /// was counted.
    #[must_use]
    pub fn quantiles(&self) -> Option<Latency> {
        quantiles(&self.histogram()?)
    }

    /// What this share of them is not above; `None` where none was counted.
    #[must_use]
    pub fn at(&self, quantile: f64) -> Option<u64> {
        let all = self.histogram().filter(|all| !all.is_empty())?;
        Some(all.value_at_quantile(quantile))
    }
}
