//! `lab new`, `lab check` and `lab doctor`: from nothing to a lab that passes,
//! and what is said where something is missing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, skip};
use serde_json::Value;

const UNFIT: i32 = 5;

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().unwrap().lab);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_new_writes_passes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for template in ["chain", "ssm", "lan"] {
        let place = folder.path().join(template);
        let mut new = lab(&["new", "--template", template]);
        assert!(new.arg(&place).output().unwrap().status.success());
        let mut test = lab(&["test", "--sim", "--run-dir"]);
        let output = test.arg(folder.path()).arg(&place).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}

#[test]
fn check_tells_what_cannot_run_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("needs.yaml");
    fs::write(&file, "lab: 1\npim: {}\nnodes: {r: pimd}\n").unwrap();
    let check = |option: &str| {
        let mut check = lab(&["check", option]);
        check.env("LAB_PIMD", folder.path().join("none"));
        check.arg(&file).output().unwrap()
    };
    let output = check("--json");
    assert_eq!(output.status.code(), Some(UNFIT), "{}", text(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = json["files"][0]["cannot_run_here"].as_str().unwrap();
    assert!(reason.contains("pimd is not installed"), "{reason}");
    assert_eq!(check("--anywhere").status.code(), Some(0));
}

#[test]
fn doctor_tries_what_labs_need() {
    let output = lab(&["doctor", "--json"]).output().unwrap();
    let told = text(&output);
    if output.status.code() == Some(UNFIT) {
        let first = told.lines().next().unwrap_or_default().to_owned();
        skip(
            "doctor_tries_what_labs_need",
            "labs cannot run here",
            &first,
        );
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{told}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let of = |what: &str| {
        let found = findings.iter().find(|finding| finding["what"] == what);
        found.unwrap_or_else(|| panic!("no {what}: {told}"))
    };
    for what in ["mcrd", "mcrgen", "namespaces and links"] {
        assert_eq!(of(what)["ok"], true, "{told}");
    }
    for what in ["netem (tc)", "dummy interfaces", "VRF", "VLAN"] {
        let found = of(what);
        let told = found["detail"].as_str().unwrap_or_default();
        assert!(found["ok"] == true || !told.is_empty(), "{what}: {found}");
    }
    let vifs = of("interfaces of a router that routes by the kernel (MAXVIFS)");
    assert!(
        vifs["detail"].as_str().unwrap().starts_with("32 "),
        "{vifs}"
    );
    // A missing router of others is told with what to type.
    for what in ["FRR", "pimd", "smcroute"] {
        let found = of(what);
        let told = found["detail"].as_str().unwrap_or_default();
        assert!(
            found["ok"] == true || told.contains("install it with"),
            "{told}"
        );
    }
}

#[test]
fn doctor_finds_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = lab(&["doctor", "--bin-dir"]);
    let output = doctor.arg(folder.path()).output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(UNFIT), "{told}");
    assert!(told.contains("NO   mcrd\n       mcrd is not in "), "{told}");
    assert!(told.contains("-    multicast routing with mcrd"), "{told}");
}
