//! `mcrgen send` against a plain sendmmsg loop into a veth, one core each, and
//! `mcrgen recv` at 300 000 datagrams a second.
//!
//! The senders take turns in rounds, so that what else the machine does hits
//! all of them; medians are compared. Nobody has joined in these rounds: the
//! peer drops what arrives. Needs root, or user namespaces.
//!
//! `cargo bench -p mcr-benches --bench generator`; MCR_BENCH_ROUNDS and
//! MCR_BENCH_SECONDS change the number and length of the rounds.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mcr_sys::udp::{Datagram, SendConfig, SendScratch, send_many, sender};
use nix::net::if_::if_nametoindex;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde_json::{Value, json};

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 1, 1, 1), 5000);
/// The first argument that makes this program the plain sender.
const PLAIN: &str = "plain-sender";
const BATCH: usize = 64;
const SIZES: [usize; 2] = [100, 1400];
/// More than any of them reaches.
const FASTEST: &str = "100Mpps";
const RECEIVER_RATE: u64 = 300_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(PLAIN) => plain_sender(&arguments[1..]),
        // A test runner asks what there is: nothing to test.
        Some("--list" | "--test") => Ok(()),
        Some(_) | None => bench(),
    }
}

/// What a person writes in an afternoon: the same datagram, 64 a system call.
fn plain_sender(arguments: &[String]) -> anyhow::Result<()> {
    let [size, seconds] = arguments else {
        bail!("usage: {PLAIN} SIZE SECONDS");
    };
    let payload = vec![0x55; size.parse()?];
    let time = Duration::from_secs_f64(seconds.parse()?);
    pin(0)?;
    let socket = sender(&SendConfig {
        bind: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
        interface: Some(if_nametoindex("v0")?),
        ttl: 1,
        dscp: 0,
        multicast_loop: true,
    })?;
    let datagrams = [Datagram {
        to: GROUP,
        parts: [&payload, &[]],
    }; BATCH];
    let mut scratch = SendScratch::new();
    let mut sent = 0;
    let start = Instant::now();
    while start.elapsed() < time {
        sent += send_many(socket.as_fd(), &datagrams, &mut scratch)?;
    }
    println!("{}", sent as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn pin(cpu: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("pinning to a core")
}

fn bench() -> anyhow::Result<()> {
    let number = |name: &str, default: f64| -> anyhow::Result<f64> {
        match std::env::var(name) {
            Ok(text) => text.parse().context(name.to_owned()),
            Err(_) => Ok(default),
        }
    };
    let rounds = number("MCR_BENCH_ROUNDS", 7.0)?.max(1.0) as usize;
    let seconds = number("MCR_BENCH_SECONDS", 0.5)?;
    let mcrgen = build_mcrgen()?;
    let world = World::new()?;
    let mut rows = Vec::new();
    for size in SIZES {
        rows.push(compare(&world, &mcrgen, size, rounds, seconds)?);
    }
    let receiver = receive(&world, &mcrgen, (seconds * 6.0).max(1.0))?;
    print(&rows, &receiver);
    println!("{}", json!({ "senders": rows, "receiver": receiver }));
    let slower = rows.iter().any(|row| row["ratio"].as_f64() < Some(1.0));
    ensure!(
        !slower,
        "mcrgen send is slower than a plain sendmmsg sender"
    );
    let drops = &receiver["socket_drops"];
    ensure!(
        drops == 0,
        "mcrgen recv dropped {drops} datagrams of its own"
    );
    Ok(())
}

fn compare(
    world: &World,
    mcrgen: &Path,
    size: usize,
    rounds: usize,
    seconds: f64,
) -> anyhow::Result<Value> {
    let this = std::env::current_exe()?;
    let mut figures = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let mut command = world.at(&world.sender, &this);
        command.args([PLAIN, &size.to_string(), &seconds.to_string()]);
        figures[0].push(output(command)?.trim().parse()?);
        for (figure, option) in [(1, &[][..]), (2, &["--no-gso"])] {
            let mut command = world.pinned(&world.sender, 0, mcrgen);
            command.args(["send", "--json", "--interface", "v0", "--port", "5000"]);
            command.args(["--group", "239.1.1.1", "--ttl", "1", "--rate", FASTEST]);
            command.args(["--size", &size.to_string()]);
            command.args(["--duration", &format!("{}ms", (seconds * 1e3) as u64)]);
            command.args(option);
            let report = last_line(&output(command)?)?;
            let errors = &report["errors"];
            ensure!(errors == 0, "the kernel refused {errors} datagrams");
            figures[figure].push(report["pps"].as_f64().context("no pps in the report")?);
        }
    }
    let [plain, full, without] = figures.map(median);
    Ok(json!({
        "size": size,
        "plain_pps": plain,
        "mcrgen_pps": full,
        "mcrgen_no_gso_pps": without,
        "ratio": full / plain,
        "ratio_no_gso": without / plain,
    }))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Sender and receiver on a core each.
fn receive(world: &World, mcrgen: &Path, seconds: f64) -> anyhow::Result<Value> {
    let mut command = world.pinned(&world.receiver, 1, mcrgen);
    command.args([
        "recv",
        "--json",
        "--interface",
        "v1",
        "--group",
        "239.1.1.1",
    ]);
    command.args(["--port", "5000", "--interval", "100ms"]);
    let receiver = command.stdout(Stdio::piped()).spawn()?;
    let mut receiver = Held(receiver);
    let mut lines = receiver.0.stdout.take().context("no standard output")?;
    // Its first line says that it has joined.
    let mut byte = [0];
    while byte != *b"\n" {
        lines.read_exact(&mut byte)?;
    }
    let count = (RECEIVER_RATE as f64 * seconds) as u64;
    let mut command = world.pinned(&world.sender, 0, mcrgen);
    command.args([
        "send",
        "--json",
        "--interface",
        "v0",
        "--group",
        "239.1.1.1",
    ]);
    command.args(["--port", "5000", "--size", "100"]);
    command.args(["--rate", &format!("{RECEIVER_RATE}pps")]);
    command.args(["--count", &count.to_string()]);
    let sent = last_line(&output(command)?)?;
    kill(
        Pid::from_raw(i32::try_from(receiver.0.id())?),
        Signal::SIGTERM,
    )?;
    let mut text = String::new();
    lines.read_to_string(&mut text)?;
    let report = last_line(&text)?;
    let flow = &report["flows"][0];
    Ok(json!({
        "pps": sent["pps"],
        "sent": sent["sent"],
        "received": flow["received"],
        "lost": flow["lost"],
        "socket_drops": report["socket_drops"],
        "latency": flow["latency"],
    }))
}

fn print(rows: &[Value], receiver: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    println!("Datagrams a second into a veth, one core, in thousands (medians)");
    println!(
        "{:>6} {:>14} {:>10} {:>7} {:>14} {:>7}",
        "size", "plain sendmmsg", "mcrgen", "ratio", "without GSO", "ratio"
    );
    for row in rows {
        println!(
            "{:>6} {:>14.0} {:>10.0} {:>7.2} {:>14.0} {:>7.2}",
            row["size"],
            number(&row["plain_pps"]) / 1e3,
            number(&row["mcrgen_pps"]) / 1e3,
            number(&row["ratio"]),
            number(&row["mcrgen_no_gso_pps"]) / 1e3,
            number(&row["ratio_no_gso"]),
        );
    }
    println!(
        "Receiver, at {:.0} of {RECEIVER_RATE} pps:\n\
         {} sent, {} received, {} lost, {} own drops",
        number(&receiver["pps"]),
        receiver["sent"],
        receiver["received"],
        receiver["lost"],
        receiver["socket_drops"]
    );
}

fn last_line(text: &str) -> anyhow::Result<Value> {
    let line = text.lines().last().context("no report")?;
    serde_json::from_str(line).context("a report that is no JSON")
}

fn output(mut command: Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).context("output that is no text")
}

/// The program as people run it.
fn build_mcrgen() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(&root);
    build.args(["build", "--quiet", "--release", "--package", "mcrgen"]);
    ensure!(build.status()?.success(), "mcrgen does not build");
    // This program is target/release/deps/NAME.
    let this = std::env::current_exe()?;
    let folder = this.parent().and_then(Path::parent).context("no folder")?;
    Ok(folder.join("mcrgen"))
}

