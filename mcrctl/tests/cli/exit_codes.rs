//! Every exit code, and what is said with it.

use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::mpsc;

use crate::fake::{Fake, mcrctl};
use mcr_api::{ErrorCode, Failure, Method, Problem};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code and what was said on standard error.
fn failed(output: &Output) -> (i32, String) {
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), text(&output.stderr))
}

fn refusal() -> Failure {
    let problem = Problem {
        file: Some("a.json5".to_owned()),
        line: Some(3),
        column: Some(7),
        key: "rules[0].outputs".to_owned(),
        message: "a rule has an output at least".to_owned(),
        help: Some("add an output".to_owned()),
        rendered: None,
    };
    Failure {
        code: ErrorCode::Invalid,
        message: "the configuration has 2 mistakes".to_owned(),
        problems: vec![
            problem.clone(),
            Problem {
                rendered: Some("error: drawn\n --> a.json5:9:1\n".to_owned()),
                ..problem
            },
        ],
    }
}

#[test]
fn done_is_0() {
    let fake = Fake::start(|_| Ok(json!({"added": [], "removed": ["a"], "changed": []})));
    let output = fake.run(&["rules", "remove", "a"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "- a\n");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn refused_is_1_with_each_problem() {
    let fake = Fake::start(|_| Err(refusal()));
    let (code, said) = failed(&fake.run(&["config", "reload"]));
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "error: the configuration has 2 mistakes\n\
         \x20 a.json5:3:7: rules[0].outputs: a rule has an output at least\n\
         \x20   help: add an output\n\
         error: drawn\n --> a.json5:9:1\n"
    );
}

#[test]
fn a_single_problem_is_said_once() {
    let fake = Fake::start(|_| {
        Err(Failure {
            code: ErrorCode::Invalid,
            message: "rules[0]: no outputs".to_owned(),
            problems: vec![Problem {
                file: None,
                line: None,
                column: None,
                key: "rules[0]".to_owned(),
                message: "no outputs".to_owned(),
                help: Some("add one".to_owned()),
                rendered: None,
            }],
        })
    });
    let (_, said) = failed(&fake.run(&["config", "reload"]));
    assert_eq!(said, "error: rules[0]: no outputs\n    help: add one\n");
}

#[test]
fn refused_is_said_to_programs_in_json() {
    let fake = Fake::start(|_| Err(refusal()));
    let output = fake.run(&["--json", "config", "reload"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said, json!({ "error": refusal() }));
}

#[test]
fn a_rule_that_is_not_there_is_1() {
    let fake = Fake::start(|method| match method {
        Method::StatsRules { .. } => Ok(json!({"items": []})),
        _ => Ok(json!([])),
    });
    let (code, said) = failed(&fake.run(&["stats", "cam1"]));
    assert_eq!((code, said.as_str()), (1, "error: there is no rule cam1\n"));
}

#[test]
fn wrong_usage_is_2_and_asks_nobody() {
    for args in [
        &["fly"][..],
        &["rules"],
        &["rules", "add"],
        &["rules", "add", "--input", "eth0", "--output", "eth1"],
        &["rules", "add", "--file", "/nonexistent/rules.json"],
        &["config", "load", "/nonexistent/mcrd.json5"],
        &["log", "set", "loud"],
        &["stats", "--interval", "2s"],
        &["stats", "--watch", "--interval", "soon"],
        &["--timeout", "0", "status"],
    ] {
        let output = mcrctl(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = text(&output.stderr);
        assert!(!said.contains("cannot reach"), "{args:?}: {said}");
    }
}

#[test]
fn a_file_that_is_no_rule_is_2_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    std::fs::write(&path, "[{\"input\": 1}]").unwrap();
    let fake = Fake::start(|method| panic!("{method:?} was asked"));
    let (code, said) = failed(&fake.run(&["rules", "add", "--file", path.to_str().unwrap()]));
    assert_eq!(code, 2);
    assert!(said.contains("rules.json: rules[0]: "), "{said}");
}

#[test]
fn no_daemon_is_3_and_says_where_it_was_sought() {
    let mut command = mcrctl(&["status"]);
    let folder = tempfile::tempdir().unwrap();
    command.env("XDG_RUNTIME_DIR", folder.path());
    let (code, said) = failed(&command.output().unwrap());
    assert_eq!(code, 3);
    let user = folder.path().join("mcrd/control.sock");
    let places = format!("/run/mcrd/control.sock or {}", user.display());
    assert!(said.contains(&places), "{said}");
    assert!(said.contains("Is it running?"), "{said}");
    assert!(said.contains("--socket"), "{said}");
}

#[test]
fn a_daemon_of_another_protocol_is_3() {
    let fake = Fake::serving(|mut stream| {
        writeln!(stream, "{{\"mcr\":99,\"version\":\"9.0.0\"}}").unwrap();
    });
    let (code, said) = failed(&fake.run(&["status"]));
    assert_eq!(code, 3);
    assert!(said.contains("mcrd 9.0.0 speaks control protocol 99"));
}

#[test]
fn a_silent_daemon_is_3_in_time() {
    let fake = Fake::serving(|mut stream| {
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let (code, said) = failed(&fake.run(&["--timeout", "50ms", "status"]));
    assert_eq!(code, 3);
    assert_eq!(said, "error: mcrd did not answer within 0.05 s\n");
}

#[test]
fn a_daemon_that_hangs_up_is_3() {
    let fake = Fake::serving(drop);
    let (code, said) = failed(&fake.run(&["status"]));
    assert_eq!(code, 3);
    assert!(said.contains("connection to mcrd broke"), "{said}");
}

#[test]
fn the_users_own_socket_is_found() {
    let fake = Fake::start(|_| Ok(json!({"level": "info", "facilities": {}})));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mcrd")).unwrap();
    let link = folder.path().join("mcrd/control.sock");
    std::os::unix::fs::symlink(fake.socket(), link).unwrap();
    let mut command = mcrctl(&["log", "get"]);
    command.env("XDG_RUNTIME_DIR", folder.path());
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (answered, asked) = mpsc::channel();
    let fake = Fake::start(move |_| {
        answered.send(()).unwrap();
        Ok(json!({"items": rules(1000)}))
    });
    let mut command = fake.command(&["--json", "rules", "list"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    drop(child.stdout.take());
    asked.recv().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

fn rules(number: usize) -> Vec<Value> {
    (0..number)
        .map(|n| {
            json!({
                "rule": {"name": format!("rule-{n}"),
                         "input": {"interface": "eth0", "group": "239.1.1.1"},
                         "outputs": [{"interface": "eth1"}]},
                "state": "active",
                "waiting": [],
            })
        })
        .collect()
}
