//! Lines that come whole, in parts, and too long.

use regex::Regex;

use super::{LONGEST, Seen, judge};
use crate::assertion::Truth;
use crate::topology::model::Bound;

const ANY: Bound = Bound {
    min: Some(1.0),
    max: None,
};

fn seen(pattern: &str, written: &[&str]) -> Seen {
    let pattern = Regex::new(pattern).unwrap();
    let mut seen = Seen::default();
    for part in written {
        seen.add(&pattern, part.as_bytes());
    }
    seen
}

#[test]
fn a_line_counts_when_its_end_is_there() {
    let begun = seen("neigh.*up", &["one\nneighbour", " is up"]);
    assert_eq!(judge(&ANY, &begun).truth, Truth::False);
    let ended = seen("neigh.*up", &["one\nneighbour", " is up", "\n", "two\n"]);
    let judged = judge(&ANY, &ended);
    assert_eq!(judged.truth, Truth::True);
    assert_eq!(
        judged.measured,
        "1 of 3 new lines match; the last such: neighbour is up"
    );
}

#[test]
fn a_pattern_does_not_reach_over_lines() {
    let seen = seen("one.*two", &["one\ntwo\n"]);
    let judged = judge(&ANY, &seen);
    assert_eq!(judged.missed, ["lines that match 0, expected at least 1"]);
    assert_eq!(judged.measured, "0 of 2 new lines match; the last one: two");
}

#[test]
fn a_line_without_end_is_not_kept_for_ever() {
    let long = "x".repeat(3 * LONGEST);
    let seen = seen("x", &[&long, &long, "\n"]);
    assert_eq!((seen.matching, seen.lines), (1, 1));
    assert!(seen.begun.is_empty() && seen.hit.len() < 200);
}
