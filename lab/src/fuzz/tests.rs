//! Tests of the drawing and the shrinking.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{Case, Event, What};
use super::questions::{Questions, read};
use super::shrink::shrink;
use super::verdict::{Failure, Kind, written};

fn text(seed: u64, routers: u32) -> String {
    written(&Case::drawn(seed, routers), &[]).unwrap()
}

#[test]
fn a_seed_repeats_its_file() {
    assert_eq!(text(7, 6), text(7, 6));
    assert_ne!(text(7, 6), text(8, 6));
}

/// Files that say all that a network may have, and a model that is asked for
/// what it knows.
#[test]
fn every_network_is_a_lab_file() {
    let mut all = String::new();
    for seed in 0..100 {
        let case = Case::drawn(seed, 5);
        assert!((2..=5).contains(&case.routers.len()), "seed {seed}");
        let text = written(&case, &[]).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        read(&text).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        all += &text;
    }
    for word in [
        "igmp: 1",
        "source:",
        "spt_switch: never",
        "dr_priority",
        "metric",
        "kill:",
        "freeze:",
        "thaw:",
        "start:",
        "down:",
        ", at: r",
        "matches: model",
        "loss: 0",
        "pim.register",
        "absent: true",
    ] {
        assert!(all.contains(word), "no network has `{word}`");
    }
}

fn failed() -> Option<Failure> {
    Some(Failure {
        kind: Kind::Tree,
        lines: Vec::new(),
    })
}

/// A case that fails as long as one router is killed and a receiver joins is
/// made into nothing but that.
#[test]
fn nothing_is_left_that_the_failure_does_not_need() {
    let is_bad = |case: &Case| {
        let has = |what: fn(What) -> bool| case.events.iter().any(|event| what(event.what));
        has(|what| matches!(what, What::Kill(_))) && has(|what| matches!(what, What::Join(_)))
    };
    let case = (1..).map(|seed| Case::drawn(seed, 6)).find(is_bad).unwrap();
    let least = shrink(&case, failed().unwrap(), |case| {
        failed().filter(|_| is_bad(case))
    });
    assert!(is_bad(&least.case));
    assert_eq!(least.case.events.len(), 2, "{:?}", least.case.events);
    assert_eq!(least.case.receivers.len(), 1);
    // A receiver of one source names it.
    let receiver = least.case.receivers.values().next().unwrap();
    let named = usize::from(receiver.source.is_some());
    assert_eq!(least.case.sources.len(), named);
    let pauses: BTreeSet<Duration> = least.case.events.iter().map(|event| event.pause).collect();
    assert_eq!(pauses, BTreeSet::from([Duration::ZERO]));
    assert!(least.case.routers.len() <= 2, "{:?}", least.case.routers);
    assert!(least.tries > 10);
}

/// It is no smaller case of the same finding that fails in another way.
#[test]
fn another_failure_is_not_the_same() {
    let case = Case::drawn(3, 6);
    let least = shrink(&case, failed().unwrap(), |_| {
        Some(Failure {
            kind: Kind::Left,
            lines: Vec::new(),
        })
    });
    assert_eq!(least.case, case);
}

#[test]
fn what_changes_nothing_does_not_happen() {
    let mut case = Case::drawn(3, 6);
    let router = *case.routers.keys().next().unwrap();
    let pause = Duration::ZERO;
    let event = |what| Event { what, pause };
    case.events = vec![
        event(What::Start(router)),
        event(What::Kill(router)),
        event(What::Freeze(router)),
        event(What::Kill(router)),
        event(What::Start(router)),
        event(What::Judge),
    ];
    case.tidy();
    let left: Vec<What> = case.events.iter().map(|event| event.what).collect();
    assert_eq!(left, [What::Kill(router), What::Start(router), What::Judge]);
    case.routers.remove(&router);
    case.tidy();
    let left: Vec<What> = case.events.iter().map(|event| event.what).collect();
    assert_eq!(left, [What::Judge]);
}

/// While a router is frozen the model knows nothing, and nothing is asked of it.
#[test]
fn nothing_is_asked_that_the_model_does_not_know() {
    let mut seen = false;
    for seed in 0..100 {
        let case = Case::drawn(seed, 6);
        let questions = Questions::of(&case).unwrap();
        for (event, asked) in case.events.iter().zip(&questions.of) {
            if event.what == What::Judge && !asked.before.frozen.is_empty() {
                seen = true;
                assert!(asked.trees.is_empty(), "seed {seed}");
            }
        }
    }
    assert!(seen);
}
