//! Each mutation makes one thing wrong, and the right one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use super::Mutation;
use crate::topology;
use crate::topology::model::{Action, Kind, Topology};

const FILE: &str = r#"
lab: 1
name: chain
unicast: oracle
pim: { rp: "${r2.lo}" }
nodes: { src: host, r1: mcrd, r2: mcrd, rcv: host }
links: [src -- r1, r1 -- r2, r2 -- rcv]
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1, rate: 10pps } }
steps:
  - { join: R, send: S, wait: 1s }
"#;

fn lab(text: &str) -> Topology {
    let parsed = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn config(lab: &Topology, at: usize) -> &serde_json::Value {
    let Kind::Mcrd { config } = &lab.nodes[at].kind else {
        panic!("mcrd");
    };
    config
}

#[test]
fn each_makes_one_thing_wrong() {
    let right = lab(FILE);
    let wrong = Mutation::ReceiversOff.of(&right).unwrap();
    assert!(matches!(
        &wrong.steps[0].actions[..],
        [Action::Send(_), Action::Wait(_)]
    ));
    let wrong = Mutation::JoinsLost.of(&right).unwrap();
    for name in ["src", "r2"] {
        let path = format!("/pim/interfaces/{name}/neighbors/0");
        let told = config(&wrong, 1).pointer(&path).unwrap();
        assert_eq!(told, "192.0.2.0/24");
    }
    // r1 has the source on `src`, and r2 towards `r1`.
    let wrong = Mutation::WrongIif.of(&right).unwrap();
    let interface = |at| config(&wrong, at).pointer("/mroutes/0/interface").unwrap();
    assert_eq!(interface(1), "r2");
    assert_eq!(interface(2), "rcv");
}

#[test]
fn what_only_relays_has_its_rules_made_wrong() {
    let rule = "{ input: { interface: a, group: 239.1.1.1 }, \
                outputs: [{ interface: b, destination: 239.2.2.2 }] }";
    let right = lab(&format!(
        "lab: 1\nname: t\nunicast: oracle\nlinks: [a -- r, r -- b]\nnodes:\n  a: host\n  \
         b: host\n  r: {{ kind: mcrd, config: {{ rules: [{rule}] }} }}\n\
         sources: {{ S: {{ at: a, group: 239.1.1.1, rate: 10pps }} }}\n"
    ));
    let wrong = Mutation::RulesOff.of(&right).unwrap();
    assert_eq!(config(&right, 2)["rules"].as_array().unwrap().len(), 1);
    assert_eq!(config(&wrong, 2)["rules"].as_array().unwrap().len(), 0);
    assert!(Mutation::WrongIif.of(&right).is_none());
    assert!(Mutation::JoinsLost.of(&right).is_none());
}

#[test]
fn there_is_nothing_to_make_wrong_without_routers() {
    let lab = lab("lab: 1\nname: t\nnodes: { a: host, b: host }\nlinks: [a -- b]\n");
    for mutation in Mutation::ALL {
        assert!(mutation.of(&lab).is_none(), "{mutation:?}");
    }
}
