//! Parts of a step that are done at once, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use serde_json::Value;

const LAB: &str = "lab: 1
unicast: { mode: oracle, delay: 1s }
nodes: { a: host, r1: mcrd, r2: mcrd }
pim: { rp: \"${r1.lo}\" }
links: [a -- r1, r1 -- r2]
steps:
  - parallel:
      - { link: { down: r1--r2 }, mark: cut }
      - { wait: 300ms, mark: early }
      - { link: { flap: a--r1, count: 3, period: 500ms } }
";

/// Routes follow a second after each change of a link, and meanwhile the other
/// parts go on.
#[test]
fn time_passes_in_all_parts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    fs::write(&file, LAB).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(["test", "--sim", "--format", "json", "--run-dir"]);
    let ended = command.arg(folder.path()).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{said}{ended:?}");
    let run: Value = serde_json::from_str(&said).unwrap();
    let run = run.pointer("/runs/0").unwrap_or(&run);
    let seconds = run["steps"][0]["seconds"].as_f64().unwrap();
    // Three flaps take 1.5 s, and the routes follow the last change at 2.25 s.
    assert!((2.2..2.5).contains(&seconds), "{seconds}: {run:#}");
    let evidence = run["evidence"].as_str().unwrap();
    let events = fs::read_to_string(format!("{evidence}/events.ndjson")).unwrap();
    let at = |text: &str| {
        let line = events.lines().position(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("{text}: {events}"))
    };
    assert!(at("mark early") < at("mark cut"), "the first one waits");
}
