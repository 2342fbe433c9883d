//! Finding programs, and what is said when one is not there.

use super::{Programs, Unfit};

#[test]
fn a_missing_program_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mcrd"), "").unwrap();
    let programs = Programs::locate(Some(directory.path())).unwrap();
    assert!(programs.find("mcrd").is_ok());
    let error = programs.find("mcrgen").unwrap_err();
    assert!(matches!(&error, Unfit::Missing { program, .. } if program == "mcrgen"));
    assert!(
        error.to_string().contains("cargo build -p mcrgen"),
        "{error}"
    );
    let path = programs.path().into_string().unwrap();
    assert!(
        path.starts_with(directory.path().to_str().unwrap()),
        "{path}"
    );
}
