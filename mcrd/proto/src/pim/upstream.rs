//! Upstream state: what this router joins and prunes, towards RP and source
//! (RFC 7761 §4.5.4, §4.5.5). That of (S,G,rpt) is in `rpt`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::macros::{Macros, World};
use super::pack::JoinOrPrune;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::igmp::Membership;
use crate::router::event::{AssertRole, RegisterState};
use crate::router::{Context, TimerId, Touched};
use crate::tib::{AssertState, Sg, SgRpt, StarG, Target, Tib, TreeKey, Upstream, UpstreamRpt};

mod overheard;
mod rpt;

pub(super) use overheard::overheard;
pub use rpt::override_timer_over;

/// Brings the upstream state of the group in line with JoinDesired,
/// PruneDesired and RPF'; makes entries that memberships call for. Whether
/// anything changed that the macros depend on.
pub fn settle(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    group: GroupAddr,
    touched: &Touched,
) -> bool {
    if world.config.pim.is_ssm(group) {
        no_shared_tree(world, tib, cx, group);
    }
    let mut changed = settle_star_g(world, tib, cx, group);
    if changed {
        cx.changed(group);
    }
    for source in sources(world, tib, group, touched) {
        changed |= settle_sg(world, tib, cx, source, group);
    }
    rpt::settle(world, tib, cx, group, touched);
    changed
}

/// JT ran out.
pub fn join_timer_over(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey) {
    let rp = tib.star_g(key.group()).and_then(|star_g| star_g.rp);
    if let Some(upstream) = of_key(tib, key).filter(|upstream| upstream.joined) {
        join(world, cx, key, upstream.target, rp);
    }
}

/// A neighbour restarted: Joins to it are sent again soon.
pub fn neighbor_restarted(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iface: IfIndex,
    neighbor: Ipv4Addr,
) {
    let target = Target {
        iface,
        neighbor: Some(neighbor),
    };
    // One draw for all of them, so that they share messages.
    let at = world.now + t_override(world, cx, iface);
    for key in joined_through(tib, target) {
        cx.timers.shorten(TimerId::UpstreamJoin(key), at);
    }
}

/// Removes entries of the group that nothing needs, with their timers.
pub fn collect(tib: &mut Tib, cx: &mut Context, group: GroupAddr, touched: &Touched) {
    let Some(state) = tib.groups.get(&group) else {
        return;
    };
    let no_star_g = state.star_g.as_ref().is_none_or(is_idle_star_g);
    let mut sources = touched.entries(&state.sg);
    sources.retain(|(_, sg)| is_idle_sg(sg));
    let sources: Vec<UnicastAddr> = sources.into_iter().map(|(source, _)| source).collect();
    // RFC 7761 §4.1.5: without (*,G), nothing can be pruned off it.
    let mut rpt_sources = match no_star_g {
        true => Touched::All.entries(&state.sg_rpt),
        false => touched.entries(&state.sg_rpt),
    };
    rpt_sources.retain(|(source, entry)| {
        let overrides = cx.timers.is_set(TimerId::Override(*source, group));
        no_star_g || (is_idle_sg_rpt(entry) && !overrides)
    });
    let rpt_sources: Vec<UnicastAddr> = rpt_sources.into_iter().map(|(source, _)| source).collect();
    for source in sources {
        tib.remove_sg(cx, source, group);
    }
    for source in rpt_sources {
        tib.remove_sg_rpt(cx, source, group);
    }
    if no_star_g {
        tib.remove_star_g(cx, group);
    }
}

fn is_idle_star_g(entry: &StarG) -> bool {
    entry.downstream.is_empty() && entry.asserts.is_empty() && !entry.upstream.joined
}

fn is_idle_sg(entry: &Sg) -> bool {
    entry.downstream.is_empty()
        && entry.asserts.is_empty()
        && !entry.upstream.joined
        && !entry.keepalive
        && entry.register == RegisterState::NoInfo
}

fn is_idle_sg_rpt(entry: &SgRpt) -> bool {
    entry.downstream.is_empty() && entry.upstream != UpstreamRpt::Pruned && !entry.diverted
}

/// RFC 7761 §4.8.1: a group that the settings have made a source-specific one
/// has no (*,G) and (S,G,rpt) state any more.
fn no_shared_tree(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) {
    let Some(state) = tib.groups.get(&group) else {
        return;
    };
    let sources: Vec<UnicastAddr> = state.sg_rpt.keys().copied().collect();
    if let Some(entry) = &state.star_g
        && entry.upstream.joined
    {
        let key = TreeKey::StarG(group);
        let target = entry.upstream.target;
        say(world, cx, key, target, JoinOrPrune::Prune, entry.rp);
    }
    for source in sources {
        tib.remove_sg_rpt(cx, source, group);
    }
    tib.remove_star_g(cx, group);
}

