//! Forwarding end to end: mcrd's worker beside a simple recvmmsg/sendmmsg relay
//! and socat, in one run.
//!
//! `cargo bench --package mcr-benches --bench relay -- [quick] [segmentation]
//! [merging] [payload=BYTES] [rounds=N] [seconds=S]`
//!
//! `quick` leaves out the search for the loss-free rate. `segmentation`: the
//! outputs take runs of datagrams uncut, as some network cards do; else the
//! kernel cuts them on the relay's CPU. `merging`: the input merges datagrams
//! (UDP GRO forwarding); it finds nothing to merge where each arrives alone, as
//! those of this sender do. `rounds` and `seconds` are of the CPU measurement:
//! more of them for steadier figures.
//!
//! CPU per output packet is the task clock of the relay at a fixed rate, the
//! median of the rounds, in which the systems take turns; the kernel's work for
//! the sinks is in it, for all alike. The ratio in parentheses is to the plain
//! relay; read it rather than the figure, and run again on an idle machine
//! before trusting it: what else runs there disturbs both. The loss-free rate
//! is the highest of a rising series at which at most 0.1 % was lost, in copies
//! a second. The first rate above it that failed stands behind it; there, frames
//! that the sender could not send in time count as lost too, and "none" means
//! that the search ended first, at its fastest rate or its time limit.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::time::{Duration, Instant};

use anyhow::Context;
use mcr_benches::forwarding::{self, Cables, SENDER_CPU, System, isolate, pin};
use serde_json::{Value, json};

const LOSS: f64 = 0.001;

/// A search starts at this input rate over the fan-out.
const FIRST_RATE: f64 = 60_000.0;

/// The sender cannot send faster.
const FASTEST: f64 = 1_000_000.0;

/// Of one run of a search, and of the whole search of one system.
const SEARCH_RUN: Duration = Duration::from_millis(300);
const SEARCH_LIMIT: Duration = Duration::from_secs(20);

