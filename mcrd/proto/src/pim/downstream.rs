//! Downstream per-interface state: Join/Prune messages that arrive
//! (RFC 7761 §4.5.1 to §4.5.3). Those for other routers go on to
//! [`super::upstream`].

use std::collections::BTreeMap;

use mcr_wire::pim::JoinPrune;

use super::macros::World;
use super::pack::JoinOrPrune;
use super::{assert, upstream};
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::Context;
use crate::router::io::Packet;
use crate::tib::{Downstream, DownstreamRpt, Tib, TreeKey};

mod machine;
mod message;

use machine::{Action, Clock, Event, Hold, Rpt, RptEvent};

/// A Join/Prune of a neighbour arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    message: &JoinPrune,
) {
    let iface = packet.iface;
    cx.counters.add(iface, "pim.rx.join-prune");
    let said = message::said(world, cx, iface, message);
    let address = message.upstream_neighbor;
    let ours = world.interfaces.get(iface);
    if ours.is_some_and(|ours| ours.owns(address)) {
        let hold = Hold::new(world.now, message.holdtime);
        let mut turn = Turn {
            world,
            tib,
            cx,
            iface,
            hold,
            transient: BTreeMap::new(),
        };
        for (key, what) in said {
            turn.apply(key, what);
        }
        turn.end_of_message();
    } else if let Some(neighbor) = world.neighbors.neighbor(iface, address) {
        upstream::overheard(world, tib, cx, (iface, neighbor), message.holdtime, &said);
    } else {
        cx.counters.add(iface, "pim.ignored.unknown-upstream");
    }
}

/// ET ran out.
pub fn expired(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    match key {
        TreeKey::StarG(_) | TreeKey::Sg(..) => {
            step(world, tib, cx, key, iface, Event::ExpiryOver);
        }
        TreeKey::SgRpt(source, group) => {
            let state = load_rpt(tib, source, group, iface);
            let state = step_rpt(world, cx, key, iface, state, RptEvent::ExpiryOver);
            store_rpt(tib, cx, source, group, iface, state);
        }
    }
}

/// PPT ran out.
pub fn prune_pending_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
) {
    match key {
        TreeKey::StarG(_) | TreeKey::Sg(..) => {
            step(world, tib, cx, key, iface, Event::PrunePendingOver);
        }
        TreeKey::SgRpt(source, group) => {
            let state = load_rpt(tib, source, group, iface);
            let state = step_rpt(world, cx, key, iface, state, RptEvent::PrunePendingOver);
            store_rpt(tib, cx, source, group, iface, state);
        }
    }
}

/// PIM does not run on the interface any more: its downstream state goes.
pub fn interface_gone(tib: &mut Tib, cx: &mut Context, iface: IfIndex) {
    for (group, state) in &mut tib.groups {
        let mut gone = Vec::new();
        if let Some(star_g) = &mut state.star_g
            && star_g.downstream.remove(&iface).is_some()
        {
            gone.push(TreeKey::StarG(*group));
        }
        for (source, sg) in &mut state.sg {
            if sg.downstream.remove(&iface).is_some() {
                gone.push(TreeKey::Sg(*source, *group));
            }
        }
        for (source, sg_rpt) in &mut state.sg_rpt {
            if sg_rpt.downstream.remove(&iface).is_some() {
                gone.push(TreeKey::SgRpt(*source, *group));
            }
        }
        for key in gone {
            let timers = &mut cx.timers;
            timers.cancel(crate::router::TimerId::Expiry(key, iface));
            timers.cancel(crate::router::TimerId::PrunePending(key, iface));
            cx.changed_entry(key);
        }
    }
    cx.join_prune.forget(iface);
}

/// One message for this router, as it is worked through.
struct Turn<'a, 'w> {
    world: World<'w>,
    tib: &'a mut Tib,
    cx: &'a mut Context,
    iface: IfIndex,
    hold: Hold,
    /// (S,G,rpt) entries in P' and PP'.
    transient: BTreeMap<(UnicastAddr, GroupAddr), Rpt>,
}

