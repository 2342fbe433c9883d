//! Neighbours, Hello and the Designated Router (RFC 7761 §4.3).

mod dr;
mod hello;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::hello::HOLDTIME_FOREVER;
use mcr_wire::pim::{ALL_PIM_ROUTERS, Hello};

use crate::config::{Limits, PimInterfaceConfig};
use crate::id::{IfIndex, UnicastAddr};
use crate::router::event::{NeighborChange, Table};
use crate::router::io::Packet;
use crate::router::{Change, Context, Event, RouterInterface, TimerId};
use crate::time::Instant;

/// The holdtime of a neighbour that sends none (RFC 7761 §4.11).
const DEFAULT_HOLDTIME: u16 = 105;

/// The most secondary addresses that a Hello tells, and that are kept of a
/// neighbour: with the other options they fit any Ethernet.
const MAX_SECONDARY_ADDRESSES: usize = 200;

/// PIM's interfaces with their neighbours.
#[derive(Debug, Default)]
pub struct Neighbors {
    interfaces: BTreeMap<IfIndex, PimInterface>,
    /// Interfaces with IGMP and without PIM.
    without_pim: BTreeSet<IfIndex>,
}

/// PIM on an interface.
#[derive(Debug)]
pub struct PimInterface {
    config: PimInterfaceConfig,
    address: Ipv4Addr,
    secondary_addresses: Vec<Ipv4Addr>,
    generation_id: u32,
    dr: Ipv4Addr,
    neighbors: BTreeMap<Ipv4Addr, Neighbor>,
    /// Secondary addresses, with the primary address of the neighbour that said
    /// last that it has them (RFC 7761 §4.3.4).
    secondary: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// Somebody has not had a Hello yet.
    hello_owed: bool,
    /// When a Hello was last sent because of a newcomer.
    triggered: Option<Instant>,
}

/// A neighbour.
#[derive(Clone, Debug)]
pub struct Neighbor {
    /// Since when it is known.
    pub since: Instant,
    /// What it said last.
    pub hello: Hello,
}

impl PimInterface {
    /// The address PIM speaks from.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The Generation ID; a passive interface tells none.
    pub fn generation_id(&self) -> Option<u32> {
        (!self.config.passive).then_some(self.generation_id)
    }

    /// The neighbours, by primary address.
    pub fn neighbors(&self) -> &BTreeMap<Ipv4Addr, Neighbor> {
        &self.neighbors
    }

    /// The neighbour that has this primary or secondary address.
    fn primary(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.neighbors.contains_key(&address) {
            return Some(address);
        }
        self.secondary.get(&address).copied()
    }
}

impl Neighbors {
    /// The interface came, went, or changed its addresses or settings; `None`
    /// where it has gone. A Hello leaves at once where PIM starts, and one with
    /// holdtime 0 where it ends and still can be sent.
    pub fn interface_changed(
        &mut self,
        now: Instant,
        cx: &mut Context,
        index: IfIndex,
        iface: Option<&RouterInterface>,
    ) {
        let without_pim = iface.is_some_and(|iface| iface.pim().is_none() && iface.routes());
        if without_pim {
            self.without_pim.insert(index);
        } else {
            self.without_pim.remove(&index);
        }
        let wanted = iface.and_then(Wanted::of);
        if let Some(old) = self.interfaces.get_mut(&index) {
            match (&wanted, iface) {
                (Some(wanted), Some(iface)) if wanted.config.passive == old.config.passive => {
                    return adjust(now, cx, iface, old, wanted);
                }
                (Some(_) | None, Some(_) | None) => {
                    let can_send = iface.is_some_and(|iface| iface.kernel.up);
                    self.end(cx, index, can_send);
                }
            }
        }
        if let Some(wanted) = wanted {
            self.start(now, cx, index, wanted);
        }
    }

    fn start(&mut self, now: Instant, cx: &mut Context, index: IfIndex, wanted: Wanted) {
        let address = wanted.address;
        let mut state = PimInterface {
            config: wanted.config,
            address,
            secondary_addresses: wanted.secondary_addresses,
            // The upper half, which is the better one of many generators.
            generation_id: (cx.rng.bits() >> 32) as u32,
            dr: address,
            neighbors: BTreeMap::new(),
            secondary: BTreeMap::new(),
            hello_owed: true,
            triggered: None,
        };
        if !state.config.passive {
            hello::send(now, cx, index, &mut state);
        }
        tell_dr(cx, index, Some(address), true);
        self.interfaces.insert(index, state);
    }

