//! `--pause-on-failure`: the process outside the lab's world asks the terminal
//! how to go on, and opens the lab to other commands meanwhile.

use std::fs;
use std::io::{self, IsTerminal, Stdin, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use mcr_sys::channel::SeqPacket;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, tcflush};
use nix::unistd::{Pid, read};

use super::WORK;
use crate::args::TestArgs;
use crate::commands::up;
use crate::exit::Exit;
use crate::holder::{SOCKET, folders};
use crate::node::Programs;
use crate::run::pause::{Answer, MAX_MESSAGE, Pause, Paused};
use crate::rundir::{RunDir, RunDirError, process_started};
use crate::sandbox::Attendant;
use crate::topology::model::Topology;

/// The longest line that is read of the terminal.
const MAX_LINE: usize = 4096;

/// Whether it was asked for, and can be done here.
pub(super) fn wanted(args: &TestArgs) -> Result<bool, Exit> {
    let wanted = args.failure.pause_on_failure;
    if wanted && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        anstream::eprintln!(
            "lab test: --pause-on-failure needs a terminal as standard input and \
             standard error: somebody has to say how to go on"
        );
        return Err(Exit::Usage);
    }
    Ok(wanted)
}

/// The process outside.
pub(super) struct Outside<'a> {
    labs: &'a [Topology],
    programs: &'a Programs,
    /// `None` when the other end is closed.
    line: Option<SeqPacket>,
    init: Pid,
    rootless: bool,
    /// The terminal is asked.
    asks: bool,
    terminal: Stdin,
    /// The folder of the lab that can be entered.
    open: Option<RunDir>,
}

impl<'a> Outside<'a> {
    /// The attendant, and the run's end of the line to it.
    pub(super) fn new(
        labs: &'a [Topology],
        programs: &'a Programs,
    ) -> io::Result<(Outside<'a>, Pause)> {
        let (line, runs) = SeqPacket::pair()?;
        let outside = Outside {
            labs,
            programs,
            line: Some(line),
            init: Pid::from_raw(0),
            rootless: false,
            asks: false,
            terminal: io::stdin(),
            open: None,
        };
        Ok((outside, Pause::new(runs)))
    }

    /// The run pauses, where it says so.
    fn listen(&mut self) -> io::Result<()> {
        let Some(line) = &self.line else {
            return Ok(());
        };
        let mut message = vec![0; MAX_MESSAGE];
        let received = match line.recv(&mut message) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            received => received?,
        };
        if received.len == 0 {
            self.line = None;
            return Ok(());
        }
        let text = message.get(..received.len).unwrap_or_default();
        self.pause(&serde_json::from_slice(text)?)
    }

    fn pause(&mut self, paused: &Paused) -> io::Result<()> {
        let of = |lab: &&Topology| lab.name == paused.lab && lab.file == paused.file;
        let lab = self.labs.iter().find(of);
        let lab = lab.ok_or(io::ErrorKind::NotFound)?;
        let mut lines = vec![String::new()];
        let door = match self.enter(lab, &paused.logs) {
            Ok((folder, door)) => {
                self.open = Some(folder);
                lines.extend(ways(lab));
                Some(door)
            }
            Err(error) => {
                lines.push(format!("  paused; the lab cannot be entered: {error}"));
                None
            }
        };
        let doors: Vec<BorrowedFd<'_>> = door.iter().map(AsFd::as_fd).collect();
        self.say(Answer::Open, &doors)?;
        lines.push(question(paused.left));
        // What was typed before is no answer.
        tcflush(&self.terminal, FlushArg::TCIFLUSH).ok();
        self.asks = true;
        tell(&lines);
        Ok(())
    }

    /// Makes the folder through which other commands find the lab.
    fn enter(&self, lab: &Topology, logs: &Path) -> Result<(RunDir, UnixListener), RunDirError> {
        let folder = RunDir::claim(&lab.name)?;
        let path = folder.path();
        let mut state = up::state(Path::new(WORK), lab, self.programs);
        state.init = self.init.as_raw();
        state.init_started = process_started(state.init).unwrap_or_default();
        state.rootless = self.rootless;
        let link = folders(&path).logs;
        let door = fs::canonicalize(logs)
            .and_then(|logs| symlink(logs, &link))
            .map_err(RunDirError::file("make", &link))
            .and_then(|()| {
                let socket = path.join(SOCKET);
                UnixListener::bind(&socket).map_err(RunDirError::file("make", &socket))
            })
            .and_then(|door| folder.write_state(&state).map(|()| door));
        match door {
            Ok(door) => Ok((folder, door)),
            Err(error) => {
                folder.remove()?;
                Err(error)
            }
        }
    }

    fn say(&self, answer: Answer, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
        match &self.line {
            Some(line) => line.send(&serde_json::to_vec(&answer)?, beside),
            None => Ok(()),
        }
    }

    /// Reads an answer, where there is one.
    fn read(&mut self) -> io::Result<()> {
        if !self.asks || !readable(self.terminal.as_fd())? {
            return Ok(());
        }
        let mut line = [0; MAX_LINE];
        let answer = match read(&self.terminal, &mut line) {
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(()),
            // The terminal is gone, and with it everybody who could answer.
            Ok(0) | Err(_) => Answer::End,
            Ok(length) => match line.get(..length).unwrap_or_default().trim_ascii() {
                b"" => Answer::GoOn,
                b"q" | b"Q" => Answer::End,
                _ => {
                    tell(&["  Enter alone goes on; q and Enter end the run.".to_owned()]);
                    return Ok(());
                }
            },
        };
        self.asks = false;
        self.close();
        self.say(answer, &[])
    }

    /// The lab cannot be found any more.
    fn close(&mut self) {
        if let Some(Err(error)) = self.open.take().map(RunDir::remove) {
            tell(&[format!("lab test: {error}")]);
        }
    }
}

