//! For each form of expectation a scenario made to fail, and what is said of it:
//! the texts beside this file were read for being understood by somebody who did
//! not write the scenario. `UPDATE_FAILURES=1` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The form, and the step that cannot pass.
const FORMS: [(&str, &str); 23] = [
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
        "packets-first",
        "\"a prune comes\": { expect: { packets: { at: r2--r3, first: \"pim.prune(*, ${g}) r3>r2\" }, within: 1s } }",
    ),
    (
        "packets-seq",
        "\"the order is another one\": { leave: R, expect: { packets: { seq: [\"pim.prune(*, ${g})\", \"igmp.leave(${g})\"] }, within: 2s } }",
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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures")
}

/// What is printed, without what differs from run to run.
fn said(step: &str) -> String {
    let runs = tempfile::tempdir().unwrap();
    let file = runs.path().join("lab.yaml");
    let network = match step.contains("comes once") {
        true => NETWORK.replace("steps:", "invariants: [duplicates: { max: 2 }]\nsteps:"),
        false => NETWORK.to_owned(),
    };
    let network = match step.contains("the switch knows") {
        true => network.replace(
            "r3 -- rcv]",
            "]\nsegments: { lan: { members: [r3, rcv], snooping: true } }",
        ),
        false => network,
    };
    fs::write(&file, format!("{network}  - {step}\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(["test", "--sim", "--format", "plain", "--run-dir"]);
    let ended = command.arg(runs.path()).arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{step}: {text}");
    let text = text.replace(&runs.path().display().to_string(), "RUNS");
    // Of the first step nothing is of interest, and of the last lines only that
    // they are there.
    let lines = text.lines().skip_while(|line| !line.starts_with("  FAIL"));
    let lines = lines.take_while(|line| !line.starts_with("  evidence"));
    let lines = lines.filter(|line| !line.trim_start().starts_with("packets RUNS"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn each_failure_is_told_as_it_was_read() {
    let update = std::env::var_os("UPDATE_FAILURES").is_some();
    let mut names = BTreeSet::new();
    for (name, step) in FORMS.into_iter().chain([NEVER]) {
        let path = folder().join(format!("{name}.txt"));
        names.insert(format!("{name}.txt"));
        let told = said(step);
        assert!(!told.is_empty(), "{name}");
        let wide = told.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{name}");
        if update {
            fs::write(&path, &told).unwrap();
        }
        let known = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            told, known,
            "{name}: read it, and write it by UPDATE_FAILURES=1"
        );
    }
    let kept = fs::read_dir(folder()).unwrap();
    let kept: BTreeSet<String> = kept
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, names, "one text for each form");
}