    fn end(&mut self, cx: &mut Context, index: IfIndex, can_send: bool) {
        let Some(mut state) = self.interfaces.remove(&index) else {
            return;
        };
        if can_send && !state.config.passive {
            hello::goodbye(cx, index, &state);
        }
        cx.timers.cancel(TimerId::Hello(index));
        let neighbors: Vec<Ipv4Addr> = state.neighbors.keys().copied().collect();
        for address in neighbors {
            forget(
                cx,
                index,
                &mut state,
                address,
                NeighborChange::InterfaceDown,
            );
        }
        tell_dr(cx, index, None, false);
    }

    /// A Hello arrived on an interface where PIM runs.
    pub fn receive_hello(
        &mut self,
        now: Instant,
        cx: &mut Context,
        iface: &RouterInterface,
        limits: &Limits,
        packet: &Packet,
        hello: &Hello,
    ) {
        let index = iface.index();
        let Some(state) = self.interfaces.get_mut(&index) else {
            return;
        };
        cx.counters.add(index, "pim.rx.hello");
        if let Some(reason) = refusal(state, iface, packet) {
            return cx.counters.add(index, reason);
        }
        if hello.unknown_options > 0 {
            cx.counters.add(index, "pim.ignored.hello-option");
        }
        let address = packet.src;
        if hello.holdtime == Some(0) {
            return forget(cx, index, state, address, NeighborChange::Left);
        }
        let old = state.neighbors.get(&address).map(|old| old.hello.clone());
        if old.is_none() && state.neighbors.len() >= limits.neighbors {
            cx.counters.add(index, "pim.drop.neighbor-limit");
            return cx.refused(now, Table::Neighbors);
        }
        let new = learn(now, cx, index, state, address, hello);
        let change = match &old {
            None => Some(NeighborChange::Up),
            Some(old) if old.generation_id != new.generation_id => Some(NeighborChange::Restarted),
            Some(_) => None,
        };
        if let Some(change) = change {
            tell_neighbor(cx, index, address, change);
            hello::trigger(now, cx, index, state);
        }
        if change == Some(NeighborChange::Restarted) {
            cx.change(Change::GenerationId(index, address));
        }
        if change.is_some() || old.is_none_or(|old| old != new) {
            cx.change(Change::Neighbors(index));
        }
        elect(cx, index, state);
    }

    /// HT ran out.
    pub fn hello_due(&mut self, now: Instant, cx: &mut Context, iface: &RouterInterface) {
        let index = iface.index();
        if let Some(state) = self.active(index) {
            hello::send(now, cx, index, state);
        }
    }

    /// NLT ran out.
    pub fn expired(&mut self, cx: &mut Context, iface: IfIndex, address: Ipv4Addr) {
        if let Some(state) = self.interfaces.get_mut(&iface) {
            forget(cx, iface, state, address, NeighborChange::Expired);
        }
    }

    /// The last Hello of each interface, with holdtime 0 (RFC 7761 §4.3.1).
    pub fn stop(&mut self, cx: &mut Context) {
        for (index, state) in &self.interfaces {
            if !state.config.passive {
                hello::goodbye(cx, *index, state);
            }
        }
    }

    /// Before the messages of this turn leave: puts a Hello in front of them
    /// where somebody had none yet, and would not believe them (RFC 7761
    /// §4.3.1).
    pub fn hello_first(&mut self, now: Instant, cx: &mut Context) {
        for index in cx.pim_speaks() {
            if let Some(state) = self.active(index).filter(|state| state.hello_owed) {
                hello::send_first(now, cx, index, state);
            }
        }
    }

    fn active(&mut self, iface: IfIndex) -> Option<&mut PimInterface> {
        let state = self.interfaces.get_mut(&iface);
        state.filter(|state| !state.config.passive)
    }

