//! The RP's side of Register (RFC 7761 §4.4.2).

use std::net::Ipv4Addr;

use mcr_wire::ipv4;
use mcr_wire::pim::{EncodedGroup, Message, Register, RegisterStop};

use crate::id::{GroupAddr, UnicastAddr};
use crate::pim::keepalive;
use crate::pim::macros::World;
use crate::router::Context;
use crate::router::io::{Forward, Packet};
use crate::tib::Tib;

/// A Register arrived.
pub fn receive(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    register: &Register<'_>,
) {
    let name = match register.null {
        true => "pim.rx.null-register",
        false => "pim.rx.register",
    };
    cx.counters.add(packet.iface, name);
    if !world.interfaces.is_mine(packet.dst) {
        return cx
            .counters
            .add(packet.iface, "pim.drop.register-destination");
    }
    let Ok((source, group)) = register.addresses() else {
        return cx.counters.add(packet.iface, "pim.drop.register-malformed");
    };
    let (Ok(source), Ok(group)) = (UnicastAddr::try_from(source), GroupAddr::try_from(group))
    else {
        return cx.counters.add(packet.iface, "pim.drop.register-address");
    };
    if let Some(reason) = refusal(world, packet.dst, source, group) {
        cx.counters.add(packet.iface, reason);
        return stop(world, cx, packet, source, group);
    }
    accepted(world, tib, cx, packet, register, (source, group));
}

/// Why a Register is only answered with a Register-Stop.
fn refusal(
    world: World<'_>,
    dst: Ipv4Addr,
    source: UnicastAddr,
    group: GroupAddr,
) -> Option<&'static str> {
    let pim = &world.config.pim;
    if pim.is_ssm(group) {
        return Some("pim.drop.register-ssm");
    }
    if world.rps.rp(group).map(UnicastAddr::get) != Some(dst) {
        return Some("pim.drop.register-not-rp");
    }
    let allowed = pim.register_accept.as_ref().is_none_or(|rules| {
        rules
            .iter()
            .any(|rule| rule.sources.contains(&source.get()) && rule.groups.contains(&group.get()))
    });
    (!allowed).then_some("pim.drop.register-filter")
}

fn accepted(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    packet: &Packet,
    register: &Register<'_>,
    (source, group): (UnicastAddr, GroupAddr),
) {
    let macros = world.macros(group, tib.groups.get(&group));
    let spt_bit = macros.spt_bit(source);
    let mut olist = macros.inherited_olist_sg_rpt(source);
    if world.directly_connected(source, group)
        && let Some(rpf) = world.rpf_source(source, group)
    {
        // The packet has been on this link already, and its DR would register
        // the copy again.
        olist.remove(&rpf.iface);
    }
    // SwitchToSptDesired is taken as true here: the setting is about last hops,
    // and an RP that never joins a source has its packets in Registers for ever.
    let enough = spt_bit || macros.inherited_olist_sg(source).is_empty();
    let period = match enough {
        true => world.config.pim.rp_keepalive_period(),
        false => world.config.pim.keepalive_period,
    };
    keepalive::keep(world, tib, cx, source, group, period);
    if enough {
        stop(world, cx, packet, source, group);
    }
    if spt_bit || register.null || olist.is_empty() {
        return;
    }
    match ipv4::Packet::parse(register.packet) {
        Ok(inner) if inner.header().ttl > 1 => cx.forward(Forward {
            packet: register.packet.to_vec(),
            outputs: olist.into_iter().collect(),
            until_switch: true,
        }),
        Ok(_) | Err(_) => cx.counters.add(packet.iface, "data.drop.ttl"),
    }
}

fn stop(
    world: World<'_>,
    cx: &mut Context,
    packet: &Packet,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let most = world.config.pim.register_stops_per_second;
    let key = (source, group, packet.src);
    if !cx.register_stops.admit(world.now, key, most) {
        return cx.counters.add(packet.iface, "pim.limited.register-stop");
    }
    cx.counters.add(packet.iface, "pim.tx.register-stop");
    let message = Message::RegisterStop(RegisterStop {
        group: EncodedGroup {
            group: group.get(),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        source: source.get(),
    });
    super::unicast(cx, packet.dst, packet.src, 0xc0, &message);
}
