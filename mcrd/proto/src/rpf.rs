//! Reverse path forwarding: from which interface and neighbour packets of an
//! address must come. Static multicast routes come before the kernel's.

use std::net::Ipv4Addr;

use crate::config::Config;
use crate::id::{GroupAddr, IfIndex};
use crate::router::Interfaces;
use crate::router::io::RouteChange;

/// All ways.
#[derive(Debug, Default)]
pub struct RpfTable {}

/// The way to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpf {
    /// RPF_interface.
    pub iface: IfIndex,
    /// MRIB.next_hop; `None` where the address is connected.
    pub next_hop: Option<Ipv4Addr>,
    /// Metric preference, for Asserts.
    pub preference: u32,
    /// Metric, for Asserts.
    pub metric: u32,
    /// Where it was found.
    pub origin: RpfOrigin,
}

/// Where a way was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpfOrigin {
    /// A static multicast route.
    StaticMroute,
    /// A route of the kernel, put there by this protocol (rtm_protocol).
    Kernel(u8),
}

impl RpfTable {
    /// Takes the configuration's static multicast routes and preferences;
    /// whether any way may differ now.
    pub fn configure(&mut self, config: &Config) -> bool {
        let _unused = config;
        false
    }

    /// The kernel's routes changed; whether any way may differ now.
    pub fn apply(&mut self, change: RouteChange) -> bool {
        let _unused = change;
        false
    }

    /// The way to an address: the longest prefix over an interface that is up
    /// and routes. `group` takes part in the choice among equal ways.
    pub fn lookup(
        &self,
        interfaces: &Interfaces,
        address: Ipv4Addr,
        group: Option<GroupAddr>,
    ) -> Option<Rpf> {
        let _unused = (interfaces, address, group);
        None
    }
}
