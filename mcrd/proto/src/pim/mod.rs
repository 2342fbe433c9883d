//! PIM sparse mode (RFC 7761) and source-specific multicast (RFC 4607).

pub mod assert;
pub mod downstream;
pub mod keepalive;
pub mod macros;
pub mod neighbor;
pub mod pack;
pub mod register;
pub mod rp;
pub mod upstream;

use mcr_wire::pim::Message;

pub use macros::{Macros, World};
pub use neighbor::Neighbors;
pub use rp::RpSet;

use crate::router::Context;
use crate::router::io::Packet;
use crate::tib::Tib;

/// A message other than a Hello arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    message: &Message<'_>,
) {
    match message {
        Message::Register(message) => register::receive(world, tib, cx, packet, message),
        Message::RegisterStop(message) => register::receive_stop(world, tib, cx, packet, message),
        Message::JoinPrune(message) => {
            if from_neighbor(world, cx, packet) {
                downstream::receive(world, tib, cx, packet, message);
            }
        }
        Message::Assert(message) => {
            if from_neighbor(world, cx, packet) {
                assert::receive(world, tib, cx, packet, message);
            }
        }
        Message::Hello(_) => {}
        Message::Bootstrap(_) => cx.counters.add(packet.iface, "pim.ignored.bootstrap"),
        Message::CandidateRp(_) => cx.counters.add(packet.iface, "pim.ignored.candidate-rp"),
        Message::Graft | Message::GraftAck => cx.counters.add(packet.iface, "pim.ignored.graft"),
        Message::StateRefresh => cx.counters.add(packet.iface, "pim.ignored.state-refresh"),
        Message::Unknown(_) => cx.counters.add(packet.iface, "pim.ignored.unknown-type"),
    }
}

/// RFC 7761 §4.3.1: what a router says before its Hello is not believed. Each
/// of these messages goes to the link only.
fn from_neighbor(world: World<'_>, cx: &mut Context, packet: &Packet) -> bool {
    let reason = if packet.dst != mcr_wire::pim::ALL_PIM_ROUTERS {
        "pim.drop.wrong-destination"
    } else if world.neighbors.neighbor(packet.iface, packet.src).is_none() {
        "pim.drop.not-a-neighbor"
    } else {
        return true;
    };
    cx.counters.add(packet.iface, reason);
    false
}

#[cfg(test)]
pub(crate) mod tests;
