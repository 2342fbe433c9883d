//! What the router tells, in the words of the log.

use mcr_api::router::Event as Told;
use mcr_proto::router::Interfaces;
use mcr_proto::router::event::Event;
use std::net::Ipv4Addr;
use tracing::{debug, info, warn};

/// The event in the words of the control API; interfaces that have just gone
/// have their number for a name.
pub(crate) fn told(event: &Event, interfaces: &Interfaces) -> Told {
    mcr_view::event::told(event, |iface| match interfaces.get(iface) {
        Some(known) => known.kernel.name.to_string(),
        None => format!("#{iface}"),
    })
}

/// Writes the event to the log: at `info` what happens seldom, at `debug` what
/// hosts and sources cause.
pub(crate) fn log(event: &Told) {
    match event {
        Told::Neighbor {
            interface,
            address,
            change,
        } => info!(target: "pim", interface, %address, "neighbour {change}"),
        Told::Dr {
            interface,
            address: Some(address),
            is_me,
        } => info!(target: "pim", interface, %address, is_me, "designated router"),
        Told::Dr { interface, .. } => info!(target: "pim", interface, "no designated router"),
        Told::Querier {
            interface,
            address,
            is_me,
        } => info!(target: "igmp", interface, %address, is_me, "querier"),
        Told::OlderQuerier {
            interface,
            address,
            version,
        } => warn!(
            target: "igmp",
            interface,
            %address,
            version,
            "a querier of an older version: set the interface's version to it"
        ),
        Told::Membership {
            interface,
            group,
            source,
            change,
        } => debug!(target: "igmp", interface, %group, source = or_any(*source), "{change}"),
        Told::Route {
            source,
            group,
            change,
            iif,
            olist,
        } => {
            debug!(target: "router", source = or_any(*source), %group, iif, ?olist, "route {change}");
        }
        Told::Rp {
            group,
            rp: Some(rp),
        } => debug!(target: "pim", %group, %rp, "RP"),
        Told::Rp { group, rp: None } => debug!(target: "pim", %group, "no RP"),
        Told::Register {
            source,
            group,
            state,
        } => debug!(target: "pim", %source, %group, ?state, "register"),
        Told::Assert {
            source,
            group,
            interface,
            state,
            winner,
        } => {
            debug!(target: "pim", source = or_any(*source), %group, interface, ?state, ?winner, "assert");
        }
        Told::Refused { table } => {
            warn!(target: "router", table, "a table is full, and something was refused");
        }
    }
}

fn or_any(source: Option<Ipv4Addr>) -> String {
    source.map_or_else(|| "*".to_owned(), |source| source.to_string())
}
