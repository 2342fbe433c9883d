//! Tests of run directories.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn base() -> (tempfile::TempDir, Base) {
    let place = tempfile::tempdir().unwrap();
    let base = Base::at(place.path().join("mcr-lab"), PRIVATE).unwrap();
    (place, base)
}

#[test]
fn a_name_is_taken_until_its_lab_is_gone() {
    let (_place, base) = base();
    let first = base.make("net").unwrap();
    assert!(matches!(base.make("net"), Err(RunDirError::InUse { .. })));
    assert!(base.sweep().unwrap().is_empty());
    let other = base.make("other").unwrap();
    let alive: Vec<_> = base
        .entries()
        .unwrap()
        .into_iter()
        .map(|entry| entry.alive)
        .collect();
    assert_eq!(alive, [true, true]);
    fs::write(first.path().join("left"), "over").unwrap();
    drop(first);
    assert_eq!(base.sweep().unwrap(), ["net"]);
    assert!(other.path().exists());
    other.remove().unwrap();
    assert!(base.entries().unwrap().is_empty());
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("target");
    fs::create_dir(&target).unwrap();
    let link = place.path().join("link");
    symlink(&target, &link).unwrap();
    assert!(matches!(
        Base::at(link, PRIVATE),
        Err(RunDirError::Foreign { .. })
    ));
    fs::set_permissions(&target, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(
        Base::at(target, PRIVATE),
        Err(RunDirError::Foreign { .. })
    ));
}

#[test]
fn only_the_user_may_enter() {
    let (_place, base) = base();
    let lab = base.make("net").unwrap();
    for path in [base.path.clone(), lab.path()] {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, PRIVATE);
    }
}
