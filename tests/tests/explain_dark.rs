//! `lab explain` in virtual time: it finds the fault that was planted in each
//! lab of `data/dark`, and none in a lab that is right.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, root};
use serde_json::Value;

const NO_FAULT: i32 = 0;
const FAULT: i32 = 1;
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
