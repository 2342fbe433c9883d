//! Data packets and the state they make: KeepaliveTimer, SPTbit and the switch
//! to a source's own tree (RFC 7761 §4.2).

use super::macros::World;
use crate::id::{GroupAddr, UnicastAddr};
use crate::router::Context;
use crate::router::io::DataPlaneEvent;
use crate::tib::Tib;

/// The data plane saw something.
pub fn data_plane(world: World<'_>, tib: &mut Tib, cx: &mut Context, event: &DataPlaneEvent) {
    let _unused = (world, tib, cx, event);
}

/// KAT ran out.
pub fn timer_over(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let _unused = (world, tib, cx, source, group);
}

/// Clears the SPTbit of sources whose JoinDesired(S,G) turned false, and sets
/// it where it needs no packet to be seen. Whether anything changed.
pub fn settle(world: World<'_>, tib: &mut Tib, cx: &mut Context, group: GroupAddr) -> bool {
    let _unused = (world, tib, cx, group);
    false
}
