//! The router side of IGMP (RFC 2236, RFC 9776). Knows nothing of PIM: it keeps
//! who is a member of what on each interface, and says when that changes.
//!
//! A report's way: [`Igmp::receive`] finds the interface, `interface.rs` checks
//! and counts the message, `admit.rs` asks whether the group may be learned,
//! `compat.rs` what a host of an older version means, `group.rs` has the tables
//! of RFC 9776 §6.4, `query.rs` asks the hosts back. `querier.rs` is the
//! election and the General Queries.

mod admit;
mod compat;
mod group;
mod interface;
mod link;
mod querier;
mod query;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_wire::igmp::Message;

use crate::config::PimConfig;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::event::{Event, MembershipChange};
use crate::router::io::Packet;
use crate::router::{Context, IgmpTimer, Interfaces, RouterInterface};
use crate::time::Instant;

pub use compat::oldest_host;
pub use group::{FilterMode, Group};
pub use interface::IgmpInterface;
pub use querier::QuerierState;

use link::Link;

/// IGMP on all interfaces.
#[derive(Debug, Default)]
pub struct Igmp {
    /// Groups that are joined by source only (RFC 4604).
    ssm_ranges: Vec<Ipv4Net>,
    interfaces: BTreeMap<IfIndex, IgmpInterface>,
    /// What the interfaces' groups and the configuration come to, by group;
    /// kept by [`Igmp::publish`] alone.
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

impl Membership {
    /// What it is a membership of, for events.
    fn joined(&self) -> BTreeSet<Option<UnicastAddr>> {
        match self {
            Membership::Include(sources) => sources.iter().copied().map(Some).collect(),
            Membership::Exclude(_) => BTreeSet::from([None]),
        }
    }
}

impl Igmp {
    /// The configuration is this one from now on; the interfaces' own settings
    /// come with [`Igmp::interface_changed`].
    pub fn configure(
        &mut self,
        now: Instant,
        cx: &mut Context,
        ifaces: &Interfaces,
        pim: &PimConfig,
    ) {
        if self.ssm_ranges == pim.ssm_ranges {
            return;
        }
        self.ssm_ranges.clone_from(&pim.ssm_ranges);
        let indices: Vec<IfIndex> = self.interfaces.keys().copied().collect();
        for index in indices {
            self.interface_changed(now, cx, index, ifaces.get(index));
        }
    }

    /// The interface came, went, or changed its addresses or settings; `None`
    /// where it has gone.
    pub fn interface_changed(
        &mut self,
        now: Instant,
        cx: &mut Context,
        index: IfIndex,
        iface: Option<&RouterInterface>,
    ) {
        let mut groups = self.groups_at(index);
        let link = iface.and_then(|iface| Link::new(iface, &self.ssm_ranges));
        match (link, self.interfaces.get_mut(&index)) {
            (None, None) => return,
            (None, Some(state)) => {
                state.stop(cx, index);
                self.interfaces.remove(&index);
            }
            (Some(link), Some(state)) => state.adapt(now, cx, link),
            (Some(link), None) => {
                let state = IgmpInterface::start(now, cx, link);
                self.interfaces.insert(index, state);
            }
        }
        groups.extend(link.into_iter().flat_map(Link::static_groups));
        for group in groups {
            self.publish(cx, index, iface, group, MembershipChange::Removed);
        }
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
        let index = iface.index();
        let Some(link) = Link::new(iface, &self.ssm_ranges) else {
            return;
        };
        let Some(state) = self.interfaces.get_mut(&index) else {
            return;
        };
        for group in state.receive(now, cx, link, packet, message) {
            self.publish(cx, index, Some(iface), group, MembershipChange::Left);
        }
    }

