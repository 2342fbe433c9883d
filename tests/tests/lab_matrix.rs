//! `lab matrix`, `--repeat` and `--shard`, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, root};
use serde_json::Value;

/// A chain whose last hop is a router, or a host, behind which nobody is.
const LAB: &str = r#"
lab: 1
name: choice
timers: fast
unicast: oracle
pim: { rp: "${r1.lo}" }
matrix: { last: [mcrd, host], limit: [10s, 1ms] }
nodes: { src: host, r1: mcrd, r2: { kind: "${last}" }, rcv: host }
links: [src -- r1, r1 -- r2, r2 -- rcv]
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1 } }
steps:
  - { join: R, send: S }
  - expect: { rx: { by: R, of: S, received: { min: 5 } }, within: "${limit}" }
  - wait: 2s
  - measure: { for: 1s, rx: { by: R, of: S }, as: latency }
"#;

fn lab(arguments: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("choice.yaml");
    std::fs::write(&file, LAB).unwrap();
    let mut command = Command::new(programs().unwrap().lab);
    let arguments = arguments.iter().map(|argument| match *argument {
        "FILE" => file.as_os_str().to_owned(),
        other => other.into(),
    });
    command.args(arguments).current_dir(folder.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, json)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn every_combination_is_run_and_judged() {
    let (output, json) = lab(&["matrix", "--sim", "--jobs", "2", "--json", "FILE"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let cells = json["cells"].as_array().unwrap();
    let verdicts: Vec<(String, &str, Option<u64>)> = cells
        .iter()
        .map(|cell| {
            let values = cell["values"].as_array().unwrap().iter();
            let values: Vec<&str> = values.map(|pair| pair[1].as_str().unwrap()).collect();
            let verdict = cell["verdict"].as_str().unwrap();
            (values.join(" "), verdict, cell["step"].as_u64())
        })
        .collect();
    let want = [
        ("mcrd 10s".to_owned(), "PASS", None),
        ("mcrd 1ms".to_owned(), "FAIL", Some(2)),
        ("host 10s".to_owned(), "FAIL", Some(2)),
        ("host 1ms".to_owned(), "FAIL", Some(2)),
    ];
    assert_eq!(verdicts, want);
}

#[test]
fn the_grid_has_the_chosen_values() {
    let (output, _) = lab(&["matrix", "--sim", "FILE", "last=mcrd", "limit=10s,9s"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let grid = text.split("\nchoice\n").nth(1).unwrap();
    for part in ["last=mcrd", "limit=10s  PASS", "limit=9s   PASS"] {
        assert!(grid.contains(part), "no {part} in\n{grid}");
    }
    assert!(!grid.contains("host"), "{grid}");
}

#[test]
fn what_cannot_be_a_matrix_is_refused() {
    let cases: [(&[&str], i32, &str); 3] = [
        (&["matrix", "FILE", "lsat=mcrd"], 4, "did you mean `last`?"),
        (&["matrix", "FILE", "last"], 64, "write it as NAME=VALUE"),
        (&["matrix", "none.yaml"], 4, "No such file"),
    ];
    for (arguments, code, want) in cases {
        let (output, _) = lab(arguments);
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(want), "{text}");
    }
}

#[test]
fn figures_of_many_runs_have_a_distribution() {
    let arguments = ["test", "--sim", "--repeat", "5", "--format", "json", "FILE"];
    let (output, json) = lab(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let found = &json["distributions"][0];
    assert_eq!(found["metric"], "latency", "{json}");
    assert_eq!(found["count"], 5);
    let bars = found["bars"].as_array().unwrap().iter();
    let counted: u64 = bars.map(|bar| bar["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 5);
    let (output, _) = lab(&[
        "test", "--sim", "--repeat", "5", "--format", "plain", "FILE",
    ]);
    let text = text(&output);
    assert!(text.contains("choice latency  n=5  p50 "), "{text}");
}

#[test]
fn the_parts_of_the_files_are_all_of_them() {
    let all = [
        root().join("topologies/chain3"),
        root().join("topologies/ssm-chain"),
        root().join("topologies/lhr-is-rp"),
    ];
    let all = all.map(|path| path.display().to_string());
    let run = |shard: &str| {
        let mut arguments = vec!["test", "--sim", "--format", "json", "--shard", shard];
        arguments.extend(all.iter().map(String::as_str));
        let (output, json) = lab(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let runs = json["runs"].as_array().unwrap().iter();
        let labs = runs.map(|run| run["lab"].as_str().unwrap().to_owned());
        labs.collect::<Vec<_>>()
    };
    assert_eq!(run("1/2"), ["chain3", "lhr-is-rp"]);
    assert_eq!(run("2/2"), ["ssm-chain"]);
    let (output, _) = lab(&["test", "--shard", "3/2", "FILE"]);
    assert_eq!(output.status.code(), Some(64));
}
