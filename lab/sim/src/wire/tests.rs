//! Fates repeat, shares hold, and times are those asked for.

use std::time::Duration;

use super::{Fate, Impairment, LONGEST_QUEUE, Lane, Passage, Share};

const FRAMES: u64 = 20_000;
const MILLISECOND: u64 = 1_000_000;

fn lossy() -> Impairment {
    Impairment {
        loss: Share::new(0.1),
        dup: Share::new(0.05),
        reorder: Share::new(0.02),
        corrupt: Share::new(0.01),
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(2),
        ..Impairment::default()
    }
}

fn fates(seed: u64, link: &str, direction: u64, impairment: Impairment) -> Vec<Fate> {
    let lane = Lane::new(seed, link, direction, impairment);
    (0..FRAMES).map(|n| lane.fate(n)).collect()
}

#[test]
fn a_fate_depends_on_seed_link_direction_and_number_alone() {
    let first = fates(1, "a--b", 0, lossy());
    assert_eq!(first, fates(1, "a--b", 0, lossy()));
    assert_ne!(first, fates(2, "a--b", 0, lossy()));
    assert_ne!(first, fates(1, "a--c", 0, lossy()));
    assert_ne!(first, fates(1, "a--b", 1, lossy()));
    // What was there before, and when, does not matter.
    let mut lane = Lane::new(1, "a--b", 0, lossy());
    for n in 0..100 {
        lane.take(n * 777, 60);
    }
    assert_eq!(lane.fate(17), first[17]);
}

#[test]
fn an_option_changes_nothing_that_another_one_decides() {
    let all = fates(7, "a--b", 0, lossy());
    let loss_only = Impairment {
        loss: Share::new(0.1),
        ..Impairment::default()
    };
    let lost = fates(7, "a--b", 0, loss_only);
    assert!(all.iter().zip(&lost).all(|(all, one)| all.lost == one.lost));
}

#[test]
fn shares_are_those_asked_for() {
    let fates = fates(3, "r1--r2", 1, lossy());
    let share = |of: &dyn Fn(&Fate) -> bool| {
        let count = fates.iter().filter(|fate| of(fate)).count();
        count as f64 / fates.len() as f64
    };
    for (asked, got) in [
        (0.1, share(&|fate| fate.lost)),
        (0.05, share(&|fate| fate.copied)),
        (0.02, share(&|fate| fate.jumps)),
        (0.01, share(&|fate| fate.corrupted.is_some())),
    ] {
        // Four standard deviations.
        let room = 4.0 * (asked * (1.0 - asked) / FRAMES as f64).sqrt();
        assert!((asked - got).abs() < room, "asked {asked}, got {got}");
    }
    let delays = fates.iter().map(|fate| fate.delay);
    let (least, most) = (delays.clone().min().unwrap(), delays.max().unwrap());
    assert!(least >= Duration::from_millis(3) && least < Duration::from_micros(3_010));
    assert!(most <= Duration::from_millis(7) && most > Duration::from_micros(6_990));
}

#[test]
fn neighbours_do_not_share_their_fate() {
    let fates = fates(1, "a--b", 0, lossy());
    let pairs = fates.windows(2).filter(|pair| pair[0].lost && pair[1].lost);
    let both = pairs.count() as f64 / FRAMES as f64;
    assert!((both - 0.01).abs() < 0.004, "{both}");
}

#[test]
fn all_and_none_are_exact() {
    let none = fates(1, "a--b", 0, Impairment::default());
    assert!(none.iter().all(|fate| !fate.lost && !fate.copied));
    let all = Impairment {
        loss: Share::ALL,
        ..Impairment::default()
    };
    assert!(fates(1, "a--b", 0, all).iter().all(|fate| fate.lost));
}

#[test]
fn jitter_keeps_the_order_and_a_jump_does_not() {
    let mut impairment = Impairment {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(4),
        ..Impairment::default()
    };
    let arrivals = |impairment| {
        let mut lane = Lane::new(1, "a--b", 0, impairment);
        let frames = (0..1_000).map(|n| lane.take(n * MILLISECOND, 100));
        let frames: Vec<u64> = frames.map(|frame| frame.unwrap().at_ns).collect();
        (frames, lane.counts())
    };
    let (kept, _) = arrivals(impairment);
    assert!(kept.is_sorted());
    impairment.reorder = Share::new(0.1);
    let (jumped, counts) = arrivals(impairment);
    let overtakes = jumped.windows(2).filter(|pair| pair[1] < pair[0]);
    assert!(overtakes.count() > 50);
    assert!(counts.jumped > 50);
}

#[test]
fn a_rate_spaces_frames_and_its_queue_is_bounded() {
    let impairment = Impairment {
        rate: Some(8_000_000),
        ..Impairment::default()
    };
    let mut lane = Lane::new(1, "a--b", 0, impairment);
    // 1000 bytes take a millisecond; all come at once.
    let passed: Vec<Option<Passage>> = (0..500).map(|_| lane.take(0, 1_000)).collect();
    let times = passed.iter().flatten().map(|passage| passage.at_ns);
    let times: Vec<u64> = times.collect();
    let longest = LONGEST_QUEUE.as_nanos() as u64;
    assert_eq!(times.len() as u64, longest / MILLISECOND + 1);
    assert!(
        (1..)
            .zip(&times)
            .all(|(n, time): (u64, _)| *time == n * MILLISECOND)
    );
    assert_eq!(lane.counts().queue_full, 500 - times.len() as u64);
    // With time the queue is empty again.
    let later = 10 * longest;
    assert_eq!(lane.take(later, 1_000).unwrap().at_ns, later + MILLISECOND);
}

#[test]
fn an_impairment_is_told_as_a_file_says_it() {
    let all = Impairment {
        loss: Share::new(0.1),
        delay: Duration::from_micros(1500),
        jitter: Duration::from_millis(1),
        dup: Share::new(0.005),
        reorder: Share::ALL,
        corrupt: Share::NONE,
        rate: Some(8_000_000),
    };
    let told = "loss 10%, dup 0.5%, reorder 100%, delay 1.5ms, jitter 1ms, rate 8000000bit/s";
    assert_eq!(all.to_string(), told);
    assert_eq!(Impairment::default().to_string(), "");
}
