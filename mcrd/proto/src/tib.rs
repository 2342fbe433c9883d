//! The Tree Information Base (RFC 7761 §4.1): the one truth about trees. The
//! forwarding table is computed from it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_wire::pim::AssertMetric;
use serde::{Deserialize, Serialize};

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::pim::World;
use crate::router::event::{AssertRole, RegisterState, Table};
use crate::router::{Context, TimerId};

/// Which entry of the table is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TreeKey {
    /// (*,G).
    StarG(GroupAddr),
    /// (S,G).
    Sg(UnicastAddr, GroupAddr),
    /// (S,G,rpt).
    SgRpt(UnicastAddr, GroupAddr),
}

impl TreeKey {
    /// Its group.
    pub const fn group(self) -> GroupAddr {
        match self {
            TreeKey::StarG(group) | TreeKey::Sg(_, group) | TreeKey::SgRpt(_, group) => group,
        }
    }

    /// Its source, if it has one.
    pub const fn source(self) -> Option<UnicastAddr> {
        match self {
            TreeKey::StarG(_) => None,
            TreeKey::Sg(source, _) | TreeKey::SgRpt(source, _) => Some(source),
        }
    }
}

impl fmt::Display for TreeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TreeKey::StarG(group) => write!(f, "(*,{group})"),
            TreeKey::Sg(source, group) => write!(f, "({source},{group})"),
            TreeKey::SgRpt(source, group) => write!(f, "({source},{group},rpt)"),
        }
    }
}

/// All trees, by group.
#[derive(Clone, Debug, Default)]
pub struct Tib {
    /// The groups that have state. Entries are made by [`Tib::make_star_g`] and
    /// its sisters, which keep to the limit.
    pub groups: BTreeMap<GroupAddr, GroupState>,
    counted: BTreeMap<GroupAddr, usize>,
    entries: usize,
}

impl Tib {
    /// How many entries there are, as [`Tib::recount`] found them.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Counts the entries of a group that was changed, and forgets a group
    /// without any.
    pub fn recount(&mut self, group: GroupAddr) {
        let now = self.groups.get(&group).map_or(0, GroupState::entries);
        let old = match now {
            0 => {
                self.groups.remove(&group);
                self.counted.remove(&group)
            }
            now => self.counted.insert(group, now),
        };
        self.entries = self.entries + now - old.unwrap_or(0);
    }

    /// The (*,G) entry.
    pub fn star_g(&self, group: GroupAddr) -> Option<&StarG> {
        self.groups.get(&group)?.star_g.as_ref()
    }

    /// The (*,G) entry, to be changed.
    pub fn star_g_mut(&mut self, group: GroupAddr) -> Option<&mut StarG> {
        self.groups.get_mut(&group)?.star_g.as_mut()
    }

    /// The (S,G) entry.
    pub fn sg(&self, source: UnicastAddr, group: GroupAddr) -> Option<&Sg> {
        self.groups.get(&group)?.sg.get(&source)
    }

    /// The (S,G) entry, to be changed.
    pub fn sg_mut(&mut self, source: UnicastAddr, group: GroupAddr) -> Option<&mut Sg> {
        self.groups.get_mut(&group)?.sg.get_mut(&source)
    }

    /// The (S,G,rpt) entry.
    pub fn sg_rpt(&self, source: UnicastAddr, group: GroupAddr) -> Option<&SgRpt> {
        self.groups.get(&group)?.sg_rpt.get(&source)
    }

    /// The (S,G,rpt) entry, to be changed.
    pub fn sg_rpt_mut(&mut self, source: UnicastAddr, group: GroupAddr) -> Option<&mut SgRpt> {
        self.groups.get_mut(&group)?.sg_rpt.get_mut(&source)
    }

    /// The (*,G) entry, made where there is none; `None` where the table is
    /// full.
    pub fn make_star_g(
        &mut self,
        world: World<'_>,
        cx: &mut Context,
        group: GroupAddr,
    ) -> Option<&mut StarG> {
        if self.star_g(group).is_none() {
            self.room(world, cx, group)?.star_g = Some(StarG::default());
            self.recount(group);
        }
        self.star_g_mut(group)
    }