    /// A timer ran out.
    pub fn timeout(
        &mut self,
        now: Instant,
        cx: &mut Context,
        ifaces: &Interfaces,
        timer: IgmpTimer,
    ) {
        let index = timer.iface();
        let iface = ifaces.get(index);
        let Some(link) = iface.and_then(|iface| Link::new(iface, &self.ssm_ranges)) else {
            return;
        };
        let Some(state) = self.interfaces.get_mut(&index) else {
            return;
        };
        if let Some((group, why)) = state.timeout(now, cx, link, timer) {
            self.publish(cx, index, iface, group, why);
        }
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

    /// The sources in the network that members ask for or exclude, with their
    /// groups.
    pub fn sources(&self, network: Ipv4Net) -> BTreeSet<(GroupAddr, UnicastAddr)> {
        let mut found = BTreeSet::new();
        for (group, ifaces) in &self.members {
            for membership in ifaces.values() {
                let (Membership::Include(sources) | Membership::Exclude(sources)) = membership;
                let sources = sources
                    .iter()
                    .filter(|source| network.contains(&source.get()));
                found.extend(sources.map(|source| (*group, *source)));
            }
        }
        found
    }

    /// The querier of the interface, while IGMP runs there.
    pub fn querier(&self, iface: IfIndex) -> Option<Ipv4Addr> {
        self.interfaces.get(&iface).map(IgmpInterface::querier)
    }

    /// The interfaces where IGMP runs.
    pub fn interfaces(&self) -> impl Iterator<Item = (IfIndex, &IgmpInterface)> {
        self.interfaces.iter().map(|(index, state)| (*index, state))
    }

    /// The interface, while IGMP runs there.
    pub fn interface(&self, iface: IfIndex) -> Option<&IgmpInterface> {
        self.interfaces.get(&iface)
    }

    /// What hosts and the configuration together want of the group there.
    pub fn membership(&self, iface: IfIndex, group: GroupAddr) -> Option<&Membership> {
        self.members.get(&group)?.get(&iface)
    }

    /// The groups with members on the interface, and their state where hosts
    /// have joined them; without one, only the configuration has.
    pub fn groups_on(
        &self,
        iface: IfIndex,
    ) -> impl Iterator<Item = (GroupAddr, &Membership, Option<&Group>)> {
        let state = self.interfaces.get(&iface);
        self.members.iter().filter_map(move |(group, ifaces)| {
            let hosts = state.and_then(|state| state.group(*group));
            Some((*group, ifaces.get(&iface)?, hosts))
        })
    }

    fn groups_at(&self, index: IfIndex) -> BTreeSet<GroupAddr> {
        self.groups_on(index).map(|(group, _, _)| group).collect()
    }

    /// Brings the members of a group on an interface in line with its state,
    /// and tells what differs. `why` names what ended, where something did.
    fn publish(
        &mut self,
        cx: &mut Context,
        index: IfIndex,
        iface: Option<&RouterInterface>,
        group: GroupAddr,
        why: MembershipChange,
    ) {
        let new = iface
            .and_then(|iface| Link::new(iface, &self.ssm_ranges))
            .zip(self.interfaces.get(&index))
            .and_then(|(link, state)| state.membership(link, group));
        let old = self.membership(index, group);
        if old == new.as_ref() {
            return;
        }
        let before = old.map(Membership::joined).unwrap_or_default();
        let after = new.as_ref().map(Membership::joined).unwrap_or_default();
        let mut tell = |source: &Option<UnicastAddr>, change| {
            cx.event(Event::Membership {
                iface: index,
                group,
                source: *source,
                change,
            });
        };
        for source in after.difference(&before) {
            tell(source, MembershipChange::Joined);
        }
        for source in before.difference(&after) {
            tell(source, why);
        }
        match concerned(old, new.as_ref()) {
            Some(sources) => {
                for source in sources {
                    cx.changed_source(source, group);
                }
            }
            None => cx.changed(group),
        }
        match new {
            Some(new) => {
                self.members.entry(group).or_default().insert(index, new);
            }
            None => self.forget(index, group),
        }
    }

    fn forget(&mut self, index: IfIndex, group: GroupAddr) {
        if let Some(ifaces) = self.members.get_mut(&group) {
            ifaces.remove(&index);
            if ifaces.is_empty() {
                self.members.remove(&group);
            }
        }
    }
}

/// The sources that a change of membership is about; `None` where it is about
/// every source.
fn concerned(old: Option<&Membership>, new: Option<&Membership>) -> Option<BTreeSet<UnicastAddr>> {
    let none = BTreeSet::new();
    let (old, new) = match (old, new) {
        (Some(Membership::Exclude(old)), Some(Membership::Exclude(new))) => (old, new),
        (Some(Membership::Exclude(_)), _) | (_, Some(Membership::Exclude(_))) => return None,
        (old, new) => (included(old, &none), included(new, &none)),
    };
    Some(old.symmetric_difference(new).copied().collect())
}

fn included<'a>(
    membership: Option<&'a Membership>,
    none: &'a BTreeSet<UnicastAddr>,
) -> &'a BTreeSet<UnicastAddr> {
    match membership {
        Some(Membership::Include(sources)) => sources,
        Some(Membership::Exclude(_)) | None => none,
    }
}

#[cfg(test)]
mod tests;