impl Turn<'_, '_> {
    fn apply(&mut self, key: TreeKey, what: JoinOrPrune) {
        match (key, what) {
            (TreeKey::StarG(group), JoinOrPrune::Join) => {
                self.join(key);
                self.join_star_g_ends_prunes(group);
            }
            (TreeKey::Sg(..), JoinOrPrune::Join) => self.join(key),
            (TreeKey::StarG(_) | TreeKey::Sg(..), JoinOrPrune::Prune) => {
                let iface = self.iface;
                step(self.world, self.tib, self.cx, key, iface, Event::Prune);
            }
            (TreeKey::SgRpt(source, group), JoinOrPrune::Join) => {
                self.rpt(source, group, RptEvent::Join);
            }
            (TreeKey::SgRpt(source, group), JoinOrPrune::Prune) => {
                self.rpt(source, group, RptEvent::Prune(self.hold));
            }
        }
    }

    fn join(&mut self, key: TreeKey) {
        let (iface, event) = (self.iface, Event::Join(self.hold));
        assert::join_received(self.world, self.tib, self.cx, key, iface);
        step(self.world, self.tib, self.cx, key, iface, event);
    }

    fn join_star_g_ends_prunes(&mut self, group: GroupAddr) {
        let state = self.tib.groups.get(&group);
        let entries = state.into_iter().flat_map(|state| &state.sg_rpt);
        let pruned = entries.filter(|(_, entry)| entry.downstream.contains_key(&self.iface));
        let pruned: Vec<UnicastAddr> = pruned.map(|(source, _)| *source).collect();
        for source in pruned {
            self.rpt(source, group, RptEvent::JoinStarG);
        }
    }

    fn end_of_message(&mut self) {
        for ((source, group), state) in std::mem::take(&mut self.transient) {
            let key = TreeKey::SgRpt(source, group);
            let event = RptEvent::EndOfMessage;
            let state = step_rpt(self.world, self.cx, key, self.iface, state, event);
            store_rpt(self.tib, self.cx, source, group, self.iface, state);
        }
    }

    fn rpt(&mut self, source: UnicastAddr, group: GroupAddr, event: RptEvent) {
        let stored = load_rpt(self.tib, source, group, self.iface);
        let transient = self.transient.remove(&(source, group));
        let key = TreeKey::SgRpt(source, group);
        let opens = matches!(event, RptEvent::Prune(hold) if hold != Hold::Nothing);
        if opens && self.tib.sg_rpt(source, group).is_none() {
            // Also where the rest of the message takes the Prune back.
            self.cx.changed_source(source, group);
        }
        if opens
            && self
                .tib
                .make_sg_rpt(self.world, self.cx, source, group)
                .is_none()
        {
            return;
        }
        let state = transient.unwrap_or(stored);
        match step_rpt(self.world, self.cx, key, self.iface, state, event) {
            // What is stored stays until the end of the message.
            state @ (Rpt::PruneTmp | Rpt::PrunePendingTmp) => {
                self.transient.insert((source, group), state);
            }
            state @ (Rpt::NoInfo | Rpt::Prune | Rpt::PrunePending) => {
                store_rpt(self.tib, self.cx, source, group, self.iface, state);
            }
        }
    }
}

fn clock<'a>(world: World<'_>, cx: &'a mut Context, key: TreeKey, iface: IfIndex) -> Clock<'a> {
    Clock {
        timers: &mut cx.timers,
        key,
        iface,
        now: world.now,
        override_interval: world.neighbors.join_prune_override_interval(iface),
    }
}

fn per_interface(tib: &mut Tib, key: TreeKey) -> Option<&mut BTreeMap<IfIndex, Downstream>> {
    match key {
        TreeKey::StarG(group) => tib.star_g_mut(group).map(|entry| &mut entry.downstream),
        TreeKey::Sg(source, group) => tib.sg_mut(source, group).map(|entry| &mut entry.downstream),
        TreeKey::SgRpt(..) => None,
    }
}

