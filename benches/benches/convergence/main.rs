//! How fast a network of three routers follows what happens, with mcrd in every
//! role and, where it is installed, with FRR: the same scenarios, in turn, in
//! one run. Latencies are taken from the packets on the links.

#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![allow(clippy::print_stderr, reason = "it is what a benchmark is for")]

mod capture;
mod figures;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use figures::Step;

/// The kinds of router, the peer first.
const KINDS: [&str; 2] = ["frr", "mcrd"];

/// How often each scenario is run with each kind.
const RUNS: usize = 5;

/// The figures of one scenario, in order, with the values of each kind.
type Table = Vec<(String, BTreeMap<&'static str, Vec<f64>>)>;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convergence: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> anyhow::Result<()> {
    let lab = program("lab")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("convergence");
    let mut scenarios: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    scenarios.sort();
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    scenarios.retain(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    });
    ensure!(
        !scenarios.is_empty(),
        "there is no such scenario in {}",
        folder.display()
    );
    let kinds = kinds();
    println!("milliseconds or packets; median (least to most) of {RUNS} runs");
    println!("{:44}{:>18}{:>18}", "", KINDS[0], KINDS[1]);
    for scenario in scenarios {
        print(&table(&lab, &scenario, &kinds)?);
    }
    Ok(())
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

fn program(name: &str) -> anyhow::Result<PathBuf> {
    // A benchmark stands in target/PROFILE/deps.
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("no folder")?;
    let program = folder.join(name);
    ensure!(
        program.exists(),
        "{} is missing: type  cargo build --release --workspace --bins",
        program.display()
    );
    Ok(program)
}

fn table(lab: &Path, scenario: &Path, kinds: &[&'static str]) -> anyhow::Result<Table> {
    let mut table = Table::new();
    for run in 0..RUNS {
        for kind in kinds {
            eprintln!(
                "{} {kind}: run {} of {RUNS}",
                scenario.file_stem().unwrap_or_default().to_string_lossy(),
                run + 1
            );
            for (name, value) in one(lab, scenario, kind)? {
                match table.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, values)) => values.entry(*kind).or_default().push(value),
                    None => table.push((name, BTreeMap::from([(*kind, vec![value])]))),
                }
            }
        }
    }
    Ok(table)
}

fn one(lab: &Path, scenario: &Path, kind: &str) -> anyhow::Result<Vec<(String, f64)>> {
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
    // A figure that is missed is a figure too; a lab that cannot run is not.
    if !matches!(output.status.code(), Some(0 | 1)) {
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
    fs::remove_dir_all(fs::canonicalize(&folder)?)?;
    Ok(figures::figures(&capture, &steps))
}

/// The steps, each from its first action to the next step's start.
fn steps(path: &Path) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let at = event["at_ns"].as_u64().context("an event without time")?;
        match event["event"].as_str() {
            Some("step") => steps.push(Step {
                title: event["title"].as_str().unwrap_or_default().to_owned(),
                begin: at,
                end: u64::MAX,
            }),
            Some("step ended") => {
                if let Some(step) = steps.last_mut() {
                    step.end = at;
                }
            }
            Some(_) | None => {}
        }
    }
    Ok(steps)
}

fn print(table: &Table) {
    for (name, values) in table {
        let cells: Vec<String> = KINDS
            .iter()
            .map(|kind| {
                values
                    .get(kind)
                    .map_or("-".to_owned(), |values| cell(values))
            })
            .collect();
        println!("{name:44}{:>18}{:>18}", cells[0], cells[1]);
    }
}

fn cell(values: &[f64]) -> String {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    let median = values[values.len() / 2];
    if least == most {
        number(median)
    } else {
        format!("{} ({}-{})", number(median), number(least), number(most))
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
