//! Tests of counting latencies.

use super::*;

fn of(all: impl IntoIterator<Item = u64>) -> Latencies {
    let mut counted = Counted::default();
    all.into_iter().for_each(|ns| counted.note(ns));
    counted.all()
}

#[test]
fn quantiles_of_buckets_are_those_of_what_was_counted() {
    let mut counted = Counted::default();
    (1..=10_000).for_each(|us| counted.note(us * 1000 + 7));
    let told = counted.quantiles().unwrap();
    assert_eq!(counted.all().quantiles(), Some(told));
    let close = [
        (told.min_ns, 1007.0),
        (told.p50_ns, 5e6),
        (told.p90_ns, 9e6),
        (told.p99_ns, 9.9e6),
        (told.p999_ns, 9.99e6),
        (told.max_ns, 1e7),
    ];
    for (told, expected) in close {
        let off = (told as f64 - expected).abs() / expected;
        assert!(off < 0.01, "{told}, expected {expected}");
    }
    assert_eq!(counted.all().at(0.9), Some(told.p90_ns));
    assert_eq!((of([]).quantiles(), of([]).at(0.5)), (None, None));
}

#[test]
fn each_is_told_once_as_new() {
    let mut counted = Counted::default();
    for ns in [100, 5_000, 70_000] {
        counted.note(ns);
    }
    let first = counted.untold();
    assert_eq!((first.total(), &first), (3, &counted.all()));
    // Nobody took it: it is still new.
    counted.note(900);
    assert_eq!(counted.untold().total(), 4);
    counted.told();
    assert!(counted.untold().is_empty());
    for ns in [900, 6_000_000] {
        counted.note(ns);
    }
    assert_eq!(counted.untold().iter().map(|one| one.1).sum::<u64>(), 2);
    assert_eq!(counted.all().total(), 6);
    assert_eq!(counted.untold().quantiles().unwrap().min_ns / 10, 90);
}

#[test]
fn parts_are_the_whole_again() {
    let (first, both) = (of([100, 5_000]), of([100, 5_000, 5_001, 6_000_000]));
    let new = both.since(&first);
    assert_eq!(new, of([5_000, 6_000_000]));
    let mut again = first.clone();
    again.merge(&new);
    assert_eq!(again, both);
    assert!(both.since(&both).is_empty());
}

#[test]
fn a_report_says_it_and_is_read_again() {
    let all = of([80_000, 80_000, 1_234_567, u64::MAX]);
    let text = serde_json::to_string(&all).unwrap();
    assert!(text.starts_with("[[79872,2],[1228800,1],["), "{text}");
    let again: Latencies = serde_json::from_str(&text).unwrap();
    assert_eq!(again, all);
    assert!(all.quantiles().unwrap().max_ns >= 3_600_000_000_000 / 100 * 99);
    // What others write is read as well as it can be.
    let odd: Latencies = serde_json::from_str("[[9,0],[9,1],[7,1],[9,1]]").unwrap();
    assert_eq!(odd.iter().collect::<Vec<_>>(), [(7, 1), (9, 2)]);
}
