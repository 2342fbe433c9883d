//! Receivers and sources: `mcrgen` processes in the nodes, whose reports feed
//! the ledger as they come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use mcrgen::report::Report;
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, timeout, timeout_at};

use super::ledger::Ledger;
use crate::backend::netns::{Child, Network, Process, Stdio};
use crate::clock::now_ns;
use crate::node::{Folders, Programs, tail};
use crate::plan::{Plan, RunnerPlan};
use crate::topology::model::{NodeId, Rate, Receiver, Source, Topology};

/// How often a process reports.
const INTERVAL: &str = "20ms";
/// How long a process may take to join, or to send its first datagram.
const START_TIME: Duration = Duration::from_secs(30);
/// How long a process may take for its last report. To close a socket that has
/// joined a group it needs the kernel's one lock of all networks, which a busy
/// machine has kept for seconds.
const END_TIME: Duration = Duration::from_secs(20);

/// What every step needs of the run.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    /// The topology.
    pub topology: &'a Topology,
    /// Its network.
    pub network: &'a Network,
    /// The project's programs.
    pub programs: &'a Programs,
    /// The run's files.
    pub folders: &'a Folders,
}

/// A process that sends or receives.
struct Generator {
    child: Rc<Child>,
    reader: JoinHandle<()>,
    ended: Rc<Cell<bool>>,
    log: std::path::PathBuf,
}

/// Who reports.
#[derive(Clone, Copy)]
enum Reporter {
    Sender(u64),
    Session(usize),
}

/// All receivers and sources.
pub(super) struct Traffic {
    ledger: Rc<RefCell<Ledger>>,
    changed: Rc<Notify>,
    senders: RefCell<Vec<Option<Generator>>>,
    receivers: RefCell<Vec<Option<Generator>>>,
    next_run: Cell<u64>,
}

impl Traffic {
    /// Nobody joined, nobody sends.
    #[must_use]
    pub(super) fn new(topology: &Topology) -> Traffic {
        Traffic {
            ledger: Rc::default(),
            changed: Rc::default(),
            senders: RefCell::new(topology.sources.iter().map(|_| None).collect()),
            receivers: RefCell::new(topology.receivers.iter().map(|_| None).collect()),
            // Datagrams of another run must not be taken for this one's.
            next_run: Cell::new(now_ns() << 8),
        }
    }

    /// What is known of the traffic.
    #[must_use]
    pub(super) fn ledger(&self) -> &Rc<RefCell<Ledger>> {
        &self.ledger
    }

    /// Told whenever something new is known.
    #[must_use]
    pub(super) fn changed(&self) -> &Rc<Notify> {
        &self.changed
    }

