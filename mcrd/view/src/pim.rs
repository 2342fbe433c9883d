//! PIM's interfaces, neighbours, RPs and ways.

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_api::router::{LanPruneDelay, Neighbor, PimInterface, Rp, RpOf, RpfOf};
use mcr_proto::config::PimInterfaceConfig;
use mcr_proto::id::{GroupAddr, InterfaceName};
use mcr_proto::pim::neighbor;
use mcr_proto::router::{RouterInterface, TimerId};
use mcr_wire::pim as wire;

use crate::{View, reason, seconds};

/// All interfaces with PIM.
pub fn interfaces(view: View<'_>) -> Vec<PimInterface> {
    let configured = view.router.config().interfaces.iter();
    configured
        .filter_map(|(name, config)| Some(interface(view, name, config.pim.as_ref()?)))
        .collect()
}

fn interface(view: View<'_>, name: &InterfaceName, config: &PimInterfaceConfig) -> PimInterface {
    let known = view.router.interfaces().by_name(name);
    let neighbors = view.router.neighbors();
    let index = known.map(RouterInterface::index);
    let state = index.and_then(|index| neighbors.interface(index));
    let effective =
        |own: Duration, of: fn(&neighbor::PimInterface) -> Duration| seconds(state.map_or(own, of));
    PimInterface {
        interface: name.to_string(),
        up: state.is_some(),
        address: state.map(|state| state.address()),
        passive: config.passive,
        dr: index.and_then(|index| neighbors.dr(index)),
        is_dr: state.is_some() && index.is_some_and(|index| neighbors.i_am_dr(index)),
        dr_priority: config.dr_priority,
        generation_id: state.and_then(|state| state.generation_id()),
        hello_interval: seconds(config.hello_interval),
        next_hello: index.and_then(|index| view.left(TimerId::Hello(index))),
        neighbors: state.map_or(0, |state| state.neighbors().len()),
        propagation_delay: effective(
            config.propagation_delay,
            neighbor::PimInterface::propagation_delay,
        ),
        override_interval: effective(
            config.override_interval,
            neighbor::PimInterface::override_interval,
        ),
        join_suppression: state.map_or(!config.tracking, |state| state.suppression_enabled()),
    }
}

/// All neighbours.
pub fn neighbors(view: View<'_>) -> Vec<Neighbor> {
    let neighbors = view.router.neighbors();
    let mut all = Vec::new();
    for known in view.router.interfaces().iter() {
        let index = known.index();
        let Some(state) = neighbors.interface(index) else {
            continue;
        };
        for (address, neighbor) in state.neighbors() {
            all.push(Neighbor {
                interface: known.kernel.name.to_string(),
                address: *address,
                secondary_addresses: neighbor.hello.address_list.clone(),
                uptime: view.since(neighbor.since),
                expires: view.left(TimerId::NeighborLiveness(index, *address)),
                dr_priority: neighbor.hello.dr_priority,
                is_dr: neighbors.dr(index) == Some(*address),
                generation_id: neighbor.hello.generation_id,
                lan_prune_delay: neighbor.hello.lan_prune_delay.map(lan_prune_delay),
            });
        }
    }
    all
}

fn lan_prune_delay(delay: wire::LanPruneDelay) -> LanPruneDelay {
    let milliseconds = |time: u16| seconds(Duration::from_millis(time.into()));
    LanPruneDelay {
        propagation_delay: milliseconds(delay.propagation_delay),
        override_interval: milliseconds(delay.override_interval),
        tracking: delay.tracking,
    }
}

/// All RPs with their ranges.
pub fn rps(view: View<'_>) -> Vec<Rp> {
    let world = view.router.world(view.now);
    let mappings = world.rps.mappings().iter();
    mappings
        .map(|mapping| {
            let rp = mapping.rp.get();
            let is_me = world.interfaces.is_mine(rp);
            Rp {
                groups: mapping.groups.to_string(),
                address: rp,
                priority: mapping.priority,
                origin: "static".to_owned(),
                is_me,
                reachable: is_me || world.rpf.lookup(world.interfaces, rp, None).is_some(),
            }
        })
        .collect()
}

/// The RP of a group, and why.
pub fn rp_of(view: View<'_>, group: GroupAddr) -> RpOf {
    let world = view.router.world(view.now);
    let choice = world.rps.choose(group);
    let rp = choice.ok().map(|choice| choice.mapping.rp.get());
    RpOf {
        group: group.get(),
        rp,
        is_me: rp.is_some_and(|rp| world.interfaces.is_mine(rp)),
        reason: reason::rp(group, choice),
    }
}

/// The way to an address, and why.
pub fn rpf(view: View<'_>, address: Ipv4Addr, group: Option<GroupAddr>) -> RpfOf {
    let world = view.router.world(view.now);
    let is_me = world.interfaces.is_mine(address);
    let found = if is_me {
        None
    } else {
        Some(world.rpf.find(world.interfaces, address, group))
    };
    let way = found.and_then(Result::ok);
    let rpf = way.map(|way| way.rpf);
    let next_hop = rpf.and_then(|rpf| rpf.next_hop);
    let neighbor = rpf
        .zip(next_hop)
        .and_then(|(rpf, hop)| world.neighbors.neighbor(rpf.iface, hop));
    let interface = rpf.map(|rpf| view.name(rpf.iface));
    let mut reason = match found {
        None => format!("{address} is this router's own address."),
        Some(found) => reason::rpf(address, found),
    };
    if let Some(rpf) = rpf
        && let Some(fault) = reason::no_join(world, rpf, neighbor)
    {
        reason = format!("{reason} {fault}");
    }
    RpfOf {
        address,
        interface,
        next_hop,
        neighbor,
        connected: rpf.is_some() && next_hop.is_none(),
        is_me,
        preference: rpf.map(|rpf| rpf.preference),
        metric: rpf.map(|rpf| rpf.metric),
        reason,
    }
}