struct Options {
    payload: usize,
    rounds: usize,
    time: Duration,
    segmentation: bool,
    merging: bool,
    search: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if forwarding::child(&arguments)? {
        return Ok(());
    }
    if let Some(status) = isolate()? {
        anyhow::ensure!(status.success(), "the benchmark failed: {status}");
        return Ok(());
    }
    let options = options(&arguments)?;
    pin(SENDER_CPU)?;
    let cables = Cables::lay(20, options.segmentation, options.merging)?;
    println!(
        "payload {} bytes, {} rounds of {:?}",
        options.payload, options.rounds, options.time
    );
    println!(
        "segmentation on outputs: {}, merging on input: {}",
        options.segmentation, options.merging
    );
    println!("fan-out system        ns/copy (ratio)  loss-free/s  failed at/s");
    let mut report = Vec::new();
    for (fanout, rate) in [(1, 100_000.0), (5, 40_000.0), (20, 10_000.0)] {
        compare(&cables, &options, fanout, rate, &mut report)?;
    }
    socat(&cables, &options, &mut report)?;
    println!(
        "{}",
        serde_json::to_string_pretty(&json!({ "relay": report }))?
    );
    Ok(())
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let value = |name: &str| {
        let mut values = arguments.iter().filter_map(|a| a.split_once('='));
        values.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let seconds: f64 = value("seconds").unwrap_or("1").parse()?;
    Ok(Options {
        payload: value("payload").unwrap_or("1316").parse()?,
        rounds: value("rounds").unwrap_or("5").parse()?,
        time: Duration::from_secs_f64(seconds),
        segmentation: has("segmentation"),
        merging: has("merging"),
        search: !has("quick"),
    })
}

type Start = fn(usize) -> anyhow::Result<System>;

const SYSTEMS: [(&str, Start); 3] = [
    ("mcrd io_uring", |fanout| System::worker(fanout, true)),
    ("mcrd mmsg", |fanout| System::worker(fanout, false)),
    ("plain relay", System::plain),
];

fn compare(
    cables: &Cables,
    options: &Options,
    fanout: usize,
    rate: f64,
    report: &mut Vec<Value>,
) -> anyhow::Result<()> {
    let mut nanos = vec![Vec::new(); SYSTEMS.len()];
    for _ in 0..options.rounds {
        for (costs, (_, start)) in nanos.iter_mut().zip(SYSTEMS) {
            let system = start(fanout)?;
            settle(cables, fanout)?;
            let run = run(cables, &system, fanout, rate, options.payload, options.time)?;
            costs.push(run.nanos);
        }
    }
    let medians: Vec<f64> = nanos.iter_mut().map(|costs| median(costs)).collect();
    let plain = medians.last().copied().context("no system")?;
    for ((name, start), cost) in SYSTEMS.into_iter().zip(medians) {
        let found = find(cables, options, fanout, start)?;
        row(
            &format!("1:{fanout}"),
            name,
            cost,
            Some(cost / plain),
            &found,
        );
        report.push(json!({
            "system": name, "fanout": fanout, "input_rate": rate,
            "cpu_ns_per_copy": cost, "cpu_ratio_to_plain": cost / plain,
            "loss_free_copies_per_second": found.passed,
            "failed_copies_per_second": found.failed,
        }));
    }
    Ok(())
}

/// A line of the table.
fn row(fanout: &str, name: &str, cost: f64, ratio: Option<f64>, found: &Found) {
    let ratio = ratio.map_or_else(String::new, |ratio| format!("({ratio:4.2})"));
    let rate = |rate: Option<f64>| rate.map_or_else(|| "none".to_owned(), |r| format!("{r:.0}"));
    println!(
        "{fanout:<7} {name:13} {cost:7.0} {ratio:>7}  {:>11}  {:>11}",
        rate(found.passed),
        rate(found.failed)
    );
}

struct Run {
    loss: f64,
    nanos: f64,
}

/// One run at one rate.
fn run(
    cables: &Cables,
    system: &System,
    fanout: usize,
    rate: f64,
    payload: usize,
    time: Duration,
) -> anyhow::Result<Run> {
    let before = cables.delivered(fanout, payload)?;
    let cpu = system.cpu()?;
    let sent = forwarding::send(rate, payload, time)?;
    // What is still in a queue some milliseconds later was too much.
    pause(Duration::from_millis(20));
    let copies = cables.delivered(fanout, payload)? - before;
    let nanos = (system.cpu()? - cpu).as_nanos() as f64 / copies.max(1) as f64;
    // The last frames may fall due as the time ends: they are no loss.
    let due = rate * time.as_secs_f64() - 2.0;
    let wanted = due.max(sent as f64) * fanout as f64;
    Ok(Run {
        loss: 1.0 - copies as f64 / wanted,
        nanos,
    })
}

/// Copies a second, where the search came to them.
#[derive(Default)]
struct Found {
    passed: Option<f64>,
    failed: Option<f64>,
}

/// The highest rate that passes and the first above it that fails.
fn find(cables: &Cables, options: &Options, fanout: usize, start: Start) -> anyhow::Result<Found> {
    let mut found = Found::default();
    if !options.search {
        return Ok(found);
    }
    let (mut rate, end) = (FIRST_RATE / fanout as f64, Instant::now() + SEARCH_LIMIT);
    while rate < FASTEST && Instant::now() < end {
        let copies = Some(rate * fanout as f64);
        if !passes(cables, options.payload, fanout, rate, start)? {
            found.failed = copies;
            break;
        }
        found.passed = copies;
        rate *= 1.2;
    }
    Ok(found)
}

/// Whether the best of three runs passes: a disturbance by others is no limit
/// of a relay.
fn passes(
    cables: &Cables,
    payload: usize,
    fanout: usize,
    rate: f64,
    start: Start,
) -> anyhow::Result<bool> {
    for _ in 0..3 {
        let system = start(fanout)?;
        settle(cables, fanout)?;
        if run(cables, &system, fanout, rate, payload, SEARCH_RUN)?.loss <= LOSS {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A relay that was just started is given some frames first.
fn settle(cables: &Cables, fanout: usize) -> anyhow::Result<()> {
    let before = cables.delivered(fanout, 100)?;
    for _ in 0..200 {
        forwarding::send(20_000.0, 100, Duration::from_millis(5))?;
        if cables.delivered(fanout, 100)? > before {
            pause(Duration::from_millis(5));
            return Ok(());
        }
    }
    anyhow::bail!("a relay does not start")
}

fn socat(cables: &Cables, options: &Options, report: &mut Vec<Value>) -> anyhow::Result<()> {
    let found = std::process::Command::new("socat").arg("-V").output();
    if found.is_err() {
        println!("socat is not installed and was left out: apt install socat");
        return Ok(());
    }
    let start: Start = |_| System::socat();
    let system = start(1)?;
    settle(cables, 1)?;
    let cost = run(cables, &system, 1, 20_000.0, options.payload, options.time)?.nanos;
    drop(system);
    let found = find(cables, options, 1, start)?;
    row("1:1", "socat", cost, None, &found);
    report.push(json!({
        "system": "socat", "fanout": 1, "input_rate": 20_000.0, "cpu_ns_per_copy": cost,
        "loss_free_copies_per_second": found.passed,
        "failed_copies_per_second": found.failed,
    }));
    Ok(())
}

fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
