//! mcrctl and mcrd together, in a network of their own without interfaces: what
//! one sends is what the other understands.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);

/// A daemon, ended with the value.
struct Daemon {
    process: Child,
    folder: TempDir,
    mcrctl: PathBuf,
}

impl Daemon {
    /// Starts it and waits until it answers; `None` where there are no user
    /// namespaces.
    fn start(test: &str) -> Option<Daemon> {
        let namespaces = ["--user", "--map-root-user", "--net"];
        let possible = Command::new("unshare")
            .args(namespaces)
            .arg("true")
            .output();
        if !possible.is_ok_and(|output| output.status.success()) {
            mcr_tests::skip(
                test,
                "no user namespace can be made",
                "run as root, or set kernel.apparmor_restrict_unprivileged_userns=0",
            );
            return None;
        }
        let programs = mcr_tests::programs().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new("unshare")
            .args(namespaces)
            .arg(&programs.mcrd)
            .args(["run", "--socket"])
            .arg(folder.path().join("control.sock"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Daemon {
            process,
            folder,
            mcrctl: programs.mcrctl,
        };
        let answers = || daemon.ask(&["status"]).status.success();
        assert!(mcr_tests::eventually(DEADLINE, answers), "{}", daemon.log());
        Some(daemon)
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn ask(&self, args: &[&str]) -> Output {
        Command::new(&self.mcrctl)
            .env("MCR_SOCKET", self.path("control.sock"))
            .args(args)
            .output()
            .unwrap()
    }

    /// Asks for something that must be done.
    fn done(&self, args: &[&str]) -> String {
        let output = self.ask(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asks for something that must be refused.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.ask(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", self.log());
        String::from_utf8(output.stderr).unwrap()
    }

    fn rules(&self) -> usize {
        let listed: Value = serde_json::from_str(&self.done(&["rules", "list", "--json"])).unwrap();
        listed.as_array().unwrap().len()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn every_question_has_an_answer() {
    let Some(daemon) = Daemon::start("every_question_has_an_answer") else {
        return;
    };
    for question in [
        &["status"][..],
        &["rules", "list"],
        &["stats"],
        &["workers"],
        &["interfaces"],
        &["config", "show"],
        &["log", "get"],
        &["version"],
    ] {
        let json = [question, &["--json"]].concat();
        assert!(!daemon.done(question).is_empty(), "{question:?}");
        let said: Result<Value, _> = serde_json::from_str(&daemon.done(&json));
        assert!(said.is_ok(), "{json:?}");
    }
}

#[test]
fn a_rule_comes_and_goes() {
    let Some(mut daemon) = Daemon::start("a_rule_comes_and_goes") else {
        return;
    };
    let add = |output| {
        let input = "in0:239.1.1.1:5000";
        [
            "rules", "add", "--name", "cam1", "--input", input, "--output", output,
        ]
    };
    assert_eq!(
        daemon.done(&add("out0:239.2.2.2,ttl=3,dscp=ef")),
        "+ cam1\n"
    );
    assert!(daemon.refused(&add("out0")).contains("cam1"));
    let shown = daemon.done(&["rules", "show", "cam1"]);
    assert!(shown.contains("out0 239.2.2.2 ttl 3 dscp 46"), "{shown}");
    assert!(shown.contains("waiting"), "{shown}");

    let saved = daemon.path("saved.json5");
    daemon.done(&["config", "save", &saved]);
    let diff = daemon.done(&["config", "diff", &saved]);
    assert_eq!(diff, "0 rules added, 0 removed, 0 changed\n");
    assert_eq!(daemon.done(&["rules", "remove", "cam1"]), "- cam1\n");
    assert!(
        daemon
            .refused(&["rules", "remove", "cam1"])
            .contains("cam1")
    );
    let loaded = daemon.done(&["config", "load", &saved]);
    assert_eq!(loaded, "1 rule added, 0 removed, 0 changed\n+ cam1\n");

    let pid = Pid::from_raw(daemon.process.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert!(daemon.process.wait().unwrap().success());
    assert_eq!(daemon.ask(&["status"]).status.code(), Some(3));
}

#[test]
fn a_bad_file_changes_nothing_and_every_mistake_is_drawn() {
    let Some(daemon) = Daemon::start("a_bad_file_changes_nothing") else {
        return;
    };
    let path = daemon.path("bad.json5");
    let text = "{\n  rules: [\n    { input: { interface: 'a', group: '10.0.0.1' },\n      \
                outputs: [] },\n  ],\n  colour: 1,\n}\n";
    fs::write(&path, text).unwrap();
    for verb in ["check", "load"] {
        let said = daemon.refused(&["config", verb, &path]);
        for word in ["bad.json5:3", "10.0.0.1", "outputs", "colour"] {
            assert!(said.contains(word), "{verb}: {word}: {said}");
        }
    }
    assert_eq!(daemon.rules(), 0);
}

#[test]
fn more_rules_than_a_line_holds_are_added_whole_or_not_at_all() {
    let Some(daemon) = Daemon::start("more_rules_than_a_line_holds") else {
        return;
    };
    let rule = |n: u32| {
        json!({
            "name": format!("rule-{n:05}"),
            "input": {"interface": "in0", "group": format!("239.1.{}.{}", n / 256, n % 256),
                      "port": 5000},
            "outputs": [{"interface": "out0"}],
        })
    };
    let mut rules: Vec<Value> = (0..4_999).map(rule).collect();
    let path = daemon.path("rules.json");
    let write = |rules: &[Value]| fs::write(&path, serde_json::to_string(rules).unwrap()).unwrap();

    let mut bad = rule(4_999);
    bad["outputs"][0]["interface"] = json!("in0");
    rules.push(bad);
    write(&rules);
    assert!(
        daemon
            .refused(&["rules", "add", "--file", &path])
            .contains("in0")
    );
    assert_eq!(daemon.rules(), 0);

    rules[4_999] = rule(4_999);
    write(&rules);
    let said = daemon.done(&["rules", "add", "--file", &path]);
    assert_eq!(said.lines().count(), 5_000);
    assert_eq!(daemon.rules(), 5_000);
    let said = daemon.refused(&["rules", "add", "--file", &path]);
    assert!(said.contains("nothing was added"), "{said}");
}
