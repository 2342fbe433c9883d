//! How a run of a sweep is named.

use super::{SweepAt, parse};

#[test]
fn a_run_of_a_sweep_is_named_by_its_event_and_maybe_its_step() {
    let at = |step, event| Ok(SweepAt { step, event });
    assert_eq!(parse("7"), at(None, 7));
    assert_eq!(parse("4:7"), at(Some(4), 7));
    for wrong in ["", "0", "4:", ":7", "0:7", "4:0", "x", "4:7:1", "-1"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
