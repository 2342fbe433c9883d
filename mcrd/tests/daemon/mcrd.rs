//! The daemon under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use mcr_api::Method;
use mcr_api::client::{Client, ClientError};
use mcr_api::rule::{Input, Output, Rule};
use mcr_api::state::{Changed, InputStats, Page, RuleStats, Status, Worker, WorkerState};
use mcr_tests::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;

use crate::world;

/// Long enough for a machine that compiles at the same time.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Each start has a log of its own: one that empties the file of another, which
/// still writes at the place it had, loses lines.
static STARTS: AtomicU32 = AtomicU32::new(0);

/// A daemon in the network `r`; killed when dropped.
pub(crate) struct Mcrd {
    child: Child,
    pub(crate) socket: PathBuf,
    log: PathBuf,
}

/// How to start one.
pub(crate) struct Start {
    command: Command,
    socket: PathBuf,
    log: PathBuf,
}

impl Start {
    /// `mcrd run` in the network `r`.
    pub(crate) fn new() -> Start {
        Start::in_place(Command::new(binary())).args(&["--netns", "r"])
    }

    /// `mcrd run` by this command, in the network it makes.
    pub(crate) fn in_place(mut command: Command) -> Start {
        let socket = world::path("mcrd/control.sock");
        command.args(["run", "--log-level", "debug"]);
        command.arg("--socket").arg(&socket);
        Start {
            command,
            socket,
            log: world::path(&format!("mcrd-{}.log", STARTS.fetch_add(1, Relaxed))),
        }
    }

    pub(crate) fn config(mut self, path: &Path) -> Start {
        self.command.arg("--config").arg(path);
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Start {
        self.command.args(args);
        self
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn ready(self) -> Mcrd {
        let mut mcrd = self.spawn();
        mcrd.wait_ready();
        mcrd
    }

    pub(crate) fn spawn(self) -> Mcrd {
        let log = fs::File::create(&self.log).unwrap();
        self.spawn_logging_to(log)
    }

    pub(crate) fn spawn_logging_to(mut self, log: impl Into<Stdio>) -> Mcrd {
        fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let child = self
            .command
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Mcrd {
            child,
            socket: self.socket,
            log: self.log,
        }
    }
}

/// The program.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_mcrd")
}

impl Mcrd {
    /// Starts with this configuration.
    pub(crate) fn with_config(text: &str) -> Mcrd {
        Start::new().config(&config(text)).ready()
    }

    /// Waits until it answers: its socket is there a moment earlier.
    pub(crate) fn wait_ready(&mut self) {
        let ready = eventually(SOON, || {
            Client::connect(&self.socket, SOON).is_ok() || self.child.try_wait().unwrap().is_some()
        });
        assert!(
            ready && self.child.try_wait().unwrap().is_none(),
            "mcrd did not get ready: {}",
            self.log()
        );
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.socket, SOON).unwrap()
    }

    pub(crate) fn call<T: DeserializeOwned>(&self, method: Method) -> T {
        self.client().call(method).unwrap()
    }

    /// The message of a refusal.
    pub(crate) fn refusal(&self, method: Method) -> mcr_api::Failure {
        match self.client().call::<serde_json::Value>(method) {
            Err(ClientError::Refused(failure)) => failure,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.call(Method::Status {})
    }

    pub(crate) fn workers(&self) -> Vec<Worker> {
        self.call(Method::Workers {})
    }

    /// Waits until `count` workers run and hold what they should.
    pub(crate) fn wait_workers(&self, count: usize) -> Vec<Worker> {
        let mut workers = Vec::new();
        let settled = eventually(SOON, || {
            workers = self.workers();
            workers.len() == count
                && workers
                    .iter()
                    .all(|worker| worker.state == WorkerState::Running && worker.in_sync)
        });
        assert!(
            settled,
            "{count} workers expected: {workers:?}\n{}",
            self.log()
        );
        workers
    }

    pub(crate) fn add(&self, rules: &[Rule]) -> Changed {
        let rules = rules.to_vec();
        self.call(Method::RulesAdd { rules })
    }

    pub(crate) fn remove(&self, name: &str) -> Changed {
        let names = vec![name.to_owned()];
        self.call(Method::RulesRemove { names })
    }

    pub(crate) fn stats(&self, name: &str) -> RuleStats {
        let page: Page<RuleStats> = self.call(Method::StatsRules { cursor: None });
        page.items
            .into_iter()
            .find(|rule| rule.name == name)
            .unwrap()
    }

    pub(crate) fn input(&self, interface: &str) -> InputStats {
        let inputs: Vec<InputStats> = self.call(Method::StatsInputs {});
        inputs
            .into_iter()
            .find(|input| input.interface == interface)
            .unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send_signal(self.pid(), signal);
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let mut status = None;
        let ended = eventually(within, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.filter(|_| ended)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log, which is written beside all else, has these words.
    pub(crate) fn assert_logged(&self, words: &str) {
        let logged = eventually(SOON, || self.log().contains(words));
        assert!(logged, "no '{words}' in the log:\n{}", self.log());
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .count()
    }
}

impl Drop for Mcrd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of mcrd:\n{}", self.log());
        }
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

pub(crate) fn send_signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// Whether the process runs; one that ended and was not waited for does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ"))
}

/// Writes a configuration file, in a directory that the daemon may write to.
pub(crate) fn config(text: &str) -> PathBuf {
    let directory = world::path("etc");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(
        &directory,
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .unwrap();
    let path = directory.join("mcrd.json5");
    fs::write(&path, text).unwrap();
    path
}

/// A rule from `in0` to `out0`: group 239.1.1.`n`, port 5000, to group
/// 239.2.2.`n`, port 6000.
pub(crate) fn rule(name: &str, n: u8) -> Rule {
    Rule {
        name: Some(name.to_owned()),
        input: Input {
            interface: "in0".to_owned(),
            group: [239, 1, 1, n].into(),
            port: Some(5000),
            source: None,
            protocol: None,
        },
        outputs: vec![output("out0", [239, 2, 2, n])],
    }
}

pub(crate) fn output(interface: &str, destination: [u8; 4]) -> Output {
    Output {
        interface: interface.to_owned(),
        destination: Some(destination.into()),
        port: Some(6000),
        ttl: None,
        source: None,
        source_port: None,
        dscp: None,
    }
}

/// The same rule in a configuration file.
pub(crate) fn rule_text(name: &str, n: u8) -> String {
    serde_json::to_string(&rule(name, n)).unwrap()
}
