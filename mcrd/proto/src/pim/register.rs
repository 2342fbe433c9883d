//! Register (RFC 7761 §4.4): from the DR of a source to the RP. This is the
//! DR's side (§4.4.1); the RP's is `rp`.

use std::net::Ipv4Addr;

use mcr_wire::ipv4;
use mcr_wire::pim::{Message, Register, RegisterStop};

use super::macros::World;
use crate::id::{GroupAddr, IfIndex, IpProtocol, UnicastAddr};
use crate::router::event::{Event as Told, RegisterState};
use crate::router::io::{Packet, Transmit};
use crate::router::{Context, TimerId, Touched};
use crate::routes::verdict::rpf_in_force;
use crate::tib::Tib;

pub mod fragment;
pub mod limit;
pub mod machine;
mod rp;
mod too_big;

pub use rp::receive;

use fragment::NotSent;
use machine::{Action, Event, step};

/// The time to live of what goes from the DR to the RP and back.
const TTL: u8 = 64;

/// A Register-Stop arrived.
pub fn receive_stop(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    stop: &RegisterStop,
) {
    cx.counters.add(packet.iface, "pim.rx.register-stop");
    let group = GroupAddr::try_from(stop.group.group);
    let Some(group) = group.ok().filter(|_| stop.group.mask_len == 32) else {
        return cx
            .counters
            .add(packet.iface, "pim.drop.register-stop-group");
    };
    let rp = world.rps.rp(group).map(UnicastAddr::get);
    if !world.interfaces.is_mine(packet.dst) || rp != Some(packet.src) {
        return cx
            .counters
            .add(packet.iface, "pim.drop.register-stop-not-rp");
    }
    let state = tib.groups.get(&group);
    let known = state.into_iter().flat_map(|state| state.sg.keys().copied());
    let sources: Vec<UnicastAddr> = known
        .filter(|source| stop.source.is_unspecified() || source.get() == stop.source)
        .collect();
    for source in sources {
        happen(world, tib, cx, source, group, Event::StopReceived);
    }
}

/// A data packet that may have to be registered.
pub fn encapsulate(world: World<'_>, tib: &mut Tib, cx: &mut Context, iif: IfIndex, packet: &[u8]) {
    let Ok(whole) = ipv4::Packet::parse(packet) else {
        return;
    };
    let (Ok(source), Ok(group)) = (
        UnicastAddr::try_from(whole.header().source()),
        GroupAddr::try_from(whole.header().destination()),
    ) else {
        return;
    };
    follow(world, tib, cx, source, group);
    let macros = world.macros(group, tib.groups.get(&group));
    let on_rpf = rpf_in_force(macros, source).is_some_and(|rpf| rpf.iface == iif);
    let joined = tib
        .sg(source, group)
        .is_some_and(|sg| sg.register == RegisterState::Join);
    // An RP that is the DR has the packets already.
    if !joined || !on_rpf || world.i_am_rp(group) {
        return;
    }
    let Some(rp) = world.rps.rp(group) else {
        return cx.counters.add(iif, "pim.drop.register-no-rp");
    };
    let parts = match fragment::for_register(packet, world.config.pim.register_mtu) {
        Ok(parts) => parts,
        Err(NotSent::TimeToLive) => return cx.counters.add(iif, "data.drop.ttl"),
        Err(NotSent::DontFragment) => {
            return too_big::answer(world, cx, iif, (source, group), &whole, packet);
        }
        Err(NotSent::Malformed) => return cx.counters.add(iif, "data.drop.malformed"),
    };
    for part in parts {
        cx.counters.add(iif, "pim.tx.register");
        let message = Message::Register(Register {
            border: false,
            null: false,
            packet: &part,
        });
        let tos = whole.header().dscp_ecn;
        unicast(cx, address_on(world, iif), rp.get(), tos, &message);
    }
}

fn address_on(world: World<'_>, iface: IfIndex) -> Ipv4Addr {
    let address = world
        .interfaces
        .get(iface)
        .and_then(|iface| iface.address());
    address.unwrap_or(Ipv4Addr::UNSPECIFIED)
}

fn unicast(cx: &mut Context, src: Ipv4Addr, dst: Ipv4Addr, tos: u8, message: &Message<'_>) {
    cx.transmit(Transmit {
        iface: None,
        src,
        dst,
        ttl: TTL,
        router_alert: false,
        tos,
        protocol: IpProtocol::PIM,
        payload: message.emit(),
    });
}

/// RST ran out.
pub fn stop_timer_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    happen(world, tib, cx, source, group, Event::StopTimerOver);
}

/// Follows CouldRegister and RP(G). Whether anything changed that the macros
/// depend on.
pub fn settle(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    group: GroupAddr,
    touched: &Touched,
) -> bool {
    let Some(state) = tib.groups.get(&group) else {
        return false;
    };
    let sources = touched.entries(&state.sg).into_iter();
    let sources: Vec<UnicastAddr> = sources.map(|(source, _)| source).collect();
    let mut changed = false;
    for source in sources {
        changed |= follow(world, tib, cx, source, group);
    }
    changed
}

fn follow(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) -> bool {
    let Some(sg) = tib.sg(source, group) else {
        return false;
    };
    let macros = world.macros(group, tib.groups.get(&group));
    let idle = sg.register == RegisterState::NoInfo;
    // Most sources are neither connected nor were they ever registered.
    let could_register = (!idle || sg.keepalive) && macros.could_register(source);
    let event = match (idle, could_register) {
        (true, true) => Event::CouldRegister,
        (false, false) => Event::CouldNotRegister,
        (false, true) if sg.register_rp != world.rps.rp(group) => Event::RpChanged,
        (true, false) | (false, true) => return false,
    };
    happen(world, tib, cx, source, group, event)
}

/// One step of the machine; whether it moved.
fn happen(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
    event: Event,
) -> bool {
    let rp = world.rps.rp(group);
    let Some(sg) = tib.sg_mut(source, group) else {
        return false;
    };
    let Some((state, action)) = step(sg.register, event) else {
        return false;
    };
    let old = std::mem::replace(&mut sg.register, state);
    sg.register_rp = rp.filter(|_| state != RegisterState::NoInfo);
    let timer = TimerId::RegisterStop(source, group);
    let pim = &world.config.pim;
    match action {
        Action::Nothing => {}
        Action::CancelTimer => cx.timers.cancel(timer),
        Action::Suppress => {
            let time = pim.register_suppression;
            let time = cx.rng.between(time / 2, time * 3 / 2);
            let time = time.saturating_sub(pim.register_probe);
            cx.timers.set(timer, world.now + time);
        }
        Action::Probe => {
            cx.timers.set(timer, world.now + pim.register_probe);
            probe(world, cx, source, group);
        }
    }
    if old != state {
        cx.event(Told::Register {
            source,
            group,
            state,
        });
    }
    cx.changed_source(source, group);
    true
}

/// Sends a Null-Register. An RP that is the DR asks nobody.
fn probe(world: World<'_>, cx: &mut Context, source: UnicastAddr, group: GroupAddr) {
    let (Some(rp), Some(rpf)) = (world.rps.rp(group), world.rpf_source(source, group)) else {
        return;
    };
    if world.i_am_rp(group) {
        return;
    }
    cx.counters.add(rpf.iface, "pim.tx.null-register");
    let header = Register::null_header(source.get(), group.get());
    let message = Message::Register(Register::null(&header));
    let src = address_on(world, rpf.iface);
    unicast(cx, src, rp.get(), 0xc0, &message);
}

#[cfg(test)]
mod tests;
