//! The same command in many nodes, some at a time: each line of output has the
//! node's name in front.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};

use mcr_sys::spawn::unblock;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, pipe};
use serde::Serialize;

use super::{NOT_EXECUTABLE, NOT_FOUND, code, enter_lab, enter_node, prepare};
use crate::commands::running::{Fault, Running};
use crate::exit::Exit;
use crate::rundir::NodeState;

/// How many run at a time.
const AT_A_TIME: usize = 32;
/// What is kept of one node's output for `--json`.
const MOST: usize = 1 << 20;
/// What is read at once.
const CHUNK: usize = 16 << 10;

/// What a node's command did, as `--json` shows it.
#[derive(Debug, Serialize)]
struct Ran {
    node: String,
    status: u8,
    output: String,
}

/// A node's command.
struct Command {
    node: String,
    child: Child,
    output: Option<OwnedFd>,
    /// Of the last line, or of all.
    bytes: Vec<u8>,
}

/// Runs a command in each node; the status is the highest.
pub(super) fn run(
    lab: &Running,
    nodes: &[&NodeState],
    words: &[OsString],
    json: bool,
) -> Result<Exit, Fault> {
    enter_lab(lab)?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals
        .thread_block()
        .map_err(Fault::system("block signals"))?;
    let asked = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
    let asked = asked.map_err(Fault::system("wait for signals"))?;
    let width = nodes.iter().map(|node| node.name.chars().count()).max();
    let mut fleet = Fleet {
        asked,
        signals,
        json,
        width: width.unwrap_or_default(),
        ran: Vec::new(),
        ended: None,
    };
    for some in nodes.chunks(AT_A_TIME) {
        fleet.each(lab, some, words)?;
        if fleet.ended.is_some() {
            break;
        }
    }
    if json {
        let text = serde_json::to_string_pretty(&fleet.ran).map_err(io::Error::from);
        anstream::println!("{}", text.map_err(Fault::system("print as JSON"))?);
    }
    let worst = fleet.ran.iter().map(|ran| ran.status).max();
    Ok(Exit::Status(worst.unwrap_or_default()))
}

struct Fleet {
    asked: SignalFd,
    signals: SigSet,
    json: bool,
    width: usize,
    ran: Vec<Ran>,
    /// The signal that ended it.
    ended: Option<Signal>,
}

impl Fleet {
    fn each(
        &mut self,
        lab: &Running,
        nodes: &[&NodeState],
        words: &[OsString],
    ) -> Result<(), Fault> {
        let mut running = Vec::new();
        for node in nodes {
            enter_node(&node.name)?;
            let (reads, writes) = pipe().map_err(Fault::system("make a pipe"))?;
            let both = writes.try_clone().map_err(Fault::system("make a pipe"))?;
            let mut command = prepare(lab, node, words);
            command.stdin(Stdio::null()).stdout(writes).stderr(both);
            unblock(&mut command, self.signals);
            match command.spawn() {
                Ok(child) => running.push(Command {
                    node: node.name.clone(),
                    child,
                    output: Some(reads),
                    bytes: Vec::new(),
                }),
                Err(error) => {
                    let found = error.kind() != io::ErrorKind::NotFound;
                    let status = if found { NOT_EXECUTABLE } else { NOT_FOUND };
                    let program = command.get_program().to_string_lossy();
                    let output = format!("cannot run {program}: {error}");
                    self.end(node.name.clone(), status, output.into_bytes())?;
                }
            }
        }
        self.follow(&mut running)?;
        for mut one in running {
            let waited = one.child.wait().map_err(Fault::system("wait for it"))?;
            self.end(one.node, code(waited), one.bytes)?;
        }
        Ok(())
    }

    /// Reads until all have closed their output.
    fn follow(&mut self, running: &mut [Command]) -> Result<(), Fault> {
        let mut chunk = vec![0; CHUNK];
        while running.iter().any(|one| one.output.is_some()) {
            let open: Vec<usize> = (0..running.len())
                .filter(|at| running[*at].output.is_some())
                .collect();
            let fds = open.iter().filter_map(|at| running[*at].output.as_ref());
            let mut watched: Vec<PollFd<'_>> = fds
                .map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN))
                .collect();
            watched.push(PollFd::new(self.asked.as_fd(), PollFlags::POLLIN));
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(Fault::system("wait for output")(errno)),
            }
            let ready: Vec<bool> = watched.iter().map(|fd| fd.any() == Some(true)).collect();
            drop(watched);
            if ready.last() == Some(&true) {
                self.pass_on(running);
            }
            for (at, _) in open.iter().zip(&ready).filter(|(_, ready)| **ready) {
                let one = &mut running[*at];
                let Some(fd) = one.output.take() else {
                    continue;
                };
                let mut file = std::fs::File::from(fd);
                let read = file.read(&mut chunk);
                match read.map_err(Fault::system("read output"))? {
                    0 => {}
                    length => {
                        one.output = Some(file.into());
                        one.bytes.extend_from_slice(&chunk[..length]);
                        self.lines(one)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A signal for this process is one for all commands.
    fn pass_on(&mut self, running: &[Command]) {
        while let Ok(Some(told)) = self.asked.read_signal() {
            let number = i32::try_from(told.ssi_signo).unwrap_or_default();
            let Ok(signal) = Signal::try_from(number) else {
                continue;
            };
            self.ended = Some(signal);
            for one in running.iter().filter(|one| one.output.is_some()) {
                let pid = i32::try_from(one.child.id()).unwrap_or_default();
                // It is not waited for yet, so the number is its own.
                kill(Pid::from_raw(pid), signal).ok();
            }
        }
    }

    /// Prints whole lines; `--json` keeps them.
    fn lines(&self, one: &mut Command) -> Result<(), Fault> {
        if self.json {
            one.bytes.truncate(MOST);
            return Ok(());
        }
        let whole = one.bytes.iter().rposition(|byte| *byte == b'\n');
        let cut = whole.map(|at| at + 1);
        // A line without end is not kept for ever.
        let cut = cut.or_else(|| (one.bytes.len() > MOST).then_some(one.bytes.len()));
        let Some(cut) = cut else {
            return Ok(());
        };
        let rest = one.bytes.split_off(cut);
        let lines = std::mem::replace(&mut one.bytes, rest);
        self.print(&one.node, &lines)
    }

    fn print(&self, node: &str, lines: &[u8]) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(lines);
        let mut out = anstream::stdout().lock();
        for line in text.lines() {
            let written = writeln!(out, "{node:width$}  {line}", width = self.width);
            written.map_err(Fault::system("write"))?;
        }
        Ok(())
    }

    fn end(&mut self, node: String, status: u8, rest: Vec<u8>) -> Result<(), Fault> {
        let mut output = String::new();
        if self.json {
            output = String::from_utf8_lossy(&rest).into_owned();
        } else {
            if !rest.is_empty() {
                self.print(&node, &rest)?;
            }
            if status != 0 {
                self.print(&node, format!("(status {status})").as_bytes())?;
            }
        }
        self.ran.push(Ran {
            node,
            status,
            output,
        });
        Ok(())
    }
}
