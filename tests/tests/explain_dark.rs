//! `lab explain` finds the fault that was planted in each lab of `data/dark`, and
//! none in a lab that is right: in virtual time, and in labs that run. In those of
//! `data/dark-others` it is planted at routers that are not the project's own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
    ("daemon-ended", "daemon-ended", "r3"),
    ("daemon-frozen", "daemon-frozen", "r2"),
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

/// The labs with other routers.
const PLANTED_AT_OTHERS: &[(&str, &str, &str)] = &[
    ("frr-link-down", "link-down", "r2:core"),
    ("frr-passive", "no-pim", "r2:r3"),
    ("frr-source-specific", "ssm-range", "r3:rcv"),
    ("frr-unheard", "link-loss", "r2--r3"),
    ("frr-with-another-rp", "wrong-rp", "r1"),
    ("frr-with-exclude", "no-membership", "r3:rcv"),
    ("frr-without-dr", "not-dr", "src--r1"),
    ("frr-without-igmp", "no-membership", "r3--rcv"),
    ("frr-without-pim", "no-pim", "r2:r3"),
    ("frr-without-registers", "register-blocked", "r2"),
    ("frr-without-route", "missing-route", "r2"),
    ("frr-without-rp-route", "rp-unreachable", "r3"),
    ("kernel-on-the-way", "no-pim", "r2:r3"),
    ("pimd-without-route", "missing-route", "r2"),
    ("smcroute-on-the-way", "no-mroute", "r2"),
    ("smcroute-without-route", "no-mroute", "r2"),
];

/// Scenarios with other routers, where nothing is wrong, each with its variables.
const RIGHT_WITH_OTHERS: &[(&str, &[&str])] = &[
    ("interop-chain3", &["fhr=frr", "rp=mcrd", "lhr=frr"]),
    ("interop-chain3", &["fhr=mcrd", "rp=frr", "lhr=mcrd"]),
    (
        "interop-diamond",
        &["fhr=frr", "rp=frr", "mid=frr", "lhr=frr"],
    ),
    ("interop-pimd", &[]),
];
/// What starts the stream of a lab.
const R_OF_S: [&str; 2] = ["join: R", "send: S"];
/// pimd takes its time.
const RIGHT_TIME: Duration = Duration::from_secs(120);

fn data(folder: &str) -> PathBuf {
    root().join("tests/tests/data").join(folder)
}

fn dark() -> PathBuf {
    data("dark")
}

/// All labs of a folder are in its list.
fn assert_listed(folder: &str, list: &[(&str, &str, &str)]) {
    let known = list.iter().map(|(name, _, _)| format!("{name}.yaml"));
    let there = std::fs::read_dir(data(folder)).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), known.collect());
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
    assert_listed("dark", PLANTED);
    for (name, kind, at) in PLANTED {
        let file = dark().join(format!("{name}.yaml"));
        let output = lab(&["explain", "--sim", "--json"], &file);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(FAULT), "{name}: {told}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let fault = &told["end"]["fault"];
        assert_eq!(fault["kind"], *kind, "{name}: {told:#}");
        assert_eq!(fault["at"], *at, "{name}: {told:#}");
    }
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
    /// Builds the lab of a file under a name of its own; why not, where this
    /// machine cannot.
    fn up(file: &Path, name: &str, vars: &[&str]) -> Result<Running, String> {
        let running = Running {
            name: format!("{name}-{}", std::process::id()),
            folder: tempfile::tempdir().unwrap(),
        };
        let written = std::fs::read_to_string(file).unwrap();
        let named = written.replace(
            &format!("name: {name}\n"),
            &format!("name: {}\n", running.name),
        );
        let file = running.folder.path().join("lab.yaml");
        std::fs::write(&file, named).unwrap();
        let mut arguments = vec!["up", file.to_str().unwrap()];
        for set in vars {
            arguments.extend(["--var", set]);
        }
        let output = running.lab(&arguments);
        if output.status.code() == Some(UNFIT) {
            return Err(text(&output));
        }
        assert!(output.status.success(), "{}", text(&output));
        // A lab that runs knows what it was made from.
        std::fs::remove_file(file).unwrap();
        Ok(running)
    }

    fn step(&self, step: &str) {
        let output = self.lab(&["do", "-l", &self.name, step]);
        assert!(output.status.success(), "{}: {}", self.name, text(&output));
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
        "link-down" | "frr-link-down" => Some("link: {down: core, at: r2}"),
        "missing-route" | "frr-without-route" | "pimd-without-route" => {
            Some("unicast: {at: r2, fail: \"${src.r1.net}\"}")
        }
        "daemon-ended" => Some("daemon: {kill: r3}"),
        "daemon-frozen" => Some("daemon: {freeze: r2}"),
        "frr-without-registers" => Some("fault: {r1--r2: {messages: [{drop: pim.register}]}}"),
        _ => None,
    }
}

