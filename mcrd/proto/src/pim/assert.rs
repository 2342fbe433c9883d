//! Assert (RFC 7761 §4.6): one forwarder on a LAN.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::{ALL_PIM_ROUTERS, Assert, AssertMetric, EncodedGroup, Message};

use super::macros::{Macros, World, better};
use crate::id::{GroupAddr, IfIndex, IpProtocol, UnicastAddr};
use crate::router::event::{AssertRole, Event as Told};
use crate::router::io::{Packet, Transmit};
use crate::router::{Context, TimerId, Touched};
use crate::tib::{AssertState, Tib, TreeKey};

pub mod machine;

use machine::{Action, Event, Heard, step_sg, step_star_g};

/// How often data packets may call for an Assert (RFC 7761 §4.2 leaves it to
/// the implementation).
const DATA_INTERVAL: Duration = Duration::from_secs(1);

/// The sender of an Assert, and its metric.
type Claim = (AssertMetric, Ipv4Addr);

/// An Assert of a neighbour arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    assert: &Assert,
) {
    cx.counters.add(packet.iface, "pim.rx.assert");
    let Some((group, source)) = subject(world, assert) else {
        return cx.counters.add(packet.iface, "pim.drop.assert-address");
    };
    let iface = packet.iface;
    let sender = world.neighbors.neighbor(iface, packet.src);
    let claim = (assert.metric, sender.unwrap_or(packet.src));
    // §4.6.2: the (S,G) machine first; the other one only where that holds no
    // state and did not move.
    if let Some(source) = source {
        let key = TreeKey::Sg(source, group);
        let idle = role(world, tib, key, iface) == AssertRole::NoInfo;
        let moved = hear(world, tib, cx, key, iface, claim);
        if moved || !idle {
            return;
        }
    }
    if !world.config.pim.is_ssm(group) {
        hear(world, tib, cx, TreeKey::StarG(group), iface, claim);
    }
}

/// The group and the source, 0.0.0.0 being that of (*,G); `None` where they are
/// not what an Assert can be about.
fn subject(world: World<'_>, assert: &Assert) -> Option<(GroupAddr, Option<UnicastAddr>)> {
    if assert.group.mask_len != 32 {
        return None;
    }
    let group = GroupAddr::try_from(assert.group.group).ok()?;
    if assert.source.is_unspecified() {
        return (!world.config.pim.is_ssm(group)).then_some((group, None));
    }
    let source = UnicastAddr::try_from(assert.source).ok()?;
    Some((group, Some(source)))
}

fn hear(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    claim: Claim,
) -> bool {
    let macros = world.macros(key.group(), tib.groups.get(&key.group()));
    let heard = Event::Heard(compare(macros, key, iface, claim));
    step(world, tib, cx, key, iface, heard, Some(claim))
}

fn compare(macros: Macros<'_>, key: TreeKey, iface: IfIndex, claim: Claim) -> Heard {
    let mine = (my_metric(macros, key, iface), macros.my_address(iface));
    let known = known(macros, key, iface);
    let infinite = claim.0 == AssertMetric::INFINITE;
    Heard {
        rpt: claim.0.rpt,
        preferred: !infinite
            && known.is_some_and(|known| better(claim, (known.metric, known.winner))),
        acceptable: !infinite && better(claim, mine),
        inferior: mine.0 != AssertMetric::INFINITE && better(mine, claim),
        cancel: infinite,
        from_winner: known.is_some_and(|known| known.winner == claim.1),
        could_assert: could_assert(macros, key, iface),
        tracking: tracking(macros, key, iface),
    }
}

