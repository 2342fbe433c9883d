//! How long a lab's network takes to come and go, beside what `ip` takes for
//! the same: as one batch for each namespace, and as one process a command.
//! Everything happens in a world of the benchmark's own, with or without root.

#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![allow(clippy::print_stderr, reason = "it is what a benchmark is for")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use lab::backend::netns::{Network, Options, Timings};
use lab::sandbox::{self, NAMES};
use lab::topology::model::Topology;
use lab::topology::parse;

/// The sizes, and how often each is measured. One process a command is only
/// measured up to the first: 500 nodes take ten seconds.
const SIZES: [(usize, usize); 2] = [(10, 9), (500, 3)];

fn main() -> ExitCode {
    match sandbox::attached(Path::new("/"), |_| measure().map_or_else(told, |()| 0)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lab_up cannot run here: {error}");
            ExitCode::from(error.exit().code())
        }
    }
}

fn told(error: anyhow::Error) -> u8 {
    eprintln!("lab_up: {error:#}");
    1
}

fn measure() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!("a chain of nodes; milliseconds, the median of all runs (best)");
    println!("{:6}{:16}{:>18}{:>18}", "nodes", "", "up", "down");
    for (nodes, runs) in SIZES {
        let topology = chain(nodes)?;
        let mut all = Vec::new();
        for _ in 0..runs {
            all.push(runtime.block_on(lab_run(&topology))?);
        }
        let up = all.iter().map(|(timings, _)| timings.total()).collect();
        let down = all.iter().map(|(_, down)| *down).collect();
        row(nodes, "lab", up, down);
        let part = |part: fn(&Timings) -> Duration| {
            median(all.iter().map(|(timings, _)| part(timings)).collect())
        };
        println!(
            "{:6}of it: namespaces {}, links {}, addresses {}",
            "",
            part(|timings| timings.namespaces),
            part(|timings| timings.links),
            part(|timings| timings.addresses)
        );
        if Command::new("ip")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            println!("{:6}ip is not installed, so there is no peer", "");
            continue;
        }
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            up.push(ip_batch_up(nodes)?);
            down.push(ip_batch_down(nodes)?);
        }
        row(nodes, "ip -batch", up, down);
        if nodes == SIZES[0].0 {
            let (up, down) = (ip_forked_up(nodes)?, ip_batch_down(nodes)?);
            row(nodes, "ip, forked", vec![up], vec![down]);
        }
    }
    Ok(())
}

fn row(nodes: usize, who: &str, up: Vec<Duration>, down: Vec<Duration>) {
    let column = |times: Vec<Duration>| {
        let best = times.iter().min().copied().unwrap_or_default();
        format!("{} ({})", median(times), milliseconds(best))
    };
    println!("{nodes:<6}{who:16}{:>18}{:>18}", column(up), column(down));
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    milliseconds(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

async fn lab_run(topology: &Topology) -> anyhow::Result<(Timings, Duration)> {
    let options = Options {
        names: PathBuf::from(NAMES),
        seed: 1,
    };
    let network = Network::deploy(topology, &options).await?;
    let timings = network.timings();
    let start = Instant::now();
    let errors = network.teardown().await;
    ensure!(errors.is_empty(), "tear-down: {errors:?}");
    Ok((timings, start.elapsed()))
}

/// A chain of hosts as a lab file has it. The `ip` commands give the ends the
/// names `left` and `right`; the work is the same.
fn chain(nodes: usize) -> anyhow::Result<Topology> {
    let text = format!(
        "lab: 1\nname: chain\ndefaults: {{ link: {{ checksum_offload: true }} }}\n\
         generate: {{ chain: {nodes}, node: host }}\n"
    );
    let parsed = parse(Path::new("chain.yaml"), &text, &[], &|_| None);
    parsed.map_err(|mistakes| anyhow::anyhow!("{}", mistakes.render(false)))
}

/// An end's address on the link behind a node: 10.0.0.0/30 and on.
fn address(link: usize, host: usize) -> String {
    let (high, low) = (link / 64 / 256, link / 64 % 256);
    format!("10.{high}.{low}.{}/30", link % 64 * 4 + host)
}

/// What `ip` must be told to make the chain: first everything, then for each
/// namespace what is inside.
fn commands(nodes: usize) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let mut outside: Vec<_> = (0..nodes)
        .map(|node| format!("netns add n{node}"))
        .collect();
    let mut inside = vec!["link set dev lo up\n".to_owned(); nodes];
    for left in 0..nodes - 1 {
        let right = left + 1;
        outside.push(format!(
            "link add name right netns n{left} type veth peer name left netns n{right}"
        ));
        for (node, name, host) in [(left, "right", 1), (right, "left", 2)] {
            let address = address(left, host);
            writeln!(inside[node], "address add {address} dev {name}")?;
            writeln!(inside[node], "link set dev {name} up")?;
        }
    }
    Ok((outside, inside))
}

fn ip_batch_up(nodes: usize) -> anyhow::Result<Duration> {
    let (outside, inside) = commands(nodes)?;
    let start = Instant::now();
    batch(&[], &outside.join("\n"))?;
    for (node, text) in inside.iter().enumerate() {
        batch(&["-n", &format!("n{node}")], text)?;
    }
    Ok(start.elapsed())
}

fn ip_batch_down(nodes: usize) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let commands: Vec<_> = (0..nodes)
        .map(|node| format!("netns del n{node}"))
        .collect();
    batch(&[], &commands.join("\n"))?;
    Ok(start.elapsed())
}

fn ip_forked_up(nodes: usize) -> anyhow::Result<Duration> {
    let (outside, inside) = commands(nodes)?;
    let start = Instant::now();
    for command in outside {
        ip(&[], &command)?;
    }
    for (node, text) in inside.iter().enumerate() {
        for command in text.lines() {
            ip(&["-n", &format!("n{node}")], command)?;
        }
    }
    Ok(start.elapsed())
}

fn ip(options: &[&str], command: &str) -> anyhow::Result<()> {
    let words = options.iter().copied().chain(command.split(' '));
    let status = Command::new("ip").args(words).status().context("ip")?;
    ensure!(status.success(), "ip {command}: {status}");
    Ok(())
}

fn batch(options: &[&str], commands: &str) -> anyhow::Result<()> {
    let mut ip = Command::new("ip");
    ip.args(options).args(["-batch", "-"]).stdin(Stdio::piped());
    let mut ip = ip.spawn().context("ip")?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin.write_all(commands.as_bytes())?;
    }
    let status = ip.wait()?;
    ensure!(status.success(), "ip -batch: {status}");
    Ok(())
}