/// Runs each lab of a folder that this machine can run, and looks for its fault.
fn finds_in_labs_that_run(test: &str, folder: &str, planted: &[(&str, &str, &str)]) {
    assert_listed(folder, planted);
    for (name, kind, at) in planted {
        let file = data(folder).join(format!("{name}.yaml"));
        let lab = match Running::up(&file, name, &[]) {
            Ok(lab) => lab,
            Err(reason) => {
                skip(&format!("{test}, {name}"), reason.trim(), "see `lab check`");
                continue;
            }
        };
        for step in planted_by_step(name).into_iter().chain(R_OF_S) {
            lab.step(step);
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

#[test]
fn explain_finds_faults_in_labs_that_run() {
    finds_in_labs_that_run("explain_finds_faults_in_labs_that_run", "dark", PLANTED);
}

#[test]
fn explain_finds_faults_at_other_routers() {
    let test = "explain_finds_faults_at_other_routers";
    finds_in_labs_that_run(test, "dark-others", PLANTED_AT_OTHERS);
}

#[test]
fn explain_finds_no_fault_at_other_routers_that_are_right() {
    for (name, vars) in RIGHT_WITH_OTHERS {
        let file = root().join("topologies").join(name).join("lab.yaml");
        let lab = match Running::up(&file, name, vars) {
            Ok(lab) => lab,
            Err(reason) => {
                let test = "explain_finds_no_fault_at_other_routers_that_are_right";
                skip(&format!("{test}, {name}"), reason.trim(), "see `lab check`");
                continue;
            }
        };
        for step in R_OF_S {
            lab.step(step);
        }
        let mut last = Value::Null;
        let right = eventually(RIGHT_TIME, || {
            last = lab.explain();
            last["end"] == "nothing"
        });
        assert!(right, "{name} {vars:?}: {last:#}");
        lab.step("expect: {rx: {by: R, of: S, received: {min: 10}}, within: 5s}");
        for _ in 0..3 {
            last = lab.explain();
            assert_eq!(last["end"], "nothing", "{name} {vars:?}: {last:#}");
        }
    }
}

impl Running {
    /// Waits until explain says this.
    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let mut last = Value::Null;
        let so = eventually(Duration::from_secs(30), || {
            last = self.explain();
            is_so(&last)
        });
        assert!(so, "{}, {what}: {last:#}", self.name);
    }

    fn until_fault(&self, kind: &str, at: &str, words: &str) {
        self.until(kind, |told| {
            let fault = &told["end"]["fault"];
            let what = fault["what"].as_str().unwrap_or_default();
            fault["kind"] == kind && fault["at"] == at && what.contains(words)
        });
    }

    fn until_stream(&self) {
        self.step("expect: {rx: {by: R, of: S, received: {min: 10}}, within: 60s}");
        self.until("nothing is wrong", |told| told["end"] == "nothing");
    }

    /// Sends a signal to the process of a node whose command line has this.
    fn signal(&self, node: &str, program: &str, signal: &str) {
        let output = self.lab(&["ps", "--json"]);
        let labs: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
        let labs = labs.as_array().unwrap().iter();
        let own = labs.filter(|lab| lab["name"] == self.name.as_str());
        let nodes = own.flat_map(|lab| all(lab, "nodes"));
        let mut processes = nodes.flat_map(|node| all(&node, "processes"));
        let process = processes.find(|one| {
            one["node"] == node && one["command"].as_str().is_some_and(|c| c.contains(program))
        });
        let process = process.unwrap()["pid"].to_string();
        let kill = [
            "exec", "-l", &self.name, node, "--", "kill", signal, &process,
        ];
        let output = self.lab(&kill);
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// Explain has seen this at a node.
fn has_seen(told: &Value, at: &str, what: &str) -> bool {
    let mut seen = told["seen"].as_array().unwrap().iter();
    seen.any(|seen| seen["at"] == at && seen["what"] == what)
}

#[test]
fn explain_names_daemons_that_are_not_at_work() {
    let name = "interop-chain3";
    let file = root().join("topologies").join(name).join("lab.yaml");
    for (kind, program) in [("mcrd", "mcrd run"), ("frr", "frr/pimd")] {
        let vars = ["fhr", "rp", "lhr"].map(|role| format!("{role}={kind}"));
        let lab = match Running::up(&file, name, &vars.each_ref().map(String::as_str)) {
            Ok(lab) => lab,
            Err(reason) => {
                let test = "explain_names_daemons_that_are_not_at_work";
                skip(&format!("{test}, {kind}"), reason.trim(), "see `lab check`");
                continue;
            }
        };
        for step in R_OF_S {
            lab.step(step);
        }
        lab.until_stream();
        lab.step("daemon: {freeze: r2}");
        let told = lab.explain();
        let named = has_seen(&told, "r2", "frozen") || told["end"]["fault"]["at"] == "r2";
        assert!(named, "{told:#}");
        lab.until_fault("daemon-frozen", "r2", "it hears and says nothing");
        lab.step("daemon: {thaw: r2}");
        lab.until_stream();
        lab.step("daemon: {kill: r3}");
        lab.until_fault("daemon-ended", "r3", "a step ended it");
        lab.step("daemon: {start: r3}");
        lab.until_stream();
        lab.signal("r3", program, "-STOP");
        // First it does not answer, then its Hellos hold no more.
        lab.until("r3 hangs", |told| {
            has_seen(told, "r3", "hangs") || told["end"]["fault"]["kind"] == "daemon-frozen"
        });
        lab.signal("r3", program, "-CONT");
        lab.until_stream();
        lab.signal("r2", program, "-KILL");
        lab.until_fault("daemon-ended", "r2", "ended by itself");
    }
}
