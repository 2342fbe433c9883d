//! States are compared fact by fact.

use super::{Facts, State, differences, judge, judge_model};
use crate::assertion::Truth;

fn state(facts: &[(&str, &str, &str)]) -> State {
    let mut state = State::new();
    for (router, about, said) in facts {
        let of: &mut Facts = state.entry((*router).to_owned()).or_default();
        of.insert((*about).to_owned(), (*said).to_owned());
    }
    state
}

#[test]
fn each_fact_that_changed_is_told() {
    let before = state(&[
        ("r1", "DR on lan", "10.0.0.1"),
        ("r1", "neighbors on lan", "10.0.0.2"),
        ("r2", "RP of 239.1.1.1", "10.255.0.1"),
    ]);
    assert!(differences(&before, &before).is_empty());
    let now = state(&[
        ("r1", "DR on lan", "10.0.0.2"),
        ("r2", "RP of 239.1.1.1", "10.255.0.1"),
        ("r2", "(*,239.1.1.1)", "iif r1"),
    ]);
    let told = [
        "r1 DR on lan was 10.0.0.1; is 10.0.0.2",
        "r1 neighbors on lan was 10.0.0.2; is no more",
        "r2 (*,239.1.1.1) is new: iif r1",
    ];
    assert_eq!(differences(&before, &now), told);
    let judged = judge("steady", &before, &now);
    assert_eq!(judged.truth, Truth::False);
    assert_eq!(judged.measured, "3 of 3 facts are not as in steady");
    assert_eq!(judge("steady", &now, &now).truth, Truth::True);
}

#[test]
fn each_fact_that_is_not_the_models_is_told() {
    let want = state(&[
        ("r1", "DR on lan", "10.0.0.2"),
        ("r1", "neighbor 10.0.0.2 on lan", "there"),
        ("r2", "RP of 239.1.1.1", "10.255.0.1"),
    ]);
    let have = state(&[
        ("r1", "DR on lan", "10.0.0.1"),
        ("r2", "RP of 239.1.1.1", "10.255.0.1"),
        ("r2", "(*,239.1.1.1)", "iif r1  oif r3"),
    ]);
    let judged = judge_model(&want, &have);
    let told = [
        "r1 DR on lan: have 10.0.0.1; want 10.0.0.2",
        "r1 neighbor 10.0.0.2 on lan: have none; want there",
        "r2 (*,239.1.1.1): have iif r1  oif r3; want none",
    ];
    assert_eq!(judged.missed, told);
    assert_eq!(judged.truth, Truth::False);
    assert_eq!(judged.measured, "3 of 4 facts are not as in the model");
    let judged = judge_model(&want, &want);
    assert_eq!(judged.truth, Truth::True);
    assert_eq!(judged.measured, "all 3 facts as in the model");
}
