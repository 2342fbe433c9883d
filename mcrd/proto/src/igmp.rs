//! The router side of IGMP (RFC 2236, RFC 9776). Knows nothing of PIM: it keeps
//! who is a member of what on each interface, and says when that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_wire::igmp::Message;

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::io::Packet;
use crate::router::{Context, IgmpTimer, Interfaces, RouterInterface};
use crate::time::Instant;

/// IGMP on all interfaces.
#[derive(Debug, Default)]
pub struct Igmp {
    members: BTreeMap<GroupAddr, BTreeMap<IfIndex, Membership>>,
}

/// What is wanted of a group on an interface: the local_receiver_include and
/// local_receiver_exclude of RFC 7761 §4.1.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// INCLUDE mode: from these sources only; never empty.
    Include(BTreeSet<UnicastAddr>),
    /// EXCLUDE mode: from every source but these.
    Exclude(BTreeSet<UnicastAddr>),
}

impl Igmp {
    /// The interface came, went, or changed its addresses or settings; `None`
    /// where it has gone.
    pub fn interface_changed(
        &mut self,
        now: Instant,
        cx: &mut Context,
        index: IfIndex,
        iface: Option<&RouterInterface>,
    ) {
        let _unused = (now, cx, index, iface);
    }

    /// A message arrived on an interface where IGMP runs.
    pub fn receive(
        &mut self,
        now: Instant,
        cx: &mut Context,
        iface: &RouterInterface,
        packet: &Packet,
        message: Message,
    ) {
        let _unused = (now, cx, iface, packet, message);
    }

    /// A timer ran out.
    pub fn timeout(
        &mut self,
        now: Instant,
        cx: &mut Context,
        ifaces: &Interfaces,
        timer: IgmpTimer,
    ) {
        let _unused = (now, cx, ifaces, timer);
    }

    /// The interfaces with members of the group.
    pub fn members(&self, group: GroupAddr) -> impl Iterator<Item = (IfIndex, &Membership)> {
        let of_group = self.members.get(&group).into_iter().flatten();
        of_group.map(|(iface, membership)| (*iface, membership))
    }

    /// The groups that have members anywhere.
    pub fn groups(&self) -> impl Iterator<Item = GroupAddr> {
        self.members.keys().copied()
    }

    /// The querier of the interface, while IGMP runs there.
    pub fn querier(&self, iface: IfIndex) -> Option<Ipv4Addr> {
        let _unused = iface;
        None
    }
}
