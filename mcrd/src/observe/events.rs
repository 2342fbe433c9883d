//! What the router tells, in the words of the control API and of the log.

use mcr_api::router::Event as Told;
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::router::Interfaces;
use mcr_proto::router::event::{
    AssertRole, Event, MembershipChange, NeighborChange, RouteChangeKind, Table,
};
use mcr_proto::tib::TreeKey;
use std::net::Ipv4Addr;
use tracing::{debug, info, warn};

/// The event in the words of the control API; interfaces that have just gone
/// have their number for a name.
pub(crate) fn told(event: &Event, interfaces: &Interfaces) -> Told {
    let name = |iface: &IfIndex| name(interfaces, *iface);
    match event {
        Event::Neighbor {
            iface,
            address,
            change,
        } => Told::Neighbor {
            interface: name(iface),
            address: *address,
            change: neighbor(*change).to_owned(),
        },
        Event::Dr { iface, address, me } => Told::Dr {
            interface: name(iface),
            address: *address,
            is_me: *me,
        },
        Event::Querier { iface, address, me } => Told::Querier {
            interface: name(iface),
            address: *address,
            is_me: *me,
        },
        Event::OlderQuerier {
            iface,
            address,
            version,
        } => Told::OlderQuerier {
            interface: name(iface),
            address: *address,
            version: *version,
        },
        Event::Membership {
            iface,
            group,
            source,
            change,
        } => told_membership(name(iface), *group, *source, *change),
        Event::Route {
            key,
            change,
            iif,
            olist,
        } => {
            let olist = olist.iter().map(name).collect();
            told_route(*key, *change, iif.as_ref().map(name), olist)
        }
        Event::Rp { group, rp } => {
            let (group, rp) = (group.get(), rp.map(UnicastAddr::get));
            Told::Rp { group, rp }
        }
        Event::Register {
            source,
            group,
            state,
        } => Told::Register {
            source: source.get(),
            group: group.get(),
            state: mcr_view::register(*state),
        },
        Event::Assert {
            key,
            iface,
            state,
            winner,
        } => told_assert(*key, name(iface), *state, *winner),
        Event::Refused { table } => Told::Refused {
            table: full(*table).to_owned(),
        },
    }
}

fn name(interfaces: &Interfaces, iface: IfIndex) -> String {
    match interfaces.get(iface) {
        Some(known) => known.kernel.name.to_string(),
        None => format!("#{iface}"),
    }
}

fn told_membership(
    interface: String,
    group: GroupAddr,
    source: Option<UnicastAddr>,
    change: MembershipChange,
) -> Told {
    Told::Membership {
        interface,
        group: group.get(),
        source: source.map(UnicastAddr::get),
        change: membership(change).to_owned(),
    }
}

fn told_route(
    key: TreeKey,
    change: RouteChangeKind,
    iif: Option<String>,
    olist: Vec<String>,
) -> Told {
    Told::Route {
        source: source(key),
        group: key.group().get(),
        change: route(change).to_owned(),
        iif,
        olist,
    }
}

fn told_assert(
    key: TreeKey,
    interface: String,
    state: AssertRole,
    winner: Option<Ipv4Addr>,
) -> Told {
    Told::Assert {
        source: source(key),
        group: key.group().get(),
        interface,
        state: mcr_view::assert(state),
        winner,
    }
}

fn source(key: TreeKey) -> Option<Ipv4Addr> {
    key.source().map(|source| source.get())
}

const fn neighbor(change: NeighborChange) -> &'static str {
    match change {
        NeighborChange::Up => "up",
        NeighborChange::Restarted => "restarted",
        NeighborChange::Expired => "expired",
        NeighborChange::Left => "left",
        NeighborChange::InterfaceDown => "interface-down",
        NeighborChange::Removed => "removed",
    }
}

const fn membership(change: MembershipChange) -> &'static str {
    match change {
        MembershipChange::Joined => "joined",
        MembershipChange::Left => "left",
        MembershipChange::Expired => "expired",
        MembershipChange::Removed => "removed",
    }
}

const fn route(change: RouteChangeKind) -> &'static str {
    match change {
        RouteChangeKind::Added => "added",
        RouteChangeKind::Changed => "changed",
        RouteChangeKind::Removed => "removed",
    }
}

const fn full(table: Table) -> &'static str {
    match table {
        Table::Neighbors => "neighbors",
        Table::Groups => "groups",
        Table::Sources => "sources",
        Table::Entries => "entries",
        Table::Routes => "routes",
    }
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
