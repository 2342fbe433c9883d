//! `lab fuzz`: it finds nothing where nothing is wrong, and what is planted, and
//! writes that as a small file.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A small network in which the router that is made deaf matters to a receiver.
const PLANTED: [&str; 9] = [
    "fuzz",
    "--seed",
    "3",
    "--runs",
    "1",
    "--routers",
    "3",
    "--plant",
    "deaf",
];

fn lab(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).args(arguments);
    command.output().expect("lab runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", said(output)))
}

#[test]
fn random_networks_are_as_the_model_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let ended = lab(
        folder.path(),
        &["fuzz", "--seed", "1", "--runs", "6", "--routers", "4"],
    );
    let said = said(&ended);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("6 networks, seeds 1 to 6"), "{said}");
    assert!(said.contains("0 failed"), "{said}");
    assert!(!folder.path().join("runs").exists());
}

/// The file that is written fails as `lab test --sim` runs it.
#[test]
fn a_planted_fault_is_found_and_made_small() {
    let folder = tempfile::tempdir().unwrap();
    let all = [&PLANTED[..], &["--json"]].concat();
    let ended = lab(folder.path(), &all);
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
    let found = json(&ended);
    assert_eq!(found["runs"], 1);
    let found = &found["found"][0];
    let number = |of: &str, at: usize| found[of][at].as_u64().unwrap();
    assert!(number("nodes", 0) > number("nodes", 1), "{found}");
    assert!(number("nodes", 1) <= 4, "{found}");
    assert!(number("events", 1) <= 4, "{found}");
    assert!(found["tries"].as_u64().unwrap() > 1, "{found}");
    let file = found["file"].as_str().unwrap();
    let text = fs::read_to_string(folder.path().join(file)).unwrap();
    assert!(text.starts_with("# Found by `lab fuzz --seed "), "{text}");
    assert!(text.contains("neighbors: [192.0.2.0/24]"), "{text}");
    let checked = lab(folder.path(), &["check", "--anywhere", file]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let ran = lab(folder.path(), &["test", "--sim", file]);
    assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
    let told = found["told"][1].as_str().unwrap();
    let about = told.split(':').next().unwrap();
    assert!(said(&ran).contains(about), "{about}: {}", said(&ran));
}

#[test]
fn mistakes_of_its_command_line_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        ["--runs", "0"],
        ["--routers", "1"],
        ["--time", "soon"],
        ["--plant", "mute"],
    ] {
        let ended = lab(folder.path(), &["fuzz", wrong[0], wrong[1]]);
        assert_eq!(ended.status.code(), Some(64), "{wrong:?}: {}", said(&ended));
    }
    let none = lab(folder.path(), &["fuzz", "--time", "0s"]);
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
}