    /// The receivers that have joined, and the sources that send.
    pub(super) fn running(&self) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let of = |slots: &[Option<Generator>]| {
            let all = slots.iter().enumerate();
            let running = all.filter(|(_, slot)| is_running(slot));
            running.map(|(position, _)| position).collect()
        };
        (of(&self.receivers.borrow()), of(&self.senders.borrow()))
    }

    /// The same receivers and sources, where they are in another topology.
    /// Those that are nowhere must have ended.
    pub(super) fn move_to(&mut self, plan: &Plan) {
        let moved = |plans: &[RunnerPlan], slots: &mut Vec<Option<Generator>>| {
            let taken = plans.iter().map(|one| {
                let slot = one.was.and_then(|was| slots.get_mut(was));
                slot.and_then(Option::take)
            });
            *slots = taken.collect();
        };
        moved(&plan.receivers, self.receivers.get_mut());
        moved(&plan.sources, self.senders.get_mut());
        let places = |plans: &[RunnerPlan]| {
            let plans = plans.iter().enumerate();
            let places = plans.filter_map(|(now, one)| Some((one.was?, now)));
            places.collect()
        };
        let (receivers, sources) = (places(&plan.receivers), places(&plan.sources));
        self.ledger.borrow_mut().move_to(&receivers, &sources);
    }

    /// A receiver joins. Returns when its join call returned, in nanoseconds
    /// since 1970.
    ///
    /// # Errors
    /// Why it could not join.
    pub(super) async fn join(&self, world: World<'_>, receiver: usize) -> Result<u64, String> {
        let Some(model) = world.topology.receivers.get(receiver) else {
            return Err("there is no such receiver".to_owned());
        };
        if is_running_at(&self.receivers, receiver) {
            return Err(format!("{} has joined already", model.name));
        }
        let session = self.ledger.borrow_mut().receiver_started(receiver);
        let words = receiver_words(world.topology, model);
        let at = (model.at, model.name.as_str());
        let generator = self.start(world, at, words, Reporter::Session(session))?;
        let joined = |ledger: &Ledger| {
            let latest = ledger.sessions(receiver).last();
            latest.is_some_and(super::ledger::Session::has_joined)
        };
        let done = self.until(&generator, joined).await;
        self.receivers.borrow_mut()[receiver] = Some(generator);
        done.map_err(|why| format!("{} cannot join: {why}", model.name))?;
        let ledger = self.ledger.borrow();
        let latest = ledger.sessions(receiver).last();
        Ok(latest.map_or(0, super::ledger::Session::joined_at))
    }

    /// A receiver leaves; returns when its last report is in.
    ///
    /// # Errors
    /// It had not joined, or does not end.
    pub(super) async fn leave(&self, world: World<'_>, receiver: usize) -> Result<(), String> {
        let name = world
            .topology
            .receivers
            .get(receiver)
            .map(|r| r.name.as_str());
        let slot = take_at(&self.receivers, receiver);
        match slot {
            Some(generator) => generator.end().await,
            None => Err(format!("{} has not joined", name.unwrap_or_default())),
        }
    }

    /// A source starts; returns when it has sent.
    ///
    /// # Errors
    /// Why it could not send.
    pub(super) async fn send(&self, world: World<'_>, source: usize) -> Result<(), String> {
        let Some(model) = world.topology.sources.get(source) else {
            return Ok(());
        };
        if is_running_at(&self.senders, source) {
            return Err(format!("{} sends already", model.name));
        }
        let run = self.next_run.get() + 1;
        self.next_run.set(run);
        self.ledger.borrow_mut().sender_started(source, run);
        let words = sender_words(world.topology, model, run);
        let at = (model.at, model.name.as_str());
        let generator = self.start(world, at, words, Reporter::Sender(run))?;
        let sent = |ledger: &Ledger| ledger.run(run).is_some_and(|run| run.latest.sent > 0);
        let done = self.until(&generator, sent).await;
        self.senders.borrow_mut()[source] = Some(generator);
        done.map_err(|why| format!("{} cannot send: {why}", model.name))
    }

    /// A source stops; returns when its last report is in.
    ///
    /// # Errors
    /// It does not send, or does not end.
    pub(super) async fn stop(&self, world: World<'_>, source: usize) -> Result<(), String> {
        let name = world.topology.sources.get(source).map(|s| s.name.as_str());
        let slot = take_at(&self.senders, source);
        match slot {
            Some(generator) => generator.end().await,
            None => Err(format!("{} does not send", name.unwrap_or_default())),
        }
    }

    /// Everything ends.
    pub(super) async fn end_all(&mut self) {
        let (senders, receivers) = (self.senders.get_mut(), self.receivers.get_mut());
        let running = senders.iter_mut().chain(receivers);
        let ends = running.filter_map(Option::take).map(Generator::end);
        // What does not end in time is killed with the network.
        for ended in futures_util::future::join_all(ends).await {
            ended.unwrap_or_default();
        }
    }

    /// Waits until the ledger shows it, or the process ended without.
    async fn until(
        &self,
        generator: &Generator,
        shown: impl Fn(&Ledger) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + START_TIME;
        loop {
            let changed = self.changed.notified();
            if shown(&self.ledger.borrow()) {
                return Ok(());
            }
            if generator.ended.get() {
                return Err(tail(&generator.log));
            }
            if timeout_at(deadline, changed).await.is_err() {
                let seconds = START_TIME.as_secs();
                return Err(format!("not within {seconds}s; {}", tail(&generator.log)));
            }
        }
    }

    fn start(
        &self,
        world: World<'_>,
        (node, name): (NodeId, &str),
        words: Vec<OsString>,
        reporter: Reporter,
    ) -> Result<Generator, String> {
        let mcrgen = world.programs.find("mcrgen");
        let mcrgen = mcrgen.map_err(|error| error.to_string())?;
        let log = world.folders.logs.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let mut process = Process::new([mcrgen.into_os_string()]);
        process.argv.extend(words);
        process.stdout = Stdio::Pipe;
        process.stderr = Stdio::File(file);
        let mut child = world
            .network
            .spawn(node, process)
            .map_err(|error| error.to_string())?;
        let stdout = child.stdout.take();
        let child = Rc::new(child);
        let ended = Rc::new(Cell::new(false));
        let task = Reading {
            child: Rc::clone(&child),
            ledger: Rc::clone(&self.ledger),
            changed: Rc::clone(&self.changed),
            ended: Rc::clone(&ended),
            reporter,
        };
        Ok(Generator {
            child,
            reader: spawn_local(task.run(stdout)),
            ended,
            log,
        })
    }
}

