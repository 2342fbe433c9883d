//! The Tree Information Base (RFC 7761 §4.1): the one truth about trees. The
//! forwarding table is computed from it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use mcr_wire::pim::AssertMetric;
use serde::{Deserialize, Serialize};

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::event::{AssertRole, RegisterState};

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
    /// The groups that have state.
    pub groups: BTreeMap<GroupAddr, GroupState>,
    counted: BTreeMap<GroupAddr, usize>,
    entries: usize,
}

impl Tib {
    /// How many entries there are, as [`Tib::recount`] found them: what one
    /// input made is in it with the next.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Counts the entries of a group that was settled.
    pub fn recount(&mut self, group: GroupAddr) {
        let now = self.groups.get(&group).map_or(0, GroupState::entries);
        let old = match now {
            0 => self.counted.remove(&group),
            now => self.counted.insert(group, now),
        };
        self.entries = self.entries + now - old.unwrap_or(0);
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
}

/// (S,G,rpt) state.
#[derive(Clone, Debug, Default)]
pub struct SgRpt {
    /// Per-interface Prune state; an interface in NoInfo is not there.
    pub downstream: BTreeMap<IfIndex, DownstreamRpt>,
    /// Upstream state.
    pub upstream: UpstreamRpt,
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
