//! Every invariant is broken by a lab that is made for it, and named: in
//! virtual time, and in namespaces.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, root, skip};

const FAILED: i32 = 1;
const UNFIT: i32 = 5;

/// The labs that both worlds can host, each with what is said of it.
const BROKEN: &[(&str, &[&str])] = &[
    (
        "two-drs",
        &[
            "invariant one-dr-per-segment broken for 1",
            "the DR of lan: r2 has 10.128.0.1, r3 has 10.128.0.2",
            "invariant duplicates broken in this step",
            "datagrams again, at most 3 allowed",
        ],
    ),
    (
        "registers",
        &[
            "invariant no-register broken for 2",
            "r1 sends datagrams in Registers",
        ],
    ),
    (
        "not-forwarded",
        &[
            "invariant mfc-matches-daemon broken for 1",
            "routers forward 239.1.1.1 to r3--rcv, which carries none",
        ],
    ),
    (
        "unwanted",
        &[
            "invariant no-unwanted-traffic broken for 2",
            "r2--rcv carries 239.1.1.1, which no receiver and no router there wants",
        ],
    ),
    (
        "two-winners",
        &[
            "invariant one-assert-winner broken for 1",
            "the Assert winner of (10.0.0.1,232.1.1.1) on lan: near has 10.128.0.1, far has 10.128.0.2",
        ],
    ),
    (
        "nobody-joined",
        &[
            "invariant oif-is-wanted broken for 1",
            "(*,239.1.1.1) at r2 leads to r3, where nobody has joined",
        ],
    ),
];

/// Those that need what only namespaces have.
const BROKEN_THERE: &[(&str, &[&str])] = &[
    (
        "wrong-iif",
        &[
            "invariant iif-is-rpf broken for 1",
            "(10.0.0.1,239.1.1.1) at r3 comes from r1, and the way to 10.0.0.1 is r2",
        ],
    ),
    (
        "relayed",
        &[
            "invariant no-unwanted-traffic broken for 1",
            "c carries 239.1.1.1, which no receiver and no router there wants",
        ],
    ),
    (
        "loop",
        &[
            "invariant no-loops broken in this step",
            "datagrams came by a router again, at most 2 allowed",
        ],
    ),
];

fn lab(name: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = root().join(format!("tests/tests/data/invariants/{name}.yaml"));
    let mut command = Command::new(programs().unwrap().lab);
    command.args(["test", "--format", "plain", "--run-dir"]);
    command.arg(folder.path()).args(arguments).arg(file);
    command.stdin(Stdio::null()).output().unwrap()
}

/// The lines without their breaks.
fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_broken(name: &str, parts: &[&str], output: &Output) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(FAILED), "{name}: {told}");
    for part in parts {
        assert!(told.contains(part), "{name}: no {part:?} in {told}");
    }
}

#[test]
fn sim_each_broken_invariant_is_told() {
    for (name, parts) in BROKEN {
        is_broken(name, parts, &lab(name, &["--sim"]));
    }
}

#[test]
fn netns_each_broken_invariant_is_told() {
    for (name, parts) in BROKEN.iter().chain(BROKEN_THERE) {
        let output = lab(name, &[]);
        if output.status.code() == Some(UNFIT) {
            let test = "netns_each_broken_invariant_is_told";
            return skip(test, "lab test says this machine is unfit", &told(&output));
        }
        is_broken(name, parts, &output);
    }
}
