//! The JSON Schema says what the reader does.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use super::read;
use crate::topology::{Sink, schema, yaml};

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).expect("a schema")
}

fn json(text: &str) -> Value {
    yaml::parse(text, 0, &Sink::default())
        .expect("YAML")
        .to_json()
}

fn told(validator: &Validator, instance: &Value) -> Vec<String> {
    let errors = validator.iter_errors(instance);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The lab files of the repository: every topology, and what `lab new` writes.
fn lab_files() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let new = ["relay", "chain", "ssm", "lan"];
    let new = new.map(|name| package.join(format!("src/commands/new/{name}.yaml")));
    let mut files = new.to_vec();
    let topologies = package.join("../topologies");
    for folder in std::fs::read_dir(topologies).into_iter().flatten() {
        let file = folder.expect("a folder").path().join("lab.yaml");
        files.extend(file.is_file().then_some(file));
    }
    files
}

#[test]
fn every_lab_file_is_valid_by_schema_and_by_reader() {
    let validator = validator();
    for file in lab_files() {
        let text = std::fs::read_to_string(&file).expect("a lab file");
        let none: Vec<String> = Vec::new();
        assert_eq!(told(&validator, &json(&text)), none, "{}", file.display());
        let read = crate::topology::load(&file, &[]);
        read.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
}

#[test]
fn variables_stand_for_any_value() {
    let text = "lab: 1\nvars: {n: 3, s: 9000}\nnodes: {a: host, b: host}\n\
                links: [a -- b: {mtu: \"${s}\"}]\n\
                receivers: {R: {at: b, group: \"${env.G:-239.1.1.1}\", igmp: \"${n}\"}}\n\
                steps: [{join: R, wait: \"${n}s\"}]\n";
    assert!(read(text).is_ok());
    assert_eq!(told(&validator(), &json(text)), Vec::<String>::new());
}

#[test]
fn loops_and_shapes_are_known_to_both() {
    let text = "lab: 1\nextends: []\ngenerate: [{ring: 3, node: mcrd, link: {mtu: 9000}}]\n\
                nodes: {'h${i}': {foreach: {i: 1..2, j: [1]}}, 'x${i}': {foreach: {i: 1..2}, each: host}}\n\
                links: [{foreach: {i: 1..2}, each: ['r${i} -- h${i}']}, 'r1 -- x${i}': {foreach: {i: 1..2}, metric: 5}]\n\
                receivers: {'R${i}': {foreach: {i: 1..2}, at: 'h${i}', group: 239.1.1.1}}\n\
                steps: [{foreach: {i: 1..2}, join: 'R${i}'}, {'t${i}': {foreach: {i: 1..2}, leave: 'R${i}'}}, \
                {expect: [{foreach: {i: 1..2}, rx: {by: 'R${i}'}, within: 2 * pim.hello}]}]\n";
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(told(&validator(), &json(text)), Vec::<String>::new());
}

#[test]
fn wrong_files_are_refused_by_both() {
    const WRONG: [&str; 20] = [
        "nodes: {a: host}",
        "lab: 2",
        "lab: 1\nnoods: {}",
        "lab: 1\nnodes: {a: hots}",
        "lab: 1\nnodes: {a: {knd: host}}",
        "lab: 1\nnodes: {a: host, b: host}\nlinks: [a--b]",
        "lab: 1\nnodes: {a: host, b: host}\nlinks: [a -- b: {mtu: 10}]",
        "lab: 1\nnodes: {a: host, b: host}\nlinks: [a -- b: {net: 10.1.1.1}]",
        "lab: 1\nnodes: {a: host, b: host}\nsegments: {lan: {members: [a, b], snoop: true}}",
        "lab: 1\nreceivers: {R: {group: 239.1.1.1}}",
        "lab: 1\nsources: {S: {at: a, group: 10.1.1.1}}",
        "lab: 1\nsources: {S: {at: a, group: 239.1.1.1, rate: fast}}",
        "lab: 1\nsteps: [{wait: 5}]",
        "lab: 1\nsteps: [{expect: {rx: {by: R, los: 0}}}]",
        "lab: 1\nsteps: [{never: {rx: {by: R}}}]",
        "lab: 1\nsteps: [{\"a title\": {jion: R}}]",
        "lab: 1\ngenerate: {ring: 2}",
        "lab: 1\ngenerate: {rnig: 3}",
        "lab: 1\nnodes: {'r${i}': {foreach: 1..3}}",
        "lab: 1\nnodes: {'r${i}': {foreach: {i: 3}}}",
    ];
    let validator = validator();
    for text in WRONG {
        assert!(read(text).is_err(), "the reader takes {text}");
        assert!(!validator.is_valid(&json(text)), "the schema takes {text}");
    }
}
