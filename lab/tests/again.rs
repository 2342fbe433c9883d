//! Running again: a run out of its folder, and a file whenever it is saved.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// The way over a lossy wire: which datagrams are lost is the seed's choice.
const LAB: &str = "lab: 1
name: again
timers: fast
unicast: oracle
vars: { loss: 1% }
pim: { rp: \"${r1.lo}\" }
nodes: { src: host, r1: mcrd, r2: mcrd, rcv: host }
links: [src -- r1, r1 -- r2: { loss: \"${loss}\" }, r2 -- rcv]
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1, rate: 500pps } }
steps:
  - { join: R, send: S, expect: { rx: { by: R, of: S }, within: 10s } }
  - \"nothing is lost\": { measure: { for: 3s, rx: { by: R, of: S, loss: 0 } } }
";

fn lab(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder).args(arguments);
    command.stdin(Stdio::null()).output().expect("lab runs")
}

/// The steps of the latest run, and what its wires did, without its own name.
fn result(folder: &Path) -> (String, Value) {
    let latest = folder.join("runs/latest").canonicalize().unwrap();
    let name = latest.file_name().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(latest.join("result.json")).unwrap();
    let id = name.rsplit('-').next().unwrap();
    let result: Value = serde_json::from_str(&text.replace(&name, "RUN")).unwrap();
    let kept = ["steps", "wires", "outcome", "simulated"].map(|key| result[key].clone());
    (id.to_owned(), kept.to_vec().into())
}

#[test]
fn a_run_in_virtual_time_is_the_same_again_whatever_became_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    fs::write(&file, LAB).unwrap();
    let run = [
        "test", "--sim", "--seed", "7", "--var", "loss=20%", "lab.yaml",
    ];
    let ended = lab(folder.path(), &run);
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let (id, first) = result(folder.path());
    fs::write(&file, "lab: 1\nnodes: [broken").unwrap();
    let ended = lab(folder.path(), &["replay", &id]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let (again, second) = result(folder.path());
    assert_ne!(id, again, "another run");
    assert_eq!(first, second);
    // And so is that one, by its folder.
    let ended = lab(folder.path(), &["replay", "runs/latest"]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(result(folder.path()).1, first);
}

#[test]
fn a_run_that_is_not_there_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let ended = lab(folder.path(), &["replay", "beef"]);
    assert_eq!(ended.status.code(), Some(64));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("no run beef in runs"), "{said}");
}

/// The lines of a stream, as they come.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (to, from) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(stream).lines();
        lines
            .map_while(Result::ok)
            .try_for_each(|line| to.send(line))
    });
    from
}

fn until(lines: &Receiver<String>, part: &str) {
    let mut seen = Vec::new();
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        if line.contains(part) {
            return;
        }
        seen.push(line);
    }
    panic!("no {part:?} in {seen:#?}");
}

#[test]
fn a_file_that_is_saved_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    fs::write(&file, LAB.replace("1%", "0%")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args([
        "test",
        "--sim",
        "--format",
        "plain",
        "--watch-file",
        "lab.yaml",
    ]);
    command.current_dir(folder.path()).stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = lines(child.stdout.take().unwrap());
    let waits = lines(child.stderr.take().unwrap());
    until(&said, "2 passed in");
    until(&waits, "waiting until lab.yaml is saved");
    // As an editor does it: another file takes the name.
    let fresh = folder.path().join("fresh");
    fs::write(&fresh, LAB.replace("1%", "90%")).unwrap();
    fs::rename(&fresh, &file).unwrap();
    until(&said, "1 failed");
    until(&waits, "waiting until lab.yaml is saved");
    child.kill().unwrap();
    child.wait().unwrap();
}
