//! A daemon's counters against their bounds.

use std::collections::BTreeMap;

use mcr_api::state::{InputStats, RuleStats};

use crate::assertion::Observed;
use crate::assertion::bound::{self, number};
use crate::topology::model::Bound;

#[cfg(test)]
mod tests;

/// Counters by the names that a lab file uses.
pub type Counters = BTreeMap<String, u64>;

/// A rule's counters: `packets`, `bytes`, `dropped` (all outputs), and
/// `outputs[N].packets`, `.bytes`, `.dropped`.
#[must_use]
pub fn of_rule(stats: &RuleStats) -> Counters {
    let dropped = stats.outputs.iter().map(|output| output.dropped).sum();
    let mut counters = Counters::from([
        ("packets".to_owned(), stats.packets),
        ("bytes".to_owned(), stats.bytes),
        ("dropped".to_owned(), dropped),
    ]);
    for (position, output) in stats.outputs.iter().enumerate() {
        counters.insert(format!("outputs[{position}].packets"), output.packets);
        counters.insert(format!("outputs[{position}].bytes"), output.bytes);
        counters.insert(format!("outputs[{position}].dropped"), output.dropped);
    }
    counters
}

/// An input interface's counters: `received`, `matched`, `kernel_drops`,
/// `dropped` (all reasons), and `drops.REASON`.
#[must_use]
pub fn of_input(stats: &InputStats) -> Counters {
    let mut counters = Counters::from([
        ("received".to_owned(), stats.received),
        ("matched".to_owned(), stats.matched),
        ("kernel_drops".to_owned(), stats.kernel_drops),
        ("dropped".to_owned(), stats.drops.values().sum()),
    ]);
    for (reason, count) in &stats.drops {
        counters.insert(format!("drops.{reason}"), *count);
    }
    counters
}

/// What was counted since `before`; a counter that was not there counts from 0.
#[must_use]
pub fn since(before: &Counters, now: Counters) -> Counters {
    now.into_iter()
        .map(|(name, count)| {
            let start = before.get(&name).copied().unwrap_or(0);
            (name, count.saturating_sub(start))
        })
        .collect()
}

/// Judges counters.
#[must_use]
pub fn judge(bounds: &[(String, Bound)], seen: &Counters) -> Observed {
    let mut missed = Vec::new();
    let mut shown = Vec::new();
    for (name, bound) in bounds {
        match seen.get(name) {
            Some(&count) => {
                missed.extend(bound::missed(name, bound, count as f64, number));
                shown.push(format!("{name} {count}"));
            }
            None => {
                let known: Vec<&str> = seen.keys().map(String::as_str).collect();
                missed.push(format!(
                    "there is no counter `{name}`; there are {}",
                    known.join(", ")
                ));
            }
        }
    }
    let figure = bounds.first().and_then(|(name, _)| seen.get(name)).copied();
    let observed = Observed::judged(shown.join("  "), missed);
    match figure {
        Some(count) => observed.with_figure(count as f64, "packets"),
        None => observed,
    }
}
