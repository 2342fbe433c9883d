//! What runs in a node.

use std::net::Ipv4Addr;

use serde_json::Value;

/// What runs in a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing: a place for receivers and sources.
    Host,
    /// mcrd, with this configuration, as JSON.
    Mcrd {
        /// The configuration, after inheritance.
        config: Value,
    },
    /// FRR: zebra and its pimd.
    Frr,
    /// The stand-alone pimd.
    Pimd,
    /// smcrouted, with these static multicast routes.
    Smcroute {
        /// The routes.
        mroutes: Vec<StaticMroute>,
    },
    /// The kernel's own unicast forwarding, and nothing else.
    Kernel,
    /// A command of the user's.
    Custom(Custom),
}

impl Kind {
    /// As the file names it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Mcrd { .. } => "mcrd",
            Kind::Frr => "frr",
            Kind::Pimd => "pimd",
            Kind::Smcroute { .. } => "smcroute",
            Kind::Kernel => "kernel",
            Kind::Custom(_) => "custom",
        }
    }

    /// There is a daemon in it.
    #[must_use]
    pub fn runs(&self) -> bool {
        match self {
            Kind::Host | Kind::Kernel => false,
            Kind::Mcrd { .. } | Kind::Frr | Kind::Pimd | Kind::Smcroute { .. } => true,
            Kind::Custom(_) => true,
        }
    }

    /// It finds its way by itself, and others go through it.
    #[must_use]
    pub fn is_router(&self) -> bool {
        match self {
            Kind::Mcrd { .. } | Kind::Frr | Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => {
                true
            }
            Kind::Host | Kind::Custom(_) => false,
        }
    }
}

/// A static multicast route; interfaces by their names in the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticMroute {
    /// The incoming interface.
    pub from: String,
    /// The group.
    pub group: Ipv4Addr,
    /// The source; any where there is none.
    pub source: Option<Ipv4Addr>,
    /// The outgoing interfaces.
    pub to: Vec<String>,
}

/// A node that runs a command of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// The command, run by `sh -c`.
    pub cmd: String,
    /// A command that exits 0 as soon as the first one is ready.
    pub ready: Option<String>,
    /// A command that ends it; SIGTERM where there is none.
    pub stop: Option<String>,
    /// A command that prints its state, kept as evidence.
    pub state: Option<String>,
}