fn is_running_at(slots: &RefCell<Vec<Option<Generator>>>, at: usize) -> bool {
    slots.borrow().get(at).is_some_and(is_running)
}

fn take_at(slots: &RefCell<Vec<Option<Generator>>>, at: usize) -> Option<Generator> {
    slots.borrow_mut().get_mut(at).and_then(Option::take)
}

fn is_running(slot: &Option<Generator>) -> bool {
    slot.as_ref()
        .is_some_and(|generator| !generator.ended.get())
}

impl Generator {
    /// Asks the process to end, and waits until its last report was read.
    async fn end(self) -> Result<(), String> {
        if !self.ended.get() {
            // It may end at this very moment.
            self.child.signal(Signal::SIGTERM).ok();
        }
        match timeout(END_TIME, self.reader).await {
            Ok(_) => Ok(()),
            Err(_) => {
                self.child.signal(Signal::SIGKILL).ok();
                Err(format!(
                    "mcrgen did not end within {}s; {}",
                    END_TIME.as_secs(),
                    tail(&self.log)
                ))
            }
        }
    }
}

/// The reading of one process's reports.
struct Reading {
    child: Rc<Child>,
    ledger: Rc<RefCell<Ledger>>,
    changed: Rc<Notify>,
    ended: Rc<Cell<bool>>,
    reporter: Reporter,
}

impl Reading {
    async fn run(self, stdout: Option<pipe::Receiver>) {
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                self.take(&line);
                self.changed.notify_waiters();
            }
        }
        self.child.wait().await.ok();
        match self.reporter {
            Reporter::Sender(run) => self.ledger.borrow_mut().sender_ended(run),
            Reporter::Session(session) => {
                self.ledger.borrow_mut().receiver_ended(session, now_ns());
            }
        }
        self.ended.set(true);
        self.changed.notify_waiters();
    }

    fn take(&self, line: &str) {
        let mut ledger = self.ledger.borrow_mut();
        match (serde_json::from_str(line), self.reporter) {
            (Ok(Report::Send(report)), Reporter::Sender(run)) => {
                ledger.sender_reported(run, report);
            }
            (Ok(Report::Recv(report)), Reporter::Session(session)) => {
                ledger.receiver_reported(session, report);
            }
            // A line that is no report tells nothing about the traffic.
            (Ok(Report::Send(_)), Reporter::Session(_))
            | (Ok(Report::Recv(_)), Reporter::Sender(_))
            | (Ok(Report::Hosts(_)), _)
            | (Err(_), _) => {}
        }
    }
}

fn interface_name(topology: &Topology, node: NodeId, interface: usize) -> OsString {
    let node = topology.nodes.get(node.0);
    let interface = node.and_then(|node| node.interfaces.get(interface));
    interface.map_or_else(OsString::new, |interface| interface.name.clone().into())
}

fn word(words: &mut Vec<OsString>, flag: &str, value: impl ToString) {
    words.push(flag.into());
    words.push(value.to_string().into());
}

fn receiver_words(topology: &Topology, model: &Receiver) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["recv".into(), "--interface".into()];
    words.push(interface_name(topology, model.at, model.interface));
    for group in &model.groups {
        word(&mut words, "--group", group);
    }
    word(&mut words, "--port", model.port);
    words.extend(model.wanted.words().into_iter().map(OsString::from));
    if let Some(version) = model.igmp {
        word(&mut words, "--igmp", version);
    }
    word(&mut words, "--interval", INTERVAL);
    words.push("--json".into());
    words
}

fn sender_words(topology: &Topology, model: &Source, run: u64) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["send".into(), "--interface".into()];
    words.push(interface_name(topology, model.at, model.interface));
    for group in &model.groups {
        word(&mut words, "--group", group);
    }
    word(&mut words, "--port", model.port);
    let rate = match model.rate {
        Rate::Pps(rate) => format!("{rate}pps"),
        Rate::Bps(rate) => format!("{rate}bit/s"),
    };
    word(&mut words, "--rate", rate);
    word(&mut words, "--size", model.size);
    word(&mut words, "--ttl", model.ttl);
    word(&mut words, "--dscp", model.dscp);
    if let Some(port) = model.source_port {
        word(&mut words, "--source-port", port);
    }
    if let Some(count) = model.count {
        word(&mut words, "--count", count);
    }
    word(&mut words, "--run", run);
    word(&mut words, "--interval", INTERVAL);
    words.push("--json".into());
    words
}
