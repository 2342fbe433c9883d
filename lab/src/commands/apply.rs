//! `lab apply`: a running lab becomes what its file describes now.

use std::collections::BTreeMap;
use std::process::exit;
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use nix::sys::signal::{SigSet, Signal};
use serde_json::json;

use super::check::tell;
use super::hand::STEP_TIME;
use super::running::{Fault, Running, settle};
use crate::args::ApplyArgs;
use crate::exit::Exit;
use crate::holder::protocol::{Applying, Reply, Request};
use crate::plan::Change;
use crate::run::reconcile::Applied;
use crate::topology::{Source, file_of};

/// Runs `lab apply`.
pub fn run(args: &ApplyArgs) -> Exit {
    let source = Source::read(&args.file, &args.vars.vars);
    match source.and_then(|source| source.topology_in()) {
        Ok((topology, env)) => settle(
            Running::find_for(args.lab.as_deref(), &topology.name, &file_of(&args.file))
                .and_then(|lab| apply(args, &lab, env)),
        ),
        Err(mistakes) => {
            tell(&mistakes);
            Exit::InvalidFile
        }
    }
}

/// What the holder told so far.
#[derive(Default)]
struct Told {
    changes: Vec<Change>,
    hint: Option<String>,
    applied: Option<Applied>,
    mistaken: Option<String>,
    refused: Option<(String, u8)>,
}

fn apply(args: &ApplyArgs, lab: &Running, env: BTreeMap<String, String>) -> Result<Exit, Fault> {
    let file = file_of(&args.file).canonicalize();
    let request = Request::Apply {
        file: file.map_err(Fault::system("find the file"))?,
        vars: args.vars.vars.clone(),
        env,
        dry_run: args.dry_run,
    };
    if !args.dry_run {
        tell_when_interrupted(&lab.name)?;
    }
    let mut told = Told::default();
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(100));
    let asked = lab.follow(&request, STEP_TIME, |reply| {
        told.take(reply, args, lab, &progress)
    });
    progress.finish_and_clear();
    match asked {
        Err(Fault::Gone(name)) if !told.changes.is_empty() => return Err(Fault::WentDown(name)),
        asked => asked?,
    }
    if let Some((message, exit)) = told.refused {
        let exit = Exit::Status(exit);
        return Err(Fault::Failed { message, exit });
    }
    if let Some(text) = told.mistaken {
        anstream::eprint!("{text}");
        return Ok(Exit::InvalidFile);
    }
    let exit = match &told.applied {
        Some(applied) if !applied.failed.is_empty() => Exit::Failed,
        Some(_) | None => Exit::Pass,
    };
    if args.json {
        let all = json!({
            "lab": lab.name,
            "changes": told.changes,
            "hint": told.hint,
            "applied": told.applied,
        });
        anstream::println!("{all:#}");
    } else if let Some(applied) = &told.applied {
        ended(&told.changes, applied);
    }
    Ok(exit)
}

/// The lab has been asked, and does it: who ends the command is told so.
fn tell_when_interrupted(lab: &str) -> Result<(), Fault> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    let blocked = signals.thread_block();
    blocked.map_err(Fault::system("block signals"))?;
    let lab = lab.to_owned();
    let waiting = thread::Builder::new().spawn(move || {
        let Ok(signal) = signals.wait() else { return };
        anstream::eprintln!(
            "\nlab: {lab} goes on with what was begun; the next `lab apply` waits for it,\n\
             and `lab down` ends all of it"
        );
        exit(128 + signal as i32);
    });
    waiting.map_err(Fault::system("wait for signals"))?;
    Ok(())
}

impl Told {
    /// Takes an answer; true of the last one.
    fn take(
        &mut self,
        reply: Reply<Applying>,
        args: &ApplyArgs,
        lab: &Running,
        progress: &ProgressBar,
    ) -> bool {
        match reply {
            Reply::Refused { message, exit } => {
                self.refused = Some((message, exit));
                true
            }
            Reply::Done { answer } => match answer {
                Applying::Mistaken { text } => {
                    self.mistaken = Some(text);
                    true
                }
                Applying::Planned { changes, hint } => {
                    if !args.json {
                        progress.suspend(|| planned(lab, &changes, hint.as_deref()));
                    }
                    self.changes = changes;
                    self.hint = hint;
                    args.dry_run
                }
                Applying::Doing { text } => {
                    progress.set_message(text);
                    false
                }
                Applying::Done { applied } => {
                    self.applied = Some(applied);
                    true
                }
            },
        }
    }
}

/// The width of what is printed.
const WIDTH: usize = 80;

fn planned(lab: &Running, changes: &[Change], hint: Option<&str>) {
    if changes.is_empty() {
        return anstream::println!("{}  is as the file has it", lab.name);
    }
    let plural = if changes.len() == 1 { "" } else { "s" };
    anstream::println!("{}  {} change{plural}", lab.name, changes.len());
    for change in changes {
        wrapped("  ", &change.line());
    }
    if let Some(hint) = hint {
        wrapped("  ", &format!("note: {hint}"));
    }
}

fn ended(changes: &[Change], applied: &Applied) {
    if applied.failed.is_empty() {
        if !changes.is_empty() {
            anstream::println!("  done in {:.2} s", applied.seconds);
        }
        return;
    }
    anstream::println!("  {} of {} done:", applied.done.len(), changes.len());
    for change in &applied.done {
        wrapped("    ", &change.line());
    }
    anstream::println!("  not done:");
    for failed in &applied.failed {
        let (what, name) = (failed.what.word(), &failed.name);
        wrapped("    ", &format!("! {what} {name}  {}", failed.why));
    }
    anstream::println!("  the next `lab apply` tries again what was not done");
}

/// A line, broken between words where it is too long.
fn wrapped(indent: &str, text: &str) {
    for (number, text) in text.lines().enumerate() {
        let indent = match number {
            0 => indent.to_owned(),
            _ => format!("{indent}    "),
        };
        for line in broken(&indent, text) {
            anstream::println!("{line}");
        }
    }
}

fn broken(indent: &str, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        let length = line.chars().count() + 1 + word.chars().count();
        if length > WIDTH && line.trim() != "" {
            lines.push(std::mem::replace(&mut line, format!("{indent}     ")));
        }
        if line.trim() != "" {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests;
