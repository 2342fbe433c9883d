//! One worker's place: it is filled by one process after the other.

use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mcr_dataplane::channel::{FromWorker, Level, ToWorker, WorkerConfig};
use mcr_dataplane::counters::CounterFile;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::backoff::Backoff;
use super::gates::Gates;
use super::input::{Input, SharedFanout};
use super::live::{Drift, Live};
use super::platform::Platform;
use super::pool::Table;
use super::process::{Parcel, Process, ProcessEvent, ProcessId};
use super::tables::{InputTables, Key};

/// A worker that ended sooner gets a new input socket, in case that one is
/// what ended it.
const SUSPECT_SOCKET: Duration = Duration::from_secs(1);

/// What a place needs to act.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) platform: &'a dyn Platform,
    pub(super) events: &'a mpsc::Sender<ProcessEvent>,
    pub(super) gates: &'a Gates,
    pub(super) tables: InputTables<'a>,
    pub(super) allow_io_uring: bool,
    pub(super) log_level: Level,
}

/// A worker's place.
pub(super) struct Place {
    pub(super) position: u32,
    pub(super) cpu: Option<u32>,
    pub(super) counters: CounterFile,
    pub(super) kernel_drops: u64,
    pub(super) restarts: u64,
    pub(super) healed: u64,
    pub(super) last_exit: Option<String>,
    pub(super) state: State,
    fanout: Option<Rc<SharedFanout>>,
    /// Kept open from one process to the next, so that what arrives between
    /// them waits in it.
    input: Option<Input>,
    backoff: Backoff,
}

/// Whether the place has a process.
pub(super) enum State {
    /// Not until then.
    Waiting(Instant),
    /// It has.
    Live(Box<Live>),
    /// Never again.
    Done,
}

impl Place {
    pub(super) fn new(
        position: u32,
        cpu: Option<u32>,
        fanout: Option<Rc<SharedFanout>>,
        now: Instant,
    ) -> io::Result<Place> {
        Ok(Place {
            position,
            cpu,
            counters: CounterFile::create()?,
            kernel_drops: 0,
            restarts: 0,
            healed: 0,
            last_exit: None,
            state: State::Waiting(now),
            fanout,
            input: None,
            backoff: Backoff::new(),
        })
    }

    /// The process is to be told about the key.
    pub(super) fn mark(&mut self, key: Key) {
        if let State::Live(live) = &mut self.state {
            live.mark(key);
        }
    }

    /// Whether the process is the present one.
    pub(super) fn has(&self, id: ProcessId) -> bool {
        matches!(&self.state, State::Live(live) if live.process.id == id)
    }

    /// Whether there is a process that was not killed yet.
    pub(super) fn can_be_killed(&self) -> bool {
        matches!(&self.state, State::Live(live) if !live.is_killed())
    }

    /// A place that waits is to start then.
    pub(super) fn start_at(&mut self, at: Instant) {
        if let State::Waiting(until) = &mut self.state {
            *until = at;
        }
    }

    /// The last range of cells that the process surely does not use.
    pub(super) fn confirmed_epoch(&self) -> u64 {
        match &self.state {
            State::Live(live) => live.confirmed_epoch(),
            State::Waiting(_) | State::Done => u64::MAX,
        }
    }

