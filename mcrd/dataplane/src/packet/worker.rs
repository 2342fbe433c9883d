//! The worker: one thread, one loop over packets and the supervisor's messages.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use mcr_sys::sandbox;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::engine::Engine;
use super::forward::Forwarder;
use crate::channel::{FromWorker, Level, PacketIo, ToWorker, WorkerConfig, WorkerEnd};
use crate::counters::{CounterWriter, DropReason};
use crate::gate::GateFile;
use crate::table::TableError;

/// Messages taken from the channel before packets have their turn again.
const MESSAGES_AT_ONCE: usize = 256;

/// Answers that wait for room in the channel; a supervisor that reads so few of
/// them is lost.
const MAX_UNSENT: usize = 1024;

/// Receive errors in a row, without a frame between them.
const MAX_RECEIVE_ERRORS: u32 = 1000;

/// Why a worker ended other than in order.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The channel failed, or brought something that is no message.
    #[error("the channel to the supervisor: {0}")]
    Channel(#[source] io::Error),
    /// A message came where it cannot.
    #[error("the supervisor sent {got} where {want} was expected")]
    Unexpected {
        /// What came.
        got: &'static str,
        /// What should have come.
        want: &'static str,
    },
    /// An entry that does not belong here.
    #[error("{0}")]
    Table(#[from] TableError),
    /// The start failed.
    #[error("cannot {action}: {error}")]
    Start {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        error: io::Error,
    },
    /// The kernel refused to go on.
    #[error("receiving or sending packets: {0}")]
    Packets(#[source] io::Error),
    /// The supervisor does not take answers.
    #[error("{MAX_UNSENT} answers to the supervisor are unsent")]
    Unheard,
}

/// The entry point of a worker process. Returns when the supervisor said so or
/// is gone.
///
/// The process must not have started other threads: it gives up its privileges
/// here, and only for itself.
pub fn run(channel: OwnedFd) -> Result<(), WorkerError> {
    let mut channel = WorkerEnd::new(channel).map_err(WorkerError::Channel)?;
    let Some((config, fds)) = wait_for_start(&mut channel)? else {
        return Ok(());
    };
    let (mut worker, io) = Worker::start(channel, config, fds)?;
    let mut sandbox = sandbox::enter();
    if io == PacketIo::IoUring {
        // The ring would not have been made without.
        sandbox.push(("io-uring-restrictions".to_owned(), Ok(())));
    }
    worker.say(FromWorker::Ready { io, sandbox })?;
    worker.serve()
}

fn wait_for_start(
    channel: &mut WorkerEnd,
) -> Result<Option<(WorkerConfig, Vec<OwnedFd>)>, WorkerError> {
    loop {
        match channel.recv() {
            Ok(Some((ToWorker::Start(config), fds))) => return Ok(Some((config, fds))),
            Ok(Some((ToWorker::Stop, _)) | None) => return Ok(None),
            Ok(Some((message, _))) => {
                return Err(WorkerError::Unexpected {
                    got: name(&message),
                    want: "Start",
                });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_readable(channel)?,
            Err(error) => return Err(WorkerError::Channel(error)),
        }
    }
}

fn wait_readable(channel: &WorkerEnd) -> Result<(), WorkerError> {
    let mut fds = [PollFd::new(channel.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(WorkerError::Channel(error.into())),
    }
}

struct Worker {
    channel: WorkerEnd,
    engine: Engine,
    forwarder: Forwarder,
    unsent: VecDeque<FromWorker>,
    log_level: Level,
    /// The first table is whole.
    committed: bool,
    outcomes: Vec<i32>,
    receive_errors: u32,
}

/// What to do after a message.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    End,
}

impl Worker {
    fn start(
        channel: WorkerEnd,
        config: WorkerConfig,
        fds: Vec<OwnedFd>,
    ) -> Result<(Worker, PacketIo), WorkerError> {
        let failed = |action| move |error| WorkerError::Start { action, error };
        let Ok([rx, counters, gates]) = <[OwnedFd; 3]>::try_from(fds) else {
            return Err(WorkerError::Unexpected {
                got: "Start without its three descriptors",
                want: "Start with a socket, a counter file and a file of gates",
            });
        };
        let gates = GateFile::open(gates).map_err(failed("map the gates"))?;
        let counters = CounterWriter::open(counters).map_err(failed("map the counters"))?;
        if let Some(cpu) = config.cpu {
            pin(cpu).map_err(failed("stay on the CPU that was asked for"))?;
        }
        let control = channel.as_fd().try_clone_to_owned();
        let control = control.map_err(failed("watch the channel"))?;
        let (engine, io) = Engine::new(rx, control, config.allow_io_uring)
            .map_err(failed("set up packet input and output"))?;
        let forwarder = Forwarder::new(config.iif, counters, gates, kernel_cuts_datagrams());
        let worker = Worker {
            channel,
            engine,
            forwarder,
            unsent: VecDeque::new(),
            log_level: config.log_level,
            committed: false,
            outcomes: Vec::new(),
            receive_errors: 0,
        };
        Ok((worker, io))
    }

    fn serve(&mut self) -> Result<(), WorkerError> {
        // What waits in the socket, after a worker that died, is for a table
        // that is whole: with half of one it would be dropped.
        while !self.committed {
            wait_readable(&self.channel)?;
            if self.listen()? == Next::End {
                return Ok(());
            }
            self.flush()?;
        }
        loop {
            let events = self
                .engine
                .wait(!self.unsent.is_empty())
                .map_err(WorkerError::Packets)?;
            // What the supervisor said comes first: the packets may be here
            // because of a Join that went out after the change to the table.
            let next = match events.readable {
                true => self.listen()?,
                false => Next::Continue,
            };
            if self.engine.arrived() > 0 {
                self.receive_errors = 0;
                self.forward()?;
            }
            if let Some(errno) = events.receive_error {
                self.receive_failed(errno)?;
            }
            if next == Next::End {
                return Ok(());
            }
            self.flush()?;
        }
    }

    fn forward(&mut self) -> Result<(), WorkerError> {
        self.engine.deliver(&mut self.forwarder);
        self.forwarder.assemble();
        let sent = self.send_all();
        // After the copies, which are more urgent.
        self.tell_events()?;
        sent
    }

    fn send_all(&mut self) -> Result<(), WorkerError> {
        loop {
            self.engine
                .transmit(&self.forwarder, &mut self.outcomes)
                .map_err(WorkerError::Packets)?;
            if !self.forwarder.settle(&self.outcomes) {
                return Ok(());
            }
            self.log(Level::Info, || {
                "this kernel does not cut runs of datagrams; they are sent one by one".to_owned()
            })?;
        }
    }

    /// Tells the router what it is to know, as far as there is room. Answers to
    /// the supervisor go first.
    fn tell_events(&mut self) -> Result<(), WorkerError> {
        while let Some(event) = self.forwarder.next_event() {
            if !self.unsent.is_empty() {
                self.forwarder.event_lost(DropReason::EventQueueFull);
                continue;
            }
            if let Err(error) = self.channel.send(&FromWorker::Event(event)) {
                // The supervisor is behind, or the packet longer than any
                // message; that it is gone is found when it is listened to.
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::InvalidInput
                        | io::ErrorKind::BrokenPipe
                ) {
                    return Err(WorkerError::Channel(error));
                }
                self.forwarder.event_lost(DropReason::EventQueueFull);
            }
        }
        Ok(())
    }

    /// The interface went down, or away: the socket works again by itself when
    /// it comes back, and the supervisor decides what a lasting error means.
    fn receive_failed(&mut self, errno: i32) -> Result<(), WorkerError> {
        let error = io::Error::from_raw_os_error(errno);
        self.receive_errors += 1;
        if self.receive_errors > MAX_RECEIVE_ERRORS {
            return Err(WorkerError::Packets(error));
        }
        self.log(Level::Debug, || format!("receiving: {error}"))
    }

    fn listen(&mut self) -> Result<Next, WorkerError> {
        for _ in 0..MESSAGES_AT_ONCE {
            match self.channel.recv() {
                Ok(Some((message, fds))) => {
                    if self.obey(message, fds)? == Next::End {
                        return Ok(Next::End);
                    }
                }
                Ok(None) => return Ok(Next::End),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The supervisor was killed before it read all answers.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(Next::End);
                }
                Err(error) => return Err(WorkerError::Channel(error)),
            }
        }
        Ok(Next::Continue)
    }

    fn obey(&mut self, message: ToWorker, mut fds: Vec<OwnedFd>) -> Result<Next, WorkerError> {
        match message {
            ToWorker::Start(_) => {
                return Err(WorkerError::Unexpected {
                    got: "Start",
                    want: "it only once",
                });
            }
            ToWorker::OpenOutput(oif) => match (fds.pop(), fds.is_empty()) {
                (Some(socket), true) => self.forwarder.set_socket(oif, Some(socket)),
                _ => {
                    return Err(WorkerError::Unexpected {
                        got: "OpenOutput without its descriptor",
                        want: "OpenOutput with one socket",
                    });
                }
            },
            ToWorker::CloseOutput(oif) => self.forwarder.set_socket(oif, None),
            ToWorker::Set { key, entry, slot } => self.forwarder.set(key, entry, slot)?,
            ToWorker::Remove(key) => {
                self.forwarder.remove(&key);
            }
            ToWorker::SetRoute {
                key,
                entry,
                slot,
                gate,
            } => self.forwarder.set_route(key, entry, slot, gate)?,
            ToWorker::RemoveRoute(key) => {
                self.forwarder.remove_route(&key);
            }
            ToWorker::Listen(on) => self.forwarder.set_listening(on),
            ToWorker::Commit(commit) => {
                self.committed = true;
                let table = self.forwarder.table();
                let applied = FromWorker::Applied {
                    commit,
                    digest: table.digest(),
                    entries: table.len() as u64,
                };
                self.say(applied)?;
            }
            ToWorker::LogLevel(level) => self.log_level = level,
            ToWorker::Stop => return Ok(Next::End),
        }
        Ok(Next::Continue)
    }

    /// A line for the log, if its level is wanted and there is room for it:
    /// answers are more important.
    fn log(&mut self, level: Level, message: impl FnOnce() -> String) -> Result<(), WorkerError> {
        if level > self.log_level || self.unsent.len() > MAX_UNSENT / 2 {
            return Ok(());
        }
        self.say(FromWorker::Log {
            level,
            message: message(),
        })
    }

    fn say(&mut self, message: FromWorker) -> Result<(), WorkerError> {
        if self.unsent.len() >= MAX_UNSENT {
            return Err(WorkerError::Unheard);
        }
        self.unsent.push_back(message);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), WorkerError> {
        while let Some(message) = self.unsent.front() {
            match self.channel.send(message) {
                Ok(()) => {
                    self.unsent.pop_front();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The supervisor is gone: the channel will say so when read.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.unsent.clear();
                }
                Err(error) => return Err(WorkerError::Channel(error)),
            }
        }
        Ok(())
    }
}

fn pin(cpu: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu as usize)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// Linux 6.2 lets packet sockets send runs of UDP datagrams.
fn kernel_cuts_datagrams() -> bool {
    let Ok(name) = nix::sys::utsname::uname() else {
        return false;
    };
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|n| n.parse::<u32>().ok());
    let version = (number(), number());
    version >= (Some(6), Some(2))
}

fn name(message: &ToWorker) -> &'static str {
    match message {
        ToWorker::Start(_) => "Start",
        ToWorker::OpenOutput(_) => "OpenOutput",
        ToWorker::CloseOutput(_) => "CloseOutput",
        ToWorker::Set { .. } => "Set",
        ToWorker::Remove(_) => "Remove",
        ToWorker::SetRoute { .. } => "SetRoute",
        ToWorker::RemoveRoute(_) => "RemoveRoute",
        ToWorker::Listen(_) => "Listen",
        ToWorker::Commit(_) => "Commit",
        ToWorker::LogLevel(_) => "LogLevel",
        ToWorker::Stop => "Stop",
    }
}
