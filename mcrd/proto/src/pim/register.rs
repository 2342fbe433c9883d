//! Register (RFC 7761 §4.4): from the DR of a source to the RP.

use mcr_wire::pim::{Register, RegisterStop};

use super::macros::World;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::Context;
use crate::router::io::Packet;
use crate::tib::Tib;

/// A Register arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    register: &Register<'_>,
) {
    let _unused = (world, tib, cx, packet, register);
}

/// A Register-Stop arrived.
pub fn receive_stop(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    stop: &RegisterStop,
) {
    let _unused = (world, tib, cx, packet, stop);
}

/// A data packet of a connected source that is to be registered.
pub fn encapsulate(world: World<'_>, tib: &mut Tib, cx: &mut Context, iif: IfIndex, packet: &[u8]) {
    let _unused = (world, tib, cx, iif, packet);
}

/// RST ran out.
pub fn stop_timer_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let _unused = (world, tib, cx, source, group);
}

/// Follows CouldRegister and RP(G). Whether anything changed that the macros
/// depend on.
pub fn settle(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) -> bool {
    let _unused = (world, tib, cx, group);
    false
}
