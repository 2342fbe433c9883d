//! Tests of the status that `lab exec` passes on.

use super::*;

#[test]
fn the_status_is_that_of_a_shell() {
    assert_eq!(code(ExitStatus::from_raw(0)), 0);
    assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
    assert_eq!(code(ExitStatus::from_raw(9)), 137);
}

#[test]
fn a_star_stands_for_any_letters() {
    for (pattern, name) in [
        ("r1", "r1"),
        ("*", "r1"),
        ("r*", "r"),
        ("*1*", "r12"),
        ("r*2", "r12"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [("r", "r1"), ("r*", "src"), ("*2", "r21"), ("", "r1")] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
}
