//! Notices in words.

use std::net::Ipv4Addr;

use mcr_api::router::Event;

use super::{LinkState, MrouteState, What};

impl What {
    /// Who told it: `kernel`, `mcrd`, or `lab` where it is about the listening.
    #[must_use]
    pub fn by(&self) -> &'static str {
        match self {
            What::Link { .. } | What::Mroute { .. } => "kernel",
            What::Router(_) | What::Ended => "mcrd",
            What::Died(_) | What::Missed(_) | What::Unheard(_) => "lab",
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
            What::Died(_) => "died",
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
            What::Router(event) => event.to_string(),
            What::Ended => "mcrd closed its control socket: it ended".to_owned(),
            What::Died(words) => words.clone(),
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