/// Touched sources that may have (S,G) state, or of which members ask for it.
fn sources(
    world: World<'_>,
    tib: &Tib,
    group: GroupAddr,
    touched: &Touched,
) -> BTreeSet<UnicastAddr> {
    if let Touched::Sources(sources) = touched {
        return sources.clone();
    }
    let state = tib.groups.get(&group);
    let mut sources: BTreeSet<UnicastAddr> = state
        .into_iter()
        .flat_map(|state| state.sg.keys().copied())
        .collect();
    for (_, membership) in world.igmp.members(group) {
        match membership {
            Membership::Include(included) => sources.extend(included),
            Membership::Exclude(_) => {}
        }
    }
    sources
}

fn settle_star_g(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) -> bool {
    let macros = world.macros(group, tib.groups.get(&group));
    let wanted = macros.join_desired_star_g() && !world.config.pim.is_ssm(group);
    let way = Way::star_g(macros);
    let entry = if wanted {
        tib.make_star_g(world, cx, group)
    } else {
        tib.star_g_mut(group)
    };
    let Some(entry) = entry else {
        return false;
    };
    let key = TreeKey::StarG(group);
    let rp = world.rps.rp(group);
    let old_rp = std::mem::replace(&mut entry.rp, rp.filter(|_| wanted));
    let upstream = &mut entry.upstream;
    if upstream.joined && wanted && old_rp != rp && upstream.target == way.target {
        // The same neighbour leads to the new RP: it is to know at once.
        join(world, cx, key, upstream.target, rp);
    }
    follow(world, cx, key, upstream, wanted, way, (old_rp, rp))
}

fn settle_sg(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) -> bool {
    let macros = world.macros(group, tib.groups.get(&group));
    let wanted = macros.join_desired_sg(source);
    let way = Way::sg(macros, source);
    let entry = if wanted {
        tib.make_sg(world, cx, source, group)
    } else {
        tib.sg_mut(source, group)
    };
    let Some(entry) = entry else {
        return false;
    };
    let key = TreeKey::Sg(source, group);
    let upstream = &mut entry.upstream;
    follow(world, cx, key, upstream, wanted, way, (None, None))
}

/// RPF' and what it comes from.
#[derive(Clone, Copy)]
struct Way {
    target: Option<Target>,
    /// The source is on the link itself, so that there is no neighbour to join.
    connected: bool,
    /// The neighbour is the winner of an Assert.
    by_assert: bool,
}

impl Way {
    fn star_g(macros: Macros<'_>) -> Way {
        let target = macros.rpf_star_g();
        let state = target.and_then(|target| macros.assert_star_g(target.iface));
        Way {
            target,
            connected: false,
            by_assert: state.is_some_and(is_loser),
        }
    }

    fn sg(macros: Macros<'_>, source: UnicastAddr) -> Way {
        let target = macros.rpf_sg(source);
        let state = target.and_then(|target| macros.assert_sg(source, target.iface));
        let rpf = macros.world.rpf_source(source, macros.group);
        Way {
            target,
            connected: rpf.is_some_and(|rpf| rpf.next_hop.is_none()),
            by_assert: state.is_some_and(is_loser),
        }
    }
}

fn is_loser(state: &AssertState) -> bool {
    state.role == AssertRole::Loser
}

/// The upstream machine: JoinDesired and RPF' as they are now. `rps` are the
/// RPs of a (*,G), old and new.
fn follow(
    world: World<'_>,
    cx: &mut Context,
    key: TreeKey,
    upstream: &mut Upstream,
    wanted: bool,
    way: Way,
    (old_rp, rp): (Option<UnicastAddr>, Option<UnicastAddr>),
) -> bool {
    match (upstream.joined, wanted) {
        (false, false) => false,
        (false, true) => {
            *upstream = Upstream {
                joined: true,
                target: way.target,
                by_assert: way.by_assert,
                keeps_old: false,
            };
            join(world, cx, key, way.target, rp);
            true
        }
        (true, false) => {
            say(world, cx, key, upstream.target, JoinOrPrune::Prune, old_rp);
            cx.timers.cancel(TimerId::UpstreamJoin(key));
            cx.timers.cancel(TimerId::OldUpstream(key));
            *upstream = Upstream::default();
            true
        }
        (true, true) if upstream.target == way.target => {
            upstream.by_assert = way.by_assert;
            upstream.keeps_old = false;
            cx.timers.cancel(TimerId::OldUpstream(key));
            false
        }
        (true, true) if is_due_to_assert(*upstream, way) => {
            switch(cx, key, upstream, way);
            rejoin_soon(world, cx, key, way.target);
            true
        }
        (true, true) if keeps_old(world, cx, key, upstream, way) => false,
        (true, true) => {
            say(world, cx, key, upstream.target, JoinOrPrune::Prune, old_rp);
            switch(cx, key, upstream, way);
            join(world, cx, key, way.target, rp);
            true
        }
    }
}

