//! One daemon with 10 000 (S,G): what learning them costs, what holding them
//! costs, and 5000 groups of emulated hosts on one network. The neighbours are
//! packets written by hand, and all of it is in a network namespace of its own.
//!
//! `cargo bench --package mcr-benches --bench router_scale -- [--intervals N]
//! [learn|steady|hosts...]` runs those parts, or all; N says for how many
//! refresh intervals of RFC 7761 (60 s) the steady state is watched.

#![allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
#![allow(clippy::print_stderr, reason = "it is what a benchmark is for")]

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::router::IgmpInterface;
use mcr_api::state::{Worker, WorkerState};
use mcr_benches::forwarding::isolate;
use mcr_benches::programs;
use mcr_benches::router::{Channels, Sign, address, hello, join_prunes, neighbor};
use mcr_sys::packet::Sender;
use mcr_wire::{IntoBytes, ipv4, pim};
use nix::net::if_::if_nametoindex;

const DOWNSTREAM: u8 = 10;
const ALL: u32 = 10_000;
const GROUPS: u32 = 5000;
/// Join/Prune_Interval.
const REFRESH: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(30);
/// 01:00:5e:00:00:0d, that of ALL-PIM-ROUTERS.
const ALL_PIM_ROUTERS_MAC: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x0d];

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("router_scale: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    // The second time, inside, there is nothing left to build.
    let programs = programs::build(&["mcrd", "mcrgen"])?;
    if let Some(status) = isolate()? {
        return Ok(ExitCode::from(u8::from(!status.success())));
    }
    let intervals = intervals()?;
    lay_cables()?;
    println!("(S,G) with {DOWNSTREAM} outputs each; CPU of all processes, in seconds");
    println!(
        "{:24}{:>8}{:>10}{:>10}{:>8}{:>8}{:>8}",
        "", "known", "router", "workers", "wall", "MB", "+ wkrs"
    );
    let named: Vec<String> = std::env::args().skip(1).collect();
    let parts = ["learn", "steady", "hosts"];
    let is_part = |word: &String| parts.contains(&word.as_str());
    let all = !named.iter().any(is_part);
    let wanted = |part: &str| all || named.iter().any(|word| word == part);
    for groups in [100, 1, ALL].into_iter().filter(|_| wanted("learn")) {
        learn(
            &programs,
            Channels {
                groups,
                sources: ALL / groups,
            },
        )?;
    }
    if wanted("steady") {
        steady(&programs, intervals)?;
    }
    if wanted("hosts") {
        hosts(&programs)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn intervals() -> anyhow::Result<u32> {
    let mut words = std::env::args().skip_while(|word| word != "--intervals");
    match words.nth(1) {
        None => Ok(1),
        Some(count) => count.parse().context("--intervals takes a number"),
    }
}

fn name(iface: u8) -> String {
    match iface {
        0 => "upstream".to_owned(),
        iface => format!("d{iface}"),
    }
}

fn ip(words: &str) -> anyhow::Result<()> {
    let status = Command::new("ip").args(words.split(' ')).status();
    let status = status.context("ip is missing: apt install iproute2")?;
    ensure!(status.success(), "ip {words}");
    Ok(())
}

fn lay_cables() -> anyhow::Result<()> {
    ip("link set lo up")?;
    for iface in 0..=DOWNSTREAM {
        let name = name(iface);
        ip(&format!("link add {name} type veth peer name p{name}"))?;
        ip(&format!("addr add {}/24 dev {name}", address(iface)))?;
        ip(&format!("link set {name} up"))?;
        ip(&format!("link set p{name} up"))?;
    }
    ip(&format!(
        "route add 10.9.0.0/16 via {} dev upstream",
        neighbor(0)
    ))
}

/// The daemon; killed when dropped.
struct Daemon {
    process: Child,
    socket: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("router_scale: mcrd was not ended: {error}");
        }
    }
}

