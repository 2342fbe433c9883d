//! `mcrctl watch`

use std::io::Write;
use std::net::Ipv4Addr;

use mcr_api::client::Client;
use mcr_api::router::{AssertState, Event, RegisterState, WatchLine};

use crate::args;
use crate::error::Error;
use crate::render::Output;
use crate::render::text;

#[cfg(test)]
mod tests;

pub(crate) fn run(
    args: &args::Watch,
    client: Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut events = client.watch()?;
    let mut seen = 0;
    loop {
        let line = events.next_event()?;
        if out.json {
            out.json_line(&line)?;
        } else {
            out.text(&render(&line))?;
            out.flush()?;
        }
        seen += 1;
        if args.count.is_some_and(|count| seen >= count) {
            return Ok(());
        }
    }
}

/// `  12.345s  neighbor 10.0.1.9 on eth1: up`
fn render(line: &WatchLine) -> String {
    let mut out = String::new();
    if line.missed > 0 {
        let missed = usize::try_from(line.missed).unwrap_or(usize::MAX);
        out.push_str(&format!("... {} missed\n", text::count(missed, "event")));
    }
    out.push_str(&format!("{:9.3}s  {}\n", line.time, event(&line.event)));
    out
}

fn event(event: &Event) -> String {
    match event {
        Event::Neighbor {
            interface,
            address,
            change,
        } => format!("neighbor {address} on {interface}: {change}"),
        Event::Dr {
            interface,
            address,
            is_me,
        } => format!("DR of {interface}: {}", who(*address, *is_me)),
        Event::Querier {
            interface,
            address,
            is_me,
        } => format!("querier of {interface}: {}", who(Some(*address), *is_me)),
        Event::OlderQuerier {
            interface,
            address,
            version,
        } => format!("querier {address} on {interface} speaks IGMPv{version} only"),
        Event::Membership {
            interface,
            group,
            source,
            change,
        } => format!(
            "membership {} on {interface}: {change}",
            entry(*source, *group)
        ),
        Event::Route {
            source,
            group,
            change,
            iif,
            olist,
        } => {
            let iif = iif.as_deref().unwrap_or("none");
            let olist = match olist.as_slice() {
                [] => "none".to_owned(),
                olist => olist.join(" "),
            };
            let entry = entry(*source, *group);
            format!("route {entry} {change}: in {iif}, out {olist}")
        }
        Event::Rp { group, rp } => format!("RP of {group}: {}", who(*rp, false)),
        Event::Register {
            source,
            group,
            state,
        } => {
            let entry = entry(Some(*source), *group);
            format!("register {entry}: {}", register(*state))
        }
        Event::Assert {
            source,
            group,
            interface,
            state,
            winner,
        } => {
            let state = match (state, winner) {
                (AssertState::NoInfo, _) => "ended".to_owned(),
                (AssertState::Winner, _) => "won".to_owned(),
                (AssertState::Loser, winner) => format!("lost to {}", who(*winner, false)),
            };
            format!("assert {} on {interface}: {state}", entry(*source, *group))
        }
        Event::Refused { table } => format!("the table of {table} is full"),
    }
}

fn who(address: Option<Ipv4Addr>, me: bool) -> String {
    match (address, me) {
        (Some(address), true) => format!("{address}, this router"),
        (Some(address), false) => address.to_string(),
        (None, _) => "none".to_owned(),
    }
}

fn entry(source: Option<Ipv4Addr>, group: Ipv4Addr) -> String {
    match source {
        Some(source) => format!("({source}, {group})"),
        None => format!("(*, {group})"),
    }
}

fn register(state: RegisterState) -> &'static str {
    match state {
        RegisterState::NoInfo => "ended",
        RegisterState::Join => "packets go to the RP",
        RegisterState::JoinPending => "a probe is out",
        RegisterState::Prune => "stopped by the RP",
    }
}
