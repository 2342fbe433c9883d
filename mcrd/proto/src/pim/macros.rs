//! The macros of RFC 7761 §4.1.6 and §4.6, word for word: what the state
//! machines ask of the state. They change nothing.

mod metric;

use std::collections::BTreeSet;

use super::{Neighbors, RpSet};
use crate::config::Config;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::igmp::{Igmp, Membership};
use crate::router::Interfaces;
use crate::router::event::AssertRole;
use crate::rpf::{Rpf, RpfTable};
use crate::tib::{AssertState, Downstream, DownstreamRpt, GroupState, Sg, Target};
use crate::time::Instant;

pub use metric::better;

/// A set of interfaces.
pub type Olist = BTreeSet<IfIndex>;

/// Everything that trees depend on and do not change.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The moment.
    pub now: Instant,
    /// The settings.
    pub config: &'a Config,
    /// The interfaces.
    pub interfaces: &'a Interfaces,
    /// Memberships.
    pub igmp: &'a Igmp,
    /// Neighbours.
    pub neighbors: &'a Neighbors,
    /// Ways.
    pub rpf: &'a RpfTable,
    /// RPs.
    pub rps: &'a RpSet,
}

impl<'a> World<'a> {
    /// The macros over one group's state.
    pub fn macros(self, group: GroupAddr, state: Option<&'a GroupState>) -> Macros<'a> {
        Macros {
            world: self,
            group,
            state,
        }
    }

    /// The group's RP is this router.
    pub fn i_am_rp(&self, group: GroupAddr) -> bool {
        let rp = self.rps.rp(group);
        rp.is_some_and(|rp| self.interfaces.is_mine(rp.get()))
    }

    /// The way to the group's RP; `None` also where this router is the RP.
    pub fn rpf_rp(&self, group: GroupAddr) -> Option<Rpf> {
        let rp = self.rps.rp(group)?;
        if self.interfaces.is_mine(rp.get()) {
            return None;
        }
        self.rpf.lookup(self.interfaces, rp.get(), Some(group))
    }

    /// The way to a source.
    pub fn rpf_source(&self, source: UnicastAddr, group: GroupAddr) -> Option<Rpf> {
        self.rpf.lookup(self.interfaces, source.get(), Some(group))
    }

    /// DirectlyConnected(S): the source is on a network of the interface its
    /// packets must arrive on.
    pub fn directly_connected(&self, source: UnicastAddr, group: GroupAddr) -> bool {
        self.rpf_source(source, group)
            .and_then(|rpf| self.interfaces.get(rpf.iface))
            .is_some_and(|iface| iface.on_link(source.get()))
    }
}

/// The macros over the state of one group.
#[derive(Clone, Copy)]
pub struct Macros<'a> {
    /// What else they depend on.
    pub world: World<'a>,
    /// The group.
    pub group: GroupAddr,
    /// Its state, where it has any.
    pub state: Option<&'a GroupState>,
}

