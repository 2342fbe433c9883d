//! `lab check` of the largest files: it does ten times the work for ten times the
//! network, and takes little memory. The CPU time of its process is counted, not
//! the time that passes. All of it is one test: what children took is known of
//! all of them together.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};

/// How many times what 500 nodes take 5000 may take. It is 4 to 8 where all is
/// linear, for a part of it is the same for any file; 10 with the rest alone.
const RATIO: f64 = 16.0;
/// A busy machine takes more CPU time for the same work: the best counts.
const TRIES: usize = 4;
/// Several times what a build without optimisation takes.
const SECONDS: f64 = 15.0;
/// KiB that the largest may take.
const MEMORY: i64 = 200 << 10;

/// A network of about so many nodes or links.
type Shape = fn(usize) -> String;

const SHAPES: [(&str, Shape); 10] = [
    ("a chain", |n| generated(&format!("chain: {n}"))),
    ("a star", |n| generated(&format!("star: {n}"))),
    ("a tree", |n| generated(&format!("tree: {n}"))),
    ("random", |n| generated(&format!("random: {n}"))),
    ("a Clos network", |n| {
        generated(&format!("clos: {}x100", n / 100))
    }),
    // As many links as the others have nodes.
    ("a mesh", |n| {
        let nodes = (1..).find(|nodes| nodes * (nodes + 1) / 2 > n);
        generated(&format!("mesh: {}", nodes.expect("a number")))
    }),
    ("hosts on a LAN", |n| lan(n, "host")),
    ("routers on a LAN", |n| lan(n, "mcrd")),
    ("loops", loops),
    ("a file written out", written),
];

fn generated(shape: &str) -> String {
    let rp = match shape.starts_with("clos") {
        true => "spine1",
        false => "r1",
    };
    format!(
        "lab: 1\nunicast: oracle\npim: {{ rp: '${{{rp}.lo}}' }}\n\
         generate: {{ {shape}, node: mcrd }}\n"
    )
}

fn lan(n: usize, kind: &str) -> String {
    format!(
        "lab: 1\nunicast: oracle\n\
         nodes: {{ 'n${{i}}': {{ foreach: {{ i: 1..{n} }}, kind: {kind} }} }}\n\
         segments: {{ lan: {{ net: 10.64.0.0/16, \
         members: [{{ foreach: {{ i: 1..{n} }}, each: 'n${{i}}' }}] }} }}\n"
    )
}

/// Routers with hosts, receivers and steps, and variables in all of them.
fn loops(n: usize) -> String {
    let text = "lab: 1\nunicast: oracle\npim: { rp: '${r1.lo}' }\n\
        generate: { tree: HALF, node: mcrd }\n\
        nodes: { 'h${i}': { foreach: { i: 1..HALF }, env: { UP: '${r${i}.lo}' } } }\n\
        links: [{ 'r${i} -- h${i}': { foreach: { i: 1..HALF }, delay: 1ms } }]\n\
        receivers: { 'R${i}': { foreach: { i: 1..HALF }, at: 'h${i}', group: 239.1.1.1 } }\n\
        sources: { S: { at: h1, group: 239.1.1.1 } }\n\
        steps:\n  - join: [{ foreach: { i: 1..HALF }, each: 'R${i}' }]\n  - send: S\n  \
        - expect: [{ foreach: { i: 1..HALF }, rx: { by: 'R${i}', of: S } }]\n";
    text.replace("HALF", &(n / 2).to_string())
}

/// Without a loop, with a group that all are in.
fn written(n: usize) -> String {
    let each = |line: &dyn Fn(usize) -> String| (2..=n).map(line).collect::<String>();
    let members: Vec<String> = (1..=n).map(|node| format!("r{node}")).collect();
    let nodes = each(&|node| format!("  r{node}: mcrd\n"));
    let links = each(&|node| format!("  - r{} -- r{node}\n", node / 2));
    let receivers = each(&|node| {
        let up = node / 2;
        format!("  R{node}: {{ at: r{node}, interface: r{up}, group: 239.1.1.1 }}\n")
    });
    format!(
        "lab: 1\nunicast: oracle\npim: {{ rp: '${{r1.lo}}' }}\n\
         groups: {{ all: {{ members: [{}], env: {{ A: b }} }} }}\n\
         nodes:\n  r1: mcrd\n{nodes}links:\n{links}receivers:\n{receivers}",
        members.join(", ")
    )
}

/// Seconds of CPU time of a check, and the most memory that any took so far.
fn check(text: &str) -> (f64, i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lab.yaml");
    std::fs::write(&file, text).expect("a file");
    let taken = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a usage");
        let seconds = [usage.user_time(), usage.system_time()]
            .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6);
        (seconds.iter().sum::<f64>(), usage.max_rss())
    };
    let (before, _) = taken();
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("check")
        .arg(&file)
        .output()
        .expect("lab runs");
    let told = String::from_utf8_lossy(&output.stderr);
    let told: String = told.chars().take(500).collect();
    assert!(output.status.success(), "{told}");
    let (after, memory) = taken();
    (after - before, memory)
}

#[test]
fn ten_times_the_network_is_ten_times_the_work() {
    for (name, shape) in SHAPES {
        let (small, large) = (shape(500), shape(5000));
        let mut ratios = Vec::new();
        for _ in 0..TRIES {
            let (few, _) = check(&small);
            let (many, memory) = check(&large);
            assert!(memory < MEMORY, "{name}: {memory} KiB");
            ratios.push(many / few);
            if many / few < RATIO && many < SECONDS {
                break;
            }
        }
        let best = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best < RATIO, "{name}: {ratios:?} times the CPU time");
    }
}
