//! `lab test --jobs`: several labs at a time, each told as a whole.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use mcr_tests::{eventually, programs, root, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The exit statuses that the tests meet.
const UNFIT: i32 = 5;
const INFRASTRUCTURE: i32 = 6;

/// Lab files in a folder of their own.
struct Labs {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Labs {
    fn new() -> Labs {
        Labs {
            folder: tempfile::tempdir().unwrap(),
            files: Vec::new(),
        }
    }

    /// Adds a lab of one node. Its steps wait until these commands succeed, in
    /// the folder of all.
    fn add(&mut self, name: &str, commands: &[&str]) {
        let at = self.folder.path().display();
        let step = |command: &&str| {
            format!(
                "  - 'does {command}':\n      expect: {{ exec: {{ at: n, run: 'cd {at}; {command}' }}, within: 30s }}\n"
            )
        };
        self.write(name, "", &commands.iter().map(step).collect::<String>());
    }

    /// Adds a lab that wants to be alone. Its command is tried once.
    fn add_alone(&mut self, name: &str, command: &str) {
        let at = self.folder.path().display();
        let step = format!("  - exec: {{ at: n, run: 'cd {at}; {command}' }}\n");
        self.write(name, "limits: { alone: true }\n", &step);
    }

    fn write(&mut self, name: &str, limits: &str, steps: &str) {
        let text = format!("lab: 1\nname: {name}\n{limits}nodes: {{ n: host }}\nsteps:\n{steps}");
        let file = self.folder.path().join(format!("{name}.yaml"));
        fs::write(&file, text).unwrap();
        self.files.push(file);
    }

    fn command(&self, jobs: &str, format: &str) -> Command {
        let mut command = Command::new(programs().unwrap().lab);
        command.args(["test", "--jobs", jobs, "--format", format, "--run-dir"]);
        command.arg(self.folder.path().join("runs"));
        command.args(&self.files).current_dir(root());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs them; `None` where this machine cannot, which is recorded.
    fn run(&self, test: &str, jobs: &str, format: &str) -> Option<Output> {
        let output = self.command(jobs, format).output().unwrap();
        if output.status.code() == Some(UNFIT) {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let first = text.lines().next().unwrap_or_default();
            skip(test, "lab test says this machine is unfit", first);
            return None;
        }
        Some(output)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Two labs that wait for each other.
fn two_that_meet(labs: &mut Labs) {
    labs.add("first", &["touch a; test -e b", "touch a-done"]);
    labs.add("second", &["touch b; test -e a", "touch b-done"]);
}

#[test]
fn netns_labs_run_side_by_side_and_are_told_whole() {
    let test = "netns_labs_run_side_by_side_and_are_told_whole";
    let mut labs = Labs::new();
    two_that_meet(&mut labs);
    let Some(output) = labs.run(test, "2", "plain") else {
        return;
    };
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    // Each heading is followed by its own steps, up to its last line.
    let mut own = "";
    let mut told = Vec::new();
    for line in text.lines() {
        if let Some(name) = ["first ", "second "].iter().find(|n| line.starts_with(**n)) {
            own = if *name == "first " { "a" } else { "b" };
            told.push(own);
        } else if let Some(command) = line.trim().strip_prefix("PASS does touch ") {
            assert!(command.starts_with(own), "{line:?} in\n{text}");
        }
    }
    told.sort_unstable();
    assert_eq!(told, ["a", "b"], "{text}");
    assert!(text.contains("2 of 2 runs passed"), "{text}");
}

#[test]
fn netns_labs_alone_run_last_and_one_by_one() {
    let test = "netns_labs_alone_run_last_and_one_by_one";
    let mut labs = Labs::new();
    let alone = "test -e a-done -a -e b-done";
    labs.add_alone("third", alone);
    two_that_meet(&mut labs);
    labs.add_alone("fourth", alone);
    let Some(output) = labs.run(test, "4", "json") else {
        return;
    };
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    let names: Vec<_> = runs.iter().map(|run| run["lab"].as_str()).collect();
    let asked = ["third", "first", "second", "fourth"].map(Some);
    assert_eq!(names, asked, "the order of the files");
    let spans: Vec<_> = runs.iter().map(span).collect();
    for (one, alone) in spans
        .iter()
        .enumerate()
        .filter(|(at, _)| [0, 3].contains(at))
    {
        for (other, beside) in spans.iter().enumerate().filter(|(at, _)| *at != one) {
            let apart = alone.1 < beside.0 || beside.1 < alone.0;
            assert!(
                apart,
                "{} ran beside {}",
                asked[one].unwrap(),
                asked[other].unwrap()
            );
        }
    }
}

/// When a run began, and when it ended.
fn span(run: &Value) -> (u64, u64) {
    let folder = root().join(run["evidence"].as_str().unwrap());
    let events = fs::read_to_string(folder.join("events.ndjson")).unwrap();
    let times: Vec<u64> = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["at_ns"].as_u64())
        .collect();
    (*times.first().unwrap(), *times.last().unwrap())
}

#[test]
fn netns_a_lab_whose_engine_is_killed_costs_no_other() {
    let test = "netns_a_lab_whose_engine_is_killed_costs_no_other";
    let mut labs = Labs::new();
    labs.add("killed", &["kill -9 $PPID"]);
    labs.add("whole", &["true"]);
    labs.add("another", &["true"]);
    let Some(output) = labs.run(test, "2", "json") else {
        return;
    };
    let told = text(&output);
    assert_eq!(output.status.code(), Some(INFRASTRUCTURE), "{told}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| run["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["error", "pass", "pass"].map(Some), "{told}");
    let error = runs[0]["errors"][0].as_str().unwrap();
    assert!(error.contains("killed by SIGKILL"), "{error}");
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn netns_labs_side_by_side_end_at_a_signal() {
    let test = "netns_labs_side_by_side_end_at_a_signal";
    let mut labs = Labs::new();
    labs.add("first", &["touch a; tail -f /dev/null"]);
    labs.add("second", &["touch b; tail -f /dev/null"]);
    labs.add("never", &["touch c"]);
    let mut child = labs.command("2", "json").spawn().unwrap();
    let there = |name: &str| labs.folder.path().join(name).exists();
    let mut ended = false;
    let both = eventually(Duration::from_secs(30), || {
        ended = child.try_wait().unwrap().is_some();
        ended || there("a") && there("b")
    });
    if ended {
        let output = child.wait_with_output().unwrap();
        let told = text(&output);
        assert_eq!(output.status.code(), Some(UNFIT), "{told}");
        let first = told.lines().next().unwrap_or_default();
        return skip(test, "lab test says this machine is unfit", first);
    }
    assert!(both, "they do not run side by side");
    signal(&child, Signal::SIGINT);
    let end = eventually(Duration::from_secs(30), || {
        child.try_wait().unwrap().is_some()
    });
    let output = child.wait_with_output().unwrap();
    assert!(end);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(INFRASTRUCTURE), "{told}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "the third never began: {told}");
    for run in runs {
        assert_eq!(run["interrupted"], true, "{told}");
    }
    assert!(!there("c"), "the third never began");
}