/// A process that ends with this one.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // It has ended already where this fails.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// Two network namespaces and a veth pair between them.
struct World {
    sender: Held,
    receiver: Held,
    user: bool,
}

impl World {
    fn new() -> anyhow::Result<Self> {
        let user = !Uid::effective().is_root();
        let mut command = Command::new("unshare");
        if user {
            command.args(["--user", "--map-root-user"]);
        }
        let sender = hold(command)?;
        let mut command = enter(&sender, user);
        command.arg("unshare");
        let receiver = hold(command)?;
        let world = Self {
            sender,
            receiver,
            user,
        };
        let peer = world.receiver.0.id();
        for (end, arguments) in [
            (
                &world.sender,
                format!("link add v0 type veth peer name v1 netns {peer}"),
            ),
            (&world.sender, "addr add 10.9.0.1/24 dev v0".to_owned()),
            (&world.receiver, "addr add 10.9.0.2/24 dev v1".to_owned()),
            (&world.sender, "link set v0 up".to_owned()),
            (&world.receiver, "link set v1 up".to_owned()),
        ] {
            let mut command = world.at(end, Path::new("ip"));
            command.args(arguments.split_whitespace());
            output(command)?;
        }
        Ok(world)
    }

    fn at(&self, end: &Held, program: &Path) -> Command {
        let mut command = enter(end, self.user);
        command.arg(program);
        command
    }

    fn pinned(&self, end: &Held, cpu: usize, program: &Path) -> Command {
        let mut command = self.at(end, Path::new("taskset"));
        command.args(["--cpu-list", &cpu.to_string()]).arg(program);
        command
    }
}

fn enter(end: &Held, user: bool) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &end.0.id().to_string(), "--net"]);
    if user {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.arg("--");
    command
}

/// Starts `unshare --net cat`, and waits until it has become `cat`.
fn hold(mut command: Command) -> anyhow::Result<Held> {
    command.args(["--net", "cat"]).stdin(Stdio::piped());
    let mut held = Held(command.stdout(Stdio::null()).spawn()?);
    let name = format!("/proc/{}/comm", held.0.id());
    while std::fs::read_to_string(&name)?.trim() != "cat" {
        ensure!(
            held.0.try_wait()?.is_none(),
            "{command:?} makes no network namespace: run as root"
        );
        std::thread::yield_now();
    }
    Ok(held)
}
