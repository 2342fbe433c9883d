//! Tests of histograms of latencies.

use super::*;

#[test]
fn bars_have_the_same_edges_and_lose_nothing() {
    let one = bars(&Latencies::from(vec![(1000, 2), (1020, 3), (5000, 4)]));
    let other = bars(&Latencies::from(vec![(0, 1), (1010, 7), (1_000_000, 9)]));
    assert_eq!(one[0].count, 5, "{one:?}");
    assert_eq!(
        (one[0].from_ns, one[0].to_ns),
        (other[1].from_ns, other[1].to_ns)
    );
    assert!(one[0].from_ns <= 1000 && 1020 < one[0].to_ns, "{one:?}");
    let count = |bars: &[Bar]| bars.iter().map(|bar| bar.count).sum::<u64>();
    assert_eq!((count(&one), count(&other)), (9, 17));
    assert!(bars(&Latencies::default()).is_empty());
}

#[test]
fn a_bar_is_three_numbers() {
    let bar = Bar::from((1024, 1117, 5));
    let text = serde_json::to_string(&bar).unwrap();
    assert_eq!(text, "[1024,1117,5]");
    assert_eq!(serde_json::from_str::<Bar>(&text).unwrap(), bar);
}
