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

#[test]
fn runs_are_reported_again_in_any_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("again.yaml"), LAB).expect("a file");
    for seed in ["1", "2"] {
        let ran = lab(folder, &["test", "--sim", "--seed", seed, "again.yaml"]);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    }
    let report = |arguments: &[&str]| {
        let told = lab(folder, &[&["report"], arguments].concat());
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        String::from_utf8(told.stdout).expect("text")
    };
    let kept = |name: &str| fs::read_to_string(folder.join("runs/latest").join(name)).unwrap();
    assert_eq!(report(&[]), kept("result.txt"));
    assert_eq!(report(&["--format", "junit"]), kept("junit.xml"));
    let runs = fs::read_dir(folder.join("runs")).expect("runs");
    let runs = runs.map(|entry| entry.unwrap().path());
    let runs: Vec<String> = runs
        .filter(|path| !path.is_symlink())
        .map(|path| path.display().to_string())
        .collect();
    let mut arguments = vec!["--format", "markdown"];
    arguments.extend(runs.iter().map(String::as_str));
    let both = report(&arguments);
    assert_eq!(both.matches("| FAIL |").count(), 2, "{both}");
    assert_eq!(both.matches("```mermaid\n").count(), 2, "{both}");
    let unknown = lab(folder, &["report", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no run nowhere"));
}

#[test]
fn only_what_differs_from_a_commit_is_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        let mut git = Command::new("git");
        git.current_dir(folder).args(identity).args(words);
        let ran = git.output().expect("git runs");
        assert!(ran.status.success(), "{ran:?}");
    };
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let low = LAB.replace("loss: 0 }", "loss: { max: 100% } }");
    write("base.yaml", &low);
    write("one.yaml", "lab: 1\nextends: base.yaml\n");
    write("two.yaml", &low);
    write("three/lab.yaml", &low);
    write("three/notes", "none");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "all"]);
    let changed = |commit: &str| {
        let files = ["one.yaml", "two.yaml", "three"];
        let words = ["test", "--sim", "--format", "json", "--changed", commit];
        let ran = lab(folder, &[&words[..], &files].concat());
        let report: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
        let runs = report["runs"].as_array().cloned().unwrap_or_default();
        let files = runs
            .iter()
            .map(|run| run["file"].as_str().unwrap().to_owned());
        (ran.status.code(), files.collect::<Vec<_>>())
    };
    // The folder of runs is not git's, and no lab's.
    assert_eq!(changed("HEAD"), (Some(2), Vec::new()));
    write("base.yaml", &low.replace("500pps", "400pps"));
    assert_eq!(changed("HEAD"), (Some(0), vec!["one.yaml".to_owned()]));
    write("three/more", "new");
    let (code, files) = changed("HEAD");
    assert_eq!((code, files.len()), (Some(0), 2), "{files:?}");
    assert_eq!(changed("no-such-commit"), (Some(64), Vec::new()));
    assert_eq!(changed("--output=x"), (Some(64), Vec::new()));
}
