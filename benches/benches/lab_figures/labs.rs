//! What `lab test` measures, and what it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Figure, Limit, root};

/// When the flow is surely there, and for how long it is looked at.
const FLOWS: Duration = Duration::from_secs(2);
const LOOKED_AT: Duration = Duration::from_secs(5);

/// Clock ticks a second in /proc, on every Linux.
const TICKS: f64 = 100.0;

pub(super) fn ring(lab: &Path, runs: usize) -> anyhow::Result<Vec<Figure>> {
    let mut all = Vec::new();
    let mut parts = String::new();
    for _ in 0..runs {
        let run = &test(lab, "ring100")?["runs"][0];
        let seconds = |value: &Value| value.as_f64().context("a run without times");
        let network = seconds(&run["network_seconds"])?;
        let daemons = seconds(&run["daemons_seconds"])?;
        let met = seconds(&run["steps"][0]["seconds"])?;
        parts = format!("{network:.1}+{daemons:.1}+{met:.1}");
        all.push(network + daemons + met);
    }
    Ok(vec![Figure {
        name: "100 routers have met",
        value: median(all),
        unit: "s",
        limit: Limit::AtMost(5.0),
        beside: parts,
    }])
}

pub(super) fn wire(lab: &Path, runs: usize) -> anyhow::Result<Vec<Figure>> {
    let (mut added, mut late, mut rates, mut beside) = (vec![], vec![], vec![], vec![]);
    for _ in 0..runs {
        let document = test(lab, "wire")?;
        let figure = |name| metric(&document, name);
        let (veth, wire) = (figure("veth")? * 1e6, figure("wire")? * 1e6);
        added.push(wire - veth);
        late.push((figure("delayed")? * 1e6 - 20_000.0 - veth).abs());
        rates.push(figure("wire_rate")? / 1e9);
        beside.push(figure("veth_rate")? / 1e9);
    }
    let veth = median(beside);
    let one = |name, value, unit, limit, beside| Figure {
        name,
        value,
        unit,
        limit,
        beside,
    };
    let most = |limit| (Limit::AtMost(limit), String::new());
    let ((short, none), (exact, nothing)) = (most(15.0), most(60.0));
    let rate = Limit::AtLeast(veth.min(1.2));
    let than = format!("veth: {veth:.2}");
    Ok(vec![
        one("wire: added latency", median(added), "us", short, none),
        one("wire: 20 ms late by", median(late), "us", exact, nothing),
        one("wire: throughput", median(rates), "Gbit/s", rate, than),
    ])
}

pub(super) fn capture(lab: &Path, runs: usize) -> anyhow::Result<Vec<Figure>> {
    let mut all = Vec::new();
    for _ in 0..runs {
        all.push(capturing(lab)?);
    }
    Ok(vec![Figure {
        name: "capture of 100 kpps",
        value: median(all),
        unit: "% core",
        limit: Limit::AtMost(5.0),
        beside: "its thread".to_owned(),
    }])
}

/// Which part of a core the thread that captures takes, in per cent.
fn capturing(lab: &Path) -> anyhow::Result<f64> {
    let folder = folder();
    let mut child = command(lab, &folder)
        .arg(file("capture"))
        .stdout(Stdio::null())
        .spawn()?;
    let looked = look(child.id());
    let status = child.wait()?;
    fs::remove_dir_all(&folder)?;
    ensure!(status.success(), "capture: {status}");
    looked
}

fn look(child: u32) -> anyhow::Result<f64> {
    std::thread::sleep(FLOWS);
    let (began, before) = (Instant::now(), ticks(child)?);
    std::thread::sleep(LOOKED_AT);
    let used = (ticks(child)? - before) / TICKS;
    Ok(100.0 * used / began.elapsed().as_secs_f64())
}

/// What the capturing thread of this process' descendants has used.
fn ticks(ancestor: u32) -> anyhow::Result<f64> {
    let mut family = BTreeSet::from([ancestor]);
    let mut processes: Vec<u32> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // A parent is older than its children, so one pass finds all of them.
    processes.sort_unstable();
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = fields(&stat).nth(1).and_then(|field| field.parse().ok());
        if parent.is_some_and(|parent: u32| family.contains(&parent)) {
            family.insert(process);
        }
    }
    for process in family {
        let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else {
            continue;
        };
        for task in tasks {
            let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
            if stat.contains("(capture)") {
                let times: Vec<f64> = fields(&stat)
                    .skip(11)
                    .take(2)
                    .filter_map(|field| field.parse().ok())
                    .collect();
                return Ok(times.iter().sum());
            }
        }
    }
    anyhow::bail!("there is no thread that captures")
}

/// The fields behind the name, which may have blanks.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    behind.split(' ')
}

pub(super) fn suite(lab: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("topologies"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let folder = folder();
    let began = Instant::now();
    let output = command(lab, &folder).args(files).output()?;
    let took = began.elapsed().as_secs_f64();
    fs::remove_dir_all(&folder)?;
    let document: Value = serde_json::from_slice(&output.stdout)?;
    let runs = document["runs"].as_array().context("no runs")?;
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        let outcome = run["outcome"].as_str().context("no outcome")?;
        *outcomes.entry(outcome).or_default() += 1;
    }
    let outcomes = outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"));
    Ok(vec![Figure {
        name: "all scenarios",
        value: took,
        unit: "s",
        limit: Limit::AtMost(300.0),
        beside: outcomes.collect::<Vec<_>>().join(", "),
    }])
}

/// The figure that a file names so.
fn metric(document: &Value, name: &str) -> anyhow::Result<f64> {
    let steps = document["runs"][0]["steps"].as_array();
    let expectations = steps
        .into_iter()
        .flatten()
        .filter_map(|step| step["expectations"].as_array())
        .flatten();
    let mut named = expectations.filter(|expectation| expectation["metric"] == name);
    let value = named.next().and_then(|one| one["figure"]["value"].as_f64());
    value.with_context(|| format!("no figure {name}"))
}

fn test(lab: &Path, name: &str) -> anyhow::Result<Value> {
    let folder = folder();
    let output = command(lab, &folder).arg(file(name)).output()?;
    fs::remove_dir_all(&folder)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{name}: {}\n{errors}{text}",
        output.status
    );
    Ok(serde_json::from_str(&text)?)
}

fn command(lab: &Path, folder: &Path) -> Command {
    let mut command = Command::new(lab);
    command.args(["test", "--format", "json", "--run-dir"]);
    command.arg(folder).stdin(Stdio::null());
    command
}

fn file(name: &str) -> PathBuf {
    root().join("benches/figures").join(format!("{name}.yaml"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab_figures")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