    /// PIM on an interface, while it runs there.
    pub fn interface(&self, iface: IfIndex) -> Option<&PimInterface> {
        self.interfaces.get(&iface)
    }

    /// NBR(I, A): the primary address of the neighbour that has this primary or
    /// secondary address.
    pub fn neighbor(&self, iface: IfIndex, address: Ipv4Addr) -> Option<Ipv4Addr> {
        self.interface(iface)?.primary(address)
    }

    /// How many neighbours the interface has.
    pub fn count(&self, iface: IfIndex) -> usize {
        let state = self.interface(iface);
        state.map_or(0, |state| state.neighbors.len())
    }

    /// DR(I); `None` where PIM does not run.
    pub fn dr(&self, iface: IfIndex) -> Option<Ipv4Addr> {
        self.interface(iface).map(|state| state.dr)
    }

    /// I_am_DR(I): also where IGMP runs without PIM, as nobody else could be.
    pub fn i_am_dr(&self, iface: IfIndex) -> bool {
        let state = self.interface(iface);
        state.is_some_and(|state| state.dr == state.address) || self.without_pim.contains(&iface)
    }

    /// J/P_Override_Interval(I): Effective_Propagation_Delay and
    /// Effective_Override_Interval together; zero with one neighbour or none.
    pub fn join_prune_override_interval(&self, iface: IfIndex) -> Duration {
        let state = self.interface(iface);
        state
            .filter(|state| state.neighbors.len() > 1)
            .map_or(Duration::ZERO, |state| {
                state.propagation_delay() + state.override_interval()
            })
    }

    /// Effective_Override_Interval(I), of which t_override is a part.
    pub fn override_interval(&self, iface: IfIndex) -> Duration {
        let state = self.interface(iface);
        state.map_or(Duration::ZERO, PimInterface::override_interval)
    }

    /// Suppression_Enabled(I).
    pub fn suppression_enabled(&self, iface: IfIndex) -> bool {
        let state = self.interface(iface);
        state.is_none_or(PimInterface::suppression_enabled)
    }
}

/// What an interface calls for.
struct Wanted {
    config: PimInterfaceConfig,
    address: Ipv4Addr,
    secondary_addresses: Vec<Ipv4Addr>,
}

impl Wanted {
    fn of(iface: &RouterInterface) -> Option<Wanted> {
        let config = iface.pim()?.clone();
        let mut addresses = iface.kernel.addresses.iter().map(|net| net.addr());
        let address = addresses.next()?;
        let mut secondary_addresses: Vec<Ipv4Addr> = Vec::new();
        for other in addresses {
            if other != address && !secondary_addresses.contains(&other) {
                secondary_addresses.push(other);
            }
        }
        secondary_addresses.truncate(MAX_SECONDARY_ADDRESSES);
        Some(Wanted {
            config,
            address,
            secondary_addresses,
        })
    }
}

/// PIM goes on with other addresses or settings. The neighbours hear of it at
/// once; those that cannot be neighbours any more go.
fn adjust(
    now: Instant,
    cx: &mut Context,
    iface: &RouterInterface,
    state: &mut PimInterface,
    wanted: &Wanted,
) {
    let index = iface.index();
    let active = !wanted.config.passive;
    let before = hello::hello(state, state.config.holdtime());
    let old_interval = state.config.hello_interval;
    let moved = state.address != wanted.address;
    // RFC 7761 §4.3.1: the old address says goodbye, or the neighbours would
    // keep it as a router of its own until its holdtime ends.
    if active && moved {
        hello::goodbye(cx, index, state);
    }
    state.config = wanted.config.clone();
    state.address = wanted.address;
    state
        .secondary_addresses
        .clone_from(&wanted.secondary_addresses);
    let said = hello::hello(state, state.config.holdtime());
    let differs = moved || said != before || state.config.hello_interval != old_interval;
    if active && differs {
        hello::send(now, cx, index, state);
    }
    let removed: Vec<Ipv4Addr> = state
        .neighbors
        .keys()
        .filter(|address| not_admitted(state, iface, **address).is_some())
        .copied()
        .collect();
    for address in removed {
        forget(cx, index, state, address, NeighborChange::Removed);
    }
    if moved || said != before {
        cx.change(Change::Neighbors(index));
    }
    elect(cx, index, state);
}

