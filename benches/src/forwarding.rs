//! The cables, the sender, the systems and the counting of the end-to-end
//! forwarding benchmark. Everything is in one network namespace of its own.

use std::env;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mcr_dataplane::channel::{
    self, CHANNEL_FD, FromWorker, Level, SupervisorEnd, ToWorker, WorkerConfig,
};
use mcr_dataplane::counters::{CounterFile, Slot};
use mcr_dataplane::gate::GateFile;
use mcr_proto::fib::{Egress, FibEntry, FibKey, FibOutput, Rewrite, TtlRewrite};
use mcr_proto::id::{GroupAddr, IfIndex, IpProtocol, MacAddr, Port, Ttl};
use mcr_sys::frames::{Batch, Outgoing, Piece, Source};
use mcr_sys::mmsg::PacketCalls;
use mcr_sys::{features, packet, spawn};
use mcr_wire::checksum;
use nix::net::if_::if_nametoindex;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The CPU of the sender, and of the relay with the sinks.
pub const SENDER_CPU: usize = 0;
/// See [`SENDER_CPU`].
pub const RELAY_CPU: usize = 1;

const ISOLATED: &str = "MCR_BENCH_ISOLATED";
const GROUP: [u8; 4] = [239, 1, 1, 1];
const PORT: u16 = 5000;

/// Runs this program again in a network namespace of its own; `None` if it is
/// in one already.
///
/// # Errors
/// There is no such namespace to be had.
pub fn isolate() -> anyhow::Result<Option<ExitStatus>> {
    if env::var_os(ISOLATED).is_some() {
        return Ok(None);
    }
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--"]).arg(env::current_exe()?);
    command.args(env::args_os().skip(1)).env(ISOLATED, "1");
    Ok(Some(command.status().context("unshare (util-linux)")?))
}

/// Binds the calling thread to a CPU.
///
/// # Errors
/// There is no such CPU.
pub fn pin(cpu: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("no CPU {cpu}"))
}

/// The cables: `src0` to `in0`, and `out0..` to `dst0..`.
#[derive(Debug)]
pub struct Cables {
    outputs: usize,
}

impl Cables {
    /// Lays them. With `segmentation` off, as it is on most network cards, each
    /// copy crosses an output as a frame of its own.
    ///
    /// # Errors
    /// `ip` is missing or refuses.
    pub fn lay(outputs: usize, segmentation: bool, merging: bool) -> anyhow::Result<Cables> {
        ip("link set lo up")?;
        cable("in0", "src0")?;
        if merging {
            features::set("in0", features::GRO, true)?;
            features::set("in0", features::GRO_FORWARDING, true)?;
        }
        for n in 0..outputs {
            let name = format!("out{n}");
            cable(&name, &format!("dst{n}"))?;
            features::set(&name, features::UDP_SEGMENTATION, segmentation)?;
        }
        Ok(Cables { outputs })
    }

    /// Packets of `payload` bytes that arrived at the far ends of the first
    /// `fanout` outputs, as the kernel counts them; merged ones by their bytes.
    ///
    /// # Errors
    /// /proc/net/dev cannot be read.
    pub fn delivered(&self, fanout: usize, payload: usize) -> anyhow::Result<u64> {
        let text = fs::read_to_string("/proc/net/dev")?;
        let mut copies = 0;
        for line in text.lines() {
            let Some((name, figures)) = line.trim().split_once(':') else {
                continue;
            };
            let number = name
                .strip_prefix("dst")
                .and_then(|n| n.parse::<usize>().ok());
            if number.is_none_or(|n| n >= fanout.min(self.outputs)) {
                continue;
            }
            let mut figures = figures.split_whitespace().map(str::parse::<u64>);
            let (Some(Ok(bytes)), Some(Ok(frames))) = (figures.next(), figures.next()) else {
                bail!("/proc/net/dev: {line}");
            };
            copies += (bytes - 42 * frames) / payload as u64;
        }
        Ok(copies)
    }
}

