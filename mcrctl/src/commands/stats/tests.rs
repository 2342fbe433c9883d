//! Rates from counters.

use super::*;

#[test]
fn rates_are_differences_over_time() {
    let period = Some(Duration::from_millis(500));
    let rates_of = |now, before| rates(now, before, period);
    assert_eq!(
        rates_of((1500, 150_000), Some((1000, 100_000))),
        ["1000", "800.0 kbit/s"]
    );
    // Counted anew after the rule was replaced.
    assert_eq!(rates_of((3, 300), Some((1000, 100_000))), ["0", "0 bit/s"]);
    assert_eq!(rates_of((3, 300), None), ["-", "-"]);
    assert!(rates((3, 300), Some((0, 0)), None).is_empty());
}
