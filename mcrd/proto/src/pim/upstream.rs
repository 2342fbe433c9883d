//! Upstream state: what this router joins and prunes, towards RP and source
//! (RFC 7761 §4.5.4 to §4.5.6).

use std::net::Ipv4Addr;

use super::macros::World;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::Context;
use crate::tib::{Tib, TreeKey};

/// Brings the upstream state of the group in line with JoinDesired,
/// PruneDesired and RPF'; makes entries that memberships call for. Whether
/// anything changed that the macros depend on.
pub fn settle(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) -> bool {
    let _unused = (world, tib, cx, group);
    false
}

/// JT ran out.
pub fn join_timer_over(world: World<'_>, tib: &mut Tib, cx: &mut Context, key: TreeKey) {
    let _unused = (world, tib, cx, key);
}

/// OT ran out.
pub fn override_timer_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let _unused = (world, tib, cx, source, group);
}

/// A neighbour restarted: Joins to it are sent again soon.
pub fn neighbor_restarted(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    iface: IfIndex,
    neighbor: Ipv4Addr,
) {
    let _unused = (world, tib, cx, iface, neighbor);
}

/// Removes entries of the group that nothing needs, with their timers.
pub fn collect(tib: &mut Tib, cx: &mut Context, group: GroupAddr) {
    let _unused = (tib, cx, group);
}
