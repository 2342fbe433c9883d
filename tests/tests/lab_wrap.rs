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

/// A router that forwards while it is watched.
const FORWARDS: &str = "lab: 1
name: watched
timers: fast
unicast: oracle
pim: { rp: '${r1.lo}' }
nodes: { src: host, r1: { kind: KIND, wrap: WRAP }, rcv: host }
links: [src -- r1, r1 -- rcv]
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1, rate: 50pps } }
steps:
  - join: R
    send: S
    expect: { rx: { by: R, of: S, received: { min: 20 } }, within: 60s }
  - expect: { exec: { at: r1, run: COMMAND }, within: 30s }
";

fn run(folder: &Path, lab: &str, path: Option<&str>) -> Output {
    let file = folder.join("watched.yaml");
    fs::write(&file, lab).unwrap();
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
    let output = run(folder.path(), &LAB.replace("WRAP", "strace"), None);
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

/// Runs the lab of a router that forwards; the folder of its logs, unless the
/// machine lacks something.
fn forwarded(test: &str, kind: &str, wrap: &str, command: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let lab = FORWARDS.replace("KIND", kind).replace("WRAP", wrap);
    let output = run(folder.path(), &lab.replace("COMMAND", command), None);
    let told = text(&output);
    if output.status.code() == Some(UNFIT) {
        let first = told.lines().next().unwrap_or_default();
        skip(test, "lab test says this machine is unfit", first);
        return None;
    }
    if told.contains("perf_event_paranoid") {
        let enable = "run it as root, or set kernel.perf_event_paranoid to 1";
        skip(test, "this user may not use perf", enable);
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{told}");
    Some(folder)
}

/// The files of r1 with this in their names.
fn kept(folder: &Path, part: &str) -> Vec<Vec<u8>> {
    let logs = fs::read_dir(folder.join("runs/latest/logs")).unwrap();
    let logs = logs.map(|file| file.unwrap().path());
    let mine = logs.filter(|path| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(part)
    });
    mine.map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn perf_keeps_a_profile_of_a_daemon_that_forwards() {
    let test = "perf_keeps_a_profile_of_a_daemon_that_forwards";
    let Some(folder) = forwarded(test, "mcrd", "perf", "mcrctl status") else {
        return;
    };
    let files = kept(folder.path(), "r1.perf.data.");
    assert_eq!(files.len(), 1);
    assert!(files[0].starts_with(b"PERFILE2"), "it was not finished");
}

#[test]
fn gdbserver_waits_beside_a_daemon_that_forwards() {
    let test = "gdbserver_waits_beside_a_daemon_that_forwards";
    if Command::new("gdb").arg("--version").output().is_err() {
        return skip(test, "gdb is not installed", "apt-get install -y gdb");
    }
    let ask = "gdb -batch -nx -ex 'target extended-remote 127.0.0.1:2345' \
               -ex \"attach $(pgrep -o mcrd)\" -ex detach && mcrctl status";
    let asked = format!("{ask:?}, contains: detached");
    forwarded(test, "mcrd", "gdbserver", &asked);
}

#[test]
fn valgrind_checks_another_daemon_that_forwards() {
    let test = "valgrind_checks_another_daemon_that_forwards";
    let Some(folder) = forwarded(test, "frr", "valgrind", "\"true\"") else {
        return;
    };
    let files = kept(folder.path(), "r1.valgrind.");
    let whole = files.iter().filter(|file| {
        let text = String::from_utf8_lossy(file);
        text.contains("Memcheck") && text.contains("ERROR SUMMARY")
    });
    assert!(whole.count() >= 2, "zebra and pimd");
}

#[test]
fn a_program_that_is_missing_is_told_with_what_installs_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &LAB.replace("WRAP", "valgrind"),
        Some("/nowhere"),
    );
    let told = text(&output);
    assert_eq!(output.status.code(), Some(UNFIT), "{told}");
    let said = "r1 asks for valgrind, which is not installed; install it with \
                `apt-get install -y valgrind`";
    assert!(told.contains(said), "{told}");
}