/// A data packet arrived on an interface that it is forwarded to.
pub fn data_on_olist(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iif: IfIndex,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let macros = world.macros(group, tib.groups.get(&group));
    let sg = TreeKey::Sg(source, group);
    let star_g = TreeKey::StarG(group);
    let key = if role(world, tib, sg, iif) != AssertRole::NoInfo || could_assert(macros, sg, iif) {
        sg
    } else if macros.inherited_olist_sg_rpt(source).contains(&iif)
        && could_assert(macros, star_g, iif)
    {
        star_g
    } else {
        return;
    };
    if may_repeat(world, cx, key, iif) {
        step(world, tib, cx, key, iif, Event::Data, None);
    }
}

/// The winner's last Assert is long enough ago: AT tells when that was.
fn may_repeat(world: World<'_>, cx: &Context, key: TreeKey, iface: IfIndex) -> bool {
    let Some(deadline) = cx.timers.deadline(TimerId::Assert(key, iface)) else {
        return true;
    };
    let elapsed = winner_time(world).saturating_sub(deadline - world.now);
    elapsed >= DATA_INTERVAL
}

/// AT ran out.
pub fn timer_over(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    step(world, tib, cx, key, iface, Event::TimerOver, None);
}

/// A Join of this entry, for this router, arrived.
pub fn join_received(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
) {
    step(world, tib, cx, key, iface, Event::JoinReceived, None);
}

/// Follows CouldAssert, AssertTrackingDesired and our own metric. Whether
/// anything changed that the macros depend on.
pub fn settle(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    group: GroupAddr,
    touched: &Touched,
) -> bool {
    let mut changed = false;
    for (key, iface) in held(tib, group, touched) {
        let macros = world.macros(group, tib.groups.get(&group));
        if let Some(event) = overtaken(macros, key, iface) {
            changed |= step(world, tib, cx, key, iface, event, None);
        }
        let on_rpf = on_rpf(world.macros(group, tib.groups.get(&group)), key, iface);
        if let Some(state) = asserts(tib, key).and_then(|asserts| asserts.get_mut(&iface)) {
            state.on_rpf = on_rpf;
        }
    }
    changed
}

fn held(tib: &Tib, group: GroupAddr, touched: &Touched) -> Vec<(TreeKey, IfIndex)> {
    let Some(state) = tib.groups.get(&group) else {
        return Vec::new();
    };
    let sg = touched.entries(&state.sg).into_iter();
    let sg = sg.flat_map(|(source, sg)| {
        let ifaces = sg.asserts.keys();
        ifaces.map(move |iface| (TreeKey::Sg(source, group), *iface))
    });
    let star_g = state.star_g.iter().flat_map(|star_g| {
        let ifaces = star_g.asserts.keys();
        ifaces.map(|iface| (TreeKey::StarG(group), *iface))
    });
    sg.chain(star_g).collect()
}

