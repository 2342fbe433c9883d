//! Tests of reading `/proc`.

use super::*;

#[test]
fn the_parent_is_found_behind_any_name() {
    assert_eq!(parent_in_stat("7 (cat) S 5 7 7 0"), Some(5));
    assert_eq!(parent_in_stat("7 (a) S 1 (b) R 6 7 7"), Some(6));
    assert_eq!(parent_in_stat("7 (cat"), None);
    assert_eq!(parent_in_stat(""), None);
}
