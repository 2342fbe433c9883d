//! How long a lab's network takes to come and go, beside what `ip` takes for
//! the same, as one batch for each namespace.

use std::collections::BTreeMap;
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

/// The sizes, and how often each is measured.
const SIZES: [(usize, usize); 2] = [(10, 9), (500, 3)];

/// Measures in a world of its own, with or without root, and prints medians in
/// milliseconds as one JSON object.
pub(super) fn inside(quick: bool) -> ExitCode {
    let measured = |_| measure(quick).map_or_else(told, |()| 0);
    match sandbox::attached(Path::new("/"), measured) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lab_figures cannot run here: {error}");
            ExitCode::from(error.exit().code())
        }
    }
}

fn told(error: anyhow::Error) -> u8 {
    eprintln!("lab_figures: {error:#}");
    1
}

fn measure(quick: bool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let has_ip = Command::new("ip").arg("-V").stdout(Stdio::null()).status();
    let mut medians = BTreeMap::new();
    for (nodes, runs) in SIZES {
        let runs = if quick { 1 } else { runs };
        let topology = chain(nodes)?;
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let (timings, took) = runtime.block_on(lab_run(&topology))?;
            up.push(timings.total());
            down.push(took);
        }
        medians.insert(format!("up_{nodes}"), median(up));
        medians.insert(format!("down_{nodes}"), median(down));
        if has_ip.is_err() {
            continue;
        }
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            up.push(ip_batch_up(nodes)?);
            down.push(ip_batch_down(nodes)?);
        }
        medians.insert(format!("ip_up_{nodes}"), median(up));
        medians.insert(format!("ip_down_{nodes}"), median(down));
    }
    println!("{}", serde_json::json!(medians));
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1000.0
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
