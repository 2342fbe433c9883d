//! Seeds repeat, and values stay in their range.

use super::*;

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut rng = Rng::new(seed);
        (0..4).map(|_| rng.bits()).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn times_stay_between_their_ends_and_reach_both_halves() {
    let mut rng = Rng::new(1);
    let (least, most) = (Duration::from_millis(66), Duration::from_millis(84));
    let middle = (least + most) / 2;
    let times: Vec<Duration> = (0..1000).map(|_| rng.between(least, most)).collect();
    assert!(times.iter().all(|t| (least..=most).contains(t)));
    assert!(times.iter().any(|t| *t < middle) && times.iter().any(|t| *t > middle));
    assert_eq!(rng.up_to(Duration::ZERO), Duration::ZERO);
}
