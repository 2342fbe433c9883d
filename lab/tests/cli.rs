//! The commands that need no network: what they print and how they end.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::path::Path;
use std::process::{Command, Output};

use clap::{CommandFactory, ValueEnum};

fn lab(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_lab");
    Command::new(program)
        .args(arguments)
        .output()
        .expect("lab runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a lab.yaml of this text.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("lab.yaml"), text).expect("a file");
    folder
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("a path")
}

const GOOD: &str = "lab: 1\nname: two\nnodes: {a: host, b: host}\nlinks: [a -- b]\n";
const BAD: &str = "lab: 1\nnodes: {a: hots, b: {kin: host}}\n";

#[test]
fn the_command_line_is_told_apart_from_the_file() {
    let bad = folder(BAD);
    let cases: [(&[&str], i32); 12] = [
        (&["--help"], 0),
        (&["--version"], 0),
        (&["test", "--help"], 0),
        (&[], 64),
        (&["bogus"], 64),
        (&["check"], 64),
        (&["check", "x", "--var", "novalue"], 64),
        (&["graph", path(&bad), "--format", "png"], 64),
        (&["check", path(&bad)], 4),
        (&["test", "--sim", path(&bad)], 4),
        (&["test", "--seed", "7", path(&bad)], 4),
        (&["test", "--sim", "--bin-dir", ".", path(&bad)], 64),
    ];
    for (arguments, status) in cases {
        let ended = lab(arguments);
        assert_eq!(ended.status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn what_stands_below_options_fits_a_terminal() {
    let told = lab::args::Args::command();
    for command in told.get_subcommands().chain([&told]) {
        let below = command.get_after_help().map(ToString::to_string);
        for line in below.iter().flat_map(|text| text.lines()) {
            let name = command.get_name();
            assert!(line.chars().count() <= 80, "lab {name}: {line}");
        }
    }
}

#[test]
fn check_tells_every_mistake_of_every_file() {
    let (good, bad) = (folder(GOOD), folder(BAD));
    let ended = lab(&["check", path(&bad), path(&good)]);
    assert_eq!(ended.status.code(), Some(4));
    assert!(text(&ended.stdout).ends_with("two: 2 nodes, 1 links, 0 steps\n"));
    let said = text(&ended.stderr);
    assert!(said.contains("nodes.a: `hots` is not known here"), "{said}");
    assert!(
        said.contains("nodes.b.kin: the key `kin` is not known here"),
        "{said}"
    );
    assert!(said.ends_with("lab.yaml: 2 mistakes\n"), "{said}");
    assert!(
        said.lines()
            .all(|line| line.chars().count() <= 80 || line.contains("/"))
    );
}

#[test]
fn check_prints_json_for_programs() {
    let (good, bad) = (folder(GOOD), folder(BAD));
    let ended = lab(&["check", "--json", path(&good), path(&bad)]);
    assert_eq!(ended.status.code(), Some(4));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(report["files"][0]["valid"], true);
    assert_eq!(report["files"][0]["nodes"], 2);
    let mistakes = &report["files"][1]["mistakes"];
    assert_eq!(mistakes[0]["line"], 2);
    assert_eq!(mistakes[0]["column"], 12);
    assert_eq!(mistakes[1]["path"], "nodes.b.kin");
    assert_eq!(mistakes[1]["help"], "did you mean `kind`?");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = lab(&["check", "/nonexistent/lab.yaml"]);
    assert_eq!(ended.status.code(), Some(4));
    let said = text(&ended.stderr);
    assert!(said.contains("No such file"), "{said}");
    assert!(said.contains("/nonexistent/lab.yaml"), "{said}");
}

#[test]
fn graph_and_schema_print() {
    let good = folder(GOOD);
    let drawn = lab(&["graph", path(&good)]);
    assert_eq!(
        text(&drawn.stdout),
        "a (host)\n└─ .1 10.0.0.0/24 .2 b (host)\n"
    );
    let schema = lab(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert_eq!(schema["title"], "Lab");
}

#[test]
fn completion_is_there_for_each_shell_and_bash_reads_its_own() {
    for shell in clap_complete::Shell::value_variants() {
        let script = lab(&["completion", &shell.to_string()]);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(text(&script.stdout).contains("graph"), "{shell}");
    }
    let script = lab(&["completion", "bash"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lab.bash");
    std::fs::write(&file, script.stdout).expect("a file");
    let read = Command::new("bash").arg("-n").arg(&file).output();
    let read = read.expect("bash runs");
    assert_eq!(text(&read.stderr), "");
    assert_eq!(read.status.code(), Some(0));
}

const EXPORTED: &str = "lab: 1\nname: clab\nnodes: { src: host, r1: mcrd, rcv: host }\n\
    links: [src -- r1: { mtu: 1400 }, r1 -- rcv: { loss: 5% }]\n\
    segments: { lan: [src, rcv] }\n";

#[test]
fn export_writes_each_node_and_link_for_containerlab() {
    let folder = folder(EXPORTED);
    let ended = lab(&["export", "containerlab", path(&folder)]);
    assert_eq!(ended.status.code(), Some(0));
    let file: serde_json::Value = serde_yaml::from_slice(&ended.stdout).expect("YAML");
    assert_eq!(file["name"], "clab");
    let nodes = file["topology"]["nodes"].as_object().expect("nodes");
    let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
    assert_eq!(names, ["src", "r1", "rcv", "lan-lan"]);
    let links = file["topology"]["links"].as_array().expect("links");
    let ends: Vec<String> = links
        .iter()
        .map(|link| link["endpoints"].to_string())
        .collect();
    let want = [
        "[\"src:r1\",\"r1:src\"]",
        "[\"r1:rcv\",\"rcv:r1\"]",
        "[\"src:lan\",\"lan-lan:p0\"]",
        "[\"rcv:lan\",\"lan-lan:p1\"]",
    ];
    assert_eq!(ends, want);
    let said = text(&ended.stderr);
    assert!(said.contains("wires are not in it"), "{said}");
    assert!(said.contains("r1--rcv"), "{said}");
    let mistaken = lab(&["export", "containerlab", "/nonexistent/lab.yaml"]);
    assert_eq!(mistaken.status.code(), Some(4));
    assert_eq!(text(&mistaken.stdout), "");
}

#[test]
fn new_writes_a_lab_that_check_accepts() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = folder.path().join("first");
    let first = first.to_str().expect("a path");
    assert_eq!(lab(&["new", first]).status.code(), Some(0));
    assert!(Path::new(first).join("lab.yaml").is_file());
    assert_eq!(lab(&["check", first]).status.code(), Some(0));
    // A second time it would overwrite what may have been edited.
    assert_eq!(lab(&["new", first]).status.code(), Some(6));
}

const SIMULATED: &str = "
lab: 1
name: simulated
unicast: oracle
pim: { rp: \"${r.lo}\" }
nodes: { s: host, r: mcrd, h: host }
links: [s -- r, r -- h]
receivers: { R: { at: h, group: 239.1.1.1 } }
sources: { S: { at: s, group: 239.1.1.1, rate: 50pps } }
steps:
  - join: R
    send: S
    expect: { rx: { by: R, of: S, received: { min: 100 }, loss: 0 }, within: 3s }
  - expect: { rate: { at: R, min: 60pps }, within: 1s }
";

#[test]
fn a_run_in_virtual_time_needs_nothing_and_takes_the_seeds_in_turn() {
    let (lab_file, kept) = (folder(SIMULATED), tempfile::tempdir().expect("a folder"));
    let run = |more: &[&str]| {
        let mut arguments = vec!["test", "--sim", "--run-dir", path(&kept), path(&lab_file)];
        arguments.extend(more);
        lab(&arguments)
    };
    // The source sends 50 datagrams a second, so the last step must fail.
    let ended = run(&["--format", "json", "--seed", "41"]);
    assert_eq!(ended.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    let run_of = &report["runs"][0];
    assert_eq!(run_of["seed"], 41);
    assert_eq!(run_of["steps"][0]["outcome"], "pass");
    assert_eq!(run_of["steps"][1]["outcome"], "fail");
    // 100 datagrams in 2 s, then 1.75 times the second that the rate had.
    let virtual_time = run_of["simulated"]["seconds"].as_f64().expect("a number");
    assert!((3.7..4.3).contains(&virtual_time), "{virtual_time}");
    let ended = run(&["--format", "plain", "--seed", "41", "--repeat", "3"]);
    let said = text(&ended.stdout);
    assert!(
        said.contains("seed 41") && !said.contains("seed 42"),
        "{said}"
    );
}

#[test]
fn only_the_first_of_many_runs_that_pass_is_told_whole() {
    let easy = folder(&SIMULATED.replace("min: 60pps", "min: 40pps"));
    let kept = tempfile::tempdir().expect("a folder");
    let options = ["--format", "plain", "--seed", "41", "--repeat", "3"];
    let mut arguments = vec!["test", "--sim", "--run-dir", path(&kept), path(&easy)];
    arguments.extend(options);
    let ended = lab(&arguments);
    let said = text(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    for seed in 41..=43 {
        assert!(said.contains(&format!("  seed {seed}\n")), "{said}");
    }
    assert_eq!(said.matches("  PASS ").count(), 2, "{said}");
    assert_eq!(said.matches("  2 passed in ").count(), 2, "{said}");
}

#[test]
fn what_is_skipped_in_virtual_time_fails_nothing_else() {
    let simulated = SIMULATED.replace("min: 60pps", "min: 40pps");
    let (lab_file, kept) = (folder(&simulated), tempfile::tempdir().expect("a folder"));
    let command = "lab: 1\nname: other\nnodes: {a: host, b: host}\nlinks: [a -- b]\n\
                   steps: [{exec: {at: a, run: id}}]\n";
    let other = folder(command);
    let run = |files: &[&str]| {
        let arguments = [
            "test",
            "--sim",
            "--format",
            "plain",
            "--run-dir",
            path(&kept),
        ];
        lab(&[&arguments, files].concat())
    };
    let ended = run(&[path(&other)]);
    assert_eq!(ended.status.code(), Some(2));
    let said = text(&ended.stderr);
    let wanted = "SKIP other: line 5: there are no commands in the simulator\n";
    assert_eq!(said, wanted);
    let ended = run(&[path(&other), path(&lab_file)]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stdout));
}

const SIGNALS: &str = "
lab: 1
name: signals
timers: fast
unicast: oracle
pim: {}
nodes: { r1: mcrd, r2: mcrd }
links: [r1 -- r2]
steps:
  - expect: { neighbors: r1/r2 }
  - foreach: { signal: [TERM, INT] }
    each:
      - daemon: { kill: r1, signal: \"${signal}\", withdraw: \"${r1.lo}/32\" }
        expect:
          - { packets: \"pim.hello from r1 holdtime = 0\", within: 100ms }
          - { rpf: { at: r2, address: \"${r1.lo}\", interface: none }, within: 100ms }
      - daemon: { start: r1 }
        unicast: { announce: \"${r1.lo}/32\" }
        expect: { neighbors: r1/r2, within: 10s }
  - foreach: { signal: [KILL, QUIT, ABRT, SEGV] }
    each:
      - daemon: { kill: r1, signal: \"${signal}\" }
        never: { packets: \"pim.hello from r1 holdtime = 0\", for: 1s }
      - daemon: { start: r1 }
        expect: { neighbors: r1/r2, within: 10s }
";

#[test]
fn in_virtual_time_a_daemon_ends_as_by_its_signal() {
    let folder = folder(SIGNALS);
    let ended = lab(&["test", "--sim", "--run-dir", path(&folder), path(&folder)]);
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stdout));
}
