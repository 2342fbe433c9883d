//! Assert (RFC 7761 §4.6): one forwarder on a LAN.

use std::net::Ipv4Addr;

use mcr_wire::pim::Assert;

use super::macros::World;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::Context;
use crate::router::io::Packet;
use crate::tib::{Tib, TreeKey};

/// An Assert of a neighbour arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    assert: &Assert,
) {
    let _unused = (world, tib, cx, packet, assert);
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
    let _unused = (world, tib, cx, iif, source, group);
}

/// AT ran out.
pub fn timer_over(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey, iface: IfIndex) {
    let _unused = (world, tib, cx, key, iface);
}

/// Follows CouldAssert, AssertTrackingDesired and our own metric. Whether
/// anything changed that the macros depend on.
pub fn settle(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) -> bool {
    let _unused = (world, tib, cx, group);
    false
}

/// A neighbour went or restarted: what it won is open again.
pub fn neighbor_lost(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iface: IfIndex,
    neighbor: Ipv4Addr,
) {
    let _unused = (world, tib, cx, iface, neighbor);
}

/// Neighbours of the interface came or went: what one that is no more has won
/// is open again.
pub fn neighbors_changed(world: World<'_>, tib: &mut Tib, cx: &mut Context, iface: IfIndex) {
    let _unused = (world, tib, cx, iface);
}