/// One event of (*,G) or (S,G) on one interface.
fn step(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    event: Event,
) {
    let old = per_interface(tib, key).and_then(|downstream| downstream.get(&iface).copied());
    let old = old.unwrap_or_default();
    let opens = matches!(event, Event::Join(hold) if hold != Hold::Nothing);
    if opens && !make(world, tib, cx, key) {
        return;
    }
    let mut clock = clock(world, cx, key, iface);
    let (mut new, mut action) = machine::step(old, event, &mut clock);
    // RFC 7761 §4.5.1: with no other neighbour that could override, PPT is
    // zero and expires immediately.
    if new == Downstream::PrunePending && clock.override_interval.is_zero() {
        (new, action) = machine::step(new, Event::PrunePendingOver, &mut clock);
    }
    if action == Action::SendPruneEcho {
        echo_prune(world, cx, key, iface);
    }
    if new == old {
        return;
    }
    if let Some(downstream) = per_interface(tib, key) {
        match new {
            Downstream::NoInfo => downstream.remove(&iface),
            Downstream::Join | Downstream::PrunePending => downstream.insert(iface, new),
        };
    }
    cx.changed_entry(key);
}

fn make(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey) -> bool {
    match key {
        TreeKey::StarG(group) => tib.make_star_g(world, cx, group).is_some(),
        TreeKey::Sg(source, group) => tib.make_sg(world, cx, source, group).is_some(),
        TreeKey::SgRpt(..) => false,
    }
}

/// RFC 7761 §4.5.1: a Prune with this router itself as upstream neighbour, for
/// a router whose Join to override the Prune was lost.
fn echo_prune(world: World<'_>, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    let address = world
        .interfaces
        .get(iface)
        .and_then(|iface| iface.address());
    if world.neighbors.count(iface) > 1
        && let Some(address) = address
    {
        let rp = world.rps.rp(key.group());
        cx.join_prune
            .say(iface, address, key, JoinOrPrune::Prune, rp);
    }
}

fn step_rpt(
    world: World<'_>,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
    state: Rpt,
    event: RptEvent,
) -> Rpt {
    let mut clock = clock(world, cx, key, iface);
    let state = machine::step_rpt(state, event, &mut clock);
    if state == Rpt::PrunePending && clock.override_interval.is_zero() {
        return machine::step_rpt(state, RptEvent::PrunePendingOver, &mut clock);
    }
    state
}

fn load_rpt(tib: &Tib, source: UnicastAddr, group: GroupAddr, iface: IfIndex) -> Rpt {
    let entry = tib.sg_rpt(source, group);
    let state = entry.and_then(|entry| entry.downstream.get(&iface));
    match state.copied().unwrap_or_default() {
        DownstreamRpt::NoInfo => Rpt::NoInfo,
        DownstreamRpt::Prune => Rpt::Prune,
        DownstreamRpt::PrunePending => Rpt::PrunePending,
    }
}

fn store_rpt(
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
    iface: IfIndex,
    state: Rpt,
) {
    let Some(entry) = tib.sg_rpt_mut(source, group) else {
        return;
    };
    let state = match state {
        Rpt::NoInfo => DownstreamRpt::NoInfo,
        Rpt::Prune | Rpt::PruneTmp => DownstreamRpt::Prune,
        Rpt::PrunePending | Rpt::PrunePendingTmp => DownstreamRpt::PrunePending,
    };
    let old = match state {
        DownstreamRpt::NoInfo => entry.downstream.remove(&iface),
        DownstreamRpt::Prune | DownstreamRpt::PrunePending => entry.downstream.insert(iface, state),
    };
    if old.unwrap_or_default() != state {
        cx.changed_source(source, group);
    }
}
