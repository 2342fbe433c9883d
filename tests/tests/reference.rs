//! The pages of docs/reference are what the types and programs say. `make docs`
//! writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use mcr_tests::root;

/// Compares a page with what it should be, or writes it where `make docs` asks.
fn page(name: &str, expected: &str) {
    let path = root().join("docs/reference").join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let line = found
        .lines()
        .zip(expected.lines())
        .position(|(found, expected)| found != expected)
        .unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    assert!(
        found == expected,
        "docs/reference/{name} differs from line {}: type  make docs",
        line + 1
    );
}

fn pretty(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    text.push('\n');
    text
}

#[test]
fn control_api_schema() {
    page(
        "control-api.schema.json",
        &pretty(&mcr_api::schema::schema()),
    );
}

#[test]
fn configuration_schema() {
    page(
        "configuration.schema.json",
        &pretty(&mcr_api::schema::config_schema()),
    );
}
