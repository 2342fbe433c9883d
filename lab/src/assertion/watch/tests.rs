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
        late: Duration::ZERO,
        throughout: false,
        true_since: None,
    }
}

const T: Truth = Truth::True;
const F: Truth = Truth::False;
const U: Truth = Truth::Unknowable;

type Times = (u64, u64, bool);
type Row = (
    &'static str,
    Times,
    &'static [(u64, Truth)],
    Option<(Outcome, Option<u64>)>,
);

/// Name, (within, holds, never), what is seen when, and the end.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("at once", (100, 0, false), &[(0, T)], Some((Pass, Some(0)))),
    ("in time", (100, 0, false), &[(0, F), (100, T)], Some((Pass, Some(100)))),
    ("still open", (100, 0, false), &[(0, F), (120, F)], None),
    ("late", (100, 0, false), &[(0, F), (101, T)], Some((Late, Some(101)))),
    ("too late", (100, 0, false), &[(0, F), (175, F)], Some((Fail, None))),
    ("no time at all", (0, 0, false), &[(0, F)], Some((Fail, None))),
    ("holding", (100, 50, false), &[(10, T), (59, T)], None),
    ("held", (100, 50, false), &[(10, T), (60, T)], Some((Pass, Some(10)))),
    ("flap", (100, 50, false), &[(10, T), (59, F)], Some((Flap, Some(10)))),
    ("late, held", (100, 50, false), &[(150, T), (200, T)], Some((Late, Some(150)))),
    ("late, flap", (100, 50, false), &[(150, T), (160, F)], Some((Flap, Some(150)))),
    ("never, quiet", (100, 0, true), &[(0, F), (100, F)], Some((Pass, None))),
    ("never, open", (100, 0, true), &[(0, F), (99, F)], None),
    ("never, broken", (100, 0, true), &[(0, F), (99, T)], Some((Fail, Some(99)))),
    ("unknowable", (100, 0, false), &[(5, U)], Some((Error, None))),
    ("never, unknowable", (100, 0, true), &[(5, U)], Some((Error, None))),
];

#[test]
fn every_end() {
    for (name, (within, holds, never), moments, want) in ROWS {
        let mut watch = watch(*within, *holds, *never);
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
fn what_the_machine_took_is_no_lateness() {
    let mut watch = watch(100, 0, false);
    watch.allow(ms(30));
    assert_eq!(watch.wake_at(), ms(205));
    let in_time = watch.clone().observe(ms(130), T).map(|ended| ended.outcome);
    assert_eq!(in_time, Some(Pass));
    let late = watch.observe(ms(131), T).map(|ended| ended.outcome);
    assert_eq!(late, Some(Late));
}

#[test]
fn outcomes_are_ordered_by_weight() {
    assert!(Pass < Late && Late < Flap && Flap < Fail && Fail < Error);
    assert!(Pass.is_good() && Outcome::Skip.is_good() && !Late.is_good());
}

#[test]
fn what_may_only_get_worse_is_judged_at_the_end() {
    let throughout = || Watch {
        throughout: true,
        ..watch(100, 0, false)
    };
    let mut good = throughout();
    assert_eq!(good.observe(ms(0), F), None, "nothing has arrived yet");
    assert_eq!(good.observe(ms(50), T), None);
    assert_eq!(good.wake_at(), ms(100));
    assert_eq!(good.observe(ms(100), T).map(|end| end.outcome), Some(Pass));
    let mut bad = throughout();
    assert_eq!(bad.observe(ms(0), T), None);
    assert_eq!(bad.observe(ms(101), F).map(|end| end.outcome), Some(Fail));
}
