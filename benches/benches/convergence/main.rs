//! How fast a network of a few routers follows what happens, with mcrd in every
//! role and, where it is installed, with FRR: the same scenarios, in turn, in
//! one run. Latencies are taken from the packets on the links.
//!
//! `cargo bench --package mcr-benches --bench convergence -- [--quick] [--keep]
//! [NAME...]` runs the scenarios whose names have one of the words; `--quick`
//! once each, and `--keep` leaves the folders of the runs.

#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![allow(clippy::print_stderr, reason = "it is what a benchmark is for")]

mod capture;
mod figures;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use mcr_benches::programs;
use serde_json::Value;

use figures::Step;
use table::{KINDS, Table};

/// How often each scenario is run with each kind.
const RUNS: usize = 5;

/// The exit status of `lab test` where this machine lacks something.
const UNFIT: i32 = 5;

fn main() -> ExitCode {
    match measure() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("convergence: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let keep = arguments.iter().any(|argument| argument == "--keep");
    let runs = if quick { 1 } else { RUNS };
    let scenarios = scenarios(&arguments)?;
    let lab = programs::build(&["mcrd", "mcrctl", "mcrgen", "lab"])?.join("lab");
    let kinds = kinds();
    println!("{}", machine("before"));
    println!("milliseconds or packets; median least-most, {runs} runs; RFC timers, 500 pps");
    println!("{:37}{:>16}{:>15}{:>10}", "", KINDS[0], KINDS[1], "wanted");
    let mut missed = 0;
    for scenario in scenarios {
        let Some(table) = table(&lab, &scenario, &kinds, (runs, keep))? else {
            return Ok(ExitCode::SUCCESS);
        };
        let (lines, misses) = table.lines();
        missed += misses;
        for line in lines {
            println!("{line}");
        }
    }
    println!("{}", machine("after"));
    println!("{missed} medians of mcrd miss what is wanted");
    Ok(ExitCode::SUCCESS)
}

/// The scenarios that the arguments name, or all.
fn scenarios(arguments: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("convergence");
    let mut scenarios: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    scenarios.sort();
    let wanted = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    let wanted: Vec<&String> = wanted.collect();
    scenarios.retain(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    });
    ensure!(
        !scenarios.is_empty(),
        "there is no such scenario in {}",
        folder.display()
    );
    Ok(scenarios)
}

/// What the figures depend on beside the programs.
fn machine(when: &str) -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(2).collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "load {when}, of 1 and 5 minutes: {}; {cores} cores, Linux {}",
        load.join(" "),
        kernel.trim()
    )
}

/// What can run here.
fn kinds() -> Vec<&'static str> {
    let mut kinds = KINDS.to_vec();
    if !Path::new("/usr/lib/frr/pimd").exists() {
        eprintln!("FRR is not installed, and not compared with: apt-get install frr");
        kinds.retain(|kind| *kind != "frr");
    }
    kinds
}

/// The figures of a scenario; none where this machine cannot run it.
fn table(
    lab: &Path,
    scenario: &Path,
    kinds: &[&'static str],
    (runs, keep): (usize, bool),
) -> anyhow::Result<Option<Table>> {
    let mut table = Table::default();
    for run in 1..=runs {
        for kind in kinds {
            let name = scenario.file_stem().unwrap_or_default().to_string_lossy();
            eprintln!("{name} {kind}: run {run} of {runs}");
            let Some(figures) = one((lab, scenario), kind, keep)? else {
                return Ok(None);
            };
            table.add(kind, figures);
        }
    }
    Ok(Some(table))
}

/// A run's figures; none where this machine cannot run it.
fn one(
    (lab, scenario): (&Path, &Path),
    kind: &str,
    keep: bool,
) -> anyhow::Result<Option<Vec<(String, f64)>>> {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("convergence");
    let output = Command::new(lab)
        .arg("test")
        .arg(scenario)
        .args(["--var", &format!("kind={kind}")])
        .args(["--capture", "always", "--format", "plain", "--keep-going"])
        .arg("--run-dir")
        .arg(&runs)
        .stdin(Stdio::null())
        .output()?;
    let folder = runs.join("latest");
    if output.status.code() == Some(UNFIT) {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        eprintln!("convergence cannot run here");
        return Ok(None);
    }
    // The steps only prepare and wait: one that fails leaves no figures.
    if !output.status.success() {
        bail!(
            "{} with {kind}: {}\n{}{}",
            scenario.display(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let capture = capture::read(&folder.join("packets.pcapng"))?;
    let steps = steps(&folder.join("events.ndjson"))?;
    let folder = fs::canonicalize(&folder)?;
    if keep {
        eprintln!("kept: {}", folder.display());
    } else {
        fs::remove_dir_all(folder)?;
    }
    Ok(Some(figures::figures(&capture, &steps)))
}

/// The steps, each from its first action to its end.
fn steps(path: &Path) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let at = event["at_ns"].as_u64().context("an event without time")?;
        let kind = event["event"].as_str().unwrap_or_default();
        if kind == "step" {
            steps.push(Step {
                title: event["title"].as_str().unwrap_or_default().to_owned(),
                begin: at,
                called: None,
                end: u64::MAX,
            });
        }
        let Some(step) = steps.last_mut() else {
            continue;
        };
        match kind {
            // What the lab asks the daemons before is none of the step's.
            "action" if step.called.is_none() => {
                step.begin = at;
                step.called = Some(at);
            }
            "joined" => step.called = event["called_ns"].as_u64(),
            "step ended" => step.end = at,
            _ => {}
        }
    }
    Ok(steps)
}
