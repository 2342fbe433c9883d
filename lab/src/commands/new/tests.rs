//! What `lab new` writes.

use clap::ValueEnum;

use super::write;
use crate::args::Template;
use crate::topology;

#[test]
fn every_lab_is_valid_and_named_after_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    for template in Template::value_variants() {
        let file = write(&folder.path().join(format!("{template:?}")), *template);
        let file = file.expect("a lab");
        let topology = topology::load(&file, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(topology.name, format!("{template:?}"));
        assert!(topology.steps.len() >= 3, "{template:?}");
        let text = std::fs::read_to_string(&file).expect("the lab");
        let first = text.lines().next().unwrap_or_default();
        let schema = first.strip_prefix("# yaml-language-server: $schema=");
        let schema = file.with_file_name(schema.expect("a line for editors"));
        let schema = std::fs::read(schema).expect("the schema");
        let schema: serde_json::Value = serde_json::from_slice(&schema).expect("JSON");
        assert_eq!(schema, topology::schema());
    }
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("lab.yaml"), "mine").expect("a file");
    let refused = write(folder.path(), Template::Chain).expect_err("refused");
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
    let kept = std::fs::read_to_string(folder.path().join("lab.yaml")).expect("the file");
    assert_eq!(kept, "mine");
}
