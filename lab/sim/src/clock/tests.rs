//! The order of what happens.

use std::time::Duration;

use mcr_proto::time::Instant;

use super::Clock;

#[test]
fn by_time_and_then_as_planned() {
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    let mut clock = Clock::default();
    clock.plan(at(2), "c");
    clock.plan(at(1), "a");
    clock.plan(at(1), "b");
    assert_eq!(clock.advance(at(1)), Some("a"));
    assert_eq!(clock.advance(at(1)), Some("b"));
    assert_eq!(clock.advance(at(1)), None);
    clock.pass(at(5));
    assert_eq!(clock.advance(at(5)), Some("c"));
    // What would be in the past happens now.
    clock.plan(at(3), "d");
    assert_eq!(clock.advance(at(5)), Some("d"));
    assert_eq!(clock.now(), at(5));
}