    /// The (S,G) entry, made where there is none; `None` where the table is
    /// full.
    pub fn make_sg(
        &mut self,
        world: World<'_>,
        cx: &mut Context,
        source: UnicastAddr,
        group: GroupAddr,
    ) -> Option<&mut Sg> {
        if self.sg(source, group).is_none() {
            let state = self.room(world, cx, group)?;
            state.sg.insert(source, Sg::default());
            self.recount(group);
        }
        self.sg_mut(source, group)
    }

    /// The (S,G,rpt) entry, made where there is none; `None` where the table is
    /// full.
    pub fn make_sg_rpt(
        &mut self,
        world: World<'_>,
        cx: &mut Context,
        source: UnicastAddr,
        group: GroupAddr,
    ) -> Option<&mut SgRpt> {
        if self.sg_rpt(source, group).is_none() {
            let state = self.room(world, cx, group)?;
            state.sg_rpt.insert(source, SgRpt::default());
            self.recount(group);
        }
        self.sg_rpt_mut(source, group)
    }

    /// Removes the (*,G) entry with its timers.
    pub fn remove_star_g(&mut self, cx: &mut Context, group: GroupAddr) {
        let state = self.groups.get_mut(&group);
        if let Some(entry) = state.and_then(|state| state.star_g.take()) {
            let key = TreeKey::StarG(group);
            cancel_interfaces(cx, key, &entry.downstream, &entry.asserts);
            cx.timers.cancel(TimerId::UpstreamJoin(key));
            cx.timers.cancel(TimerId::OldUpstream(key));
        }
        self.recount(group);
    }

    /// Removes the (S,G) entry with its timers.
    pub fn remove_sg(&mut self, cx: &mut Context, source: UnicastAddr, group: GroupAddr) {
        let state = self.groups.get_mut(&group);
        if let Some(entry) = state.and_then(|state| state.sg.remove(&source)) {
            let key = TreeKey::Sg(source, group);
            cancel_interfaces(cx, key, &entry.downstream, &entry.asserts);
            cx.timers.cancel(TimerId::UpstreamJoin(key));
            cx.timers.cancel(TimerId::OldUpstream(key));
            cx.timers.cancel(TimerId::Keepalive(source, group));
            cx.timers.cancel(TimerId::RegisterStop(source, group));
        }
        self.recount(group);
    }

    /// Removes the (S,G,rpt) entry with its timers.
    pub fn remove_sg_rpt(&mut self, cx: &mut Context, source: UnicastAddr, group: GroupAddr) {
        let state = self.groups.get_mut(&group);
        if let Some(entry) = state.and_then(|state| state.sg_rpt.remove(&source)) {
            let key = TreeKey::SgRpt(source, group);
            cancel_interfaces(cx, key, &entry.downstream, &BTreeMap::new());
            cx.timers.cancel(TimerId::Override(source, group));
        }
        self.recount(group);
    }

    /// The group's entries, where the table has room for one more.
    fn room(
        &mut self,
        world: World<'_>,
        cx: &mut Context,
        group: GroupAddr,
    ) -> Option<&mut GroupState> {
        if self.entries >= world.config.limits.entries {
            cx.refused(world.now, Table::Entries);
            return None;
        }
        Some(self.groups.entry(group).or_default())
    }
}

fn cancel_interfaces<State>(
    cx: &mut Context,
    key: TreeKey,
    downstream: &BTreeMap<IfIndex, State>,
    asserts: &BTreeMap<IfIndex, AssertState>,
) {
    for iface in downstream.keys() {
        cx.timers.cancel(TimerId::Expiry(key, *iface));
        cx.timers.cancel(TimerId::PrunePending(key, *iface));
    }
    for iface in asserts.keys() {
        cx.timers.cancel(TimerId::Assert(key, *iface));
    }
}

/// The entries of one group.
#[derive(Clone, Debug, Default)]
pub struct GroupState {
    /// (*,G).
    pub star_g: Option<StarG>,
    /// (S,G) by source.
    pub sg: BTreeMap<UnicastAddr, Sg>,
    /// (S,G,rpt) by source.
    pub sg_rpt: BTreeMap<UnicastAddr, SgRpt>,
}

impl GroupState {
    /// How many entries it has.
    pub fn entries(&self) -> usize {
        usize::from(self.star_g.is_some()) + self.sg.len() + self.sg_rpt.len()
    }

