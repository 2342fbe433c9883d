//! OSPF in a router.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// What OSPF is to do in a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ospf {
    /// No other router of the lab has it.
    pub router_id: Ipv4Addr,
    /// Its loopback addresses, which it tells the others.
    pub loopback: Vec<Ipv4Net>,
    /// Its interfaces.
    pub interfaces: Vec<OspfInterface>,
}

/// OSPF on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OspfInterface {
    /// Its name in the node.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<Ipv4Net>,
    /// What a way over it costs.
    pub cost: u32,
    /// There is one other end, and so no Designated Router to wait for.
    pub point_to_point: bool,
    /// No other router is there.
    pub passive: bool,
}
