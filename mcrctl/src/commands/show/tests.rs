//! Times as they are told of timers.

use super::time;

#[test]
fn times_are_exact_where_they_are_short() {
    for (seconds, text) in [
        (0.0, "0.0s"),
        (0.04, "0.0s"),
        (2.96, "3.0s"),
        (10.0, "10s"),
        (104.6, "1m 45s"),
        (93784.2, "1d 2h 3m 4s"),
    ] {
        assert_eq!(time(seconds), text, "{seconds}");
    }
}