    /// When [`Place::timeout`] is to be called.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(until) => Some(*until),
            State::Done => None,
            State::Live(live) => live.next_timeout(),
        }
    }

    /// Does what is due.
    pub(super) fn timeout(
        &mut self,
        id: &mut dyn FnMut() -> ProcessId,
        table: &Table,
        cx: &Context,
    ) {
        match &mut self.state {
            State::Waiting(until) if *until <= cx.now => self.start(id(), table, cx),
            State::Live(live) => {
                live.check(cx.now);
                self.pump(table, cx);
            }
            State::Waiting(_) | State::Done => {}
        }
    }

    fn start(&mut self, id: ProcessId, table: &Table, cx: &Context) {
        match self.launch(id, table, cx) {
            Ok(live) => {
                debug!(target: "workers", worker = %self.label(table), pid = live.process.pid, "started");
                self.state = State::Live(Box::new(live));
                self.pump(table, cx);
            }
            Err(error) => {
                self.ended(
                    format!("cannot be started: {error}"),
                    Duration::ZERO,
                    table,
                    cx,
                );
            }
        }
    }

    fn launch(&mut self, id: ProcessId, table: &Table, cx: &Context) -> io::Result<Live> {
        let input = match self.input.take() {
            Some(input) => input,
            None => Input::open(cx.platform, table.iif, self.fanout.as_deref())?,
        };
        let descriptors = vec![
            input.socket.as_fd().try_clone_to_owned()?,
            self.counters.as_fd().try_clone_to_owned()?,
            cx.gates.as_fd().try_clone_to_owned()?,
        ];
        self.input = Some(input);
        let config = WorkerConfig {
            interface: table.interface.to_string(),
            iif: table.iif,
            cpu: self.cpu,
            allow_io_uring: cx.allow_io_uring,
            log_level: cx.log_level,
        };
        let launched = cx.platform.launch(&self.label(table))?;
        let process = Process::start(id, launched, cx.events.clone())?;
        let start = Parcel {
            message: ToWorker::Start(config),
            descriptors,
        };
        if process.send(|| start).is_err() {
            return Err(io::Error::other("its queue is full before its start"));
        }
        Ok(Live::new(process, table, cx))
    }

    /// Tells the process what there is room for.
    pub(super) fn pump(&mut self, table: &Table, cx: &Context) {
        if let Some(input) = &mut self.input {
            input.listen(cx.platform, table.iif, table.listening);
        }
        if let State::Live(live) = &mut self.state {
            live.pump(table, cx);
        }
    }

    /// The process said something.
    pub(super) fn said(&mut self, message: FromWorker, table: &Table, cx: &Context) {
        let label = self.label(table);
        let State::Live(live) = &mut self.state else {
            return;
        };
        match message {
            FromWorker::Ready { io, sandbox } => live.is_ready(&label, io, sandbox),
            FromWorker::Applied {
                commit,
                digest,
                entries,
            } => {
                if live.applied(commit, digest, entries, &label, table) == Drift::Found {
                    self.healed += 1;
                }
            }
            // It is for the router, and was taken on its way.
            FromWorker::Event(_) => {}
            FromWorker::Log { level, message } => {
                crate::observe::log::worker_line(&label, level, &message);
            }
        }
        self.pump(table, cx);
    }

    /// The worker said something.
    pub(super) fn heard(&mut self, now: Instant) {
        if let State::Live(live) = &mut self.state {
            live.heard(now);
        }
    }

    /// The process has ended.
    pub(super) fn process_ended(&mut self, ending: String, table: &Table, cx: &Context) {
        let State::Live(live) = &self.state else {
            return;
        };
        let ran = cx.now.saturating_duration_since(live.started());
        let ending = live.ending(ending);
        self.ended(ending, ran, table, cx);
    }

    fn ended(&mut self, ending: String, ran: Duration, table: &Table, cx: &Context) {
        self.read_drops(cx.platform);
        if ran < SUSPECT_SOCKET {
            self.input = None;
        }
        let wait = self.backoff.after(ran);
        warn!(
            target: "workers",
            worker = %self.label(table),
            %ending,
            ran_ms = ran.as_millis(),
            restart_in_ms = wait.as_millis(),
            "worker ended"
        );
        self.last_exit = Some(ending);
        self.restarts += 1;
        self.state = State::Waiting(cx.now + wait);
    }

    /// Tells the process to end in order, for good.
    pub(super) fn stop(&mut self) {
        match &self.state {
            State::Live(live) => {
                let stop = || Parcel {
                    message: ToWorker::Stop,
                    descriptors: Vec::new(),
                };
                if live.process.send(stop).is_err() {
                    live.process.kill();
                }
            }
            State::Waiting(_) | State::Done => self.state = State::Done,
        }
    }

    /// Ends the process at once.
    pub(super) fn kill(&mut self) {
        if let State::Live(live) = &mut self.state {
            live.kill("it did not stop within 1 s");
        }
    }

    /// Adds what the kernel dropped since the last time.
    pub(super) fn read_drops(&mut self, platform: &dyn Platform) {
        if let Some(input) = &self.input {
            match platform.drops(input.socket.as_fd()) {
                Ok(drops) => self.kernel_drops += drops,
                Err(error) => debug!(target: "workers", %error, "the drop counter cannot be read"),
            }
        }
    }

    /// How the worker is called in logs and process lists.
    pub(super) fn label(&self, table: &Table) -> String {
        format!("{}/{}", table.interface, self.position)
    }
}
