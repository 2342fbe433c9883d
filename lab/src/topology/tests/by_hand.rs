//! Receivers and sources that are in no file.

use std::path::Path;

use serde_json::{Value, json};

use crate::topology::Source;
use crate::topology::by_hand::{ByHand, Table, name};
use crate::topology::model::{Action, Rate, Topology, Wanted};

const FILE: &str = "lab: 1\nnodes: {a: host, r1: mcrd, b: host}\nlinks: [a -- r1, r1 -- b]\n\
    receivers: {R: {at: b, group: 239.1.1.1}}\n";

fn made(table: Table, node: &str, said: Value) -> ByHand {
    let group = "239.1.1.9".parse().expect("a group");
    let mut entry = json!({ "at": node, "group": group });
    let entry_map = entry.as_object_mut().expect("a map");
    entry_map.extend(said.as_object().expect("a map").clone());
    let name = name(node, group);
    ByHand { table, name, entry }
}

fn file() -> Source {
    Source::of(Path::new("lab.yaml"), FILE, &[])
}

fn topology(source: &Source) -> Topology {
    source.topology().unwrap_or_else(|found| panic!("{found}"))
}

fn mistake(made: ByHand) -> String {
    let found = file().with(&[made]).topology();
    found.expect_err("a mistake").render(false)
}

#[test]
fn they_come_after_those_of_the_file_and_steps_know_them() {
    let receiver = made(Table::Receivers, "b", json!({ "source": ["10.0.0.1"] }));
    let said = json!({ "rate": "8Mbit/s", "size": 500, "for": "3s" });
    let sender = made(Table::Sources, "a", said);
    let source = file().with(&[receiver, sender]);
    let found = topology(&source);
    let names: Vec<&str> = found
        .receivers
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["R", "b:239.1.1.9"]);
    let only = Wanted::Only(vec!["10.0.0.1".parse().expect("an address")]);
    assert_eq!(found.receivers[1].wanted, only);
    assert_eq!(found.sources[0].rate, Rate::Bps(8e6));
    // 8 Mbit/s of 500 bytes are 2000 a second.
    assert_eq!(found.sources[0].count, Some(6000));
    let step = source.step(
        &[],
        "{join: [R, 'b:239.1.1.9'], expect: {rx: {by: 'b:239.1.1.9'}}}",
    );
    let step = step.unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(&step.actions[..], [Action::Join(joined)] if *joined == [0, 1]));
    // Another is no mistake of this one's.
    assert_eq!(topology(&file()).receivers.len(), 1);
}

#[test]
fn the_latest_of_a_name_is_all_that_is_said() {
    let first = made(Table::Receivers, "b", json!({ "source": ["10.0.0.1"] }));
    let second = made(Table::Receivers, "b", json!({ "igmp": 2 }));
    let source = file().with(&[first]).with(&[second]);
    assert_eq!(source.by_hand().len(), 1);
    let found = topology(&source);
    assert_eq!(found.receivers.len(), 2);
    assert_eq!(found.receivers[1].igmp, Some(2));
    assert_eq!(found.receivers[1].wanted, Wanted::AllBut(Vec::new()));
}

#[test]
fn mistakes_are_told_where_they_are() {
    let unknown = mistake(made(Table::Receivers, "c", json!({})));
    assert!(unknown.contains("there is no node `c`"), "{unknown}");
    assert!(unknown.contains("known: a, r1, b"), "{unknown}");
    assert!(unknown.contains("the command:1"), "{unknown}");
    let several = mistake(made(Table::Sources, "r1", json!({})));
    assert!(
        several.contains("`r1` has several interfaces: a, b"),
        "{several}"
    );
    let version = mistake(made(Table::Receivers, "b", json!({ "igmp": 4 })));
    assert!(
        version.contains("IGMP has versions 1, 2 and 3"),
        "{version}"
    );
    let both = json!({ "count": 5, "for": "1s" });
    let both = mistake(made(Table::Sources, "a", both));
    assert!(
        both.contains("`count` and `for` exclude each other"),
        "{both}"
    );
    let never = mistake(made(Table::Sources, "a", json!({ "for": "0s" })));
    assert!(never.contains("a source sends for some time"), "{never}");
}

#[test]
fn a_node_is_told_from_a_receiver() {
    let found = file()
        .step(&[], "join: b")
        .expect_err("a mistake")
        .render(false);
    assert!(found.contains("there is no receiver `b`"), "{found}");
    assert!(found.contains("lab join b GROUP"), "{found}");
    let found = file()
        .step(&[], "send: a")
        .expect_err("a mistake")
        .render(false);
    assert!(found.contains("name one of `sources`"), "{found}");
}
