//! The figures of the lab beside what they may be at most: networks up and
//! down, a ring of routers, wires, the capture that is always on, and all
//! scenarios.
//!
//! `cargo bench --package mcr-benches --bench lab_figures -- [--quick] [--json]
//! [PART...]` measures the parts that are named, or all; `--quick` once each.

#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![allow(clippy::print_stderr, reason = "it is what a benchmark is for")]

mod labs;
mod network;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use mcr_benches::programs;
use serde_json::{Value, json};

/// What can be measured, in the order of the table.
const PARTS: [&str; 5] = ["network", "ring", "wire", "capture", "suite"];

/// The part that is measured in a world of its own, by this program again.
const INSIDE: &str = "--inside";

/// How many digits a figure is shown with.
const DIGITS: usize = 1;

/// A figure, and what it may be.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    limit: Limit,
    /// What was measured beside it.
    beside: String,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }

    fn line(&self) -> String {
        let (sign, limit) = match self.limit {
            Limit::AtMost(limit) => ("<=", limit),
            Limit::AtLeast(limit) => (">=", limit),
        };
        let verdict = if self.is_met() { "met" } else { "MISSED" };
        format!(
            "{:27}{:>9.DIGITS$} {sign} {limit:>7.DIGITS$} {:7}{verdict:7}{}",
            self.name, self.value, self.unit, self.beside
        )
    }

    fn json(&self) -> Value {
        let (bound, limit) = match self.limit {
            Limit::AtMost(limit) => ("at most", limit),
            Limit::AtLeast(limit) => ("at least", limit),
        };
        json!({
            "figure": self.name, "value": self.value, "unit": self.unit,
            "bound": bound, "limit": limit, "met": self.is_met(),
            "beside": self.beside,
        })
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let quick = has("--quick");
    if has(INSIDE) {
        return network::inside(quick);
    }
    let named = |part: &&str| arguments.iter().any(|argument| argument == part);
    let mut parts: Vec<&str> = PARTS.into_iter().filter(named).collect();
    if parts.is_empty() {
        parts = PARTS.to_vec();
    }
    match measure(&parts, quick, has("--json")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab_figures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(parts: &[&str], quick: bool, as_json: bool) -> anyhow::Result<()> {
    let lab = programs::build(&["mcrd", "mcrctl", "mcrgen", "lab"])?.join("lab");
    let runs = if quick { 1 } else { 3 };
    let mut figures = Vec::new();
    if !as_json {
        println!("medians; load before: {}", load());
    }
    for part in parts {
        eprintln!("measuring: {part}");
        let found = match *part {
            "network" => network(quick)?,
            "ring" => labs::ring(&lab, runs)?,
            "wire" => labs::wire(&lab, runs)?,
            "capture" => labs::capture(&lab, runs)?,
            "suite" => labs::suite(&lab)?,
            other => bail!("there is no part {other}"),
        };
        for figure in &found {
            if !as_json {
                println!("{}", figure.line());
            }
        }
        figures.extend(found);
    }
    let missed = figures.iter().filter(|figure| !figure.is_met()).count();
    if as_json {
        let all: Vec<Value> = figures.iter().map(Figure::json).collect();
        println!("{:#}", json!({ "load": load(), "figures": all }));
    } else {
        println!(
            "{missed} of {} are missed; load after: {}",
            figures.len(),
            load()
        );
    }
    Ok(())
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// The networks, measured in a world of their own.
fn network(quick: bool) -> anyhow::Result<Vec<Figure>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(INSIDE).args(quick.then_some("--quick"));
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "network: {}", output.status);
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let value = |name: &str| found[name].as_f64().with_context(|| format!("no {name}"));
    let peer = |name: &str| match found[name].as_f64() {
        Some(peer) => format!("ip: {peer:.0} ms"),
        None => "no ip here".to_owned(),
    };
    let figure = |name, key: &str, limit, beside| {
        Ok(Figure {
            name,
            value: value(key)?,
            unit: "ms",
            limit: Limit::AtMost(limit),
            beside,
        })
    };
    [
        figure("10 nodes up", "up_10", 20.0, peer("ip_up_10")),
        figure("500 nodes up", "up_500", 1200.0, peer("ip_up_500")),
        figure("500 nodes down", "down_500", 200.0, peer("ip_down_500")),
    ]
    .into_iter()
    .collect()
}

/// The root of the repository.
fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
