//! Steps by hand in a running lab: `lab do` takes any that a file may have, the
//! other commands write the common ones.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::running::{Fault, Running, settle};
use crate::args::{DaemonArgs, DoArgs, FaultArgs, Hand, HealArgs, LinkArgs, RestartArgs, SnapArgs};
use crate::exit::Exit;
use crate::holder::protocol::{MAX_REQUEST, Request, Stepped};
use crate::topology::by_hand::ByHand;

/// The longest that a step may take.
pub(super) const STEP_TIME: Duration = Duration::from_secs(3600);

/// Runs `lab link`.
pub fn link(args: &LinkArgs) -> Exit {
    let mut verb = one(&args.change, json!(args.links));
    let count = args.count.map(|count| json!(count));
    let said = [
        ("at", args.at.as_ref().map(|at| json!(at))),
        ("mode", args.mode.as_ref().map(|mode| json!(mode))),
        ("count", count),
        ("period", args.period.as_ref().map(|time| json!(time))),
    ];
    say(&mut verb, said);
    let title = format!("link {} {}", args.change, args.links.join(" "));
    settle(done(&args.hand, one(&title, one("link", verb))))
}

/// Runs `lab daemon`.
pub fn daemon(args: &DaemonArgs) -> Exit {
    let mut verb = one(&args.change, json!(args.nodes));
    let withdraw = (!args.withdraw.is_empty()).then(|| json!(args.withdraw));
    let signal = args.signal.as_ref().map(|signal| json!(signal));
    say(&mut verb, [("signal", signal), ("withdraw", withdraw)]);
    let by = args.signal.iter().map(|signal| format!(" by {signal}"));
    let by: String = by.collect();
    let title = format!("daemon {} {}{by}", args.change, args.nodes.join(" "));
    settle(done(&args.hand, one(&title, one("daemon", verb))))
}

/// Runs `lab restart`.
pub fn restart(args: &RestartArgs) -> Exit {
    let verb = one("restart", json!(args.nodes));
    let title = format!("restart {}", args.nodes.join(" "));
    settle(done(&args.hand, one(&title, one("daemon", verb))))
}

/// Runs `lab fault`.
pub fn fault(args: &FaultArgs) -> Exit {
    let title = format!("fault {} {}", args.link, args.settings.join(" "));
    let mut settings = serde_json::Map::new();
    for setting in &args.settings {
        match setting.split_once('=') {
            Some((key, value)) if !setting.starts_with('{') => {
                settings.insert(key.to_owned(), json!(value));
            }
            // YAML of the step's own, as it stands.
            Some(_) | None if args.settings.len() == 1 && args.dir.is_none() => {
                let step = format!("fault: {{{}: {setting}}}", json!(args.link));
                let step = format!("{}: {{{step}}}", json!(title));
                return settle(written(&args.hand, step));
            }
            Some(_) | None => {
                let message = format!("write settings as loss=5%: {setting:?} is none");
                let exit = Exit::Usage;
                return settle(Err(Fault::Failed { message, exit }));
            }
        }
    }
    let mut fault = Value::Object(settings);
    if let Some(dir) = &args.dir {
        fault = one("dir", one(dir, fault));
    }
    let verb = one("fault", one(&args.link, fault));
    settle(done(&args.hand, one(&title, verb)))
}

/// Runs `lab heal`.
pub fn heal(args: &HealArgs) -> Exit {
    settle(done(&args.hand, one("heal", json!(args.links))))
}

/// Runs `lab snap`.
pub fn snap(args: &SnapArgs) -> Exit {
    settle(done(&args.hand, one("snap", json!(args.name))))
}

/// Runs `lab diff`.
pub fn diff(args: &SnapArgs) -> Exit {
    let same = json!({ "state": { "same_as": args.name }, "within": "1s" });
    let title = format!("diff {}", args.name);
    settle(done(&args.hand, one(&title, one("expect", same))))
}

/// Runs `lab do`.
pub fn step(args: &DoArgs) -> Exit {
    if args.step != "-" {
        return settle(written(&args.hand, args.step.clone()));
    }
    let mut text = String::new();
    let read = io::stdin().take(MAX_REQUEST).read_to_string(&mut text);
    match read {
        Ok(_) => settle(written(&args.hand, text)),
        Err(error) => settle(Err(Fault::system("read the step")(error))),
    }
}

/// Adds to a verb what is said beside it.
fn say<const N: usize>(verb: &mut Value, said: [(&str, Option<Value>); N]) {
    for (key, value) in said {
        if let (Some(verb), Some(value)) = (verb.as_object_mut(), value) {
            verb.insert(key.to_owned(), value);
        }
    }
}

pub(super) fn one(key: &str, value: Value) -> Value {
    let mut map = serde_json::Map::new();
    map.insert(key.to_owned(), value);
    Value::Object(map)
}

/// JSON is YAML too.
fn done(hand: &Hand, step: Value) -> Result<Exit, Fault> {
    written(hand, step.to_string())
}

fn written(hand: &Hand, text: String) -> Result<Exit, Fault> {
    with_made(hand, text, Vec::new())
}

/// Does a step about receivers and sources that are in no file.
pub(super) fn with_made(hand: &Hand, text: String, made: Vec<ByHand>) -> Result<Exit, Fault> {
    let lab = Running::find(hand.lab.as_deref())?;
    let colour = !hand.json && io::stdout().is_terminal();
    let request = Request::Step { text, colour, made };
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(100));
    let reply = lab.ask(&request, STEP_TIME);
    progress.finish_and_clear();
    match reply? {
        Stepped::Judged {
            lines,
            exit,
            report,
        } => {
            if hand.json {
                anstream::println!("{report:#}");
            } else {
                lines.iter().for_each(|line| anstream::println!("{line}"));
            }
            Ok(Exit::Status(exit))
        }
        Stepped::Mistaken { text } => {
            anstream::eprint!("{text}");
            Ok(Exit::InvalidFile)
        }
    }
}
