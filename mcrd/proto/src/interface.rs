//! What the router knows of a network interface.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::id::{IfIndex, InterfaceName, MacAddr};

/// An interface as the kernel reports it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The kernel's number; another one after the interface was re-created.
    pub index: IfIndex,
    /// Its name.
    pub name: InterfaceName,
    /// Administratively up and with carrier (IFF_UP and IFF_LOWER_UP).
    pub up: bool,
    /// The largest IP packet it sends, in bytes.
    pub mtu: u32,
    /// Its own link-layer address; all zero where the link has none.
    pub mac: MacAddr,
    /// Its IPv4 addresses, the primary one first.
    pub addresses: Vec<Ipv4Net>,
    /// The kernel marks it as able to carry multicast (IFF_MULTICAST).
    pub multicast: bool,
}

impl Interface {
    /// The address that packets from this interface carry, if it has one.
    pub fn primary_address(&self) -> Option<Ipv4Addr> {
        self.addresses.first().map(Ipv4Net::addr)
    }
}

/// A change that the kernel reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InterfaceChange {
    /// The interface is there, new or with some property changed.
    Present(Interface),
    /// The interface with this number has gone.
    Gone(IfIndex),
}