/// What has happened to the state's reason meanwhile.
fn overtaken(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> Option<Event> {
    let state = known(macros, key, iface)?;
    let mine = (my_metric(macros, key, iface), macros.my_address(iface));
    match state.role {
        AssertRole::NoInfo => None,
        AssertRole::Winner => {
            if !could_assert(macros, key, iface) {
                Some(Event::CouldNotAssert)
            } else if mine != (state.metric, state.winner) {
                // The others compare with what we said last.
                Some(Event::TimerOver)
            } else {
                None
            }
        }
        AssertRole::Loser => {
            if !tracking(macros, key, iface) {
                Some(Event::NotTracking)
            } else if state.on_rpf && !on_rpf(macros, key, iface) {
                Some(Event::RpfLeft)
            } else if better(mine, (state.metric, state.winner)) {
                Some(Event::MetricBetter)
            } else {
                None
            }
        }
    }
}

/// A neighbour went or restarted: what it won is open again.
pub fn neighbor_lost(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iface: IfIndex,
    neighbor: Ipv4Addr,
) {
    winners_gone(world, tib, cx, iface, |winner| winner == neighbor);
}

/// Neighbours of the interface came or went: what one that is no more has won
/// is open again.
pub fn neighbors_changed(world: World<'_>, tib: &mut Tib, cx: &mut Context, iface: IfIndex) {
    winners_gone(world, tib, cx, iface, |winner| {
        world.neighbors.neighbor(iface, winner).is_none()
    });
}

fn winners_gone(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iface: IfIndex,
    gone: impl Fn(Ipv4Addr) -> bool,
) {
    let groups: Vec<GroupAddr> = tib.groups.keys().copied().collect();
    for group in groups {
        for (key, at) in held(tib, group, &Touched::All) {
            let state = asserts(tib, key).and_then(|asserts| asserts.get(&at));
            if at == iface && state.is_some_and(|state| gone(state.winner)) {
                step(world, tib, cx, key, iface, Event::WinnerGone, None);
            }
        }
    }
}

/// One step of the machine that the key belongs to; whether it moved.
fn step(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    event: Event,
    claim: Option<Claim>,
) -> bool {
    let role = role(world, tib, key, iface);
    let action = match key {
        TreeKey::Sg(..) => step_sg(role, event),
        TreeKey::StarG(_) => step_star_g(role, event),
        TreeKey::SgRpt(..) => None,
    };
    match (action, claim) {
        (None, _) | (Some(Action::Lose | Action::LoseAndSwitch), None) => return false,
        (Some(Action::Win | Action::Reassert), _) => win(world, tib, cx, key, iface),
        (Some(Action::Lose), Some(claim)) => lose(world, tib, cx, key, iface, claim),
        (Some(Action::LoseAndSwitch), Some(claim)) => {
            lose(world, tib, cx, key, iface, claim);
            switch(world, tib, key, iface);
        }
        (Some(Action::Cancel), _) => {
            send(world, cx, key, iface, AssertMetric::INFINITE);
            forget(tib, cx, key, iface);
        }
        (Some(Action::Forget), _) => forget(tib, cx, key, iface),
    }
    cx.changed_entry(key);
    true
}

/// A1 and A3.
fn win(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    let macros = world.macros(key.group(), tib.groups.get(&key.group()));
    let state = AssertState {
        role: AssertRole::Winner,
        winner: macros.my_address(iface),
        metric: my_metric(macros, key, iface),
        on_rpf: false,
    };
    if store(world, tib, cx, key, iface, state) {
        send(world, cx, key, iface, state.metric);
        let at = world.now + winner_time(world);
        cx.timers.set(TimerId::Assert(key, iface), at);
    }
}

/// A2, and A6 but for SPTbit.
fn lose(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    (metric, winner): Claim,
) {
    let macros = world.macros(key.group(), tib.groups.get(&key.group()));
    let state = AssertState {
        role: AssertRole::Loser,
        winner,
        metric,
        on_rpf: on_rpf(macros, key, iface),
    };
    if store(world, tib, cx, key, iface, state) {
        let at = world.now + world.config.pim.assert_time;
        cx.timers.set(TimerId::Assert(key, iface), at);
    }
}

/// A6: what arrives here now comes from the source's own tree.
fn switch(world: World<'_>, tib: &mut Tib, key: TreeKey, iface: IfIndex) {
    let (TreeKey::Sg(source, group) | TreeKey::SgRpt(source, group)) = key else {
        return;
    };
    let rpf = world.rpf_source(source, group);
    if rpf.is_some_and(|rpf| rpf.iface == iface)
        && let Some(sg) = tib.sg_mut(source, group)
        && sg.upstream.joined
    {
        sg.spt_bit = true;
    }
}

/// Keeps the state, and makes its entry where there is none; whether there was
/// room.
fn store(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    state: AssertState,
) -> bool {
    let made = match key {
        TreeKey::StarG(group) => tib.make_star_g(world, cx, group).is_some(),
        TreeKey::Sg(source, group) => tib.make_sg(world, cx, source, group).is_some(),
        TreeKey::SgRpt(..) => false,
    };
    if !made {
        return false;
    }
    let Some(asserts) = asserts(tib, key) else {
        return false;
    };
    let old = asserts.insert(iface, state);
    if old.map(|old| (old.role, old.winner)) != Some((state.role, state.winner)) {
        cx.event(Told::Assert {
            key,
            iface,
            state: state.role,
            winner: Some(state.winner),
        });
    }
    true
}

fn forget(tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    cx.timers.cancel(TimerId::Assert(key, iface));
    let gone = asserts(tib, key).and_then(|asserts| asserts.remove(&iface));
    if gone.is_some() {
        cx.event(Told::Assert {
            key,
            iface,
            state: AssertRole::NoInfo,
            winner: None,
        });
    }
}

fn send(world: World<'_>, cx: &mut Context, key: TreeKey, iface: IfIndex, metric: AssertMetric) {
    let Some(interface) = world.interfaces.get(iface) else {
        return;
    };
    let (Some(src), Some(pim)) = (interface.address(), interface.pim()) else {
        return;
    };
    if pim.passive {
        return;
    }
    let message = Message::Assert(Assert {
        group: EncodedGroup {
            group: key.group().get(),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        source: key.source().map_or(Ipv4Addr::UNSPECIFIED, UnicastAddr::get),
        metric,
    });
    cx.counters.add(iface, "pim.tx.assert");
    cx.transmit(Transmit {
        iface: Some(iface),
        src,
        dst: ALL_PIM_ROUTERS,
        ttl: 1,
        router_alert: false,
        tos: 0xc0,
        protocol: IpProtocol::PIM,
        payload: message.emit(),
    });
}

/// Assert_Time - Assert_Override_Interval: how long a winner is silent.
fn winner_time(world: World<'_>) -> Duration {
    let pim = &world.config.pim;
    pim.assert_time.saturating_sub(pim.assert_override)
}

fn asserts(tib: &mut Tib, key: TreeKey) -> Option<&mut BTreeMap<IfIndex, AssertState>> {
    match key {
        TreeKey::StarG(group) => Some(&mut tib.star_g_mut(group)?.asserts),
        TreeKey::Sg(source, group) => Some(&mut tib.sg_mut(source, group)?.asserts),
        TreeKey::SgRpt(..) => None,
    }
}

fn role(world: World<'_>, tib: &Tib, key: TreeKey, iface: IfIndex) -> AssertRole {
    let macros = world.macros(key.group(), tib.groups.get(&key.group()));
    known(macros, key, iface).map_or(AssertRole::NoInfo, |state| state.role)
}

fn known(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> Option<AssertState> {
    match key {
        TreeKey::StarG(_) => macros.assert_star_g(iface).copied(),
        TreeKey::Sg(source, _) => macros.assert_sg(source, iface).copied(),
        TreeKey::SgRpt(..) => None,
    }
}

fn my_metric(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> AssertMetric {
    match key {
        TreeKey::StarG(_) => macros.my_assert_metric_star_g(iface),
        TreeKey::Sg(source, _) | TreeKey::SgRpt(source, _) => {
            macros.my_assert_metric_sg(source, iface)
        }
    }
}

fn could_assert(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> bool {
    match key {
        TreeKey::StarG(_) => macros.could_assert_star_g(iface),
        TreeKey::Sg(source, _) | TreeKey::SgRpt(source, _) => macros.could_assert_sg(source, iface),
    }
}

fn tracking(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> bool {
    match key {
        TreeKey::StarG(_) => macros.assert_tracking_desired_star_g(iface),
        TreeKey::Sg(source, _) | TreeKey::SgRpt(source, _) => {
            macros.assert_tracking_desired_sg(source, iface)
        }
    }
}

fn on_rpf(macros: Macros<'_>, key: TreeKey, iface: IfIndex) -> bool {
    let world = macros.world;
    let rpf = match key {
        TreeKey::StarG(group) => world.rpf_rp(group),
        TreeKey::Sg(source, group) | TreeKey::SgRpt(source, group) => {
            world.rpf_source(source, group)
        }
    };
    rpf.is_some_and(|rpf| rpf.iface == iface)
}
