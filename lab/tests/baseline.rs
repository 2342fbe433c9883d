//! Figures of many runs in virtual time: gates, and a baseline that is written
//! and compared with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Routes follow after DELAY, and with them the tree.
const LAB: &str = "lab: 1
name: slow
timers: fast
unicast: { mode: oracle, delay: DELAY }
pim: { rp: \"${r1.lo}\" }
nodes: { src: host, r1: mcrd, r2: mcrd, rcv: host }
links: [src -- r1, r1 -- r2, r2 -- rcv]
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1, rate: 100pps } }
steps:
  - { join: R, send: S, expect: { rx: { by: R, of: S, received: { min: 20 } }, within: 10s } }
  - link: { flap: r1--r2 }
    expect:
      - { outage: { by: R, of: S, max: 20s }, within: 4s, as: outage, gate: GATE }
      - { mroute: { at: r2, group: 239.1.1.1 }, as: entry }
";

/// `lab test` of the lab; its exit status, and what JSON says of figures.
fn test(folder: &Path, delay: &str, gate: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let file = folder.join("lab.yaml");
    let lab = LAB.replace("DELAY", delay).replace("GATE", gate);
    fs::write(&file, lab).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.current_dir(folder);
    command.args(["test", "--sim", "--repeat", "8", "--format", "json"]);
    command.args([
        "--report",
        "junit=junit.xml",
        "--report",
        "markdown=summary.md",
    ]);
    let ended = command.args(arguments).arg("lab.yaml").output().unwrap();
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap_or_default();
    (ended.status.code(), said["figures"].clone())
}

#[test]
fn a_gate_bounds_all_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (status, figures) = test(folder.path(), "0s", "{ max: 10s }", &[]);
    assert_eq!(status, Some(0), "{figures:#}");
    assert_eq!(figures[0]["count"], 8);
    assert_eq!(figures.as_array().unwrap().len(), 1, "no gate, no verdict");
    let (status, figures) = test(folder.path(), "0s", "{ p50: 100ms }", &[]);
    assert_eq!(status, Some(1), "{figures:#}");
    let missed = figures[0]["missed"][0].as_str().unwrap();
    assert!(missed.ends_with("expected at most 100ms"), "{missed}");
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains("<failure type=\"gate\""), "{junit}");
    let summary = fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(summary.contains("| slow | outage | 8 |"), "{summary}");
}

#[test]
fn figures_are_compared_with_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let gate = "{ baseline: true }";
    let compare = ["--baseline", "baseline.json"];
    let (status, _) = test(path, "0s", gate, &compare);
    assert_eq!(status, Some(4), "there is no such file");
    let write = ["--baseline", "baseline.json", "--baseline-write"];
    let (status, _) = test(path, "0s", gate, &write);
    assert_eq!(status, Some(0));
    let beside = |figures: &Value, at: usize| figures[at]["beside"]["is"].clone();
    let (status, figures) = test(path, "0s", gate, &compare);
    assert_eq!(status, Some(0), "{figures:#}");
    assert_eq!(beside(&figures, 0), "within-noise", "{figures:#}");
    assert_eq!(figures[1]["metric"], "entry", "all figures are compared");
    let (status, figures) = test(path, "1s", gate, &compare);
    assert_eq!(status, Some(1), "{figures:#}");
    assert_eq!(beside(&figures, 0), "slower");
    let (status, figures) = test(path, "1s", "{ max: 9s }", &compare);
    assert_eq!((status, beside(&figures, 0)), (Some(0), "slower".into()));
    // What another machine took is nothing to this one.
    let file = path.join("baseline.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("virtual time", "another CPU")).unwrap();
    let (status, figures) = test(path, "1s", gate, &compare);
    assert_eq!(
        (status, beside(&figures, 0)),
        (Some(0), "other-machine".into())
    );
}
