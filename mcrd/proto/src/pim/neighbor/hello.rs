//! Hellos: what they say, and when they leave (RFC 7761 §4.3.1).

use std::time::Duration;

use mcr_wire::pim::{ALL_PIM_ROUTERS, Hello, LanPruneDelay, Message};

use super::PimInterface;
use crate::config::PimInterfaceConfig;
use crate::id::{IfIndex, IpProtocol};
use crate::router::io::Transmit;
use crate::router::{Context, TimerId};
use crate::time::Instant;

/// CS6, which routers send their control traffic with (RFC 2474 §4.2.2).
const TOS: u8 = 0xc0;

/// A newcomer gets a Hello at once, for it believes nothing before that. As
/// many newcomers would make a router send as many Hellos, those that follow
/// within this time share one.
const TRIGGERED_GAP: Duration = Duration::from_millis(100);

/// A Hello from this address.
pub(super) fn hello(state: &PimInterface, holdtime: u16) -> Hello {
    Hello {
        holdtime: Some(holdtime),
        lan_prune_delay: Some(lan_prune_delay(&state.config)),
        dr_priority: Some(state.config.dr_priority),
        generation_id: Some(state.generation_id),
        address_list: state.secondary_addresses.clone(),
        unknown_options: 0,
    }
}

fn lan_prune_delay(config: &PimInterfaceConfig) -> LanPruneDelay {
    LanPruneDelay {
        tracking: config.tracking,
        propagation_delay: milliseconds(config.propagation_delay).min(0x7fff),
        override_interval: milliseconds(config.override_interval),
    }
}

fn milliseconds(time: Duration) -> u16 {
    u16::try_from(time.as_millis()).unwrap_or(u16::MAX)
}

/// Sends a Hello, and sets HT for the next.
pub(super) fn send(now: Instant, cx: &mut Context, index: IfIndex, state: &mut PimInterface) {
    let packet = packet(cx, index, state, state.config.holdtime());
    cx.transmit(packet);
    sent(now, cx, index, state);
}

/// As [`send`], before all other packets of this turn.
pub(super) fn send_first(now: Instant, cx: &mut Context, index: IfIndex, state: &mut PimInterface) {
    let packet = packet(cx, index, state, state.config.holdtime());
    cx.transmit_first(packet);
    sent(now, cx, index, state);
}

fn sent(now: Instant, cx: &mut Context, index: IfIndex, state: &mut PimInterface) {
    state.hello_owed = false;
    cx.timers
        .set(TimerId::Hello(index), now + state.config.hello_interval);
}

/// Sends the last Hello of an address, which ends the neighbourship.
pub(super) fn goodbye(cx: &mut Context, index: IfIndex, state: &PimInterface) {
    let packet = packet(cx, index, state, 0);
    cx.transmit(packet);
}

/// Somebody is there who does not know this router: sends a Hello at once, or
/// where one was just sent for that reason, after a random time of at most
/// Triggered_Hello_Delay.
pub(super) fn trigger(now: Instant, cx: &mut Context, index: IfIndex, state: &mut PimInterface) {
    match state.triggered {
        Some(last) if now - last < TRIGGERED_GAP => {
            let jitter = state.config.triggered_hello_delay.min(TRIGGERED_GAP);
            let at = last + TRIGGERED_GAP + cx.rng.up_to(jitter);
            cx.timers.shorten(TimerId::Hello(index), at);
            state.hello_owed = true;
        }
        Some(_) | None => {
            state.triggered = Some(now);
            send(now, cx, index, state);
        }
    }
}

fn packet(cx: &mut Context, iface: IfIndex, state: &PimInterface, holdtime: u16) -> Transmit {
    cx.counters.add(iface, "pim.tx.hello");
    Transmit {
        iface: Some(iface),
        src: state.address,
        dst: ALL_PIM_ROUTERS,
        ttl: 1,
        router_alert: false,
        tos: TOS,
        protocol: IpProtocol::PIM,
        payload: Message::Hello(hello(state, holdtime)).emit(),
    }
}
