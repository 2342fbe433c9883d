//! What an interface is called by: its MAC addresses, and the name of its port.

use std::cell::{Cell, RefCell};

use super::InterfaceState;
use crate::topology::model::Interface;

/// The first octet of a node's MAC addresses and of a segment's ports': locally
/// administered, unicast.
const NODE: u8 = 0x02;
const PORT: u8 = 0x06;
/// The same of the pair behind the wire to a segment's member.
const WIRE: u8 = 0x0a;
const BRIDGE_PORT: u8 = 0x0e;

/// Where an interface's MAC addresses and the name of its port come from: no
/// two of a network are the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Born {
    /// With the network.
    Deployed {
        /// Its node.
        node: usize,
        /// Its place there.
        interface: usize,
        /// Its link.
        link: usize,
        /// Its place on it.
        end: usize,
    },
    /// Later, as the interface with this number.
    Added(u32),
}

impl InterfaceState {
    /// One that is not made yet.
    pub(super) fn of(interface: &Interface, born: Born) -> InterfaceState {
        InterfaceState {
            index: Cell::new(None),
            port: Cell::new(None),
            behind: Cell::new(None),
            addresses: RefCell::new(interface.addresses.clone()),
            born,
        }
    }
}

impl Born {
    /// The interface's MAC address, the same in each run and each time that its
    /// link is made: neighbours keep it in mind.
    pub(super) fn mac(self) -> [u8; 6] {
        match self {
            Born::Deployed {
                node, interface, ..
            } => mac(NODE, node, interface),
            Born::Added(number) => added(NODE, number),
        }
    }

    /// The same of its port at a segment or wire.
    pub(super) fn port_mac(self) -> [u8; 6] {
        match self {
            Born::Deployed { link, end, .. } => mac(PORT, link, end),
            Born::Added(number) => added(PORT, number),
        }
    }

    /// Those of the pair between a wire and the bridge of a segment: the wire's
    /// end, and the bridge's port.
    pub(super) fn behind_macs(self) -> [[u8; 6]; 2] {
        [WIRE, BRIDGE_PORT].map(|kind| match self {
            Born::Deployed { link, end, .. } => mac(kind, link, end),
            Born::Added(number) => added(kind, number),
        })
    }

    /// What that port is called.
    pub(super) fn port_name(self, kind: char) -> String {
        match (self, kind) {
            (Born::Deployed { end, .. }, 'p' | 'b' | 'e') => format!("{kind}{end}"),
            (Born::Deployed { link, end, .. }, _) => format!("{kind}{link}.{end}"),
            (Born::Added(number), _) => format!("{kind}+{number}"),
        }
    }
}

/// `kind` is what `owner` counts.
fn mac(kind: u8, owner: usize, position: usize) -> [u8; 6] {
    let [.., owner_high, owner_low] = owner.to_be_bytes();
    let [.., high, low] = position.to_be_bytes();
    [kind, 0x4c, owner_high, owner_low, high, low]
}

/// One that no network has as it is deployed.
fn added(kind: u8, number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, 0x4d, a, b, c, d]
}
