//! `lab join`, `lab leave`, `lab send`, `lab stop`: of receivers and sources of
//! the file, and of any node for a group.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::hand::{one, with_made};
use super::running::{Fault, settle};
use crate::args::{Hand, JoinArgs, LeaveArgs, SendArgs, StopArgs};
use crate::exit::Exit;
use crate::topology::by_hand::{self, ByHand, Table};

#[cfg(test)]
mod tests;

/// Runs `lab join`.
pub fn join(args: &JoinArgs) -> Exit {
    let JoinArgs {
        hand,
        who,
        source,
        exclude,
        igmp,
        interface,
    } = args;
    let list = |all: &[Ipv4Addr]| (!all.is_empty()).then(|| json!(all));
    let said = [
        ("source", list(source)),
        ("exclude", list(exclude)),
        ("igmp", igmp.map(|version| json!(version))),
        ("interface", interface.as_ref().map(|name| json!(name))),
    ];
    settle(make("join", hand, who, Table::Receivers, &said))
}

/// Runs `lab leave`.
pub fn leave(args: &LeaveArgs) -> Exit {
    settle(end("leave", &args.hand, &args.who))
}

/// Runs `lab send`.
pub fn send(args: &SendArgs) -> Exit {
    let SendArgs {
        hand,
        who,
        rate,
        size,
        ttl,
        time,
        interface,
    } = args;
    let said = [
        ("rate", rate.as_ref().map(|rate| json!(rate))),
        ("size", size.map(|size| json!(size))),
        ("ttl", ttl.map(|ttl| json!(ttl))),
        ("for", time.as_ref().map(|time| json!(time))),
        ("interface", interface.as_ref().map(|name| json!(name))),
    ];
    settle(make("send", hand, who, Table::Sources, &said))
}

/// Runs `lab stop`.
pub fn stop(args: &StopArgs) -> Exit {
    settle(end("stop", &args.hand, &args.who))
}

/// What may be said of one in a node, by its key in a lab file.
type Said<'a> = [(&'a str, Option<Value>)];

fn make(verb: &str, hand: &Hand, who: &[String], table: Table, said: &Said) -> Result<Exit, Fault> {
    let who = Who::of(verb, who)?;
    let mut made = Vec::new();
    match &who {
        Who::Listed(_) => {
            if let Some((key, _)) = said.iter().find(|(_, value)| value.is_some()) {
                let what =
                    format!("--{key} is for a node and a group: what the file names has its own");
                return Err(usage(what));
            }
        }
        Who::Node(node, groups) => made.extend(groups.iter().map(|group| {
            let said = said.iter();
            let said = said.filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?)));
            let place = [("at", json!(node)), ("group", json!(group))];
            let place = place.map(|(key, value)| (key.to_owned(), value));
            ByHand {
                table,
                name: by_hand::name(node, *group),
                entry: Value::Object(said.chain(place).collect::<Map<_, _>>()),
            }
        })),
    }
    step(verb, hand, &who, made)
}

fn end(verb: &str, hand: &Hand, who: &[String]) -> Result<Exit, Fault> {
    step(verb, hand, &Who::of(verb, who)?, Vec::new())
}

fn step(verb: &str, hand: &Hand, who: &Who<'_>, made: Vec<ByHand>) -> Result<Exit, Fault> {
    let step = one(verb, json!(who.names()));
    with_made(hand, step.to_string(), made)
}

/// Whom a command is about.
#[derive(Debug, PartialEq)]
enum Who<'a> {
    /// What the file, or an earlier command, has a name for.
    Listed(&'a [String]),
    /// A node, and groups.
    Node(&'a str, Vec<Ipv4Addr>),
}

impl<'a> Who<'a> {
    /// No name of a file has a point in it, and every address has.
    fn of(verb: &str, words: &'a [String]) -> Result<Who<'a>, Fault> {
        let is_address = |word: &String| word.contains('.') && !word.contains(':');
        match words {
            [node, groups] if is_address(groups) && !is_address(node) => {
                let groups = groups.split(',').map(|text| {
                    let group = text.parse().ok().filter(Ipv4Addr::is_multicast);
                    group.ok_or_else(|| {
                        usage(format!(
                            "{text} is no group: those are from 224.0.0.0 to 239.255.255.255"
                        ))
                    })
                });
                Ok(Who::Node(node, groups.collect::<Result<_, _>>()?))
            }
            words if words.iter().any(is_address) => Err(usage(format!(
                "write one node and its groups: lab {verb} NODE GROUP,GROUP"
            ))),
            words => Ok(Who::Listed(words)),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Who::Listed(names) => names.to_vec(),
            Who::Node(node, groups) => {
                let names = groups.iter().map(|group| by_hand::name(node, *group));
                names.collect()
            }
        }
    }
}

fn usage(message: String) -> Fault {
    let exit = Exit::Usage;
    Fault::Failed { message, exit }
}
