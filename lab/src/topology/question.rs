//! What is asked of routers, resolved: names are positions, addresses and
//! interface names.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_api::router::RegisterState;

use super::model::{Bound, LinkId, NodeId};

/// A condition on what routers know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// PIM neighbours that there must be, or not be.
    Neighbors(Vec<Sight>),
    /// All these routers take this one for the holder of an office.
    Elected {
        /// The office.
        office: Office,
        /// The link or segment, for messages.
        link: String,
        /// Who is asked: the router and its interface there.
        at: Vec<(NodeId, String)>,
        /// The node.
        is: String,
        /// Its address there.
        address: Ipv4Addr,
    },
    /// The RP of a group, as all these routers see it.
    Rp {
        /// The routers.
        at: Vec<NodeId>,
        /// The group.
        group: Ipv4Addr,
        /// The RP.
        is: Option<Ipv4Addr>,
    },
    /// An entry of a multicast routing table.
    Mroute(Box<MrouteQuestion>),
    /// A group's members on an interface.
    Igmp(IgmpQuestion),
    /// How many groups have members on an interface.
    Groups {
        /// The router.
        at: NodeId,
        /// Its interface.
        interface: String,
        /// How many.
        groups: usize,
    },
    /// The way to an address.
    Rpf {
        /// The router.
        at: NodeId,
        /// The address.
        address: Ipv4Addr,
        /// RPF_interface; the inner `None` is that there is no way.
        interface: Option<Option<String>>,
        /// The next router; the inner `None` is that there is none, because the
        /// address is connected.
        neighbor: Option<Option<Ipv4Addr>>,
    },
}

/// What routers of a link elect one of them for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// The Designated Router of PIM.
    Dr,
    /// The querier of IGMP.
    Querier,
}

impl Office {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Office::Dr => "DR",
            Office::Querier => "querier",
        }
    }
}

/// A neighbour that a router must see, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The router.
    pub at: NodeId,
    /// Its interface.
    pub interface: String,
    /// The neighbour's address there.
    pub address: Ipv4Addr,
    /// The neighbour's name.
    pub name: String,
    /// It must be there.
    pub wanted: bool,
}

/// An entry of a multicast routing table, and what it must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MrouteQuestion {
    /// The router.
    pub at: NodeId,
    /// The group.
    pub group: Ipv4Addr,
    /// The source; `None` is (*,G).
    pub source: Option<Ipv4Addr>,
    /// There must be no such entry.
    pub absent: bool,
    /// The incoming interface.
    pub iif: Option<String>,
    /// The outgoing interfaces.
    pub oif: Interfaces,
    /// Joined upstream.
    pub joined: Option<bool>,
    /// SPTbit.
    pub spt: Option<bool>,
    /// Register state.
    pub register: Option<RegisterState>,
    /// Interfaces where it is the Assert winner.
    pub winner: BTreeSet<String>,
    /// Interfaces where it is an Assert loser.
    pub loser: BTreeSet<String>,
}

/// Names of interfaces, or of links, that must be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// These and no other, where it is said.
    pub exact: Option<BTreeSet<String>>,
    /// These at least.
    pub has: BTreeSet<String>,
    /// None of these.
    pub not: BTreeSet<String>,
}

/// An entry of a forwarding table, and what it must be like.
#[derive(Clone, Debug, PartialEq)]
pub struct MfcQuestion {
    /// The node.
    pub at: NodeId,
    /// The group.
    pub group: Ipv4Addr,
    /// The source; `None` is (*,G).
    pub source: Option<Ipv4Addr>,
    /// There must be no such entry.
    pub absent: bool,
    /// The incoming interface.
    pub iif: Option<String>,
    /// The outgoing interfaces.
    pub oif: Interfaces,
    /// How many packets it took since the step's actions were done.
    pub packets: Option<Bound>,
}

/// What a switch that snoops IGMP must have learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MdbQuestion {
    /// Its segment.
    pub at: LinkId,
    /// The group whose ports are meant; `None` is those of routers.
    pub group: Option<Ipv4Addr>,
    /// The nodes at the ports.
    pub ports: Interfaces,
}

/// A group's members on an interface, and what they must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgmpQuestion {
    /// The router.
    pub at: NodeId,
    /// Its interface.
    pub interface: String,
    /// The group.
    pub group: Ipv4Addr,
    /// There must be no member.
    pub absent: bool,
    /// Exactly these sources are forwarded.
    pub sources: Option<BTreeSet<Ipv4Addr>>,
    /// EXCLUDE mode, or INCLUDE mode.
    pub exclude: Option<bool>,
    /// The IGMP version of its oldest host.
    pub version: Option<u8>,
}
