//! Prints line coverage per crate from `cargo llvm-cov report --json`, and ends
//! with 1 where a floor is not reached.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use mcr_tests::root;
use serde::Deserialize;

/// The least percentage of lines, by crate.
const FLOORS: &[(&str, u64)] = &[("mcrd/wire", 90), ("mcrd/proto", 90), (WHOLE, 75)];

const WHOLE: &str = "all";

/// The folders of crates, those inside others first.
const CRATES: &[&str] = &[
    "mcrd/wire",
    "mcrd/proto",
    "mcrd/config",
    "mcrd/sys",
    "mcrd/api",
    "mcrd/dataplane",
    "mcrd/view",
    "mcrd",
    "mcrctl",
    "mcrgen",
    "lab",
];

#[derive(Deserialize)]
struct Report {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    lines: Lines,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Lines {
    count: u64,
    covered: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let path = std::env::args()
        .nth(1)
        .context("usage: coverage REPORT.json")?;
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let report: Report = serde_json::from_str(&text).with_context(|| path.clone())?;
    let sums = sums(&report);
    println!(
        "{:<16}{:>9}{:>9}{:>9}",
        "CRATE", "LINES", "COVERED", "FLOOR"
    );
    let mut low = false;
    for (name, lines) in &sums {
        let floor = FLOORS.iter().find(|(crate_, _)| crate_ == name);
        let floor = floor.map(|(_, percent)| *percent);
        let misses = floor.is_some_and(|percent| lines.covered * 100 < lines.count * percent);
        low |= misses;
        #[allow(clippy::cast_precision_loss, reason = "a percentage to read")]
        let percent = 100.0 * lines.covered as f64 / lines.count.max(1) as f64;
        println!(
            "{name:<16}{:>9}{percent:>8.1}%{:>9}{}",
            lines.count,
            floor.map_or_else(String::new, |floor| format!("{floor}%")),
            if misses { "  TOO LOW" } else { "" }
        );
    }
    for (name, floor) in FLOORS {
        if !sums.contains_key(*name) {
            println!("{name:<16} has no figures, and its floor is {floor}%  TOO LOW");
            low = true;
        }
    }
    Ok(ExitCode::from(u8::from(low)))
}

/// The lines of each crate and of all, tests apart.
fn sums(report: &Report) -> BTreeMap<&'static str, Lines> {
    let mut sums: BTreeMap<&'static str, Lines> = BTreeMap::new();
    for file in report.data.iter().flat_map(|data| &data.files) {
        let root = root().to_string_lossy();
        let name = file.filename.strip_prefix(&*root).unwrap_or(&file.filename);
        let name = name.trim_start_matches('/');
        let test = name.ends_with("/tests.rs") || name.contains("/tests/");
        let folder = CRATES
            .iter()
            .find(|folder| name.starts_with(&format!("{folder}/src/")));
        if let (Some(folder), false) = (folder, test) {
            for key in [*folder, WHOLE] {
                let sum = sums.entry(key).or_default();
                sum.count += file.summary.lines.count;
                sum.covered += file.summary.lines.covered;
            }
        }
    }
    sums
}