fn cable(a: &str, b: &str) -> anyhow::Result<()> {
    ip(&format!("link add {a} type veth peer name {b}"))?;
    // What is sent carries its checksums, as on a cable.
    for end in [a, b] {
        ip(&format!("link set {end} up"))?;
    }
    Ok(())
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    let status = status.context("ip is missing: apt install iproute2")?;
    ensure!(status.success(), "ip {arguments}");
    Ok(())
}

fn index(name: &str) -> anyhow::Result<IfIndex> {
    IfIndex::new(if_nametoindex(name)?).context("an interface without a number")
}

/// Sends frames with `payload` bytes at `rate` a second for `time`, open loop;
/// how many were sent.
///
/// # Errors
/// The socket fails.
pub fn send(rate: f64, payload: usize, time: Duration) -> anyhow::Result<u64> {
    let socket = packet::open_output(index("src0")?.get())?;
    let (end, _other) = mcr_sys::channel::SeqPacket::pair()?;
    let unused = end.as_fd().try_clone_to_owned()?;
    let mut calls = PacketCalls::new(unused.try_clone()?, unused)?;
    let sockets = [Some(socket)];
    let mut batch = Batch::default();
    batch.headers.extend_from_slice(&[0; 10]);
    batch.headers.extend_from_slice(&frame(payload));
    let (mut outcomes, mut sent, mut tried) = (Vec::new(), 0u64, 0u64);
    let start = Instant::now();
    loop {
        let elapsed = start.elapsed();
        if elapsed >= time {
            return Ok(sent);
        }
        let due = (elapsed.as_secs_f64() * rate) as u64;
        let count = due.saturating_sub(tried).min(32) as usize;
        if count == 0 {
            std::hint::spin_loop();
            continue;
        }
        batch.messages.clear();
        batch.pieces.clear();
        for first in 0..count {
            batch.pieces.push(Piece {
                source: Source::Headers,
                offset: 0,
                len: batch.headers.len() as u32,
            });
            batch.messages.push(Outgoing {
                socket: 0,
                first,
                pieces: 1,
            });
        }
        calls.transmit(&batch, &sockets, &mut outcomes)?;
        tried += count as u64;
        sent += outcomes.iter().filter(|errno| **errno == 0).count() as u64;
    }
}

