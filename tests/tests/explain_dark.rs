//! `lab explain` finds the fault that was planted in each lab of `data/dark`, and
//! none in a lab that is right: in virtual time, and in labs that run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mcr_tests::{eventually, programs, root, skip};
use serde_json::Value;

const NO_FAULT: i32 = 0;
const FAULT: i32 = 1;
const UNFIT: i32 = 5;
const USAGE: i32 = 64;

/// The labs, each with the fault's kind and its place.
const PLANTED: &[(&str, &str, &str)] = &[
    ("data-loss", "data-lost", "r3"),
    ("join-filtered", "join-filtered", "r2:r3"),
    ("link-down", "link-down", "r2:core"),
    ("link-loss", "link-loss", "r2--r3"),
    ("missing-route", "missing-route", "r2"),
    ("no-membership", "no-membership", "r3--rcv"),
    ("not-dr", "not-dr", "lan"),
    ("register-blocked", "register-blocked", "r2"),
    ("rp-unreachable", "rp-unreachable", "r3"),
    ("rpf-mismatch", "rpf-mismatch", "r1:src"),
    ("snooping-without-querier", "no-querier", "lan"),
    ("ttl-too-low", "ttl", "S"),
    ("wrong-rp", "wrong-rp", "r3"),
    ("wrong-ssm-range", "ssm-range", "r3:rcv"),
];

fn dark() -> std::path::PathBuf {
    root().join("tests/tests/data/dark")
}

fn lab(arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(programs().unwrap().lab);
    command.args(arguments).arg(file).stdin(Stdio::null());
    if arguments.first() == Some(&"explain") {
        command.args(["R", "S"]);
    }
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn explain_finds_each_planted_fault() {
    let mut known = BTreeSet::new();
    for (name, kind, at) in PLANTED {
        let file = dark().join(format!("{name}.yaml"));
        let output = lab(&["explain", "--sim", "--json"], &file);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(FAULT), "{name}: {told}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let fault = &told["end"]["fault"];
        assert_eq!(fault["kind"], *kind, "{name}: {told:#}");
        assert_eq!(fault["at"], *at, "{name}: {told:#}");
        known.insert(format!("{name}.yaml"));
    }
    let there = std::fs::read_dir(dark()).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), known);
}

#[test]
fn explain_finds_no_fault_where_the_stream_arrives() {
    for name in [
        "chain3",
        "ssm-chain",
        "diamond-spt",
        "flap-storm",
        "rp-unreachable-then-back",
    ] {
        let file = root().join("topologies").join(name);
        let output = lab(&["explain", "--sim"], &file);
        assert_eq!(output.status.code(), Some(NO_FAULT), "{}", text(&output));
    }
}

#[test]
fn explain_is_part_of_a_failed_step_and_fits_its_lines() {
    let runs = tempfile::tempdir().unwrap();
    let folder = runs.path().to_str().unwrap();
    let file = dark().join("not-dr.yaml");
    let output = lab(
        &["test", "--sim", "--format", "plain", "--run-dir", folder],
        &file,
    );
    let told = text(&output);
    assert_eq!(output.status.code(), Some(FAULT), "{told}");
    let joined = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = "R <- S: lan: r3 has the member and is not the DR of lan";
    assert!(joined.contains(sentence), "{told}");
    let output = lab(&["explain", "--sim"], &file);
    for line in text(&output).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn explain_names_the_receivers_there_are() {
    let mut command = Command::new(programs().unwrap().lab);
    command
        .args(["explain", "--sim"])
        .arg(dark().join("not-dr.yaml"));
    let output = command.args(["Q", "S"]).output().unwrap();
    assert_eq!(output.status.code(), Some(USAGE), "{}", text(&output));
    assert!(text(&output).contains("no receiver \"Q\"; it has R"));
}

/// A lab that runs until this is dropped.
struct Running {
    name: String,
    folder: tempfile::TempDir,
}

impl Running {
    /// Builds the lab of a file under a name of its own; `None` where this
    /// machine cannot.
    fn up(dark_name: &str) -> Option<Running> {
        let running = Running {
            name: format!("{dark_name}-{}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        };
        let written = std::fs::read_to_string(dark().join(format!("{dark_name}.yaml"))).unwrap();
        let named = written.replace(
            &format!("name: {dark_name}\n"),
            &format!("name: {}\n", running.name),
        );
        let file = running.folder.path().join("lab.yaml");
        std::fs::write(&file, named).unwrap();
        let output = running.lab(&["up", file.to_str().unwrap()]);
        if output.status.code() == Some(UNFIT) {
            return None;
        }
        assert!(output.status.success(), "{}", text(&output));
        // A lab that runs knows what it was made from.
        std::fs::remove_file(file).unwrap();
        Some(running)
    }

    fn lab(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(programs().unwrap().lab);
        command.env("XDG_RUNTIME_DIR", self.folder.path());
        let output = command.args(arguments).stdin(Stdio::null()).output();
        output.unwrap()
    }

    /// What explain says of R and S.
    fn explain(&self) -> Value {
        let output = self.lab(&["explain", "--json", &self.name, "R", "S"]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lab(&["down", &self.name]);
    }
}

/// Faults that are none of the network itself.
fn planted_by_step(name: &str) -> Option<&'static str> {
    match name {
        "link-down" => Some("link: {down: core, at: r2}"),
        "missing-route" => Some("unicast: {at: r2, fail: \"${src.r1.net}\"}"),
        _ => None,
    }
}

#[test]
fn explain_finds_faults_in_labs_that_run() {
    for (name, kind, at) in PLANTED {
        let Some(lab) = Running::up(name) else {
            let test = "explain_finds_faults_in_labs_that_run";
            return skip(test, "lab up says this machine is unfit", "see `lab up`");
        };
        for step in planted_by_step(name)
            .into_iter()
            .chain(["join: R", "send: S"])
        {
            let output = lab.lab(&["do", "-l", &lab.name, step]);
            assert!(output.status.success(), "{name}: {}", text(&output));
        }
        let mut last = Value::Null;
        let found = eventually(Duration::from_secs(20), || {
            last = lab.explain();
            let fault = &last["end"]["fault"];
            fault["kind"] == *kind && fault["at"] == *at
        });
        assert!(found, "{name}: {last:#}");
    }
}
