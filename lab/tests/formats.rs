//! What `lab test` prints and writes, and the status it ends with.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const NETWORK: &str = "lab: 1
name: two
timers: fast
unicast: oracle
pim: {}
nodes: { r1: mcrd, r2: mcrd }
links: [r1 -- r2]
";
const GOOD: &str = "steps: [ { expect: { neighbors: r1/r2 } } ]\n";
const BAD: &str = "steps:\n  - { expect: { neighbors: r1/r2 } }\n  - \"none, never\":\n      \
    link: { down: r1--r2 }\n      expect: { neighbors: r1/r2, within: 1s }\n  - wait: 1s\n";
const WARNED: &str = "steps:\n  - link: { down: r1--r2 }\n    \
    expect: { neighbors: r1/r2, within: 1s, level: warn }\n";

fn folder(steps: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lab.yaml"), format!("{NETWORK}{steps}")).unwrap();
    folder
}

/// `lab test`, from the folder, with runs kept in it.
fn test(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).arg("test").args(arguments);
    command.output().expect("lab runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_exit_status_has_its_meaning() {
    let sim = ["--sim", "--run-dir", "runs", "lab.yaml"];
    let cases: [(&str, &[&str], i32); 9] = [
        (GOOD, &sim, 0),
        (BAD, &sim, 1),
        ("steps: []\n", &sim, 2),
        ("steps: [ { exec: { at: r1, run: id } } ]\n", &sim, 2),
        (WARNED, &sim, 3),
        ("steps: [ { jion: R } ]\n", &sim, 4),
        (GOOD, &["--bin-dir", "nowhere", "lab.yaml"], 5),
        (
            GOOD,
            &["--sim", "--run-dir", "lab.yaml/runs", "lab.yaml"],
            6,
        ),
        (GOOD, &["--format", "pdf", "lab.yaml"], 64),
    ];
    for (steps, arguments, status) in cases {
        let folder = folder(steps);
        let ended = test(folder.path(), arguments);
        let said = text(&ended.stdout) + &text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(status), "{arguments:?}: {said}");
    }
}

#[test]
fn the_worst_of_several_files_counts() {
    let (good, bad, warned) = (folder(GOOD), folder(BAD), folder(WARNED));
    let path = |folder: &TempDir| folder.path().to_str().unwrap().to_owned();
    let (good, bad, warned) = (path(&good), path(&bad), path(&warned));
    let runs = tempfile::tempdir().unwrap();
    let status = |files: &[&str]| {
        let arguments = [&["--sim", "--run-dir", "runs"][..], files].concat();
        test(runs.path(), &arguments).status.code()
    };
    assert_eq!(status(&[&good, &warned]), Some(3));
    assert_eq!(status(&[&bad, &good, &warned]), Some(1));
}

#[test]
fn ndjson_tells_each_thing_as_it_is_known() {
    let folder = folder(BAD);
    let arguments = [
        "--sim",
        "--run-dir",
        "runs",
        "--format",
        "ndjson",
        "lab.yaml",
    ];
    let ended = test(folder.path(), &arguments);
    let said = text(&ended.stdout);
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["run", "step", "step", "step", "ended"]);
    assert_eq!(
        (&lines[0]["seed"], &lines[0]["lab"]),
        (&1.into(), &"two".into())
    );
    let outcomes: Vec<&Value> = lines[1..4].iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["pass", "fail", "skip"]);
    assert_eq!(lines[2]["faults"][0], "link down r1--r2");
    assert!(lines.iter().all(|line| line["run"] == lines[0]["run"]));
    assert_eq!(
        (&lines[4]["exit"], &lines[4]["counts"]["failed"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn several_reports_are_written_at_once() {
    let folder = folder(BAD);
    let mut arguments = vec!["--sim", "--run-dir", "runs", "--format", "gha"];
    let forms = ["json", "ndjson", "junit", "markdown", "tap", "gha"];
    let reports = forms.map(|form| format!("{form}=report.{form}"));
    for report in &reports {
        arguments.extend(["--report", report]);
    }
    arguments.extend(["--junit", "also.xml", "lab.yaml"]);
    let ended = test(folder.path(), &arguments);
    assert_eq!(ended.status.code(), Some(1), "{}", text(&ended.stderr));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json["runs"][0]["steps"][1]["outcome"], "fail");
    assert_eq!(read("report.ndjson").lines().count(), 5);
    assert!(read("report.junit").contains("<failure type=\"fail\""));
    assert_eq!(read("report.junit"), read("also.xml"));
    assert!(read("report.markdown").contains("**FAIL** none, never (line 10)"));
    let tap = read("report.tap");
    assert!(
        tap.starts_with("TAP version 14\n1..3\nok 1 - two: "),
        "{tap}"
    );
    assert!(tap.contains("\nnot ok 2 - two: none, never\n"), "{tap}");
    let annotation = "::error file=lab.yaml,line=12,title=two%3A none%2C never::";
    assert!(
        read("report.gha").starts_with(annotation),
        "{}",
        read("report.gha")
    );
    // Lines first, then the annotations.
    let said = text(&ended.stdout);
    assert!(
        said.contains("  FAIL none, never") && said.contains(annotation),
        "{said}"
    );
}

#[test]
fn a_form_that_is_not_there_is_named_with_those_that_are() {
    let folder = folder(GOOD);
    let ended = test(folder.path(), &["--report", "pdf=x", "lab.yaml"]);
    assert_eq!(ended.status.code(), Some(64));
    let said = text(&ended.stderr);
    assert!(
        said.contains("there is no form `pdf`; there are json, ndjson"),
        "{said}"
    );
    let ended = test(folder.path(), &["--report", "tap", "lab.yaml"]);
    assert!(text(&ended.stderr).contains("write it as FORM=FILE"));
    // The file cannot be written: what was found is not said to be good.
    let ended = test(
        folder.path(),
        &["--sim", "--report", "tap=no/such", "lab.yaml"],
    );
    assert_eq!(ended.status.code(), Some(6));
}
