//! `lab test --pause-on-failure`: the lab of a failed step can be entered, goes
//! on when somebody at the terminal says so, and never outlives the terminal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use mcr_tests::{eventually, programs, skip};
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The exit statuses that the tests meet.
const FAILED: i32 = 1;
const UNFIT: i32 = 5;
const USAGE: i32 = 64;
/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const LAB: &str = "lab: 1
nodes: { a: host, r1: mcrd, b: host }
links: [a -- r1, r1 -- b]
pim: {}
unicast: oracle
receivers: { rx: { at: b, group: 239.1.1.1 } }
sources: { tx: { at: a, group: 239.1.1.1, rate: 10pps } }
steps:
  - 'this one fails': { exec: { at: a, run: 'false' } }
  - 'the next one': { exec: { at: b, run: 'touch went-on' } }
  - 'another fails': { exec: { at: b, run: 'false' } }
  - 'never done': { exec: { at: b, run: 'touch too-far' } }
";

fn lab(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().unwrap().lab);
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null());
    command
}

fn ask(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = lab(folder, arguments).output().unwrap();
    (output.status.code(), text(&output))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Both ends of a terminal, which no other process holds open by chance.
fn terminal() -> io::Result<(File, File)> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let keyboard = posix_openpt(flags)?;
    grantpt(&keyboard)?;
    unlockpt(&keyboard)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(OFlag::O_NOCTTY.bits());
    let screen = options.open(ptsname_r(&keyboard)?)?;
    Ok((File::from(std::os::fd::OwnedFd::from(keyboard)), screen))
}

/// A run on a terminal of its own.
struct Session {
    lab: Child,
    keyboard: Option<File>,
    text: String,
    folder: PathBuf,
    name: String,
}

