//! Events in words, a line each.

use std::fmt;
use std::net::Ipv4Addr;

use crate::router::{AssertState, Event, RegisterState};

#[cfg(test)]
mod tests;

/// What happened, as `mcrctl watch` and the lab tell it.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(self))
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Neighbor {
            interface,
            address,
            change,
        } => format!("neighbor {address} on {interface} {change}"),
        Event::Dr {
            interface,
            address,
            is_me,
        } => match address {
            Some(address) => format!("DR on {interface} is {address}{}", itself(*is_me)),
            None => format!("no DR on {interface}"),
        },
        Event::Querier {
            interface,
            address,
            is_me,
        } => format!("querier on {interface} is {address}{}", itself(*is_me)),
        Event::OlderQuerier {
            interface,
            address,
            version,
        } => format!("querier {address} on {interface} speaks IGMPv{version}"),
        Event::Membership {
            interface,
            group,
            source,
            change,
        } => match source {
            Some(source) => format!("member of {group} from {source} on {interface} {change}"),
            None => format!("member of {group} on {interface} {change}"),
        },
        Event::Route {
            source,
            group,
            change,
            iif,
            olist,
        } => {
            let tree = tree(*source, *group);
            let iif = iif.as_deref().unwrap_or("none");
            match change.as_str() {
                "removed" => format!("route {tree} removed"),
                _ => format!("route {tree} {change}: iif {iif}, oif {}", all(olist)),
            }
        }
        Event::Rp { group, rp } => match rp {
            Some(rp) => format!("RP of {group} is {rp}"),
            None => format!("no RP for {group}"),
        },
        Event::Register {
            source,
            group,
            state,
        } => format!("{} {}", tree(Some(*source), *group), register(*state)),
        Event::Assert {
            source,
            group,
            interface,
            state,
            winner,
        } => assert(&tree(*source, *group), interface, *state, *winner),
        Event::Refused { table } => format!("the table of {table} is full: one was refused"),
    }
}

fn assert(tree: &str, interface: &str, state: AssertState, winner: Option<Ipv4Addr>) -> String {
    let said = match (state, winner) {
        (AssertState::NoInfo, _) => "is over".to_owned(),
        (AssertState::Winner, _) => "won".to_owned(),
        (AssertState::Loser, Some(winner)) => format!("lost to {winner}"),
        (AssertState::Loser, None) => "lost".to_owned(),
    };
    format!("assert for {tree} on {interface} {said}")
}

/// RFC 7761 §4.4.1, in what it means.
const fn register(state: RegisterState) -> &'static str {
    match state {
        RegisterState::NoInfo => "is not registered",
        RegisterState::Join => "is registered at the RP",
        RegisterState::JoinPending => "asks the RP whether to register again",
        RegisterState::Prune => "was stopped from registering by the RP",
    }
}

const fn itself(is_me: bool) -> &'static str {
    if is_me { " (itself)" } else { "" }
}

fn tree(source: Option<Ipv4Addr>, group: Ipv4Addr) -> String {
    match source {
        Some(source) => format!("({source},{group})"),
        None => format!("(*,{group})"),
    }
}

fn all(interfaces: &[String]) -> String {
    match interfaces {
        [] => "none".to_owned(),
        some => some.join(" "),
    }
}
