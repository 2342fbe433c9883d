//! Numbers against their bounds, and both as people read them.

use std::time::Duration;

use crate::topology::model::Bound;

#[cfg(test)]
mod tests;

/// Nothing is asked of the number.
#[must_use]
pub fn is_open(bound: &Bound) -> bool {
    bound.min.is_none() && bound.max.is_none()
}

/// The number is inside, ends included.
#[must_use]
pub fn contains(bound: &Bound, value: f64) -> bool {
    bound.min.is_none_or(|min| value >= min) && bound.max.is_none_or(|max| value <= max)
}

/// What is wrong with the number: `lost 12, allowed at most 0`.
#[must_use]
pub fn missed(
    what: &str,
    bound: &Bound,
    value: f64,
    show: impl Fn(f64) -> String,
) -> Option<String> {
    if contains(bound, value) {
        return None;
    }
    Some(format!(
        "{what} {}, expected {}",
        show(value),
        describe(bound, show)
    ))
}

/// A bound in words: `0`, `at least 5`, `at most 3`, `2 to 4`.
#[must_use]
pub fn describe(bound: &Bound, show: impl Fn(f64) -> String) -> String {
    match (bound.min, bound.max) {
        (None, None) => "any".to_owned(),
        (Some(min), None) => format!("at least {}", show(min)),
        (None, Some(max)) => format!("at most {}", show(max)),
        (Some(min), Some(max)) if (max - min).abs() < f64::EPSILON => show(min),
        (Some(min), Some(max)) => format!("{} to {}", show(min), show(max)),
    }
}

/// A plain number, without a fraction where it has none.
#[must_use]
pub fn number(value: f64) -> String {
    if value.fract().abs() < f64::EPSILON {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// Nanoseconds with a unit of fitting size: `41us`, `1.8ms`, `2.31s`.
#[must_use]
pub fn nanoseconds(value: f64) -> String {
    if value < 1e3 {
        format!("{value:.0}ns")
    } else if value < 1e6 {
        format!("{:.0}us", value / 1e3)
    } else if value < 1e7 {
        format!("{:.1}ms", value / 1e6)
    } else if value < 1e9 {
        format!("{:.0}ms", value / 1e6)
    } else {
        format!("{:.2}s", value / 1e9)
    }
}

/// The same for a duration.
#[must_use]
pub fn duration(value: Duration) -> String {
    nanoseconds(value.as_secs_f64() * 1e9)
}

/// A share as percent.
#[must_use]
pub fn percent(value: f64) -> String {
    format!("{:.3}%", value * 100.0)
}

/// Datagrams per second.
#[must_use]
pub fn pps(value: f64) -> String {
    format!("{value:.0} pps")
}

/// Bits per second.
#[must_use]
pub fn bps(value: f64) -> String {
    if value >= 1e9 {
        format!("{:.2} Gbit/s", value / 1e9)
    } else if value >= 1e6 {
        format!("{:.1} Mbit/s", value / 1e6)
    } else {
        format!("{:.1} kbit/s", value / 1e3)
    }
}
