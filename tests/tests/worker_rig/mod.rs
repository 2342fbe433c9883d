//! A worker between cables, in a network namespace of the test's own: frames go
//! in at one end, and what comes out is captured at the others.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(unreachable_pub, reason = "it is a module of test programs")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "only tests use it"
)]

pub mod frame;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::env;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcr_dataplane::channel::{
    self, CHANNEL_FD, FromWorker, Level, PacketIo, SupervisorEnd, ToWorker, WorkerConfig,
};
use mcr_dataplane::counters::{CounterFile, DropReason, Slot};
use mcr_dataplane::gate::GateFile;
use mcr_proto::fib::{Egress, FibDigest, FibEntry, FibKey, FibOutput, Rewrite, TtlRewrite};
use mcr_proto::id::{GroupAddr, IfIndex, IpProtocol, MacAddr, Port, Ttl};
use mcr_proto::router::DataPlaneEvent;
use mcr_sys::vnet::{self, Gso};
use mcr_sys::{frames::FRAME_SIZE, packet, spawn};
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

const ISOLATED: &str = "MCR_TEST_ISOLATED";
const DEADLINE: Duration = Duration::from_secs(20);

/// Runs the test called `name` again, alone in a network namespace.
pub fn isolated(name: &str, body: impl FnOnce()) {
    if env::var_os(ISOLATED).is_some() {
        return body();
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--net", "--"]);
        command
    };
    let possible = |command: &mut Command| {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    if !possible(unshare().args(["ip", "link", "show"])) {
        let enable = "run as root or allow user namespaces, and install iproute2";
        return mcr_tests::skip(name, "no network namespace of its own", enable);
    }
    // Before the test is alone: a build may want the network.
    mcr_tests::program("mcrd").unwrap();
    let status = unshare()
        .arg(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ISOLATED, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in its namespace");
}

/// How the rig is built.
#[derive(Clone, Copy)]
pub struct Options {
    pub outputs: usize,
    pub mtu: u32,
    pub io_uring: bool,
}

/// One cable that the worker sends into.
pub struct Output {
    pub name: String,
    pub index: IfIndex,
    pub mac: MacAddr,
    capture: OwnedFd,
    captured: RefCell<VecDeque<Vec<u8>>>,
}

/// The worker and all around it.
pub struct Rig {
    pub supervisor: SupervisorEnd,
    pub counters: CounterFile,
    pub gates: GateFile,
    pub outputs: Vec<Output>,
    pub iif: IfIndex,
    pub sandbox: Vec<(String, Result<(), String>)>,
    pub io: PacketIo,
    events: RefCell<VecDeque<DataPlaneEvent>>,
    source: OwnedFd,
    child: Child,
    options: Options,
    commit: Cell<u64>,
}

pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

/// Keeps the kernel from sending anything of its own on the cables.
fn quiet() {
    match std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1") {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}

fn cable(a: &str, b: &str, mtu: u32) {
    ip(&format!(
        "link add {a} mtu {mtu} type veth peer name {b} mtu {mtu}"
    ));
    ip(&format!("link set {a} up"));
    ip(&format!("link set {b} up"));
    for end in [a, b] {
        let ready = mcr_tests::eventually(DEADLINE, || has_queue(end));
        assert!(ready, "{end} does not get ready to send");
    }
}

/// Whether an end of a cable has the queue that it gets some time after its
/// carrier. Until then it loses what it sends, and says nothing of it.
fn has_queue(name: &str) -> bool {
    let shown = Command::new("ip").args(["link", "show", name]).output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    shown.contains("state UP") && !shown.contains("qdisc noop ")
}

fn index(name: &str) -> IfIndex {
    IfIndex::new(if_nametoindex(name).unwrap()).unwrap()
}

impl Rig {
    pub fn new(options: Options) -> Rig {
        quiet();
        cable("in0", "src0", options.mtu);
        let outputs: Vec<Output> = (0..options.outputs)
            .map(|n| {
                let (name, far) = (format!("out{n}"), format!("dst{n}"));
                cable(&name, &far, options.mtu);
                Output {
                    index: index(&name),
                    name,
                    mac: MacAddr([2, 0, 0, 0, 1, n as u8]),
                    capture: packet::open_input(index(&far).get(), None).unwrap(),
                    captured: RefCell::default(),
                }
            })
            .collect();
        let iif = index("in0");
        let source = packet::open_output(index("src0").get()).unwrap();
        let counters = CounterFile::create().unwrap();
        let (child, supervisor) = spawn_worker();
        let mut rig = Rig {
            supervisor,
            counters,
            gates: GateFile::create().unwrap(),
            outputs,
            iif,
            sandbox: Vec::new(),
            io: PacketIo::IoUring,
            events: RefCell::default(),
            source,
            child,
            options,
            commit: Cell::new(0),
        };
        rig.start();
        rig
    }

    /// Ends the worker the hard way and starts another with the same counters.
    pub fn replace_worker(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.supervisor) = spawn_worker();
        self.start();
    }

    fn start(&mut self) {
        let rx = packet::open_input(self.iif.get(), None).unwrap();
        let config = WorkerConfig {
            interface: "in0".to_owned(),
            iif: self.iif,
            cpu: None,
            allow_io_uring: self.options.io_uring,
            log_level: Level::Trace,
        };
        let fds = [rx.as_fd(), self.counters.as_fd(), self.gates.as_fd()];
        self.supervisor
            .send(&ToWorker::Start(config), &fds)
            .unwrap();
        for output in &self.outputs {
            let tx = packet::open_output(output.index.get()).unwrap();
            let open = ToWorker::OpenOutput(output.index);
            self.supervisor.send(&open, &[tx.as_fd()]).unwrap();
        }
        match self.hear() {
            FromWorker::Ready { io, sandbox } => (self.io, self.sandbox) = (io, sandbox),
            other => panic!("{other:?}"),
        }
    }

    /// The events that the worker raised before the last commit.
    pub fn events(&self) -> Vec<DataPlaneEvent> {
        self.events.borrow_mut().drain(..).collect()
    }

    /// The next message that is neither for the log nor an event.
    pub fn hear(&self) -> FromWorker {
        loop {
            match self.supervisor.recv() {
                Ok(Some(FromWorker::Log { level, message })) => println!("{level:?}: {message}"),
                Ok(Some(FromWorker::Event(event))) => self.events.borrow_mut().push_back(event),
                Ok(Some(message)) => return message,
                Ok(None) => panic!("the worker is gone"),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    wait_for(self.supervisor.as_fd(), PollFlags::POLLIN, DEADLINE);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn tell(&self, message: &ToWorker) {
        while let Err(error) = self.supervisor.send(message, &[]) {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
            wait_for(self.supervisor.as_fd(), PollFlags::POLLOUT, DEADLINE);
        }
    }

    pub fn set(&self, key: FibKey, entry: FibEntry, slot: u32) {
        let slot = Slot(slot);
        self.tell(&ToWorker::Set { key, entry, slot });
    }

    /// Commits, and waits until the worker says so. What was captured before is
    /// counted then.
    pub fn commit(&self) -> (FibDigest, u64) {
        self.commit.set(self.commit.get() + 1);
        self.tell(&ToWorker::Commit(self.commit.get()));
        match self.hear() {
            FromWorker::Applied {
                commit,
                digest,
                entries,
            } if commit == self.commit.get() => (digest, entries),
            other => panic!("{other:?}"),
        }
    }

    /// A key for UDP to a group on the input.
    pub fn key(&self, group: [u8; 4], port: Option<u16>) -> FibKey {
        FibKey {
            iif: self.iif,
            group: GroupAddr::try_from(std::net::Ipv4Addr::from(group)).unwrap(),
            source: None,
            protocol: IpProtocol::UDP,
            port: port.map(|port| Port::new(port).unwrap()),
        }
    }

    /// An entry that sends to these outputs what `rewrite` makes of it.
    pub fn entry(&self, outputs: &[usize], rewrite: Rewrite) -> FibEntry {
        FibEntry {
            rule: "test".parse().unwrap(),
            outputs: outputs
                .iter()
                .map(|n| FibOutput {
                    egress: Egress::Ready {
                        oif: self.outputs[*n].index,
                        source_mac: self.outputs[*n].mac,
                        destination_mac: MacAddr([1, 0, 0x5e, 1, 1, 1]),
                        mtu: self.options.mtu,
                    },
                    rewrite,
                })
                .collect(),
        }
    }

    /// Puts a frame on the input cable.
    pub fn inject(&self, frame: &[u8]) {
        self.inject_with(vnet::Header::PLAIN, frame);
    }

    pub fn inject_with(&self, header: vnet::Header, frame: &[u8]) {
        let mut bytes = header.emit().to_vec();
        bytes.extend_from_slice(frame);
        let flags = MsgFlags::empty();
        let mut attempts = 0;
        while let Err(error) = send(self.source.as_raw_fd(), &bytes, flags) {
            attempts += 1;
            assert!(
                attempts < 1000,
                "cannot inject {} bytes: {error}",
                frame.len()
            );
            wait_for(self.source.as_fd(), PollFlags::POLLOUT, DEADLINE);
        }
    }

    /// The next `count` frames at an output, merged ones taken apart.
    pub fn capture(&self, output: usize, count: usize) -> Vec<Vec<u8>> {
        let mut frames = self.outputs[output].captured.borrow_mut();
        let end = Instant::now() + DEADLINE;
        while frames.len() < count {
            if let Some(more) = self.try_capture(output) {
                frames.extend(more);
                continue;
            }
            let left = end.saturating_duration_since(Instant::now());
            let have = frames.len();
            assert!(
                !left.is_zero(),
                "{have} of {count} frames at output {output}; {}",
                self.figures()
            );
            let capture = self.outputs[output].capture.as_fd();
            let mut fds = [PollFd::new(capture, PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::try_from(left).unwrap()).unwrap();
        }
        frames.drain(..count).collect()
    }

    /// Puts the frame on the input cable until it comes out. An end that has
    /// just got its carrier back loses what it sends until the kernel has given
    /// it its queue again, and says nothing of it.
    pub fn inject_until_captured(&self, frame: &[u8], output: usize) -> Vec<u8> {
        let mut captured = None;
        let came = mcr_tests::eventually(DEADLINE, || {
            self.inject(frame);
            captured = self.try_capture(output).and_then(|mut some| some.pop());
            captured.is_some()
        });
        assert!(came, "nothing comes out; {}", self.figures());
        captured.unwrap()
    }

    fn try_capture(&self, output: usize) -> Option<Vec<Vec<u8>>> {
        let mut buffer = vec![0; FRAME_SIZE];
        let capture = self.outputs[output].capture.as_raw_fd();
        match recv(capture, &mut buffer, MsgFlags::empty()) {
            Ok(len) => {
                let header = vnet::Header::parse(&buffer).unwrap();
                let frame = &buffer[vnet::LEN..len];
                Some(match header.gso {
                    Gso::UdpL4 { size } => frame::cut(frame, size),
                    Gso::None => vec![frame::complete(frame, header.checksum)],
                    Gso::Other => panic!("{header:?}"),
                })
            }
            Err(nix::errno::Errno::EAGAIN) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the counters say, for the message of a failure.
    fn figures(&self) -> String {
        let mut text = format!("{:?}, {:?}", self.io, self.counters.totals());
        for reason in DropReason::ALL {
            match self.counters.dropped(reason) {
                0 => {}
                count => text.push_str(&format!(", {} {count}", reason.name())),
            }
        }
        text
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes the supervisor's end of the channel.
    pub fn hang_up(&mut self) {
        let (nobody, _) = channel::pair().unwrap();
        drop(std::mem::replace(&mut self.supervisor, nobody));
    }

    /// Sends bytes that are no message.
    pub fn tell_nonsense(&self, bytes: &[u8]) {
        let fd = self.supervisor.as_raw_fd();
        assert_eq!(send(fd, bytes, MsgFlags::empty()), Ok(bytes.len()));
    }

    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.counters.dropped(reason)
    }

    /// Whether the worker still runs.
    pub fn alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the worker's end; whether it was in order.
    pub fn ended(&mut self) -> bool {
        let end = Instant::now() + DEADLINE;
        let ended = mcr_tests::eventually(DEADLINE, || self.child.try_wait().unwrap().is_some());
        assert!(ended && Instant::now() < end, "the worker does not end");
        self.child.wait().unwrap().success()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // It may have ended by itself, as some tests want it to.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn spawn_worker() -> (Child, SupervisorEnd) {
    let (supervisor, worker) = channel::pair().unwrap();
    let mut command = Command::new(mcr_tests::program("mcrd").unwrap());
    command.args(["worker", "in0"]);
    command.stdout(Stdio::null());
    spawn::pass_descriptor(&mut command, worker, CHANNEL_FD);
    (command.spawn().unwrap(), supervisor)
}

fn wait_for(fd: std::os::fd::BorrowedFd<'_>, flags: PollFlags, time: Duration) {
    let mut fds = [PollFd::new(fd, flags)];
    let time = PollTimeout::try_from(time).unwrap();
    let ready = poll(&mut fds, time).unwrap();
    assert!(ready > 0, "nothing happened for {time:?}");
}

/// A relay's rewrite that changes only the time to live.
pub fn keep() -> Rewrite {
    Rewrite {
        source: None,
        source_port: None,
        destination: None,
        port: None,
        ttl: TtlRewrite::Set(Ttl::new(9).unwrap()),
        dscp: None,
    }
}