impl Attendant for Outside<'_> {
    fn started(&mut self, init: Pid, rootless: bool) {
        (self.init, self.rootless) = (init, rootless);
    }

    fn waits_for(&self) -> Vec<BorrowedFd<'_>> {
        let line = self.line.iter().map(AsFd::as_fd);
        let asks = self.asks.then(|| self.terminal.as_fd());
        line.chain(asks).collect()
    }

    fn attend(&mut self) {
        if let Err(error) = self.listen().and_then(|()| self.read()) {
            tell(&[format!("lab test: cannot pause: {error}")]);
            // Without this line nobody answers the run, which ends then.
            (self.line, self.asks) = (None, false);
        }
    }

    fn ended(&mut self) {
        self.close();
    }
}

fn readable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut watched = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO)?;
    Ok(watched[0].any() == Some(true))
}

/// What can be typed elsewhere meanwhile.
fn ways(lab: &Topology) -> Vec<String> {
    let name = &lab.name;
    let way = |command: String, what: &str| format!("    {command:<40} {what}");
    let router = lab.nodes.iter().find(|node| node.kind.is_router());
    let node = router.or(lab.nodes.first());
    let node = node.map_or("NODE", |node| node.name.as_str());
    let mut lines = vec![
        "  paused: the lab stands as this step left it. In another terminal:".to_owned(),
        way(format!("lab sh {node} -l {name}"), "a shell in a node"),
    ];
    if let (Some(receiver), Some(source)) = (lab.receivers.first(), lab.sources.first()) {
        let (receiver, source) = (&receiver.name, &source.name);
        let command = format!("lab explain {name} {receiver} {source}");
        lines.push(way(command, "why nothing arrives"));
    }
    let command = format!("lab capture -l {name} --control");
    lines.push(way(command, "IGMP and PIM messages"));
    lines
}

fn question(left: usize) -> String {
    let next = match left {
        0 => "ends the run, of which this is the last step".to_owned(),
        1 => "goes on with the last step".to_owned(),
        _ => format!("goes on with the next of {left} steps"),
    };
    format!("  Enter {next}; q and Enter end the run now.")
}

/// On the terminal, if that is still there.
fn tell(lines: &[String]) {
    let mut out = anstream::stderr().lock();
    for line in lines {
        writeln!(out, "{line}").ok();
    }
}
