//! Data packets and the state they make: KeepaliveTimer, SPTbit and the switch
//! to a source's own tree (RFC 7761 §4.2).

use mcr_wire::ipv4;

use super::macros::World;
use super::{assert, register};
use crate::fib::Accept;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::event::Table;
use crate::router::io::{DataPlaneEvent, Forward};
use crate::router::{Context, TimerId, Touched};
use crate::routes::verdict::{SourceView, Verdict, rpf_in_force, rpf_rp_in_force};
use crate::tib::Tib;

/// A data packet's way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Data {
    iif: IfIndex,
    source: UnicastAddr,
    group: GroupAddr,
}

/// The data plane saw something.
pub fn data_plane(world: World<'_>, tib: &mut Tib, cx: &mut Context, event: &DataPlaneEvent) {
    match event {
        DataPlaneEvent::NoEntry { iif, packet } => {
            if let Some(data) = parse(world, cx, *iif, packet) {
                cx.counters.add(*iif, "data.no-entry");
                arrived(world, tib, cx, data);
                forward(world, tib, cx, data, packet);
                register::encapsulate(world, tib, cx, *iif, packet);
            }
        }
        DataPlaneEvent::NewSource { iif, packet } => {
            if let Some(data) = parse(world, cx, *iif, packet) {
                cx.counters.add(*iif, "data.new-source");
                arrived(world, tib, cx, data);
                register::encapsulate(world, tib, cx, *iif, packet);
            }
        }
        DataPlaneEvent::Register {
            iif,
            forwarded,
            packet,
        } => {
            if let Some(data) = parse(world, cx, *iif, packet) {
                cx.counters.add(*iif, "data.register");
                arrived(world, tib, cx, data);
                catch_up(world, tib, cx, data, forwarded, packet);
                register::encapsulate(world, tib, cx, *iif, packet);
            }
        }
        DataPlaneEvent::WrongInterface { iif, source, group } => {
            cx.counters.add(*iif, "data.wrong-interface");
            assert::data_on_olist(world, tib, cx, *iif, *source, *group);
            cx.changed_source(*source, *group);
        }
        DataPlaneEvent::Switched { iif, source, group }
        | DataPlaneEvent::Active { iif, source, group } => {
            let data = Data {
                iif: *iif,
                source: *source,
                group: *group,
            };
            // Of an entry that went meanwhile there is nothing to keep.
            if tib.groups.contains_key(group) {
                arrived(world, tib, cx, data);
            }
        }
    }
}

/// What the packet is about; `None`, counted, where it must not be routed.
fn parse(world: World<'_>, cx: &mut Context, iif: IfIndex, packet: &[u8]) -> Option<Data> {
    let Some(header) = ipv4::Packet::parse(packet)
        .ok()
        .map(|packet| *packet.header())
    else {
        cx.counters.add(iif, "data.drop.malformed");
        return None;
    };
    let source = UnicastAddr::try_from(header.source());
    let group = GroupAddr::try_from(header.destination());
    let reason = match (source, group) {
        _ if header.ttl <= 1 => "data.drop.ttl",
        (Ok(source), Ok(_)) if world.interfaces.is_mine(source.get()) => "data.drop.own-source",
        (Ok(source), Ok(group)) => return Some(Data { iif, source, group }),
        (Err(_), _) => "data.drop.source",
        (_, Err(_)) => "data.drop.group",
    };
    cx.counters.add(iif, reason);
    None
}

/// What RFC 7761 §4.2 does with state when a packet arrives, but for the
/// Asserts of packets that arrive on the wrong interface.
fn arrived(world: World<'_>, tib: &mut Tib, cx: &mut Context, data: Data) {
    let Data { iif, source, group } = data;
    let macros = world.macros(group, tib.groups.get(&group));
    let rpf = rpf_in_force(macros, source).map(|target| target.iface);
    let on_rpf = rpf == Some(iif);
    let joined = macros
        .state
        .and_then(|state| state.sg.get(&source))
        .is_some_and(|sg| sg.upstream.joined);
    let connected = on_rpf && world.directly_connected(source, group);
    let on_own_tree = on_rpf && joined && !macros.inherited_olist_sg(source).is_empty();
    if connected || on_own_tree {
        restart(world, tib, cx, source, group);
    }
    update_spt_bit(world, tib, data);
    check_switch_to_spt(world, tib, cx, data);
    update_spt_bit(world, tib, data);
    cx.changed_source(source, group);
}

/// CheckSwitchToSpt(S,G), for packets that come down the RP tree.
fn check_switch_to_spt(world: World<'_>, tib: &mut Tib, cx: &mut Context, data: Data) {
    let Data { iif, source, group } = data;
    let macros = world.macros(group, tib.groups.get(&group));
    let on_rpt = rpf_rp_in_force(macros) == Some(iif) && !macros.spt_bit(source);
    if !on_rpt || !world.config.pim.spt_switch.desired(group) {
        return;
    }
    let excluded = macros.pim_exclude(source);
    let mut wanted = macros.pim_include_star_g();
    wanted.retain(|iface| !excluded.contains(iface));
    wanted.extend(macros.pim_include_sg(source));
    if rpf_in_force(macros, source).is_some_and(|rpf| rpf.iface != iif) {
        // SwitchToSptDesired(S,G) is ours to define: members on the link that
        // the RP tree comes from have the packets already. To fetch them
        // another way makes this router and the one above assert, prune and
        // join in turn with every packet.
        wanted.remove(&iif);
    }
    if !wanted.is_empty() {
        restart(world, tib, cx, source, group);
    }
}

