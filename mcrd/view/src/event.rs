//! What a router tells to those who watch it.

use std::net::Ipv4Addr;

use mcr_api::router::Event as Told;
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::router::event::{
    AssertRole, Event, MembershipChange, NeighborChange, RouteChangeKind, Table,
};
use mcr_proto::tib::TreeKey;

/// The event in the words of the control API, with the names of interfaces.
pub fn told(event: &Event, name: impl Fn(IfIndex) -> String) -> Told {
    let name = |iface: &IfIndex| name(*iface);
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
            state: crate::register(*state),
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
        state: crate::assert(state),
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
