//! What is read as bytes.

use super::read;

#[test]
fn only_pairs_of_digits_are_bytes() {
    assert_eq!(read("00ff1A"), Some(vec![0, 255, 26]));
    assert_eq!(read(""), Some(vec![]));
    assert_eq!(read("0"), None);
    assert_eq!(read("0g"), None);
    assert_eq!(read("é"), None);
}
