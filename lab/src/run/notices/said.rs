//! Notices in words.

use std::net::Ipv4Addr;

use mcr_api::router::{AssertState, Event, RegisterState};

use super::{LinkState, MrouteState, What};

impl What {
    /// Who told it: `kernel`, `mcrd`, or `lab` where it is about the listening.
    #[must_use]
    pub fn by(&self) -> &'static str {
        match self {
            What::Link { .. } | What::Mroute { .. } => "kernel",
            What::Router(_) | What::Ended => "mcrd",
            What::Missed(_) | What::Unheard(_) => "lab",
        }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            What::Link { .. } => "link",
            What::Mroute { .. } => "mroute",
            What::Router(event) => kind(event),
            What::Ended => "ended",
            What::Missed(_) => "missed",
            What::Unheard(_) => "unheard",
        }
    }

    /// In one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            What::Link { interface, state } => {
                let state = match state {
                    LinkState::Up => "up",
                    LinkState::NoCarrier => "up, without carrier",
                    LinkState::Down => "down",
                    LinkState::Gone => "gone",
                };
                format!("interface {interface} {state}")
            }
            What::Mroute {
                source,
                group,
                state,
            } => {
                let source = (!source.is_unspecified()).then_some(*source);
                mroute(&tree(source, *group), state)
            }
            What::Router(event) => router(event),
            What::Ended => "mcrd closed its control socket: it ended".to_owned(),
            What::Missed(0) => "more was told than could be read".to_owned(),
            What::Missed(count) => format!("{count} more were told than could be read"),
            What::Unheard(why) => format!("cannot be listened to: {why}"),
        }
    }
}

fn mroute(tree: &str, state: &MrouteState) -> String {
    match state {
        MrouteState::Unresolved => format!("kernel mroute {tree}: packets come, no entry yet"),
        MrouteState::Set { iif, oifs } => {
            format!("kernel mroute {tree} iif {iif}, oif {}", all(oifs))
        }
        MrouteState::Gone => format!("kernel mroute {tree} gone"),
    }
}

const fn kind(event: &Event) -> &'static str {
    match event {
        Event::Neighbor { .. } => "neighbor",
        Event::Dr { .. } => "dr",
        Event::Querier { .. } | Event::OlderQuerier { .. } => "querier",
        Event::Membership { .. } => "membership",
        Event::Route { .. } => "route",
        Event::Rp { .. } => "rp",
        Event::Register { .. } => "register",
        Event::Assert { .. } => "assert",
        Event::Refused { .. } => "refused",
    }
}

fn router(event: &Event) -> String {
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
