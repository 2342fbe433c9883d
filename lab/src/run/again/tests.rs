//! Tests of what is kept to run a run again.

use super::*;

#[test]
fn what_is_missing_or_wrong_is_said_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let why = read(folder.path()).unwrap_err();
    assert!(why.contains("replay.json"), "{why}");
    fs::write(folder.path().join(HOW), "{\"file\": 1}").unwrap();
    let why = read(folder.path()).unwrap_err();
    assert!(why.contains("replay.json cannot be read"), "{why}");
}