impl Session {
    /// Runs the file in this folder, and as often again as `more` says, as the
    /// leader of the terminal's session where that is asked for.
    fn start(folder: &Path, name: &str, more: usize, leader: bool) -> Session {
        let at = folder.display();
        let steps = LAB.replace("touch ", &format!("touch {at}/"));
        fs::write(folder.join("lab.yaml"), format!("name: {name}\n{steps}")).unwrap();
        let (keyboard, screen) = terminal().unwrap();
        let end = || Stdio::from(screen.try_clone().unwrap());
        let mut command = if leader {
            let mut command = Command::new("setsid");
            command.arg("--ctty").arg(programs().unwrap().lab);
            command.current_dir(folder);
            command
        } else {
            lab(folder, &[])
        };
        command.args(["test", "--pause-on-failure"]);
        command.args(vec!["lab.yaml"; 1 + more]);
        command.stdin(end()).stdout(end()).stderr(end());
        Session {
            lab: command.spawn().unwrap(),
            keyboard: Some(keyboard),
            text: String::new(),
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Takes what the terminal shows, or it would come to a halt.
    fn look(&mut self) {
        let mut part = [0; 4096];
        if let Some(keyboard) = &mut self.keyboard {
            while let Ok(length @ 1..) = keyboard.read(&mut part) {
                self.text += &String::from_utf8_lossy(&part[..length]);
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        writeln!(keyboard, "{line}").unwrap();
    }

    /// Waits until so many pauses were told; false where the run ended before.
    fn paused(&mut self, times: usize) -> bool {
        let told = |text: &str| text.matches("end the run now.").count() >= times;
        let seen = eventually(LONG, || {
            let ended = self.lab.try_wait().unwrap().is_some();
            self.look();
            told(&self.text) || ended
        });
        assert!(seen, "{}", self.text);
        told(&self.text)
    }

    /// The first process of the paused lab.
    fn init(&self) -> i32 {
        let (_, labs) = ask(&self.folder, &["ps", "--json"]);
        let labs: serde_json::Value = serde_json::from_str(&labs).unwrap();
        let mut labs = labs.as_array().unwrap().iter();
        let own = labs.find(|lab| lab["name"] == self.name.as_str()).unwrap();
        let folder = Path::new(own["directory"].as_str().unwrap());
        let state = fs::read_to_string(folder.join("lab.json")).unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        i32::try_from(state["init"].as_i64().unwrap()).unwrap()
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut status = None;
        let ended = eventually(LONG, || {
            self.look();
            status = self.lab.try_wait().unwrap();
            status.is_some()
        });
        self.look();
        if !ended {
            self.lab.kill().unwrap();
            self.lab.wait().unwrap();
        }
        assert!(ended, "it did not end: {}", self.text);
        (status.and_then(|status| status.code()), self.text)
    }
}

#[test]
fn a_failed_lab_stands_until_somebody_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let name = format!("paused-{}", std::process::id());
    let mut session = Session::start(at, &name, 1, false);
    if !session.paused(1) {
        let (status, told) = session.end();
        assert_eq!(status, Some(UNFIT), "{told}");
        let test = "a_failed_lab_stands_until_somebody_says_how_to_go_on";
        return skip(test, "lab test says this machine is unfit", &told);
    }
    for said in [
        format!("lab sh r1 -l {name}"),
        format!("lab explain {name} rx tx"),
        format!("lab capture -l {name} --control"),
        "Enter goes on with the next of 3 steps".to_owned(),
    ] {
        assert!(session.text.contains(&said), "{said}: {}", session.text);
    }
    let inside: &[&str] = &["exec", "r1", "-l", &name, "--"];
    let links = ask(at, &[inside, &["ip", "-o", "link"]].concat());
    assert!(
        links.1.contains(": a@") || links.1.contains(": a:"),
        "{links:?}"
    );
    let router = ask(at, &[inside, &["mcrctl", "status"]].concat());
    assert_eq!(router.0, Some(0), "{router:?}");
    let why = ask(at, &["explain", &name, "rx", "tx"]);
    assert_eq!(why.0, Some(FAILED), "{why:?}");
    assert!(why.1.contains("rx"), "{why:?}");
    let log = ask(at, &["logs", "r1", "-l", &name]);
    assert_eq!(log.0, Some(0), "{log:?}");
    let captured = ["capture", "-l", &name, "--duration", "1ms"];
    assert_eq!(ask(at, &captured).0, Some(0));
    let changed = ask(at, &["join", "rx", "-l", &name]);
    assert_eq!(changed.0, Some(USAGE), "{changed:?}");
    assert!(
        changed.1.contains("a run of `lab test` that pauses"),
        "{changed:?}"
    );
    session.type_line("what");
    let hint = eventually(LONG, || {
        session.look();
        session.text.contains("Enter alone goes on")
    });
    assert!(hint && !at.join("went-on").exists(), "{}", session.text);
    session.type_line("");
    assert!(session.paused(2), "{}", session.text);
    assert!(at.join("went-on").exists(), "it went on");
    session.type_line("q");
    let (status, told) = session.end();
    assert_eq!(status, Some(FAILED), "{told}");
    assert!(!at.join("too-far").exists(), "{told}");
    assert_eq!(
        told.matches("evidence in").count(),
        1,
        "the file comes twice: {told}"
    );
    let gone = ask(at, &[inside, &["true"]].concat());
    assert_ne!(gone.0, Some(0), "nothing is left of it: {gone:?}");
}

/// What ends a run that pauses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    /// The terminal goes; its session's leader is told, others see its end.
    Terminal {
        leader: bool,
    },
    Signal(Signal),
    /// `lab down`.
    Down,
}

#[test]
fn nothing_is_left_of_a_paused_lab_whatever_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    for (number, ending) in [
        Ending::Terminal { leader: true },
        Ending::Terminal { leader: false },
        Ending::Signal(Signal::SIGTERM),
        Ending::Signal(Signal::SIGINT),
        Ending::Signal(Signal::SIGKILL),
        Ending::Down,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("ends{number}-{}", std::process::id());
        let leader = ending == Ending::Terminal { leader: true };
        let mut session = Session::start(folder.path(), &name, 0, leader);
        if !session.paused(1) {
            let (status, told) = session.end();
            assert_eq!(status, Some(UNFIT), "{told}");
            let test = "nothing_is_left_of_a_paused_lab_whatever_ends_it";
            return skip(test, "lab test says this machine is unfit", &told);
        }
        let init = session.init();
        match ending {
            Ending::Terminal { .. } => session.keyboard = None,
            Ending::Signal(signal) => {
                kill(Pid::from_raw(session.lab.id().cast_signed()), signal).unwrap();
            }
            Ending::Down => {
                let down = ask(folder.path(), &["down", &name]);
                assert_eq!(down.0, Some(0), "{down:?}");
            }
        }
        let (status, told) = session.end();
        let killed = ending == Ending::Signal(Signal::SIGKILL);
        assert_eq!(status.is_none(), killed, "{ending:?}: {told}");
        let process = PathBuf::from(format!("/proc/{init}"));
        let gone = eventually(LONG, || !process.exists());
        assert!(gone, "{ending:?}: {init} is left: {told}");
        let listed = ask(folder.path(), &["ps"]).1;
        assert!(!listed.contains(&name), "{ending:?}: {listed}");
        let went_on = folder.path().join("went-on").exists();
        assert!(!went_on, "{ending:?}: nobody said to go on: {told}");
        if !killed {
            let latest = folder.path().join("runs/latest/result.json");
            let result = fs::read_to_string(latest).unwrap();
            assert!(result.contains(&name), "{ending:?}: the result is written");
        }
    }
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (status, told) = ask(folder.path(), &["test", "--pause-on-failure", "lab.yaml"]);
    assert_eq!(status, Some(USAGE), "{told}");
    let said = "--pause-on-failure needs a terminal";
    assert!(told.contains(said), "{told}");
}