impl<'a> Macros<'a> {
    fn sg(&self, source: UnicastAddr) -> Option<&'a Sg> {
        self.state?.sg.get(&source)
    }

    /// joins(*,G).
    pub fn joins_star_g(&self) -> Olist {
        let star_g = self.state.and_then(|state| state.star_g.as_ref());
        let downstream = star_g.into_iter().flat_map(|star_g| &star_g.downstream);
        joined(downstream)
    }

    /// joins(S,G).
    pub fn joins_sg(&self, source: UnicastAddr) -> Olist {
        joined(self.sg(source).into_iter().flat_map(|sg| &sg.downstream))
    }

    /// prunes(S,G,rpt).
    pub fn prunes_sg_rpt(&self, source: UnicastAddr) -> Olist {
        let entry = self.state.and_then(|state| state.sg_rpt.get(&source));
        let downstream = entry.into_iter().flat_map(|entry| &entry.downstream);
        downstream
            .filter(|(_, state)| match state {
                DownstreamRpt::Prune => true,
                DownstreamRpt::NoInfo | DownstreamRpt::PrunePending => false,
            })
            .map(|(iface, _)| *iface)
            .collect()
    }

    /// local_receiver_include(*,G,I) for every I.
    pub fn local_receiver_include_star_g(&self) -> Olist {
        self.members(|membership| matches!(membership, Membership::Exclude(_)))
    }

    /// local_receiver_include(S,G,I) for every I.
    pub fn local_receiver_include_sg(&self, source: UnicastAddr) -> Olist {
        self.members(|membership| match membership {
            Membership::Include(sources) => sources.contains(&source),
            Membership::Exclude(_) => false,
        })
    }

    /// local_receiver_exclude(S,G,I) for every I.
    pub fn local_receiver_exclude(&self, source: UnicastAddr) -> Olist {
        self.members(|membership| match membership {
            Membership::Include(_) => false,
            Membership::Exclude(sources) => sources.contains(&source),
        })
    }

    fn members(&self, wanted: impl Fn(&Membership) -> bool) -> Olist {
        let members = self.world.igmp.members(self.group);
        let wanted = members.filter(|(_, membership)| wanted(membership));
        wanted.map(|(iface, _)| iface).collect()
    }

    /// pim_include(*,G).
    pub fn pim_include_star_g(&self) -> Olist {
        let mut olist = self.local_receiver_include_star_g();
        olist.retain(|iface| self.serves_star_g(*iface));
        olist
    }

    /// pim_include(S,G).
    pub fn pim_include_sg(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.local_receiver_include_sg(source);
        olist.retain(|iface| {
            let lost = self.lost_assert_sg(source, *iface);
            let won = self.assert_sg(source, *iface).is_some_and(won);
            (self.world.neighbors.i_am_dr(*iface) && !lost) || won
        });
        olist
    }

    /// pim_exclude(S,G).
    pub fn pim_exclude(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.local_receiver_exclude(source);
        olist.retain(|iface| self.serves_star_g(*iface));
        olist
    }

    fn serves_star_g(&self, iface: IfIndex) -> bool {
        let lost = self.lost_assert_star_g(iface);
        let won = self.assert_star_g(iface).is_some_and(won);
        (self.world.neighbors.i_am_dr(iface) && !lost) || won
    }

    /// The (*,G) Assert state on an interface.
    pub fn assert_star_g(&self, iface: IfIndex) -> Option<&'a AssertState> {
        self.state?.star_g.as_ref()?.asserts.get(&iface)
    }

    /// The (S,G) Assert state on an interface.
    pub fn assert_sg(&self, source: UnicastAddr, iface: IfIndex) -> Option<&'a AssertState> {
        self.sg(source)?.asserts.get(&iface)
    }

    /// lost_assert(*,G,I).
    pub fn lost_assert_star_g(&self, iface: IfIndex) -> bool {
        // Asserts are rare and a look at the way is not cheap.
        self.assert_star_g(iface).is_some_and(lost)
            && self
                .world
                .rpf_rp(self.group)
                .is_none_or(|rpf| rpf.iface != iface)
    }

    /// lost_assert(S,G,I).
    pub fn lost_assert_sg(&self, source: UnicastAddr, iface: IfIndex) -> bool {
        let Some(state) = self.assert_sg(source, iface).filter(|state| lost(state)) else {
            return false;
        };
        let rpf = self.world.rpf_source(source, self.group);
        if rpf.is_some_and(|rpf| rpf.iface == iface) {
            return false;
        }
        let mine = self.spt_assert_metric(source);
        let my_address = self.my_address(iface);
        better((state.metric, state.winner), (mine, my_address))
    }

    /// lost_assert(S,G,rpt,I).
    pub fn lost_assert_sg_rpt(&self, source: UnicastAddr, iface: IfIndex) -> bool {
        if !self.assert_sg(source, iface).is_some_and(lost) {
            return false;
        }
        let rpf_rp = self.world.rpf_rp(self.group);
        let rpf_source = self.world.rpf_source(source, self.group);
        rpf_rp.is_none_or(|rpf| rpf.iface != iface)
            && !(rpf_source.is_some_and(|rpf| rpf.iface == iface) && self.spt_bit(source))
    }

    /// SPTbit(S,G).
    pub fn spt_bit(&self, source: UnicastAddr) -> bool {
        self.sg(source).is_some_and(|sg| sg.spt_bit)
    }

    /// I_Am_Assert_Loser(S,G,I).
    pub fn lost_on(&self, source: UnicastAddr, iface: IfIndex) -> bool {
        self.assert_sg(source, iface).is_some_and(lost)
    }

    /// immediate_olist(*,G).
    pub fn immediate_olist_star_g(&self) -> Olist {
        let mut olist = self.joins_star_g();
        olist.extend(self.pim_include_star_g());
        olist.retain(|iface| !self.lost_assert_star_g(*iface));
        olist
    }

    /// immediate_olist(S,G).
    pub fn immediate_olist_sg(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.joins_sg(source);
        olist.extend(self.pim_include_sg(source));
        olist.retain(|iface| !self.lost_assert_sg(source, *iface));
        olist
    }

    /// inherited_olist(S,G,rpt).
    pub fn inherited_olist_sg_rpt(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.inherited_before_asserts(source);
        olist.retain(|iface| {
            !self.lost_assert_star_g(*iface) && !self.lost_assert_sg_rpt(source, *iface)
        });
        olist
    }

    /// (joins(*,G) (-) prunes(S,G,rpt)) (+) (pim_include(*,G) (-)
    /// pim_exclude(S,G)).
    pub fn inherited_before_asserts(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.joins_star_g();
        let pruned = self.prunes_sg_rpt(source);
        olist.retain(|iface| !pruned.contains(iface));
        let excluded = self.pim_exclude(source);
        let included = self.pim_include_star_g();
        olist.extend(included.difference(&excluded));
        olist
    }

    /// inherited_olist(S,G).
    pub fn inherited_olist_sg(&self, source: UnicastAddr) -> Olist {
        let mut olist = self.inherited_olist_sg_rpt(source);
        olist.extend(self.joins_sg(source));
        olist.extend(self.pim_include_sg(source));
        olist.extend(self.taken_over(source));
        olist.retain(|iface| !self.lost_assert_sg(source, *iface));
        olist
    }

    /// Links whose members of any source this router serves with this one, as
    /// it has won the Assert from their DR. RFC 7761 §4.1.6 has this for
    /// members of the source alone. Without it the winner may forward for
    /// nobody but routers that ask because the DR does: once the DR has lost,
    /// they leave, the winner cancels, and all begins anew.
    fn taken_over(&self, source: UnicastAddr) -> Olist {
        let Some(sg) = self.sg(source) else {
            return Olist::new();
        };
        // Asserts are rare and a look at all members is not cheap.
        let mut olist: Olist = sg.asserts.keys().copied().collect();
        olist.retain(|iface| self.assert_sg(source, *iface).is_some_and(won));
        if !olist.is_empty() {
            let members = self.local_receiver_include_star_g();
            let excluded = self.local_receiver_exclude(source);
            olist.retain(|iface| members.contains(iface) && !excluded.contains(iface));
        }
        olist
    }

    /// JoinDesired(*,G).
    pub fn join_desired_star_g(&self) -> bool {
        !self.immediate_olist_star_g().is_empty()
    }

    /// JoinDesired(S,G).
    pub fn join_desired_sg(&self, source: UnicastAddr) -> bool {
        let keepalive = self.sg(source).is_some_and(|sg| sg.keepalive);
        !self.immediate_olist_sg(source).is_empty()
            || (keepalive && !self.inherited_olist_sg(source).is_empty())
    }

    /// RPTJoinDesired(G).
    pub fn rpt_join_desired(&self) -> bool {
        self.join_desired_star_g()
    }

    /// PruneDesired(S,G,rpt).
    pub fn prune_desired_sg_rpt(&self, source: UnicastAddr) -> bool {
        self.rpt_join_desired()
            && (self.inherited_olist_sg_rpt(source).is_empty()
                || (self.spt_bit(source) && self.rpf_star_g() != self.rpf_sg(source)))
    }

    /// RPF_interface(RP(G)) and RPF'(*,G); `None` without a way to the RP, and
    /// where this router is the RP.
    pub fn rpf_star_g(&self) -> Option<Target> {
        let mut rpf = self.world.rpf_rp(self.group)?;
        // An RP on the link is the next hop itself; a source there is none.
        let rp = self.world.rps.rp(self.group);
        rpf.next_hop = rpf.next_hop.or(rp.map(UnicastAddr::get));
        let loser = self.assert_star_g(rpf.iface).filter(|state| lost(state));
        Some(self.target(rpf, loser))
    }

    /// RPF_interface(S) and RPF'(S,G); `None` without a way to the source.
    pub fn rpf_sg(&self, source: UnicastAddr) -> Option<Target> {
        let rpf = self.world.rpf_source(source, self.group)?;
        let loser = self
            .assert_sg(source, rpf.iface)
            .filter(|state| lost(state));
        Some(self.target(rpf, loser))
    }

    /// RPF'(S,G,rpt).
    pub fn rpf_sg_rpt(&self, source: UnicastAddr) -> Option<Target> {
        let rpf = self.world.rpf_rp(self.group)?;
        match self
            .assert_sg(source, rpf.iface)
            .filter(|state| lost(state))
        {
            Some(loser) => Some(self.target(rpf, Some(loser))),
            None => self.rpf_star_g(),
        }
    }

    fn target(&self, rpf: Rpf, loser: Option<&AssertState>) -> Target {
        let neighbor = match (loser, rpf.next_hop) {
            (Some(state), _) => Some(state.winner),
            (None, Some(next_hop)) => self.world.neighbors.neighbor(rpf.iface, next_hop),
            (None, None) => None,
        };
        Target {
            iface: rpf.iface,
            neighbor,
        }
    }

    /// CouldRegister(S,G).
    pub fn could_register(&self, source: UnicastAddr) -> bool {
        let keepalive = self.sg(source).is_some_and(|sg| sg.keepalive);
        let rpf = self.world.rpf_source(source, self.group);
        let dr = rpf.is_some_and(|rpf| self.world.neighbors.i_am_dr(rpf.iface));
        keepalive
            && dr
            && self.world.directly_connected(source, self.group)
            && !self.world.config.pim.is_ssm(self.group)
    }

    /// CouldAssert(S,G,I).
    pub fn could_assert_sg(&self, source: UnicastAddr, iface: IfIndex) -> bool {
        let rpf = self.world.rpf_source(source, self.group);
        self.takes_own_tree(source)
            && rpf.is_some_and(|rpf| rpf.iface != iface)
            && ((self.inherited_before_asserts(source).contains(&iface)
                && !self.lost_assert_star_g(iface))
                || self.joins_sg(source).contains(&iface)
                || self.pim_include_sg(source).contains(&iface)
                || self.taken_over(source).contains(&iface))
    }

    /// SPTbit(S,G), or both trees come by one interface: then packets are
    /// forwarded to those who joined the source before SPTbit may be set.
    fn takes_own_tree(&self, source: UnicastAddr) -> bool {
        let one_way = || {
            let rpf_rp = self.world.rpf_rp(self.group).map(|rpf| rpf.iface);
            let rpf = self.world.rpf_source(source, self.group);
            rpf_rp.is_some() && rpf.map(|rpf| rpf.iface) == rpf_rp
        };
        self.spt_bit(source) || (one_way() && self.join_desired_sg(source))
    }

    /// AssertTrackingDesired(S,G,I).
    pub fn assert_tracking_desired_sg(&self, source: UnicastAddr, iface: IfIndex) -> bool {
        let local = self.local_receiver_include_sg(source).contains(&iface)
            && (self.world.neighbors.i_am_dr(iface)
                || self.assert_sg(source, iface).is_some_and(won));
        let rpf_source = self.world.rpf_source(source, self.group);
        let rpf_rp = self.world.rpf_rp(self.group);
        (self.inherited_before_asserts(source).contains(&iface) && !self.lost_assert_star_g(iface))
            || self.joins_sg(source).contains(&iface)
            || local
            || (rpf_source.is_some_and(|rpf| rpf.iface == iface) && self.join_desired_sg(source))
            || (rpf_rp.is_some_and(|rpf| rpf.iface == iface)
                && self.join_desired_star_g()
                && !self.spt_bit(source))
    }

    /// CouldAssert(*,G,I).
    pub fn could_assert_star_g(&self, iface: IfIndex) -> bool {
        let rpf_rp = self.world.rpf_rp(self.group);
        rpf_rp.is_none_or(|rpf| rpf.iface != iface)
            && (self.joins_star_g().contains(&iface) || self.pim_include_star_g().contains(&iface))
    }

    /// AssertTrackingDesired(*,G,I).
    pub fn assert_tracking_desired_star_g(&self, iface: IfIndex) -> bool {
        let local = self.local_receiver_include_star_g().contains(&iface)
            && (self.world.neighbors.i_am_dr(iface) || self.assert_star_g(iface).is_some_and(won));
        let rpf_rp = self.world.rpf_rp(self.group);
        self.could_assert_star_g(iface)
            || local
            || (rpf_rp.is_some_and(|rpf| rpf.iface == iface) && self.rpt_join_desired())
    }
}

fn won(state: &AssertState) -> bool {
    state.role == AssertRole::Winner
}

fn lost(state: &AssertState) -> bool {
    state.role == AssertRole::Loser
}

fn joined<'a>(downstream: impl Iterator<Item = (&'a IfIndex, &'a Downstream)>) -> Olist {
    downstream
        .filter(|(_, state)| match state {
            Downstream::Join | Downstream::PrunePending => true,
            Downstream::NoInfo => false,
        })
        .map(|(iface, _)| *iface)
        .collect()
}
