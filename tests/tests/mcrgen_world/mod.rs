//! Two network namespaces with a veth pair between them, and `mcrgen` in them.
//!
//! As root these are plain namespaces, otherwise they are in a user namespace.
//! Each is held open by a process that ends with the test, however it ends.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mcr_tests::{eventually, program, skip};
use mcrgen::report::{RecvReport, Report, SendReport};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

/// How long anything may take that happens at once on an idle machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    a: Holder,
    b: Holder,
    user: bool,
}

/// A process that holds a namespace.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl World {
    /// `v0` with 10.9.0.1 and 10.9.0.3 in the sender's namespace, `v1` with
    /// 10.9.0.2 in the receiver's. `None`, and said so, where that is not
    /// possible.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let user = !Uid::effective().is_root();
        let mut first = Command::new("unshare");
        if user {
            first.args(["--user", "--map-root-user"]);
        }
        first.args(["--net", "cat"]);
        let a = match hold(first) {
            Ok(holder) => holder,
            Err(reason) => {
                skip(test, &reason, "run as root, or allow user namespaces");
                return None;
            }
        };
        let mut second = enter(a.0.id(), user, "unshare");
        second.args(["--net", "cat"]);
        let b = hold(second).unwrap();
        let world = Self { a, b, user };
        world.connect();
        world.sender("sh", "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter");
        world.receiver("sh", "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter");
        world.receiver("sh", "echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter");
        Some(world)
    }

    /// Makes the veth pair and gives it its addresses.
    pub(crate) fn connect(&self) {
        let peer = self.b.0.id();
        self.sender(
            "ip",
            &format!("link add v0 type veth peer name v1 netns {peer}"),
        );
        self.sender("ip", "addr add 10.9.0.1/24 dev v0");
        self.sender("ip", "addr add 10.9.0.3/24 dev v0");
        self.receiver("ip", "addr add 10.9.0.2/24 dev v1");
        self.sender("ip", "link set v0 up");
        self.receiver("ip", "link set v1 up");
        self.receiver("sh", "echo 0 >/proc/sys/net/ipv4/conf/v1/rp_filter");
        // Without a carrier what is sent is thrown away.
        let up = |output: String| output.contains("LOWER_UP");
        let ready =
            || up(self.sender("ip", "link show v0")) && up(self.receiver("ip", "link show v1"));
        assert!(
            eventually(DEADLINE, ready),
            "the veth pair does not come up"
        );
    }

    /// Runs a command in the sender's namespace and gives its output.
    pub(crate) fn sender(&self, program: &str, arguments: &str) -> String {
        run(self.in_sender(program), program, arguments)
    }

    /// Runs a command in the receiver's namespace and gives its output.
    pub(crate) fn receiver(&self, program: &str, arguments: &str) -> String {
        run(self.in_receiver(program), program, arguments)
    }

    /// A command in the sender's namespace.
    pub(crate) fn in_sender(&self, program: &str) -> Command {
        enter(self.a.0.id(), self.user, program)
    }

    /// A command in the receiver's namespace.
    pub(crate) fn in_receiver(&self, program: &str) -> Command {
        enter(self.b.0.id(), self.user, program)
    }

    /// Starts `mcrgen send` there.
    pub(crate) fn send(&self, arguments: &str) -> Running {
        let mut command = self.in_sender(mcrgen().to_str().unwrap());
        command.args(["send", "--json"]);
        command.args(arguments.split_whitespace());
        Running::start(command)
    }

    /// Starts `mcrgen recv` at `v1`, and waits until it has joined.
    pub(crate) fn recv(&self, arguments: &str) -> Running {
        let mut command = self.in_receiver(mcrgen().to_str().unwrap());
        command.args(["recv", "--json", "--interface", "v1", "--interval", "20ms"]);
        command.args(arguments.split_whitespace());
        let mut running = Running::start(command);
        running.until(|_| true);
        running
    }
}

pub(crate) fn mcrgen() -> PathBuf {
    program("mcrgen").unwrap()
}

fn enter(pid: u32, user: bool, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--net"]);
    if user {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.arg("--").arg(program);
    command
}

/// Starts a process that makes a namespace and then waits for its input, which
/// ends with this test.
fn hold(mut command: Command) -> Result<Holder, String> {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let mut holder = Holder(child);
    let own = std::fs::read_link("/proc/self/ns/net").map_err(|error| error.to_string())?;
    let comm = format!("/proc/{}/comm", holder.0.id());
    let theirs = format!("/proc/{}/ns/net", holder.0.id());
    let mut ended = None;
    // It has become `cat` when the namespace is made.
    let ready = eventually(DEADLINE, || {
        ended = holder.0.try_wait().ok().flatten();
        ended.is_some()
            || (std::fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "cat")
                && std::fs::read_link(&theirs).is_ok_and(|link| link != own))
    });
    match ended {
        None if ready => Ok(holder),
        Some(_) | None => Err(format!("{command:?} makes no namespace")),
    }
}

fn run(mut command: Command, program: &str, arguments: &str) -> String {
    if program == "sh" {
        command.args(["-c", arguments]);
    } else {
        command.args(arguments.split_whitespace());
    }
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A program that prints reports.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// The next line; `None` at the end of the output.
    pub(crate) fn line(&mut self, deadline: Duration) -> Option<String> {
        match self.lines.recv_timeout(deadline) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {deadline:?}"),
        }
    }

    /// Reads lines until one fits, and gives it.
    pub(crate) fn until(&mut self, fits: impl Fn(&Report) -> bool) -> Report {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.line(left).expect("the program ended");
            let report = serde_json::from_str(&line).expect(&line);
            if fits(&report) {
                return report;
            }
        }
    }

    /// Waits for the end. Gives the reports and the exit status.
    pub(crate) fn finish(mut self) -> (Vec<Report>, ExitStatus) {
        let mut reports = Vec::new();
        while let Some(line) = self.line(DEADLINE) {
            reports.push(serde_json::from_str(&line).expect(&line));
        }
        (reports, self.child.wait().unwrap())
    }

    /// Waits for the end. Gives the lines and the exit status.
    pub(crate) fn finish_text(mut self) -> (Vec<String>, ExitStatus) {
        let lines = std::iter::from_fn(|| self.line(DEADLINE)).collect();
        (lines, self.child.wait().unwrap())
    }

    /// Reads lines until one ends with this.
    pub(crate) fn until_text(&mut self, text: &str) {
        let end = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text} but {seen:?}");
            match self.line(left) {
                Some(line) if line.ends_with(text) => return,
                Some(line) => seen.push(line),
                None => panic!("no {text} but {seen:?}"),
            }
        }
    }

    /// Ends a receiver in order. Gives its last report.
    pub(crate) fn last_recv(self) -> RecvReport {
        self.signal(Signal::SIGTERM);
        let (reports, status) = self.finish();
        assert!(status.success(), "{status}");
        match reports.into_iter().last() {
            Some(Report::Recv(report)) if report.last => report,
            other => panic!("no last report but {other:?}"),
        }
    }

    /// Waits for a sender's own end. Gives its last report.
    pub(crate) fn last_send(self) -> SendReport {
        let (reports, status) = self.finish();
        assert!(status.success(), "{status}");
        match reports.into_iter().last() {
            Some(Report::Send(report)) if report.last => report,
            other => panic!("no last report but {other:?}"),
        }
    }
}

/// What a receiver has got in all flows.
pub(crate) fn received(report: &Report) -> u64 {
    match report {
        Report::Recv(report) => report.flows.iter().map(|flow| flow.received).sum(),
        Report::Send(_) | Report::Hosts(_) => 0,
    }
}
