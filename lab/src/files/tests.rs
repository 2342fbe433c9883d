//! Ends of files.

use super::*;

#[test]
fn the_end_of_a_file_and_what_is_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "one two three").unwrap();
    assert_eq!(end_of(&path, 5).unwrap(), (b"three".to_vec(), 8));
    assert_eq!(end_of(&path, 13).unwrap(), (b"one two three".to_vec(), 0));
    assert_eq!(end_of(&path, 99).unwrap(), (b"one two three".to_vec(), 0));
    std::fs::write(&path, "").unwrap();
    assert_eq!(end_of(&path, 5).unwrap(), (Vec::new(), 0));
    assert!(end_of(&folder.path().join("none"), 5).is_err());
}
