//! `lab watch`: a running lab on the terminal, as it is now.

mod cells;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::running::{Fault, Running, settle};
use crate::args::{GraphFormat, WatchArgs};
use crate::exit::Exit;
use crate::holder::protocol::Request;
use crate::run::status::Status;
use screen::View;

/// How long an answer may take: a step that is being done goes first.
const ANSWER_TIME: Duration = Duration::from_secs(3600);
/// How long a key may wait.
const KEY_TIME: Duration = Duration::from_millis(50);
/// The width where there is no terminal.
const WIDTH: u16 = 80;

/// Runs `lab watch`.
pub fn run(args: &WatchArgs) -> Exit {
    settle(watch(args))
}

fn watch(args: &WatchArgs) -> Result<Exit, Fault> {
    let lab = Running::find(args.lab.as_deref())?;
    let name = lab.name.clone();
    let terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if args.once {
        // Twice, for the rates.
        let status = || look(&lab, None);
        let view = View::of(&name).with(status()?);
        thread::sleep(args.interval);
        return print(&view.with(status()?), args.json);
    }
    let wanted = Wanted::default();
    let looks = looks(lab, args.interval, &wanted);
    if args.json || !terminal {
        let mut view = View::of(&name);
        while let Ok(look) = looks.recv() {
            view = view.with(look?);
            print(&view, args.json)?;
        }
        return Ok(Exit::Pass);
    }
    let mut terminal = ratatui::try_init().map_err(Fault::system("use the terminal"))?;
    let watched = interact(&mut terminal, View::of(&name), &looks, &wanted);
    ratatui::try_restore().map_err(Fault::system("give the terminal back"))?;
    watched
}

/// Of what the network is to be drawn, as the keys say.
type Wanted = Arc<Mutex<Option<Option<Ipv4Addr>>>>;

/// How the lab is, and what its processes take.
fn look(lab: &Running, drawn: Option<Option<Ipv4Addr>>) -> Result<Status, Fault> {
    let mut status: Status = lab.ask(&Request::Status {}, ANSWER_TIME)?;
    status.processes = lab.ask(&Request::Processes {}, ANSWER_TIME)?;
    if let Some(group) = drawn {
        let format = GraphFormat::Text;
        status.network = lab.ask(&Request::Graph { format, group }, ANSWER_TIME)?;
    }
    Ok(status)
}

/// What the lab answers, again and again, from a thread of its own: it may take
/// as long as a step does.
fn looks(lab: Running, interval: Duration, wanted: &Wanted) -> Receiver<Result<Status, Fault>> {
    let (sender, receiver) = sync_channel(1);
    let wanted = Arc::clone(wanted);
    thread::spawn(move || look_again(&lab, interval, &wanted, &sender));
    receiver
}

fn look_again(
    lab: &Running,
    interval: Duration,
    wanted: &Wanted,
    sender: &SyncSender<Result<Status, Fault>>,
) {
    loop {
        let drawn = *wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let look = look(lab, drawn);
        let last = look.is_err();
        if sender.send(look).is_err() || last {
            return;
        }
        thread::sleep(interval);
    }
}

/// The same screen as lines, or the status as a line of JSON.
fn print(view: &View, json: bool) -> Result<Exit, Fault> {
    let text = if json {
        serde_json::to_string(view.status()).unwrap_or_default()
    } else {
        lines(view).map_err(Fault::system("draw the lab"))?
    };
    let written = writeln!(io::stdout(), "{text}");
    written.map_err(Fault::system("write"))?;
    Ok(Exit::Pass)
}

fn lines(view: &View) -> io::Result<String> {
    let height = view.height();
    let mut terminal = Terminal::new(TestBackend::new(WIDTH, height)).map_err(io::Error::other)?;
    terminal
        .draw(|frame| view.draw(frame))
        .map_err(io::Error::other)?;
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(WIDTH.into());
    let rows = rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>());
    let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
    Ok(rows.join("\n").trim_end().to_owned())
}

/// Draws what comes until the user has seen enough.
fn interact(
    terminal: &mut ratatui::DefaultTerminal,
    mut view: View,
    looks: &Receiver<Result<Status, Fault>>,
    wanted: &Wanted,
) -> Result<Exit, Fault> {
    let mut paused = false;
    loop {
        match looks.recv_timeout(KEY_TIME) {
            Ok(look) => {
                let look = look?;
                if !paused {
                    view = view.with(look);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Pass),
        }
        let drawn = terminal.draw(|frame| view.draw(frame));
        drawn.map_err(Fault::system("draw the lab"))?;
        while event::poll(Duration::ZERO).map_err(Fault::system("read a key"))? {
            let read = event::read().map_err(Fault::system("read a key"))?;
            let Event::Key(key) = read else { continue };
            if key.kind != KeyEventKind::Press {
                continue;
            }
            let is = |codes: &[KeyCode]| codes.contains(&key.code);
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            if is(&[KeyCode::Char('q'), KeyCode::Esc]) || (control && is(&[KeyCode::Char('c')])) {
                return Ok(Exit::Pass);
            }
            if is(&[KeyCode::Char('p'), KeyCode::Char(' ')]) {
                paused = !paused;
                view.pause(paused);
            } else if is(&[KeyCode::Tab, KeyCode::Right, KeyCode::Down]) {
                view.next_group(1);
            } else if is(&[KeyCode::BackTab, KeyCode::Left, KeyCode::Up]) {
                view.next_group(-1);
            } else if is(&[KeyCode::Char('n')]) {
                view.turn();
            }
            *wanted.lock().unwrap_or_else(PoisonError::into_inner) = view.wants();
        }
    }
}

#[cfg(test)]
mod tests;