/// Why a Hello is not taken; the name of a counter.
fn refusal(state: &PimInterface, iface: &RouterInterface, packet: &Packet) -> Option<&'static str> {
    if state.config.passive {
        Some("pim.drop.passive")
    } else if packet.dst != ALL_PIM_ROUTERS {
        Some("pim.drop.wrong-destination")
    } else {
        not_admitted(state, iface, packet.src)
    }
}

/// Why an address cannot be a neighbour's; the name of a counter.
fn not_admitted(
    state: &PimInterface,
    iface: &RouterInterface,
    address: Ipv4Addr,
) -> Option<&'static str> {
    let allowed = state.config.neighbors.as_ref();
    if UnicastAddr::try_from(address).is_err() {
        Some("pim.drop.bad-source")
    } else if iface.owns(address) {
        Some("pim.drop.own-address")
    } else if !iface.on_link(address) {
        Some("pim.drop.off-link")
    } else if allowed.is_some_and(|nets| !nets.iter().any(|net| net.contains(&address))) {
        Some("pim.drop.neighbor-not-allowed")
    } else {
        None
    }
}

/// Keeps what a neighbour said; what is kept of it.
fn learn(
    now: Instant,
    cx: &mut Context,
    index: IfIndex,
    state: &mut PimInterface,
    address: Ipv4Addr,
    hello: &Hello,
) -> Hello {
    let mut hello = hello.clone();
    hello.address_list.retain(|secondary| *secondary != address);
    if hello.address_list.len() > MAX_SECONDARY_ADDRESSES {
        cx.counters.add(index, "pim.ignored.secondary-address");
        hello.address_list.truncate(MAX_SECONDARY_ADDRESSES);
    }
    state.secondary.retain(|_, primary| *primary != address);
    let list = hello.address_list.iter();
    state
        .secondary
        .extend(list.map(|secondary| (*secondary, address)));
    let known = state.neighbors.get(&address);
    let since = known.map_or(now, |known| known.since);
    let neighbor = Neighbor {
        since,
        hello: hello.clone(),
    };
    state.neighbors.insert(address, neighbor);
    let liveness = TimerId::NeighborLiveness(index, address);
    match hello.holdtime.unwrap_or(DEFAULT_HOLDTIME) {
        HOLDTIME_FOREVER => cx.timers.cancel(liveness),
        seconds => {
            let holdtime = Duration::from_secs(seconds.into());
            cx.timers.set(liveness, now + holdtime);
        }
    }
    hello
}

/// The neighbour is not there any more.
fn forget(
    cx: &mut Context,
    index: IfIndex,
    state: &mut PimInterface,
    address: Ipv4Addr,
    why: NeighborChange,
) {
    if state.neighbors.remove(&address).is_none() {
        return;
    }
    state.secondary.retain(|_, primary| *primary != address);
    cx.timers.cancel(TimerId::NeighborLiveness(index, address));
    tell_neighbor(cx, index, address, why);
    cx.change(Change::Neighbors(index));
    match why {
        // The interface goes as a whole.
        NeighborChange::InterfaceDown => {}
        NeighborChange::Up
        | NeighborChange::Restarted
        | NeighborChange::Expired
        | NeighborChange::Left
        | NeighborChange::Removed => elect(cx, index, state),
    }
}

/// DR election (RFC 7761 §4.3.2).
fn elect(cx: &mut Context, index: IfIndex, state: &mut PimInterface) {
    let dr = state.elect();
    if state.dr != dr {
        state.dr = dr;
        tell_dr(cx, index, Some(dr), dr == state.address);
    }
}

fn tell_dr(cx: &mut Context, iface: IfIndex, address: Option<Ipv4Addr>, me: bool) {
    cx.event(Event::Dr { iface, address, me });
    cx.change(Change::Dr(iface));
}

fn tell_neighbor(cx: &mut Context, iface: IfIndex, address: Ipv4Addr, change: NeighborChange) {
    cx.event(Event::Neighbor {
        iface,
        address,
        change,
    });
}

#[cfg(test)]
mod tests;
