//! The upstream (S,G,rpt) state machine (RFC 7761 §4.5.6). A source without an
//! entry is NotPruned while the RP tree is joined.

use std::collections::BTreeSet;

use super::say;
use crate::id::{GroupAddr, UnicastAddr};
use crate::igmp::Membership;
use crate::pim::pack::JoinOrPrune;
use crate::pim::{Macros, World};
use crate::router::{Context, TimerId, Touched};
use crate::tib::{Target, Tib, TreeKey, UpstreamRpt};

/// Brings the upstream (S,G,rpt) state of the group in line with
/// RPTJoinDesired, PruneDesired and RPF'. No macro depends on it.
pub(super) fn settle(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    group: GroupAddr,
    touched: &Touched,
) {
    if !is_joined(world, tib, group) {
        return leave(tib, cx, group);
    }
    for source in sources(world, tib, group, touched) {
        settle_source(world, tib, cx, source, group);
    }
}

/// OT ran out.
pub fn override_timer_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let entry = tib.sg_rpt(source, group);
    if entry.is_some_and(|entry| entry.upstream == UpstreamRpt::NotPruned) {
        let key = TreeKey::SgRpt(source, group);
        let to = target(world, tib, source, group);
        say(world, cx, key, to, JoinOrPrune::Join, None);
    }
    // The entry may have been kept for the timer alone.
    cx.changed_source(source, group);
}

/// A Prune was heard that would take the source from this router as well: it
/// is answered within t_override, unless this router has pruned it too.
pub(super) fn override_soon(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    (source, group): (UnicastAddr, GroupAddr),
    heard: Target,
    at: crate::time::Instant,
) {
    let macros = world.macros(group, tib.groups.get(&group));
    if !is_joined(world, tib, group)
        || macros.prune_desired_sg_rpt(source)
        || target(world, tib, source, group) != Some(heard)
    {
        return;
    }
    if let Some(entry) = tib.make_sg_rpt(world, cx, source, group) {
        entry.upstream = UpstreamRpt::NotPruned;
        cx.timers.shorten(TimerId::Override(source, group), at);
        cx.changed_source(source, group);
    }
}

/// RPTJoinDesired(G), where that needs Joins: the RP itself sends none.
fn is_joined(world: World<'_>, tib: &Tib, group: GroupAddr) -> bool {
    let star_g = tib.star_g(group);
    star_g.is_some_and(|star_g| star_g.upstream.joined) && world.rpf_rp(group).is_some()
}

fn leave(tib: &mut Tib, cx: &mut Context, group: GroupAddr) {
    let Some(state) = tib.groups.get_mut(&group) else {
        return;
    };
    for (source, entry) in &mut state.sg_rpt {
        entry.upstream = UpstreamRpt::RptNotJoined;
        entry.diverted = false;
        cx.timers.cancel(TimerId::Override(*source, group));
    }
}

/// Touched sources that may be pruned: PruneDesired needs state of the source,
/// or members that exclude it.
fn sources(
    world: World<'_>,
    tib: &Tib,
    group: GroupAddr,
    touched: &Touched,
) -> BTreeSet<UnicastAddr> {
    if let Touched::Sources(sources) = touched {
        return sources.clone();
    }
    let mut sources = BTreeSet::new();
    if let Some(state) = tib.groups.get(&group) {
        sources.extend(state.sg.keys());
        sources.extend(state.sg_rpt.keys());
    }
    for (_, membership) in world.igmp.members(group) {
        match membership {
            Membership::Exclude(excluded) => sources.extend(excluded),
            Membership::Include(_) => {}
        }
    }
    sources
}

fn settle_source(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let macros = world.macros(group, tib.groups.get(&group));
    let prune_desired = macros.prune_desired_sg_rpt(source);
    let diverted = is_diverted(macros, source);
    let known = tib.sg_rpt(source, group).is_some();
    if !known && !prune_desired && !diverted {
        return;
    }
    let Some(entry) = tib.make_sg_rpt(world, cx, source, group) else {
        return;
    };
    let was_diverted = std::mem::replace(&mut entry.diverted, diverted);
    let was_pruned = entry.upstream == UpstreamRpt::Pruned;
    entry.upstream = if prune_desired {
        UpstreamRpt::Pruned
    } else {
        UpstreamRpt::NotPruned
    };
    let key = TreeKey::SgRpt(source, group);
    let timer = TimerId::Override(source, group);
    let to = target(world, tib, source, group);
    match (was_pruned, prune_desired) {
        (false, true) => {
            cx.timers.cancel(timer);
            say(world, cx, key, to, JoinOrPrune::Prune, None);
        }
        (true, false) => say(world, cx, key, to, JoinOrPrune::Join, None),
        // "RPF'(S,G,rpt) becomes equal to RPF'(*,G)": prunes that went with
        // Join(*,G) are to be undone.
        (false, false) if was_diverted && !diverted => {
            if let Some(Target { iface, .. }) = to {
                let at = world.now + super::t_override(world, cx, iface);
                cx.timers.shorten(timer, at);
            }
        }
        (false, false) | (true, true) => {}
    }
}

/// RPF'(S,G,rpt) != RPF'(*,G).
fn is_diverted(macros: Macros<'_>, source: UnicastAddr) -> bool {
    let sg = macros.state.and_then(|state| state.sg.get(&source));
    sg.is_some_and(|sg| !sg.asserts.is_empty()) && macros.rpf_sg_rpt(source) != macros.rpf_star_g()
}

/// RPF'(S,G,rpt), as it is in force: where an Assert leads, or where Join(*,G)
/// are sent.
pub(super) fn target(
    world: World<'_>,
    tib: &Tib,
    source: UnicastAddr,
    group: GroupAddr,
) -> Option<Target> {
    let macros = world.macros(group, tib.groups.get(&group));
    if is_diverted(macros, source) {
        return macros.rpf_sg_rpt(source);
    }
    tib.star_g(group)?.upstream.target
}
