//! The pages of docs/reference are what the types and programs say. `make docs`
//! writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod help;
mod schema;

use std::fs;

use mcr_api::state::{Facility, LogLevel};
use mcr_dataplane::counters::DropReason;
use mcr_tests::root;
use serde_json::Value;

/// The programs whose command lines have a page.
const PROGRAMS: [&str; 4] = ["mcrd", "mcrctl", "mcrgen", "lab"];

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

fn pretty(value: &Value) -> String {
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

#[test]
fn control_api() {
    let schema = mcr_api::schema::schema();
    let mut text = format!(
        "# Control API\n\n\
         Lines of JSON on a Unix socket, protocol {}. Each line, in either\n\
         direction, has at most {} bytes with its newline. The server speaks first,\n\
         with a [Hello](#type-hello) line. Then the client sends [Request](#type-request) lines\n\
         and gets one [Reply](#type-reply) line for each, in order. A list comes in pages\n\
         of at most {} items; a configuration goes as `config.begin`, any number of\n\
         `config.put`, and `config.check` or `config.load`.\n\n\
         ```text\n\
         <- {{\"mcr\":{},\"version\":\"{}\"}}\n\
         -> {{\"id\":1,\"method\":\"rules.show\",\"params\":{{\"name\":\"cam1\"}}}}\n\
         <- {{\"id\":1,\"error\":{{\"code\":\"not-found\",\"message\":\"...\"}}}}\n\
         ```\n\n\
         The same as a JSON Schema: [control-api.schema.json](control-api.schema.json).\n\n\
         ## Methods\n\n\
         A parameter with `?` may be left out.\n\n",
        mcr_api::PROTOCOL,
        mcr_api::MAX_LINE,
        mcr_api::MAX_PAGE,
        mcr_api::PROTOCOL,
        env!("CARGO_PKG_VERSION"),
    );
    text.push_str(&schema::methods(&schema));
    text.push_str(&schema::types(&schema));
    page("control-api.md", &text);
}

/// The example of the configuration's page.
const EXAMPLE: &str = r#"{
  log: { level: "info" },
  // Two workers for eth0, on CPUs of their own.
  pinning: { eth0: [2, 3] },
  rules: [
    {
      name: "cam1",
      input: { interface: "eth0", group: "239.1.1.1", port: 5000 },
      outputs: [
        { interface: "eth1" }, // group and port as they were
        { interface: "eth2", destination: "192.0.2.10", port: 6000, ttl: 8 },
      ],
    },
  ],
}
"#;

#[test]
fn the_example_has_no_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcrd.json5");
    fs::write(&path, EXAMPLE).unwrap();
    let loaded = mcr_config::load(&path);
    let said = loaded.as_ref().err().map(|problems| problems.render(false));
    assert_eq!(said, None);
    assert_eq!(loaded.unwrap().rules.len(), 1);
}

#[test]
fn configuration() {
    let schema = mcr_api::schema::config_schema();
    let mut text = String::from(
        "# Configuration file\n\n\
         JSON5: JSON with comments, trailing commas and keys without quotes. Every\n\
         key that is not listed here, and every key given twice, is an error.\n\
         `mcrd check FILE` reports all mistakes, each with its place.\n\n\
         The same as a JSON Schema:\n\
         [configuration.schema.json](configuration.schema.json).\n\n\
         ```json5\n",
    );
    text.push_str(EXAMPLE);
    text.push_str(
        "```\n\n\
         ## The file\n\n\
         A key with `?` may be left out.\n\n",
    );
    text.push_str(&schema::fields(&schema));
    text.push_str(&schema::types(&schema));
    page("configuration.md", &text);
}

#[test]
fn log_facilities() {
    let schema = mcr_api::schema::schema();
    let mut text = String::from(
        "# Log facilities and levels\n\n\
         Each part of the daemon has its own level, or follows the general one:\n\
         `log` in the configuration file, or `mcrctl log set relay=debug` while it\n\
         runs.\n\n",
    );
    text.push_str("| facility | what it logs |\n|---|---|\n");
    for facility in Facility::ALL {
        text.push_str(&schema::constant(&schema, "Facility", facility.name()));
    }
    text.push_str("\n| level | what it is for |\n|---|---|\n");
    for level in [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ] {
        text.push_str(&schema::constant(&schema, "LogLevel", level.name()));
    }
    page("log-facilities.md", &text);
}

/// The documentation comment of each drop reason, read from its source: Rust
/// keeps it for no program.
fn documented(source: &str, variant: &str) -> String {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let place = lines
        .iter()
        .position(|line| *line == format!("{variant},"))
        .unwrap_or_else(|| panic!("DropReason::{variant} is not in its source"));
    let first = lines[..place]
        .iter()
        .rposition(|line| !line.starts_with("///"))
        .unwrap();
    let text: Vec<&str> = lines[first + 1..place]
        .iter()
        .map(|line| line.trim_start_matches("///").trim())
        .collect();
    assert!(!text.is_empty(), "DropReason::{variant} says nothing");
    text.join(" ")
}

#[test]
fn drop_reasons() {
    let source = root().join("mcrd/dataplane/src/counters.rs");
    let source = fs::read_to_string(source).unwrap();
    let mut text = String::from(
        "# Drop reasons\n\n\
         Why a packet was not forwarded, or a copy not sent: the names that\n\
         `mcrctl stats` and the control API use. What the kernel dropped because a\n\
         worker was too slow is counted apart, as `kernel_drops`.\n\n\
         | reason | meaning |\n|---|---|\n",
    );
    for reason in DropReason::ALL {
        let meaning = documented(&source, &format!("{reason:?}"));
        text.push_str(&format!("| `{}` | {meaning} |\n", reason.name()));
    }
    page("drop-reasons.md", &text);
}

#[test]
fn command_lines() {
    for program in PROGRAMS {
        page(&format!("{program}.md"), &help::page(program));
    }
}

#[test]
fn help_texts_fit_80_columns() {
    for program in PROGRAMS {
        for line in help::page(program).lines() {
            assert!(line.chars().count() <= 80, "{program}: {line}");
        }
    }
}

#[test]
fn lab_file_schema() {
    let schema: Value = serde_json::from_str(&help::run("lab", &["schema"])).unwrap();
    page("lab.schema.json", &pretty(&schema));
}
