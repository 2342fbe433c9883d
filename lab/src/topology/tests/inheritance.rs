//! What a node takes from defaults, its kind and its groups.

use super::good;
use crate::topology::model::{Kind, Node};

const TEXT: &str = r#"
lab: 1
defaults:
  node: { kind: mcrd, sysctls: { net.a: 1, net.b: 1, net.c: 1, net.d: 1 } }
  link: { mtu: 9000 }
kinds:
  mcrd: { sysctls: { net.b: 2, net.c: 2, net.d: 2 }, config: { log: { level: debug } } }
groups:
  edge: { members: [r1, r2], sysctls: { net.c: 3, net.d: 3 } }
  core: { members: [r2], sysctls: { net.c: 4 }, config: { log: { facilities: { relay: trace } } } }
nodes:
  r0:
  r1: { sysctls: { net.d: 5 } }
  r2: { config: { log: { level: warn } }, sysctls: { net.a: null } }
  h: host
links:
  - r0 -- r1
  - r1 -- r2: { mtu: 1400 }
segments:
  lan: [r2, h]
"#;

fn sysctls(node: &Node) -> String {
    let all = node.sysctls.iter();
    let all = all.map(|(key, value)| format!("{}={value}", key.trim_start_matches("net.")));
    all.collect::<Vec<_>>().join(" ")
}

fn config(node: &Node) -> String {
    match &node.kind {
        Kind::Mcrd { config } => config.to_string(),
        Kind::Host
        | Kind::Frr
        | Kind::Pimd
        | Kind::Smcroute { .. }
        | Kind::Kernel
        | Kind::Custom(_) => String::new(),
    }
}

#[test]
fn each_level_lies_over_the_one_before() {
    let topology = good(TEXT);
    let of_kind = r#"{"log":{"level":"debug"}}"#;
    let merged = r#"{"log":{"level":"warn","facilities":{"relay":"trace"}}}"#;
    let want = [
        ("r0", "a=1 b=2 c=2 d=2", of_kind),
        ("r1", "a=1 b=2 c=3 d=5", of_kind),
        // The later group wins, and null takes the inherited value away.
        ("r2", "b=2 c=4 d=3", merged),
        ("h", "a=1 b=1 c=1 d=1", ""),
    ];
    for (node, (name, settings, configuration)) in topology.nodes.iter().zip(want) {
        assert_eq!(node.name, name);
        assert_eq!(sysctls(node), settings, "of {name}");
        assert_eq!(config(node), configuration, "of {name}");
    }
}

#[test]
fn links_take_their_defaults() {
    let topology = good(TEXT);
    let mtus: Vec<u32> = topology.links.iter().map(|link| link.mtu).collect();
    assert_eq!(mtus, [9000, 1400, 9000]);
}

#[test]
fn a_configuration_file_lies_below_the_inline_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let json5 = "{ log: { level: 'debug', facilities: { relay: '${vars.level}' } } } // more";
    std::fs::write(folder.path().join("r1.json5"), json5).expect("a file");
    let text = "lab: 1\nvars: {level: trace}\nnodes:\n  r1:\n    kind: mcrd\n    \
                config_file: r1.json5\n    config: {log: {level: warn}}\n";
    std::fs::write(folder.path().join("lab.yaml"), text).expect("a file");
    let topology = crate::topology::load(folder.path(), &[]);
    let topology = topology.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let want = r#"{"log":{"level":"warn","facilities":{"relay":"trace"}}}"#;
    assert_eq!(config(&topology.nodes[0]), want);
}