fn frame(payload: usize) -> Vec<u8> {
    let mut frame = vec![1, 0, 0x5e, 1, 1, 1, 2, 0, 0, 0, 9, 9, 8, 0];
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 16, 17, 0, 0, 10, 0, 0, 1];
    ip.extend_from_slice(&GROUP);
    ip[2..4].copy_from_slice(&(payload as u16 + 28).to_be_bytes());
    let sum = checksum::internet(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let len = payload as u16 + 8;
    let mut udp = [4000u16, PORT, len, 0].map(u16::to_be_bytes).concat();
    udp.resize(usize::from(len), 0x5a);
    let sum = checksum::udp([10, 0, 0, 1].into(), GROUP.into(), &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    frame.extend(ip);
    frame.extend(udp);
    frame
}

fn rewrite_for(output: usize) -> Rewrite {
    Rewrite {
        source: Some([192, 0, 2, output as u8].into()),
        source_port: None,
        destination: Some([239, 9, 9, output as u8].into()),
        port: Port::new(6000),
        ttl: TtlRewrite::Set(Ttl::MIN),
        dscp: None,
    }
}

fn macs(output: usize) -> [u8; 12] {
    [1, 0, 0x5e, 9, 9, output as u8, 2, 0, 0, 0, 1, output as u8]
}

/// A system under test, running.
#[derive(Debug)]
pub struct System {
    child: Child,
    /// Held, because a worker ends with its supervisor.
    _supervisor: Option<SupervisorEnd>,
}

impl System {
    /// mcrd's worker, driven through its channel.
    ///
    /// # Errors
    /// It does not start.
    pub fn worker(fanout: usize, io_uring: bool) -> anyhow::Result<System> {
        let (supervisor, end) = channel::pair()?;
        let mut command = Command::new(env::current_exe()?);
        command.arg("worker");
        spawn::pass_descriptor(&mut command, end, CHANNEL_FD);
        let child = command.spawn()?;
        let iif = index("in0")?;
        let rx = packet::open_input(iif.get(), None)?;
        let counters = CounterFile::create()?;
        let config = WorkerConfig {
            interface: "in0".to_owned(),
            iif,
            cpu: Some(RELAY_CPU as u32),
            allow_io_uring: io_uring,
            log_level: Level::Warn,
        };
        let gates = GateFile::create()?;
        let fds = [rx.as_fd(), counters.as_fd(), gates.as_fd()];
        supervisor.send(&ToWorker::Start(config), &fds)?;
        let mut outputs = Vec::new();
        for n in 0..fanout {
            let oif = index(&format!("out{n}"))?;
            let tx = packet::open_output(oif.get())?;
            supervisor.send(&ToWorker::OpenOutput(oif), &[tx.as_fd()])?;
            let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = macs(n);
            outputs.push(FibOutput {
                egress: Egress::Ready {
                    oif,
                    source_mac: MacAddr([s0, s1, s2, s3, s4, s5]),
                    destination_mac: MacAddr([d0, d1, d2, d3, d4, d5]),
                    mtu: 1500,
                },
                rewrite: rewrite_for(n),
            });
        }
        let key = FibKey {
            iif,
            group: GroupAddr::try_from(std::net::Ipv4Addr::from(GROUP))?,
            source: None,
            protocol: IpProtocol::UDP,
            port: Port::new(PORT),
        };
        let rule = "bench".parse()?;
        let entry = FibEntry { rule, outputs };
        let slot = Slot(0);
        supervisor.send(&ToWorker::Set { key, entry, slot }, &[])?;
        supervisor.send(&ToWorker::Commit(1), &[])?;
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match supervisor.recv() {
                Ok(Some(FromWorker::Applied { .. })) => break,
                Ok(Some(_)) => {}
                Ok(None) => bail!("the worker ended"),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    ensure!(Instant::now() < end, "the worker does not answer");
                    std::thread::yield_now();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(System {
            child,
            _supervisor: Some(supervisor),
        })
    }

    /// The simple relay.
    ///
    /// # Errors
    /// It does not start.
    pub fn plain(fanout: usize) -> anyhow::Result<System> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["plain", &fanout.to_string()]);
        Ok(System {
            child: command.spawn()?,
            _supervisor: None,
        })
    }

    /// One socat for each output. It cannot duplicate, so each receives for
    /// itself, by UDP sockets.
    ///
    /// # Errors
    /// It is not installed.
    pub fn socat() -> anyhow::Result<System> {
        ip("addr replace 10.0.0.2/24 dev in0")?;
        ip("addr replace 10.0.1.2/24 dev out0")?;
        let mut command = Command::new("taskset");
        command.args(["-c", &RELAY_CPU.to_string(), "socat", "-u", "-b", "65536"]);
        command.arg(format!(
            "UDP4-RECV:{PORT},ip-add-membership=239.1.1.1:in0,rcvbuf=8388608"
        ));
        command.arg("UDP4-SENDTO:239.9.9.0:6000,ip-multicast-if=10.0.1.2");
        command.stdout(Stdio::null()).process_group(0);
        Ok(System {
            child: command.spawn()?,
            _supervisor: None,
        })
    }

    /// CPU time used so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().context("schedstat")?;
            nanos += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// What the child processes of the benchmark do, by their first argument;
/// `false` if this is not one of them.
///
/// # Errors
/// The relay failed.
pub fn child(arguments: &[String]) -> anyhow::Result<bool> {
    match arguments {
        [what] if what == "worker" => {
            let channel = mcr_sys::channel::inherited(CHANNEL_FD)?;
            nix::unistd::close(CHANNEL_FD)?;
            mcr_dataplane::packet::worker::run(channel)?;
        }
        [what, fanout] if what == "plain" => {
            pin(RELAY_CPU)?;
            let outputs = (0..fanout.parse()?)
                .map(|n| Ok((index(&format!("out{n}"))?.get(), macs(n), rewrite_for(n))))
                .collect::<anyhow::Result<Vec<_>>>()?;
            crate::plain_relay::run(index("in0")?.get(), &outputs)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
