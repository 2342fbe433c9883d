//! Downstream per-interface state: Join/Prune messages that arrive
//! (RFC 7761 §4.5.1 to §4.5.3), and those for other routers that are overheard
//! (§4.5.4 to §4.5.6).

use mcr_wire::pim::JoinPrune;

use super::macros::World;
use crate::id::IfIndex;
use crate::router::Context;
use crate::router::io::Packet;
use crate::tib::{Tib, TreeKey};

/// A Join/Prune of a neighbour arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    message: &JoinPrune,
) {
    let _unused = (world, tib, cx, packet, message);
}

/// ET ran out.
pub fn expired(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    let _unused = (world, tib, cx, key, iface);
}

/// PPT ran out.
pub fn prune_pending_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    key: TreeKey,
    iface: IfIndex,
) {
    let _unused = (world, tib, cx, key, iface);
}

/// PIM does not run on the interface any more: its downstream state goes.
pub fn interface_gone(tib: &mut Tib, cx: &mut Context, iface: IfIndex) {
    let _unused = (tib, cx, iface);
}