fn switch(cx: &mut Context, key: TreeKey, upstream: &mut Upstream, way: Way) {
    upstream.target = way.target;
    upstream.by_assert = way.by_assert;
    upstream.keeps_old = false;
    cx.timers.cancel(TimerId::OldUpstream(key));
}

/// "RPF' changes due to an Assert": the interface is the same, and one of the
/// neighbours is the one that an Assert made forwarder.
fn is_due_to_assert(upstream: Upstream, way: Way) -> bool {
    let (Some(old), Some(new)) = (upstream.target, way.target) else {
        return false;
    };
    old.iface == new.iface && (upstream.by_assert || way.by_assert)
}

/// Whether packets are still to come the old way: the new one has no PIM
/// neighbour that could be joined, and the old one still has. A router that
/// comes up says Hello within Hello_Period at most.
fn keeps_old(
    world: World<'_>,
    cx: &mut Context,
    key: TreeKey,
    upstream: &mut Upstream,
    way: Way,
) -> bool {
    let Some(new) = way.target.filter(|new| new.neighbor.is_none()) else {
        return false;
    };
    let new = world.interfaces.get(new.iface);
    let Some(pim) = new.and_then(|iface| iface.pim()) else {
        return false;
    };
    if way.connected || alive(world, upstream.target).is_none() {
        return false;
    }
    let timer = TimerId::OldUpstream(key);
    if !upstream.keeps_old {
        upstream.keeps_old = true;
        let wait = pim.hello_interval + pim.triggered_hello_delay;
        cx.timers.set(timer, world.now + wait);
    }
    cx.timers.is_set(timer)
}

/// The neighbour of the target, as long as it is one.
fn alive(world: World<'_>, target: Option<Target>) -> Option<(IfIndex, Ipv4Addr)> {
    let target = target?;
    let neighbor = target.neighbor?;
    let known = world.neighbors.neighbor(target.iface, neighbor)?;
    Some((target.iface, known))
}

fn say(
    world: World<'_>,
    cx: &mut Context,
    key: TreeKey,
    target: Option<Target>,
    what: JoinOrPrune,
    rp: Option<UnicastAddr>,
) {
    if let Some((iface, neighbor)) = alive(world, target) {
        cx.join_prune.say(iface, neighbor, key, what, rp);
    }
}

/// Sends a Join, and starts JT with t_periodic.
fn join(
    world: World<'_>,
    cx: &mut Context,
    key: TreeKey,
    target: Option<Target>,
    rp: Option<UnicastAddr>,
) {
    let timer = TimerId::UpstreamJoin(key);
    match target.filter(|_| alive(world, target).is_some()) {
        Some(Target { iface, .. }) => {
            say(world, cx, key, target, JoinOrPrune::Join, rp);
            let at = refresh_at(world, cx, iface, t_periodic(world));
            cx.timers.set(timer, at);
        }
        None => cx.timers.cancel(timer),
    }
}

/// Lets the next Join leave within t_override.
fn rejoin_soon(world: World<'_>, cx: &mut Context, key: TreeKey, target: Option<Target>) {
    let timer = TimerId::UpstreamJoin(key);
    match alive(world, target) {
        Some((iface, _)) => {
            let at = world.now + t_override(world, cx, iface);
            cx.timers.shorten(timer, at);
        }
        None => cx.timers.cancel(timer),
    }
}

fn t_periodic(world: World<'_>) -> Duration {
    world.config.pim.join_prune_interval
}

fn t_override(world: World<'_>, cx: &mut Context, iface: IfIndex) -> Duration {
    cx.rng.up_to(world.neighbors.override_interval(iface))
}

fn refresh_at(
    world: World<'_>,
    cx: &mut Context,
    iface: IfIndex,
    wait: Duration,
) -> crate::time::Instant {
    let period = t_periodic(world);
    cx.join_prune.refresh_at(world.now, iface, wait, period)
}

fn of_key(tib: &Tib, key: TreeKey) -> Option<Upstream> {
    match key {
        TreeKey::StarG(group) => tib.star_g(group).map(|entry| entry.upstream),
        TreeKey::Sg(source, group) => tib.sg(source, group).map(|entry| entry.upstream),
        TreeKey::SgRpt(..) => None,
    }
}

/// (*,G) and (S,G) entries whose Joins go there.
fn joined_through(tib: &Tib, target: Target) -> Vec<TreeKey> {
    let through = |upstream: &Upstream| upstream.joined && upstream.target == Some(target);
    let mut keys = Vec::new();
    for (group, state) in &tib.groups {
        let star_g = state.star_g.as_ref();
        if star_g.is_some_and(|entry| through(&entry.upstream)) {
            keys.push(TreeKey::StarG(*group));
        }
        let sg = state.sg.iter().filter(|(_, sg)| through(&sg.upstream));
        keys.extend(sg.map(|(source, _)| TreeKey::Sg(*source, *group)));
    }
    keys
}