    /// The sources in the network that it has entries of.
    pub fn sources(&self, network: Ipv4Net) -> impl Iterator<Item = UnicastAddr> {
        let sources = self.sg.keys().chain(self.sg_rpt.keys()).copied();
        sources.filter(move |source| network.contains(&source.get()))
    }

    /// Nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.star_g.is_none() && self.sg.is_empty() && self.sg_rpt.is_empty()
    }
}

/// (*,G) state.
#[derive(Clone, Debug, Default)]
pub struct StarG {
    /// Per-interface Join/Prune state; an interface in NoInfo is not there.
    pub downstream: BTreeMap<IfIndex, Downstream>,
    /// Per-interface Assert state; an interface in NoInfo is not there.
    pub asserts: BTreeMap<IfIndex, AssertState>,
    /// Upstream Join/Prune state.
    pub upstream: Upstream,
    /// RP(G) as the last Join named it.
    pub rp: Option<UnicastAddr>,
}

/// (S,G) state.
#[derive(Clone, Debug, Default)]
pub struct Sg {
    /// Per-interface Join/Prune state; an interface in NoInfo is not there.
    pub downstream: BTreeMap<IfIndex, Downstream>,
    /// Per-interface Assert state; an interface in NoInfo is not there.
    pub asserts: BTreeMap<IfIndex, AssertState>,
    /// Upstream Join/Prune state.
    pub upstream: Upstream,
    /// SPTbit.
    pub spt_bit: bool,
    /// The Keepalive Timer runs ([`super::router::TimerId::Keepalive`]).
    pub keepalive: bool,
    /// Register state, at the DR of a connected source.
    pub register: RegisterState,
    /// The RP that this state is about; `None` in NoInfo.
    pub register_rp: Option<UnicastAddr>,
}

/// (S,G,rpt) state.
#[derive(Clone, Debug, Default)]
pub struct SgRpt {
    /// Per-interface Prune state; an interface in NoInfo is not there.
    pub downstream: BTreeMap<IfIndex, DownstreamRpt>,
    /// Upstream state.
    pub upstream: UpstreamRpt,
    /// RPF'(S,G,rpt) is another router than RPF'(*,G): the winner of an (S,G)
    /// Assert.
    pub diverted: bool,
}

/// The downstream per-interface state machine of (*,G) and (S,G)
/// (RFC 7761 §4.5.1, §4.5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downstream {
    /// No state.
    #[default]
    NoInfo,
    /// Joined.
    Join,
    /// Pruned, unless another router overrides.
    PrunePending,
}

/// The downstream per-interface state machine of (S,G,rpt) (RFC 7761 §4.5.3).
/// The states that last one message only are not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DownstreamRpt {
    /// No state.
    #[default]
    NoInfo,
    /// Pruned.
    Prune,
    /// Pruned, unless another router overrides.
    PrunePending,
}

/// The upstream state machine of (*,G) and (S,G) (RFC 7761 §4.5.4, §4.5.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Joined, or NotJoined.
    pub joined: bool,
    /// RPF', as the last Join was sent to: where the interface is, and who the
    /// neighbour is, if there is one.
    pub target: Option<Target>,
    /// The neighbour of `target` is the winner of an Assert.
    pub by_assert: bool,
    /// The way has changed, but the new next hop is no neighbour yet: `target`
    /// is the old one, until [`TimerId::OldUpstream`] runs out.
    pub keeps_old: bool,
}

/// Where Joins go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// RPF_interface.
    pub iface: IfIndex,
    /// RPF'; `None` where the source is connected, or no neighbour is there.
    pub neighbor: Option<Ipv4Addr>,
}

/// The upstream state machine of (S,G,rpt) (RFC 7761 §4.5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamRpt {
    /// RPTJoinDesired(G) is false.
    #[default]
    RptNotJoined,
    /// On the RP tree, and this source pruned off it.
    Pruned,
    /// On the RP tree with this source.
    NotPruned,
}

/// Per-interface Assert state (RFC 7761 §4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssertState {
    /// Winner or Loser.
    pub role: AssertRole,
    /// AssertWinner.
    pub winner: Ipv4Addr,
    /// AssertWinnerMetric.
    pub metric: AssertMetric,
    /// The interface was the RPF interface when this was last looked at: a
    /// loser's state ends when it stops to be (RFC 7761 §4.6.1).
    pub on_rpf: bool,
}
