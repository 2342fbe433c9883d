//! Every configuration in the documents is one that the daemon takes.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};

use mcr_api::config::ConfigFile;

fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            into.push(path);
        }
    }
}

/// The fenced blocks of JSON5, with the line each begins on.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut examples = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```json5" {
            let block = lines.by_ref().map(|(_, line)| line);
            let block: Vec<&str> = block.take_while(|line| line.trim() != "```").collect();
            examples.push((number + 2, block.join("\n")));
        }
    }
    examples
}

#[test]
fn the_examples_of_the_documents_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = serde_json::to_value(schemars::schema_for!(ConfigFile)).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut found = Vec::new();
    for folder in ["docs", "topologies"] {
        if root.join(folder).is_dir() {
            pages(&root.join(folder), &mut found);
        }
    }
    found.extend(Some(root.join("README.md")).filter(|readme| readme.is_file()));
    let mut count = 0;
    for page in &found {
        for (line, text) in examples(&fs::read_to_string(page).unwrap()) {
            let name = format!("{}:{line}", page.display());
            match mcr_config::parse(&name, &text) {
                Ok(loaded) => {
                    let value = serde_json::to_value(&loaded.file).unwrap();
                    assert!(schema.is_valid(&value), "{name}: {value:#}");
                }
                Err(problems) => panic!("{}", problems.render(false)),
            }
            count += 1;
        }
    }
    assert!(count > 0, "no example in {} pages", found.len());
}
