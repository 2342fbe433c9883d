//! Bounds and figures in words.

use super::{bps, contains, describe, is_open, missed, nanoseconds, number};
use crate::topology::model::Bound;

const fn bound(min: Option<f64>, max: Option<f64>) -> Bound {
    Bound { min, max }
}

#[test]
fn ends_are_inside() {
    for (bound, value, want) in [
        (bound(None, None), 7.0, true),
        (bound(Some(5.0), None), 5.0, true),
        (bound(Some(5.0), None), 4.9, false),
        (bound(None, Some(0.0)), 0.0, true),
        (bound(None, Some(0.0)), 1.0, false),
        (bound(Some(2.0), Some(3.0)), 3.0, true),
    ] {
        assert_eq!(contains(&bound, value), want, "{value} in {bound:?}");
    }
    assert!(is_open(&bound(None, None)) && !is_open(&bound(None, Some(1.0))));
}

#[test]
fn words() {
    assert_eq!(describe(&bound(Some(0.0), Some(0.0)), number), "0");
    assert_eq!(describe(&bound(Some(0.5), None), number), "at least 0.500");
    assert_eq!(describe(&bound(Some(1.0), Some(3.0)), number), "1 to 3");
    assert_eq!(
        missed("lost", &bound(None, Some(0.0)), 12.0, number),
        Some("lost 12, expected at most 0".to_owned())
    );
    assert_eq!(missed("lost", &bound(None, Some(0.0)), 0.0, number), None);
}

#[test]
fn units_fit_the_size() {
    for (value, want) in [
        (12.0, "12ns"),
        (41_234.0, "41us"),
        (1_840_000.0, "1.8ms"),
        (84_000_000.0, "84ms"),
        (2_310_000_000.0, "2.31s"),
    ] {
        assert_eq!(nanoseconds(value), want);
    }
    assert_eq!(bps(9_600_000.0), "9.6 Mbit/s");
}
