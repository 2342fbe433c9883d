//! Tests of what `lab up` says and accepts.

use super::*;

#[test]
fn a_name_fits_a_directory_and_a_socket_path() {
    for name in ["a", "two-words_3", &"x".repeat(40)] {
        assert_eq!(checked(name.to_owned()).unwrap(), name);
    }
    for name in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(41)] {
        assert!(
            matches!(checked(name.to_owned()), Err(Fault::Name(_))),
            "{name}"
        );
    }
}

#[test]
fn one_is_not_many() {
    assert_eq!(count(0, "node"), "0 nodes");
    assert_eq!(count(1, "node"), "1 node");
    assert_eq!(count(2, "node"), "2 nodes");
}
