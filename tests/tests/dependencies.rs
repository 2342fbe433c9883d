//! The arrows between the crates, read from what cargo resolved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use mcr_tests::root;
use serde_json::Value;

/// Which of our crates each of our crates may build on; tests apart.
const MAY_USE: &[(&str, &[&str])] = &[
    ("mcr-wire", &[]),
    ("mcr-proto", &["mcr-wire"]),
    ("mcr-api", &[]),
    ("mcr-config", &["mcr-api", "mcr-proto"]),
    ("mcr-view", &["mcr-api", "mcr-proto", "mcr-wire"]),
    ("mcr-sys", &[]),
    ("mcr-dataplane", &["mcr-proto", "mcr-sys", "mcr-wire"]),
    (
        "mcrd",
        &[
            "mcr-api",
            "mcr-config",
            "mcr-dataplane",
            "mcr-proto",
            "mcr-sys",
            "mcr-view",
            "mcr-wire",
        ],
    ),
    ("mcrctl", &["mcr-api"]),
    ("mcrgen", &["mcr-sys", "mcr-wire"]),
    ("mcr-sim", &["mcr-config", "mcr-proto", "mcr-wire"]),
    (
        "lab",
        &[
            "mcr-api",
            "mcr-config",
            "mcr-proto",
            "mcr-sim",
            "mcr-sys",
            "mcr-view",
            "mcr-wire",
            "mcrgen",
        ],
    ),
];

/// Everything that these crates take from others, and nothing else: a codec or
/// a value type, but nothing that reads a socket, a file or a clock for them.
const ONLY: &[(&str, &[&str])] = &[
    ("mcr-wire", &["etherparse", "thiserror", "zerocopy"]),
    ("mcr-proto", &["ipnet", "prefix-trie", "serde", "thiserror"]),
    ("mcr-api", &["schemars", "serde", "serde_json", "thiserror"]),
];

/// Crates that do I/O, which must not come in by way of another one either.
const IO: &[&str] = &[
    "async-std",
    "io-uring",
    "libc",
    "mio",
    "nix",
    "rtnetlink",
    "rustix",
    "socket2",
    "tokio",
];

/// The normal dependencies by package name.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph() -> Graph {
    // For this platform only: the crates of others need not be on the disk.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            )
        })
        .collect();
    let mut graph = Graph::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let name = names[node["id"].as_str().unwrap()];
        let used = graph.entry(name.to_owned()).or_default();
        for dependency in node["deps"].as_array().unwrap() {
            let normal = dependency["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|kind| kind["kind"].is_null());
            if normal {
                used.insert(names[dependency["pkg"].as_str().unwrap()].to_owned());
            }
        }
    }
    graph
}

/// Everything below `name`.
fn closure(graph: &Graph, name: &str) -> BTreeSet<String> {
    let mut below = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        for used in &graph[&next] {
            if below.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    below
}

#[test]
fn arrows_point_one_way() {
    let graph = graph();
    let ours: BTreeSet<&str> = graph
        .keys()
        .map(String::as_str)
        .filter(|name| MAY_USE.iter().any(|(ours, _)| ours == name) || name.starts_with("mcr-"))
        .collect();
    for (name, allowed) in MAY_USE {
        for used in &graph[*name] {
            assert!(
                !ours.contains(used.as_str()) || allowed.contains(&used.as_str()),
                "{name} must not depend on {used}"
            );
        }
    }
}

#[test]
fn every_crate_has_its_arrows() {
    for name in graph().keys() {
        let ours = name.starts_with("mcr") || name == "lab";
        let free = name == "mcr-tests" || name == "mcr-benches";
        assert!(
            !ours || free || MAY_USE.iter().any(|(known, _)| known == name),
            "{name} is not in MAY_USE"
        );
    }
}

#[test]
fn the_core_takes_values_only() {
    let graph = graph();
    for (name, allowed) in ONLY {
        for used in &graph[*name] {
            assert!(
                used.starts_with("mcr-") || allowed.contains(&used.as_str()),
                "{name} must not depend on {used}"
            );
        }
    }
    for name in ["mcr-wire", "mcr-proto"] {
        for below in closure(&graph, name) {
            assert!(
                !IO.contains(&below.as_str()),
                "{name} reaches {below}, which does I/O"
            );
        }
    }
}

#[test]
fn the_command_line_does_not_link_the_daemon() {
    let below = closure(&graph(), "mcrctl");
    for name in ["mcr-dataplane", "mcr-proto", "mcr-sys", "mcrd", "tokio"] {
        assert!(!below.contains(name), "mcrctl reaches {name}");
    }
}
