//! Logs that are cut off.

use std::io::Write;

use super::*;

#[test]
fn what_is_too_long_is_cut_off_and_grows_again_behind_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (folder.path().join("long"), folder.path().join("short"));
    let mut writer = OpenOptions::new().create(true).append(true).open(&long);
    let writer = writer.as_mut().unwrap();
    writer.write_all(b"0123456789").unwrap();
    fs::write(&short, "012").unwrap();
    cut(folder.path(), 5).unwrap();
    assert_eq!(fs::read(&long).unwrap(), b"01234");
    writer.write_all(b"ab").unwrap();
    assert_eq!(fs::read(&long).unwrap(), b"01234ab");
    cut(folder.path(), 5).unwrap();
    assert_eq!(fs::read(&long).unwrap(), b"01234");
    assert_eq!(fs::read(&short).unwrap(), b"012");
}

#[test]
fn a_keeper_ends_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    drop(LogKeeper::start(folder.path()).unwrap());
    drop(LogKeeper::start(&folder.path().join("none")).unwrap());
}