impl Daemon {
    fn start(programs: &Path, igmp: &str) -> anyhow::Result<Daemon> {
        let folder = std::env::temp_dir().join(format!("router_scale-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let config = folder.join("mcrd.json5");
        let on: Vec<String> = (0..=DOWNSTREAM)
            .map(|iface| format!("{}: {{}}", name(iface)))
            .collect();
        let on = on.join(", ");
        fs::write(
            &config,
            format!("{{ pim: {{ interfaces: {{ {on} }} }}, igmp: {{ {igmp} }} }}"),
        )?;
        let log = File::create(folder.join("log"))?;
        let socket = folder.join("control.sock");
        let process = Command::new(programs.join("mcrd"))
            .args(["run", "--log-level", "error", "--config"])
            .arg(&config)
            .arg("--socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let daemon = Daemon { process, socket };
        wait("mcrd answers", || {
            Ok(Client::connect(&daemon.socket, SOON).is_ok())
        })?;
        wait("the workers run", || daemon.all_hold(0))?;
        Ok(daemon)
    }

    fn workers(&self) -> anyhow::Result<Vec<Worker>> {
        let mut client = Client::connect(&self.socket, SOON)?;
        Ok(client.call(Method::Workers {})?)
    }

    /// Every worker runs, holds so many entries, and has been found right.
    fn all_hold(&self, entries: u32) -> anyhow::Result<bool> {
        let workers = self.workers()?;
        Ok(workers.len() == usize::from(DOWNSTREAM) + 1
            && workers.iter().all(|worker| {
                worker.state == WorkerState::Running
                    && worker.in_sync
                    && worker.entries == u64::from(entries)
            }))
    }

    fn usage(&self) -> anyhow::Result<Usage> {
        let mut usage = Usage {
            router: cpu(self.process.id())?,
            router_mb: resident(self.process.id())?,
            ..Usage::default()
        };
        for pid in self.workers()?.into_iter().filter_map(|worker| worker.pid) {
            usage.workers += cpu(pid)?;
            usage.workers_mb += resident(pid)?;
        }
        Ok(usage)
    }
}

#[derive(Clone, Copy, Default)]
struct Usage {
    router: f64,
    workers: f64,
    router_mb: f64,
    workers_mb: f64,
}

/// Seconds of CPU that a process has taken.
fn cpu(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
    let ticks = |at: usize| -> anyhow::Result<f64> {
        Ok(fields
            .split_whitespace()
            .nth(at)
            .context("/proc/PID/stat")?
            .parse()?)
    };
    let second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok((ticks(11)? + ticks(12)?) / second as f64)
}

/// Megabytes of memory that are the process's own: what several share, such as
/// the program, is divided among them.
fn resident(pid: u32) -> anyhow::Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.context("no Pss in smaps_rollup")?.parse()?;
    Ok(kilobytes / 1024.0)
}

fn wait(what: &str, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + SOON;
    while !done()? {
        if Instant::now() > deadline {
            bail!("within {} s not so: {what}", SOON.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The neighbours, on the far ends of the cables.
struct Neighbors {
    sender: Sender,
    ends: Vec<u32>,
}

impl Neighbors {
    fn new() -> anyhow::Result<Neighbors> {
        let end = |iface| if_nametoindex(format!("p{}", name(iface)).as_str());
        Ok(Neighbors {
            sender: Sender::open()?,
            ends: (0..=DOWNSTREAM).map(end).collect::<Result<_, _>>()?,
        })
    }

    fn say(&self, iface: u8, payload: &[u8]) -> anyhow::Result<()> {
        let (src, dst) = (neighbor(iface), pim::ALL_PIM_ROUTERS);
        let header = ipv4::Header::new(src, dst, 103, 1, payload.len());
        let header = header.context("too long a message")?;
        let packet = [header.as_bytes(), payload].concat();
        let end = self.ends[usize::from(iface)];
        Ok(self.sender.send(end, ALL_PIM_ROUTERS_MAC, &packet)?)
    }

    fn greet(&self) -> anyhow::Result<()> {
        (0..=DOWNSTREAM).try_for_each(|iface| self.say(iface, &hello()))
    }
}

/// All messages that join the channels on all interfaces, as the neighbours
/// would send them at the same time.
fn joins(channels: Channels) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    for iface in 1..=DOWNSTREAM {
        let messages = join_prunes(iface, channels, Sign::Join);
        all.extend(
            messages
                .into_iter()
                .enumerate()
                .map(|(at, message)| (at, iface, message)),
        );
    }
    all.sort_by_key(|(at, iface, _)| (*at, *iface));
    all.into_iter()
        .map(|(_, iface, message)| (iface, message))
        .collect()
}

/// Says all within this time, at an even pace.
fn pace(neighbors: &Neighbors, messages: &[(u8, Vec<u8>)], within: Duration) -> anyhow::Result<()> {
    let start = Instant::now();
    let step = within / u32::try_from(messages.len())?;
    for (number, (iface, message)) in (0..).zip(messages) {
        let due = start + step * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        neighbors.say(*iface, message)?;
    }
    std::thread::sleep((start + within).saturating_duration_since(Instant::now()));
    Ok(())
}

fn started(programs: &Path) -> anyhow::Result<(Daemon, Neighbors)> {
    let daemon = Daemon::start(programs, "")?;
    let neighbors = Neighbors::new()?;
    neighbors.greet()?;
    let mut client = Client::connect(&daemon.socket, SOON)?;
    wait("the neighbours are known", || {
        let known: Vec<serde_json::Value> = client.call(Method::PimNeighbors {})?;
        Ok(known.len() == usize::from(DOWNSTREAM) + 1)
    })?;
    Ok((daemon, neighbors))
}

fn row(what: &str, known: u32, before: Usage, after: Usage, wall: Duration) {
    println!(
        "{what:24}{known:>8}{:>10.2}{:>10.2}{:>8.2}{:>8.0}{:>8.0}",
        after.router - before.router,
        after.workers - before.workers,
        wall.as_secs_f64(),
        after.router_mb,
        after.router_mb + after.workers_mb,
    );
}

fn learn(programs: &Path, channels: Channels) -> anyhow::Result<()> {
    let (daemon, neighbors) = started(programs)?;
    let before = daemon.usage()?;
    let start = Instant::now();
    pace(&neighbors, &joins(channels), Duration::from_secs(1))?;
    // One entry for each (S,G) and input interface.
    wait("the workers hold all", || daemon.all_hold(ALL))?;
    let what = format!("learn, {} groups", channels.groups);
    row(&what, ALL, before, daemon.usage()?, start.elapsed());
    Ok(())
}

/// All is refreshed once in each interval, as evenly as neighbours do that were
/// joined at different times.
fn steady(programs: &Path, intervals: u32) -> anyhow::Result<()> {
    let channels = Channels {
        groups: 100,
        sources: ALL / 100,
    };
    let (daemon, neighbors) = started(programs)?;
    let all = joins(channels);
    pace(&neighbors, &all, Duration::from_secs(1))?;
    wait("the workers hold all", || daemon.all_hold(ALL))?;
    let before = daemon.usage()?;
    let start = Instant::now();
    for _ in 0..intervals {
        neighbors.greet()?;
        pace(&neighbors, &all, REFRESH)?;
    }
    let (after, wall) = (daemon.usage()?, start.elapsed());
    ensure!(daemon.all_hold(ALL)?, "routes were lost");
    row(
        &format!("{intervals} refresh intervals"),
        ALL,
        before,
        after,
        wall,
    );
    let share = |cpu: f64| 100.0 * cpu / wall.as_secs_f64();
    println!(
        "{:24}a core: {:.2} % router, {:.2} % workers",
        "",
        share(after.router - before.router),
        share(after.workers - before.workers)
    );
    Ok(())
}

/// 5000 groups of hosts on `d1`, which are asked ten times.
fn hosts(programs: &Path) -> anyhow::Result<()> {
    const QUERIES: u32 = 10;
    let daemon = Daemon::start(
        programs,
        "interfaces: { d1: { query_interval: 5, query_response_interval: 2, \
         startup_query_interval: 5 } }",
    )?;
    let before = daemon.usage()?;
    let start = Instant::now();
    let mut hosts = Command::new(programs.join("mcrgen"))
        .args(["hosts", "--interface", "pd1", "--hosts", "200"])
        .args(["--address", &Ipv4Addr::new(10, 0, 1, 50).to_string()])
        .args(["--group", "239.1.0.0", "--groups", &GROUPS.to_string()])
        .args(["--json", "--interval", "1s"])
        .stdout(Stdio::null())
        .spawn()?;
    let told = hosts_known(&daemon, before, start, QUERIES);
    hosts.kill()?;
    hosts.wait()?;
    told
}

fn hosts_known(daemon: &Daemon, before: Usage, start: Instant, queries: u32) -> anyhow::Result<()> {
    let mut client = Client::connect(&daemon.socket, SOON)?;
    let mut groups = || -> anyhow::Result<usize> {
        let known: Vec<IgmpInterface> = client.call(Method::IgmpInterfaces {})?;
        let groups = known.iter().map(|iface| iface.groups);
        Ok(groups.sum())
    };
    wait("all groups are known", || Ok(groups()? == GROUPS as usize))?;
    let wall = start.elapsed();
    let joined = daemon.usage()?;
    row("hosts join", GROUPS, before, joined, wall);
    let start = Instant::now();
    let mut least = usize::MAX;
    while start.elapsed() < Duration::from_secs(5) * queries {
        std::thread::sleep(Duration::from_millis(100));
        least = least.min(groups()?);
    }
    row(
        &format!("{queries} query intervals"),
        u32::try_from(least)?,
        joined,
        daemon.usage()?,
        start.elapsed(),
    );
    Ok(())
}
