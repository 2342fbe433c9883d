//! The file is the old one or the new one, whole.

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_with_its_mode_and_through_its_link() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real.json5");
    let link = directory.path().join("link.json5");
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o604)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let saved = save(&link, &ConfigFile::default()).unwrap();
    assert_eq!(
        saved.path,
        real.canonicalize().unwrap().display().to_string()
    );
    assert_eq!(mcr_config::load(&link).unwrap().file, ConfigFile::default());
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o604);
    assert_eq!(names(directory.path()), ["link.json5", "real.json5"]);
}

#[test]
fn a_failure_names_the_file_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("is-a-directory");
    fs::create_dir(&path).unwrap();
    let reason = save(&path, &ConfigFile::default()).unwrap_err();
    assert!(reason.contains("is-a-directory"), "{reason}");
    assert_eq!(names(directory.path()), ["is-a-directory"]);
    let reason = save(Path::new("/"), &ConfigFile::default()).unwrap_err();
    assert!(reason.contains("not the name of a file"), "{reason}");
}
