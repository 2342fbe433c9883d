//! Moments and the time between them.

use super::*;

#[test]
fn moments_add_subtract_and_print() {
    let start = Instant::ZERO;
    let later = start + Duration::from_millis(12_500);
    assert_eq!(later, Instant::from_micros(12_500_000));
    assert_eq!(later.as_micros(), 12_500_000);
    assert_eq!(later - start, Duration::from_millis(12_500));
    assert_eq!(start - later, Duration::ZERO, "time does not run backwards");
    assert_eq!(later.to_string(), "t=12.500000s");
    assert_eq!(later + Duration::MAX, Instant::from_micros(u64::MAX));
}
