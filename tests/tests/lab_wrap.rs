//! `wrap`: what watches a daemon, which is the one that is killed all the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, skip};

/// The exit status of a machine that lacks something.
const UNFIT: i32 = 5;

const LAB: &str = "lab: 1
name: watched
timers: fast
unicast: oracle
pim: {}
nodes: { r1: { kind: mcrd, wrap: WRAP }, r2: mcrd }
links: [r1 -- r2]
steps:
  - expect: { neighbors: r1/r2, within: 30s }
  - daemon: { kill: r1 }
    expect: { exec: { at: r1, run: 'mcrctl status', status: 3 }, within: 30s }
  - daemon: { start: r1 }
    expect: { neighbors: r1/r2, within: 60s }
  - daemon: { freeze: r1 }
    expect: { neighbors: { at: r2, not: r1 }, within: 30s }
  - daemon: { thaw: r1 }
    expect: { neighbors: r1/r2, within: 60s }
";

fn run(folder: &Path, wrap: &str, path: Option<&str>) -> Output {
    let file = folder.join("watched.yaml");
    fs::write(&file, LAB.replace("WRAP", wrap)).unwrap();
    let mut command = Command::new(programs().unwrap().lab);
    command.args(["test", "--format", "plain", "watched.yaml"]);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_daemon_that_is_watched_is_killed_started_and_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "strace", None);
    let told = text(&output);
    if output.status.code() == Some(UNFIT) {
        let test = "a_daemon_that_is_watched_is_killed_started_and_frozen";
        let first = told.lines().next().unwrap_or_default();
        return skip(test, "lab test says this machine is unfit", first);
    }
    assert_eq!(output.status.code(), Some(0), "{told}");
    let calls = folder.path().join("runs/latest/logs/r1.strace");
    let calls = fs::read_to_string(calls).unwrap();
    let started = calls.matches("execve(").count();
    assert!(started >= 2, "the daemon, killed and started: {started}");
    assert!(calls.contains("+++ killed by SIGKILL +++"), "it was killed");
}

#[test]
fn a_program_that_is_missing_is_told_with_what_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "valgrind", Some("/nowhere"));
    let told = text(&output);
    assert_eq!(output.status.code(), Some(UNFIT), "{told}");
    let said = "r1 asks for valgrind, which is not installed; install it with \
                `apt-get install -y valgrind`";
    assert!(told.contains(said), "{told}");
}