/// Update_SPTbit(S,G,iif).
fn update_spt_bit(world: World<'_>, tib: &mut Tib, data: Data) {
    let macros = world.macros(data.group, tib.groups.get(&data.group));
    let view = SourceView::new(macros, data.source);
    if view.is_rpf(data.iif)
        && view.switches
        && let Some(sg) = tib.sg_mut(data.source, data.group)
    {
        sg.spt_bit = true;
    }
}

/// Forwards a packet that the data plane had no entry for, as its entry will
/// from now on.
fn forward(world: World<'_>, tib: &mut Tib, cx: &mut Context, data: Data, packet: &[u8]) {
    let Data { iif, source, group } = data;
    let macros = world.macros(group, tib.groups.get(&group));
    let view = SourceView::new(macros, source);
    let Verdict { accept, olist, .. } = view.verdict(iif);
    let on_star_g = rpf_rp_in_force(macros) == Some(iif)
        && macros.state.is_some_and(|state| state.star_g.is_some());
    // Where packets of a source are known not to arrive, it has no entry.
    let taken = !matches!(accept, Accept::WrongInterface | Accept::Discard);
    let has_sg = |state: &crate::tib::GroupState| state.sg.contains_key(&source);
    let known = on_star_g || taken && macros.state.is_some_and(has_sg);
    match accept {
        Accept::Forward | Accept::UntilSwitch | Accept::Switch => {
            let until_switch = accept == Accept::UntilSwitch;
            send(cx, olist.into_iter(), until_switch, packet);
        }
        Accept::WrongInterface => assert::data_on_olist(world, tib, cx, iif, source, group),
        Accept::Discard => cx.counters.add(iif, "data.drop.unwanted"),
    }
    let has_entry = known && accept != Accept::Discard;
    if !has_entry && !cx.unwanted.add(world.now, group, source, iif) {
        cx.counters.add(iif, "data.unwanted-full");
    }
    if let Some(at) = cx.unwanted.next() {
        cx.timers.shorten(TimerId::Unwanted, at);
    }
}

/// Forwards a packet that is registered towards the RP as well, where its entry
/// has got that output since the data plane forwarded it: an RP that has seen a
/// later packet come down the tree it joined takes no Register of an earlier
/// one any more (RFC 7761 §4.4.2). Other new outputs start with the packets
/// that the data plane sends there. One from before them would be taken for the
/// end of what comes down the RP tree.
fn catch_up(
    world: World<'_>,
    tib: &Tib,
    cx: &mut Context,
    data: Data,
    forwarded: &[IfIndex],
    packet: &[u8],
) {
    let macros = world.macros(data.group, tib.groups.get(&data.group));
    let Verdict { accept, olist, .. } = SourceView::new(macros, data.source).verdict(data.iif);
    let to_rp = rpf_rp_in_force(macros).filter(|oif| !forwarded.contains(oif));
    match accept {
        Accept::Forward | Accept::UntilSwitch | Accept::Switch => {
            let new = to_rp.into_iter().filter(|oif| olist.contains(oif));
            send(cx, new, accept == Accept::UntilSwitch, packet);
        }
        Accept::WrongInterface | Accept::Discard => {}
    }
}

fn send(
    cx: &mut Context,
    outputs: impl Iterator<Item = IfIndex>,
    until_switch: bool,
    packet: &[u8],
) {
    let outputs: Vec<IfIndex> = outputs.collect();
    if !outputs.is_empty() {
        cx.forward(Forward {
            packet: packet.to_vec(),
            outputs,
            until_switch,
        });
    }
}

/// Packets that nobody wanted for a while are asked about again.
pub fn unwanted_over(world: World<'_>, cx: &mut Context) {
    for (group, source) in cx.unwanted.expire(world.now) {
        cx.changed_source(source, group);
    }
    if let Some(at) = cx.unwanted.next() {
        cx.timers.set(TimerId::Unwanted, at);
    }
}

/// Sets KAT to Keepalive_Period, and makes the entry where there is none and
/// room for it is left.
fn restart(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    let period = world.config.pim.keepalive_period;
    keep(world, tib, cx, source, group, period);
}

/// Sets KAT to at least this time; whether the entry is there, or there was
/// room for it.
pub fn keep(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
    period: std::time::Duration,
) -> bool {
    if tib.sg_mut(source, group).is_none() {
        // A quarter of the table is left to what routers and hosts ask for:
        // packets come from anybody.
        let most = world.config.limits.entries / 4 * 3;
        if tib.entries() >= most {
            cx.refused(world.now, Table::Entries);
            return false;
        }
    }
    let Some(sg) = tib.make_sg(world, cx, source, group) else {
        return false;
    };
    sg.keepalive = true;
    cx.timers
        .extend(TimerId::Keepalive(source, group), world.now + period);
    cx.changed_source(source, group);
    true
}

/// KAT ran out.
pub fn timer_over(
    _world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    source: UnicastAddr,
    group: GroupAddr,
) {
    if let Some(sg) = tib.sg_mut(source, group) {
        sg.keepalive = false;
    }
    cx.changed_source(source, group);
}

/// Clears the SPTbit of sources whose JoinDesired(S,G) turned false, and of
/// those to which there is no way any more: their own tree brings nothing, and
/// the RP tree would stay pruned until the KeepaliveTimer runs out. Whether
/// anything changed.
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
    let mut switched = touched.entries(&state.sg);
    let macros = world.macros(group, Some(state));
    switched.retain(|(source, sg)| {
        let left = || !macros.join_desired_sg(*source);
        sg.spt_bit && (left() || rpf_in_force(macros, *source).is_none())
    });
    let left: Vec<UnicastAddr> = switched.into_iter().map(|(source, _)| source).collect();
    for source in &left {
        if let Some(sg) = tib.sg_mut(*source, group) {
            sg.spt_bit = false;
        }
        cx.changed_source(*source, group);
    }
    !left.is_empty()
}

#[cfg(test)]
mod tests;
