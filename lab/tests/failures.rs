//! For each form of expectation a scenario made to fail, and what is said of it:
//! the texts beside this file were read for being understood by somebody who did
//! not write the scenario. `UPDATE_FAILURES=1` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

const NETWORK: &str = "lab: 1
name: failing
timers: fast
unicast: oracle
pim: { rp: \"${r2.lo}\" }
vars: { g: 239.1.1.1 }
nodes: { src: host, r1: mcrd, r2: mcrd, r3: mcrd, rcv: host }
links: [src -- r1, r1 -- r2, r2 -- r3, r3 -- rcv]
receivers: { R: { at: rcv, group: \"${g}\" } }
sources: { S: { at: src, group: \"${g}\", rate: 100pps } }
steps:
  - { join: R, send: S, expect: { rx: { by: R, of: S, received: { min: 50 } }, within: 10s } }
";

/// Two routers forward to a LAN.
const LAN: &str = "lab: 1
name: failing
timers: fast
unicast: oracle
pim: {}
vars: { g: 232.1.1.1 }
nodes:
  src: host
  core: mcrd
  near: mcrd
  far: { kind: mcrd, pim: { interfaces: { lan: { dr_priority: 9 } } } }
  down: mcrd
  rcv: host
  deep: host
links: [src -- core, core -- near, core -- far: { metric: 30 }, down -- deep]
segments: { lan: { members: [near, far, down, rcv], metric: 100 } }
receivers:
  R: { at: rcv, group: \"${g}\", source: \"${src.ip}\" }
  D: { at: deep, group: \"${g}\", source: \"${src.ip}\" }
sources: { S: { at: src, group: \"${g}\", rate: 100pps } }
steps:
  - { expect: { neighbors: [core/near, core/far, near/far, near/down, far/down] } }
";

/// The form, and the step that cannot pass.
const FORMS: [(&str, &str); 30] = [
    (
        "rx-lost",
        "\"the way is cut, and nothing may be lost\": { link: { down: r1--r2 }, measure: { for: 1s, rx: { by: R, of: S, loss: 0 } } }",
    ),
    (
        "rx-gap",
        "\"a short cut has no gap\": { link: { flap: r1--r2 }, expect: { rx: { by: R, of: S, gap: 50ms }, within: 2s } }",
    ),
    (
        "outage",
        "\"a short cut is hardly noticed\": { link: { flap: r1--r2 }, expect: { outage: { by: R, of: S, max: 50ms }, within: 1s } }",
    ),
    (
        "mfc",
        "\"packets take another way\": { expect: { mfc: { at: r2, group: \"${g}\", source: \"${src.ip}\", iif: r3, oif: { has: r1, not: r3 }, packets: { min: 500 } }, within: 1s } }",
    ),
    (
        "mdb",
        "\"the switch knows of another member\": { expect: { mdb: { at: lan, group: \"${g}\", members: [r3] }, within: 1s } }",
    ),
    (
        "mdb-group",
        "\"the switch knows of another group\": { expect: { mdb: { at: lan, group: 239.9.9.9 }, within: 1s } }",
    ),
    (
        "rx-silent",
        "\"the source stays silent\": { stop: S, measure: { for: 1s, rx: { by: R, of: S, p99_latency: 1ms } } }",
    ),
    (
        "rate",
        "\"the receiver gets more than is sent\": { expect: { rate: { at: R, min: 500pps }, within: 1s } }",
    ),
    (
        "counters",
        "\"a leave is counted\": { expect: { counters: { at: r3, interface: rcv, igmp.rx.leave: { min: 7 } }, within: 1s } }",
    ),
    (
        "neighbors",
        "\"they stay neighbours\": { link: { down: r1--r2 }, expect: { neighbors: [r1/r2, r2/r3], within: 1s } }",
    ),
    (
        "dr",
        "\"the lower address is the DR\": { expect: { dr: { at: r1--r2, is: r1 }, within: 1s } }",
    ),
    (
        "querier",
        "\"the higher address asks\": { expect: { querier: { at: r1--r2, is: r2 }, within: 1s } }",
    ),
    (
        "rp",
        "\"another one is the RP\": { expect: { rp: { at: [r1, r3], group: \"${g}\", is: \"${r3.lo}\" }, within: 1s } }",
    ),
    (
        "mroute",
        "\"the tree has another way\": { expect: { mroute: { at: r2, group: \"${g}\", source: \"${src.ip}\", iif: r3, oif: [r1] }, within: 1s } }",
    ),
    (
        "mroute-absent",
        "\"nothing is left\": { expect: { mroute: { at: r3, group: \"${g}\", absent: true }, within: 1s } }",
    ),
    (
        "igmp",
        "\"somebody is a member of another group\": { expect: { igmp: { at: r3, interface: rcv, group: 239.9.9.9 }, within: 1s } }",
    ),
    (
        "rpf",
        "\"the source is behind another router\": { expect: { rpf: { at: r3, address: \"${src.ip}\", interface: rcv }, within: 1s } }",
    ),
    (
        "tree",
        "\"the tree is shorter\": { expect: { tree: { group: \"${g}\", links: [src--r1, r1--r2] }, within: 1s } }",
    ),
    (
        "tree-model",
        "\"the tree has gone with its last member\": { leave: R, expect: { tree: { group: \"${g}\", matches: model }, within: 500ms } }",
    ),
    (
        "invariant",
        "\"each packet comes once\": { fault: { r1--r2: { dup: 10% } }, wait: 2s }",
    ),
    (
        "invariant-traffic",
        "\"nobody notices that the receiver has left\": { fault: { r3--rcv: { messages: { drop: \"igmp.leave(${g})\" } } }, leave: R, wait: 3s }",
    ),
    (
        "invariant-oif",
        "\"the leave of a router is not heard\": { fault: { r2--r3: { messages: { drop: \"pim.prune r3>r2\" } } }, leave: R, wait: 3s }",
    ),
    (
        "invariant-assert",
        "\"the loser does not hear the winner\": { fault: { \"far:lan\": { messages: { drop: pim.assert from near } } }, join: [R, D], send: S, wait: 2s }",
    ),
    (
        "packets-first",
        "\"a prune comes\": { expect: { packets: { at: r2--r3, first: \"pim.prune(*, ${g}) r3>r2\" }, within: 1s } }",
    ),
    (
        "packets-seq",
        "\"the order is another one\": { leave: R, expect: { packets: { seq: [\"pim.prune(*, ${g})\", \"igmp.leave(${g})\"] }, within: 2s } }",
    ),
    (
        "state",
        "\"the network is as it was\": { link: { down: r1--r2 }, expect: { state: { same_as: before }, within: 1s } }",
    ),
    (
        "state-model",
        "\"all is as it must be\": { fault: { r2--r3: { messages: { drop: pim.hello } } }, wait: 4s, leave: R, expect: { state: { same_as_model: all }, within: 500ms } }",
    ),
    (
        "holds",
        "\"the member stays\": { leave: R, expect: { igmp: { at: r3, interface: rcv, group: \"${g}\" }, within: 1s, holds: 5s } }",
    ),
    (
        "gate",
        "\"half of all runs get few packets\": { measure: { for: 1s, rx: { by: R, of: S }, as: got, gate: { p50: { max: 50 } } } }",
    ),
    (
        "packets-count",
        "\"hellos are rare\": { measure: { for: 3s, packets: { at: r1--r2, match: pim.hello, count: { max: 2 } } } }",
    ),
];

/// And one that must not become true.
const NEVER: (&str, &str) = (
    "never",
    "\"nobody leaves\": { leave: R, never: { packets: \"igmp.leave(${g})\", for: 1s } }",
);

/// What is about commands and logs is there in namespaces only.
const HOSTS: &str = "lab: 1
name: failing
nodes:
  h: host
  d: { kind: custom, cmd: 'touch /run/lab/notes; tail -n +1 -f /run/lab/notes' }
links: [h -- d]
steps:
";

const IN_NAMESPACES: [(&str, &str); 6] = [
    (
        "exec",
        "\"there is a route\": { expect: { exec: { at: h, run: \"echo no route to 203.0.113.9; exit 2\" }, within: 200ms } }",
    ),
    (
        "exec-output",
        "\"the version is 2\": { expect: { exec: { at: h, run: \"echo version 1.2\", contains: version 2 }, within: 200ms } }",
    ),
    (
        "exec-endless",
        "\"it ends\": { expect: { exec: { at: h, run: tail -f /dev/null }, within: 1ms } }",
    ),
    (
        "exec-action",
        "\"the table is written\": { exec: { at: h, run: \"echo cannot write the table >&2; exit 3\" } }",
    ),
    (
        "log",
        "\"the daemon tells of its neighbour\": { expect: { log: { at: d, match: neighbour .* up }, within: 200ms } }",
    ),
    (
        "log-never",
        "\"no neighbour is lost\": { exec: { at: h, run: \"echo neighbour r2 lost >> /run/lab/notes\" }, never: { log: { at: d, match: lost }, for: 30s } }",
    ),
];

/// The exit status of a machine that lacks something.
const UNFIT: i32 = 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures")
}

/// What a step breaks.
fn invariant(step: &str) -> Option<&'static str> {
    let all = [
        ("comes once", "duplicates: { max: 2 }"),
        ("receiver has left", "no-unwanted-traffic: { within: 1s }"),
        ("leave of a router", "oif-is-wanted: { within: 1s }"),
        ("hear the winner", "one-assert-winner: { within: 1s }"),
    ];
    let found = all.into_iter().find(|(part, _)| step.contains(part));
    found.map(|(_, invariant)| invariant)
}

/// What is printed, without what differs from run to run.
fn said(step: &str) -> String {
    let network = match step.contains("hear the winner") {
        true => LAN,
        false => NETWORK,
    };
    let network = match invariant(step) {
        Some(one) => network.replace("steps:", &format!("invariants: [{one}]\nsteps:")),
        None => network.to_owned(),
    };
    let network = match step.contains("the switch knows") {
        true => network.replace(
            "r3 -- rcv]",
            "]\nsegments: { lan: { members: [r3, rcv], snooping: true } }",
        ),
        false => network,
    };
    let network = match step.contains("before") {
        true => network + "  - snap: before\n",
        false => network,
    };
    let options = match step.contains("gate") {
        true => &["--sim", "--repeat", "2"][..],
        false => &["--sim"],
    };
    let (status, text) = tested(&format!("{network}  - {step}\n"), options);
    assert_eq!(status, Some(1), "{step}: {text}");
    what_failed(&text)
}

/// The same in namespaces, where times differ too; `None` where the machine lacks
/// something.
fn said_in_namespaces(step: &str) -> Option<String> {
    let (status, text) = tested(&format!("{HOSTS}  - {step}\n"), &[]);
    if status == Some(UNFIT) {
        return None;
    }
    assert_eq!(status, Some(1), "{step}: {text}");
    let text = what_failed(&text);
    // A busy machine is told in two lines.
    let late = |line: &&str| !line.contains("machine was busy") && !line.contains("times may be");
    let text: String = text
        .lines()
        .filter(late)
        .map(|l| format!("{l}\n"))
        .collect();
    let took = Regex::new(r"(?m)^(  FAIL .*\S) +\S+$").unwrap();
    let text = took.replace_all(&text, "$1  TIME");
    let since = Regex::new(r"(?m)^( +\+)[0-9.]+(ns|us|ms|s) *").unwrap();
    Some(since.replace_all(&text, "${1}TIME ").into_owned())
}

/// The exit status of a test, and what it prints.
fn tested(lab: &str, options: &[&str]) -> (Option<i32>, String) {
    let runs = tempfile::tempdir().unwrap();
    let file = runs.path().join("lab.yaml");
    fs::write(&file, lab).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(["test", "--format", "plain"]).args(options);
    command.stdin(Stdio::null()).arg("--run-dir");
    let ended = command.arg(runs.path()).arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    let text = text.replace(&runs.path().display().to_string(), "RUNS");
    (ended.status.code(), text)
}

/// A line that begins what is told of a step, or of the figures of all runs.
fn failed(line: &str) -> bool {
    let word = line.split_whitespace().next();
    matches!(word, Some("FAIL" | "FLAP"))
}

fn what_failed(text: &str) -> String {
    // Of the first step nothing is of interest, and of the last lines only that
    // they are there.
    let mut lines = text.lines();
    let lines = lines.by_ref().skip_while(|line| !failed(line));
    let lines = lines.take_while(|line| !line.starts_with("  evidence"));
    let lines = lines.filter(|line| !line.trim_start().starts_with("packets RUNS"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn each_failure_is_told_as_it_was_read() {
    for (name, step) in FORMS.into_iter().chain([NEVER]) {
        compare(name, &said(step));
    }
}

#[test]
fn each_failure_in_namespaces_is_told_as_it_was_read() {
    let told = std::thread::scope(|scope| {
        let run = |(name, step)| (name, scope.spawn(move || said_in_namespaces(step)));
        let running: Vec<_> = IN_NAMESPACES.into_iter().map(run).collect();
        let ended = running.into_iter();
        let ended = ended.map(|(name, run)| Some((name, run.join().unwrap()?)));
        ended.collect::<Option<Vec<_>>>()
    });
    let Some(told) = told else {
        return skip("each_failure_in_namespaces_is_told_as_it_was_read");
    };
    for (name, told) in told {
        compare(name, &told);
    }
}

fn skip(test: &str) {
    let Some(file) = std::env::var_os("MCR_SKIPPED") else {
        return;
    };
    let mut options = fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(file).unwrap();
    let why = "lab test says this machine is unfit; see `lab doctor`";
    writeln!(file, "{test}: {why}").unwrap();
}

fn compare(name: &str, told: &str) {
    let path = folder().join(format!("{name}.txt"));
    assert!(!told.is_empty(), "{name}");
    let wide = told.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{name}");
    if std::env::var_os("UPDATE_FAILURES").is_some() {
        fs::write(&path, told).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        told, known,
        "{name}: read it, and write it by UPDATE_FAILURES=1"
    );
}

#[test]
fn no_failure_is_kept_that_nothing_makes() {
    let all = FORMS.into_iter().chain(IN_NAMESPACES).chain([NEVER]);
    let names: BTreeSet<String> = all.map(|(name, _)| format!("{name}.txt")).collect();
    let kept = fs::read_dir(folder()).unwrap();
    let kept: BTreeSet<String> = kept
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, names, "one text for each form");
}
