//! One row for each way a watched condition can end.

use std::time::Duration;

use super::Watch;
use crate::assertion::Outcome::{Error, Fail, Flap, Late, Pass};
use crate::assertion::{Outcome, Truth};

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn watch(within: u64, holds: u64, never: bool) -> Watch {
    Watch {
        within: ms(within),
        holds: ms(holds),
        never,
        true_since: None,
    }
}

type Row = (
    &'static str,
    Watch,
    &'static [(u64, Truth)],
    Option<(Outcome, Option<u64>)>,
);

#[test]
fn every_end() {
    const T: Truth = Truth::True;
    const F: Truth = Truth::False;
    let rows: &[Row] = &[
        (
            "at once",
            watch(100, 0, false),
            &[(0, T)],
            Some((Pass, Some(0))),
        ),
        (
            "in time",
            watch(100, 0, false),
            &[(0, F), (100, T)],
            Some((Pass, Some(100))),
        ),
        (
            "still open",
            watch(100, 0, false),
            &[(0, F), (120, F)],
            None,
        ),
        (
            "late",
            watch(100, 0, false),
            &[(0, F), (101, T)],
            Some((Late, Some(101))),
        ),
        (
            "too late",
            watch(100, 0, false),
            &[(0, F), (175, F)],
            Some((Fail, None)),
        ),
        (
            "no time at all",
            watch(0, 0, false),
            &[(0, F)],
            Some((Fail, None)),
        ),
        ("holding", watch(100, 50, false), &[(10, T), (59, T)], None),
        (
            "held",
            watch(100, 50, false),
            &[(10, T), (60, T)],
            Some((Pass, Some(10))),
        ),
        (
            "flap",
            watch(100, 50, false),
            &[(10, T), (59, F)],
            Some((Flap, Some(10))),
        ),
        (
            "late, held",
            watch(100, 50, false),
            &[(150, T), (200, T)],
            Some((Late, Some(150))),
        ),
        (
            "late, flap",
            watch(100, 50, false),
            &[(150, T), (160, F)],
            Some((Flap, Some(150))),
        ),
        (
            "never, quiet",
            watch(100, 0, true),
            &[(0, F), (100, F)],
            Some((Pass, None)),
        ),
        ("never, open", watch(100, 0, true), &[(0, F), (99, F)], None),
        (
            "never, broken",
            watch(100, 0, true),
            &[(0, F), (99, T)],
            Some((Fail, Some(99))),
        ),
        (
            "unknowable",
            watch(100, 0, false),
            &[(5, Truth::Unknowable)],
            Some((Error, None)),
        ),
        (
            "never, unknowable",
            watch(100, 0, true),
            &[(5, Truth::Unknowable)],
            Some((Error, None)),
        ),
    ];
    for (name, watch, moments, want) in rows {
        let mut watch = watch.clone();
        let mut ended = None;
        for &(at, truth) in *moments {
            assert!(ended.is_none(), "{name}: ended before {at} ms");
            ended = watch.observe(ms(at), truth);
        }
        let got = ended.map(|ended| (ended.outcome, ended.became_true));
        let want = want.map(|(outcome, at)| (outcome, at.map(ms)));
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn wakes_for_the_next_possible_end() {
    let mut open = watch(100, 50, false);
    assert_eq!(open.wake_at(), ms(175));
    assert!(open.observe(ms(20), Truth::True).is_none());
    assert_eq!(open.wake_at(), ms(70));
    assert_eq!(watch(100, 0, true).wake_at(), ms(100));
}

#[test]
fn outcomes_are_ordered_by_weight() {
    assert!(Pass < Late && Late < Flap && Flap < Fail && Fail < Error);
    assert!(Pass.is_good() && Outcome::Skip.is_good() && !Late.is_good());
}
