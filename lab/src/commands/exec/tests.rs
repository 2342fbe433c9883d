//! Tests of the status that `lab exec` passes on.

use super::*;

#[test]
fn the_status_is_that_of_a_shell() {
    assert_eq!(code(ExitStatus::from_raw(0)), 0);
    assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
    assert_eq!(code(ExitStatus::from_raw(9)), 137);
}
