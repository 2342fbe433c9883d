//! What a router tells to those who watch it.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::tib::TreeKey;

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A PIM neighbour.
    Neighbor {
        /// Where.
        iface: IfIndex,
        /// Its primary address.
        address: Ipv4Addr,
        /// What happened.
        change: NeighborChange,
    },
    /// The Designated Router of an interface; `None` while PIM does not run.
    Dr {
        /// Where.
        iface: IfIndex,
        /// Its address.
        address: Option<Ipv4Addr>,
        /// It is this router.
        me: bool,
    },
    /// The IGMP querier of an interface.
    Querier {
        /// Where.
        iface: IfIndex,
        /// Its address.
        address: Ipv4Addr,
        /// It is this router.
        me: bool,
    },
    /// A router on the link asks in an older version of IGMP than this one,
    /// which has to be configured to the same (RFC 9776 §7.3.1); at most once a
    /// minute for each interface.
    OlderQuerier {
        /// Where.
        iface: IfIndex,
        /// Its address.
        address: Ipv4Addr,
        /// Its version.
        version: u8,
    },
    /// A membership on an interface.
    Membership {
        /// Where.
        iface: IfIndex,
        /// The group.
        group: GroupAddr,
        /// The source; `None` is any.
        source: Option<UnicastAddr>,
        /// What happened.
        change: MembershipChange,
    },
    /// An entry of the multicast routing table.
    Route {
        /// Which.
        key: TreeKey,
        /// What happened.
        change: RouteChangeKind,
        /// The incoming interface.
        iif: Option<IfIndex>,
        /// The outgoing interfaces.
        olist: Vec<IfIndex>,
    },
    /// The RP of a group that has state.
    Rp {
        /// The group.
        group: GroupAddr,
        /// Its RP now.
        rp: Option<UnicastAddr>,
    },
    /// The Register state of a source at its DR.
    Register {
        /// The source.
        source: UnicastAddr,
        /// The group.
        group: GroupAddr,
        /// The state now.
        state: RegisterState,
    },
    /// The Assert state on an interface.
    Assert {
        /// The entry, (*,G) or (S,G).
        key: TreeKey,
        /// Where.
        iface: IfIndex,
        /// The state now.
        state: AssertRole,
        /// The winner, where there is one.
        winner: Option<Ipv4Addr>,
    },
    /// A table is full and something was refused; at most once a second for
    /// each table.
    Refused {
        /// Which table.
        table: Table,
    },
}

/// What happened to a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeighborChange {
    /// It is new.
    Up,
    /// It has a new Generation ID: it restarted.
    Restarted,
    /// Its holdtime ran out.
    Expired,
    /// It said goodbye, with holdtime 0.
    Left,
    /// The interface went away under it.
    InterfaceDown,
    /// The settings or the interface's networks do not admit it any more.
    Removed,
}

/// What happened to a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembershipChange {
    /// A host joined.
    Joined,
    /// It was left: no host answered the query after a leave.
    Left,
    /// Nobody reported it for the Group Membership Interval.
    Expired,
    /// The interface or its configuration took it away.
    Removed,
}

/// What happened to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteChangeKind {
    /// It is new.
    Added,
    /// Its interfaces differ.
    Changed,
    /// It is gone.
    Removed,
}

/// The Register state machine (RFC 7761 §4.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterState {
    /// Nothing to register.
    #[default]
    NoInfo,
    /// Packets are registered.
    Join,
    /// A probe was sent, and a Register-Stop is waited for.
    JoinPending,
    /// Register-Stop in force.
    Prune,
}

/// The Assert state machine (RFC 7761 §4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssertRole {
    /// No Assert.
    #[default]
    NoInfo,
    /// This router forwards.
    Winner,
    /// Another one does.
    Loser,
}

/// A table with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Table {
    /// PIM neighbours of an interface.
    Neighbors,
    /// Groups of an interface.
    Groups,
    /// Sources of a group.
    Sources,
    /// (*,G), (S,G) and (S,G,rpt) entries.
    Entries,
    /// Kernel routes.
    Routes,
}

impl Table {
    /// The counter of what it refused.
    pub const fn refused(self) -> &'static str {
        match self {
            Table::Neighbors => "refused.neighbors",
            Table::Groups => "refused.groups",
            Table::Sources => "refused.sources",
            Table::Entries => "refused.entries",
            Table::Routes => "refused.routes",
        }
    }
}
