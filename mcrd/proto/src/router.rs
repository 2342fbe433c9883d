//! The multicast router: owns the state machines and routes inputs to them.
//! Nothing here decides anything of a protocol.

pub mod context;
pub mod event;
pub mod interfaces;
pub mod io;
pub mod timer;
pub mod touched;

use ipnet::Ipv4Net;
use mcr_wire::{igmp, pim as pim_wire};

use crate::config::Config;
use crate::id::{IfIndex, IpProtocol};
use crate::igmp::Igmp;
use crate::interface::InterfaceChange;
use crate::pim::{
    self, Neighbors, RpSet, World, assert, downstream, keepalive, register, upstream,
};
use crate::routes::Routes;
use crate::rpf::RpfTable;
use crate::tib::Tib;
use crate::time::Instant;

pub use context::{Change, Context, Counters};
pub use event::Event;
pub use interfaces::{Interfaces, RouterInterface};
pub use io::{DataPlaneEvent, Input, Output};
pub use timer::{IgmpTimer, TimerId};
pub use touched::Touched;

use io::{Packet, RouteChange};

/// The world as a router's fields make it, so that the other fields stay free
/// to be changed.
macro_rules! world {
    ($router:expr, $now:expr) => {
        World {
            now: $now,
            config: &$router.config,
            interfaces: &$router.interfaces,
            igmp: &$router.igmp,
            neighbors: &$router.neighbors,
            rpf: &$router.rpf,
            rps: &$router.rps,
        }
    };
}

/// How often the machines of a group may call each other again for one input;
/// each round is called for by a change that the one before made, and the
/// longest chain known has four.
const MAX_ROUNDS: usize = 16;

/// A multicast router.
#[derive(Debug)]
pub struct Router {
    config: Config,
    cx: Context,
    interfaces: Interfaces,
    igmp: Igmp,
    neighbors: Neighbors,
    rpf: RpfTable,
    rps: RpSet,
    tib: Tib,
    routes: Routes,
    /// No more state is made: [`Router::stop`] was called.
    stopped: bool,
    looked_at: usize,
}

impl Router {
    /// A router that knows no interface yet. The seed decides its jitter and
    /// its Generation IDs.
    pub fn new(config: Config, seed: u64, now: Instant) -> Router {
        let mut router = Router {
            config: Config::default(),
            cx: Context::new(seed),
            interfaces: Interfaces::default(),
            igmp: Igmp::default(),
            neighbors: Neighbors::default(),
            rpf: RpfTable::default(),
            rps: RpSet::default(),
            tib: Tib::default(),
            routes: Routes::default(),
            stopped: false,
            looked_at: 0,
        };
        router.handle(now, Input::Config(Box::new(config)));
        router
    }

    /// Takes something in. What is to be done about it comes out of
    /// [`Router::poll_output`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.stopped {
            return;
        }
        match input {
            Input::Packet(packet) => self.packet(now, &packet),
            Input::Interface(change) => self.interface_changed(now, change),
            Input::Route(change) => self.route_changed(now, change),
            Input::DataPlane(event) => {
                let (world, tib, cx) = self.parts(now);
                keepalive::data_plane(world, tib, cx, &event);
            }
            Input::Config(config) => self.configure(now, *config),
        }
        self.settle(now);
        self.flush(now);
    }

    /// Deals with the timers that have run out.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.cx.timers.pop_expired(now) {
            self.timeout(now, timer);
            self.settle(now);
        }
        self.flush(now);
    }

    /// What to do next; to be called until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.cx.pop_output()
    }

    /// When [`Router::handle_timeout`] is to be called, and for what.
    pub fn poll_timeout(&self) -> Option<(Instant, TimerId)> {
        self.cx.timers.next()
    }

    /// Says goodbye to all neighbours and takes nothing more in.
    pub fn stop(&mut self) {
        self.neighbors.stop(&mut self.cx);
        self.stopped = true;
    }

    /// What the data plane was told.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether all changes of [`Router::routes`] have come out of
    /// [`Router::poll_output`].
    pub fn routes_are_told(&self) -> bool {
        self.cx.routes_are_told()
    }

    /// The settings in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The interfaces.
    pub fn interfaces(&self) -> &Interfaces {
        &self.interfaces
    }

    /// The trees.
    pub fn tib(&self) -> &Tib {
        &self.tib
    }

    /// Memberships.
    pub fn igmp(&self) -> &Igmp {
        &self.igmp
    }

    /// Neighbours.
    pub fn neighbors(&self) -> &Neighbors {
        &self.neighbors
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.cx.counters
    }

    /// How many trees were looked at so far, each as often as it was: what the
    /// router's work grows with.
    pub fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// The timers, for display.
    pub fn timers(&self) -> &crate::timers::Timers<TimerId> {
        &self.cx.timers
    }

    /// All that the macros of RFC 7761 depend on, for display and for checks.
    pub fn world(&self, now: Instant) -> World<'_> {
        world!(self, now)
    }

    fn parts(&mut self, now: Instant) -> (World<'_>, &mut Tib, &mut Context) {
        let world = world!(self, now);
        (world, &mut self.tib, &mut self.cx)
    }

    fn packet(&mut self, now: Instant, packet: &Packet) {
        let Some(iface) = self.interfaces.get(packet.iface) else {
            return;
        };
        if iface.owns(packet.src) {
            self.cx.counters.add(packet.iface, "drop.own-packet");
            return;
        }
        match packet.protocol {
            IpProtocol::IGMP if iface.igmp().is_some() => self.igmp_packet(now, packet),
            IpProtocol::PIM => self.pim_packet(now, packet),
            _ => self.cx.counters.add(packet.iface, "drop.not-enabled"),
        }
    }

    fn igmp_packet(&mut self, now: Instant, packet: &Packet) {
        let message = match igmp::Message::parse(&packet.payload) {
            Ok(message) => message,
            Err(reason) => return self.malformed(packet.iface, Protocol::Igmp, reason),
        };
        if let Some(iface) = self.interfaces.get(packet.iface) {
            let cx = &mut self.cx;
            self.igmp.receive(now, cx, iface, packet, message);
        }
    }

    fn pim_packet(&mut self, now: Instant, packet: &Packet) {
        let message = match pim_wire::Message::parse(&packet.payload) {
            Ok(message) => message,
            Err(reason) => return self.malformed(packet.iface, Protocol::Pim, reason),
        };
        if let pim_wire::Message::Hello(hello) = &message {
            return self.hello(now, packet, hello);
        }
        let (world, tib, cx) = self.parts(now);
        pim::receive(world, tib, cx, packet, &message);
    }

    fn hello(&mut self, now: Instant, packet: &Packet, hello: &pim_wire::Hello) {
        let (cx, limits) = (&mut self.cx, &self.config.limits);
        let iface = self.interfaces.get(packet.iface);
        match iface.filter(|iface| iface.pim().is_some()) {
            Some(iface) => {
                self.neighbors
                    .receive_hello(now, cx, iface, limits, packet, hello);
            }
            None => cx.counters.add(packet.iface, "drop.not-enabled"),
        }
    }

    fn malformed(&mut self, iface: IfIndex, protocol: Protocol, reason: mcr_wire::BadMessage) {
        self.cx.counters.add(iface, protocol.malformed(reason));
    }

    fn interface_changed(&mut self, now: Instant, change: InterfaceChange) {
        for index in self.interfaces.apply(change, &self.config) {
            self.interface_differs(now, index);
        }
    }

    fn interface_differs(&mut self, now: Instant, index: IfIndex) {
        let iface = self.interfaces.get(index);
        let cx = &mut self.cx;
        cx.output(Output::Listen {
            iface: index,
            on: iface.is_some_and(RouterInterface::routes),
        });
        self.neighbors.interface_changed(now, cx, index, iface);
        self.igmp.interface_changed(now, cx, index, iface);
        if iface.is_none_or(|iface| iface.pim().is_none()) {
            downstream::interface_gone(&mut self.tib, cx, index);
        }
        if iface.is_none() {
            cx.counters.forget(index);
        }
        cx.change(Change::Interface(index));
    }

    fn route_changed(&mut self, now: Instant, change: RouteChange) {
        if let Some(network) = self.rpf.apply(now, &mut self.cx, change) {
            self.cx.change(Change::Rpf(network));
        }
    }

    fn configure(&mut self, now: Instant, config: Config) {
        let differ = self.interfaces.configure(&config);
        self.config = config;
        // What differs is followed as any setting is, below.
        self.rpf.configure(&self.config);
        if self.rps.configure(&self.config.pim) {
            self.cx.change(Change::Rp);
        }
        let pim = &self.config.pim;
        self.igmp
            .configure(now, &mut self.cx, &self.interfaces, pim);
        for index in differ {
            self.interface_differs(now, index);
        }
        // Any setting may be one that trees depend on.
        self.all_changed();
    }

    fn timeout(&mut self, now: Instant, timer: TimerId) {
        match timer {
            TimerId::Igmp(timer) => {
                self.igmp
                    .timeout(now, &mut self.cx, &self.interfaces, timer);
            }
            TimerId::Hello(iface) => {
                if let Some(iface) = self.interfaces.get(iface) {
                    self.neighbors.hello_due(now, &mut self.cx, iface);
                }
            }
            TimerId::NeighborLiveness(iface, address) => {
                self.neighbors.expired(&mut self.cx, iface, address);
            }
            TimerId::Expiry(key, iface) => {
                let (world, tib, cx) = self.parts(now);
                downstream::expired(world, tib, cx, key, iface);
            }
            TimerId::PrunePending(key, iface) => {
                let (world, tib, cx) = self.parts(now);
                downstream::prune_pending_over(world, tib, cx, key, iface);
            }
            TimerId::UpstreamJoin(key) => {
                let (world, tib, cx) = self.parts(now);
                upstream::join_timer_over(world, tib, cx, key);
            }
            TimerId::Override(source, group) => {
                let (world, tib, cx) = self.parts(now);
                upstream::override_timer_over(world, tib, cx, source, group);
            }
            TimerId::Keepalive(source, group) => {
                let (world, tib, cx) = self.parts(now);
                keepalive::timer_over(world, tib, cx, source, group);
            }
            TimerId::RegisterStop(source, group) => {
                let (world, tib, cx) = self.parts(now);
                register::stop_timer_over(world, tib, cx, source, group);
            }
            TimerId::Assert(key, iface) => {
                let (world, tib, cx) = self.parts(now);
                assert::timer_over(world, tib, cx, key, iface);
            }
            TimerId::Unwanted => keepalive::unwanted_over(world!(self, now), &mut self.cx),
            TimerId::OldUpstream(key) => self.cx.changed_entry(key),
        }
    }

    /// Lets every machine follow what changed, until nothing changes any more.
    fn settle(&mut self, now: Instant) {
        while let Some(change) = self.cx.pop_change() {
            self.follow(now, change);
        }
        while let Some((group, mut touched)) = self.cx.pop_dirty() {
            let (world, tib, cx) = self.parts(now);
            let mut looked_at = 0;
            for _ in 0..MAX_ROUNDS {
                looked_at += touched.trees(tib.groups.get(&group));
                let changed = [
                    upstream::settle(world, tib, cx, group, &touched),
                    assert::settle(world, tib, cx, group, &touched),
                    register::settle(world, tib, cx, group, &touched),
                    keepalive::settle(world, tib, cx, group, &touched),
                ];
                // The next round follows what this one changed.
                touched.extend(cx.take_dirty(group));
                if changed == [false; 4] {
                    break;
                }
            }
            upstream::collect(tib, cx, group, &touched);
            tib.recount(group);
            self.looked_at += looked_at;
            let (world, cx) = (world!(self, now), &mut self.cx);
            self.routes.refresh(world, &self.tib, cx, group, &touched);
        }
    }

    /// Sends the Join/Prune messages that the machines called for, each
    /// interface's first Hello before them (RFC 7761 §4.3.1).
    fn flush(&mut self, now: Instant) {
        pim::pack::flush(world!(self, now), &self.tib, &mut self.cx);
        self.neighbors.hello_first(now, &mut self.cx);
    }

    fn follow(&mut self, now: Instant, change: Change) {
        match change {
            Change::GenerationId(iface, neighbor) => {
                let (world, tib, cx) = self.parts(now);
                upstream::neighbor_restarted(world, tib, cx, iface, neighbor);
                assert::neighbor_lost(world, tib, cx, iface, neighbor);
            }
            Change::Neighbors(iface) => {
                let (world, tib, cx) = self.parts(now);
                assert::neighbors_changed(world, tib, cx, iface);
            }
            Change::Rpf(network) => return self.ways_changed(network),
            Change::Dr(_) | Change::Rp | Change::Interface(_) => {}
        }
        self.all_changed();
    }

    /// Ways to all addresses of the network may be others.
    fn ways_changed(&mut self, network: Ipv4Net) {
        for (group, source) in self.cx.unwanted.take(network) {
            self.cx.changed_source(source, group);
        }
        for (group, source) in self.igmp.sources(network) {
            self.cx.changed_source(source, group);
        }
        for (group, state) in &self.tib.groups {
            for source in state.sources(network) {
                self.cx.changed_source(source, *group);
            }
        }
        let groups = self.tib.groups.keys().copied();
        for group in groups.chain(self.igmp.groups()) {
            let rp = self.rps.rp(group);
            if rp.is_some_and(|rp| network.contains(&rp.get())) {
                self.cx.changed(group);
            }
        }
    }

    fn all_changed(&mut self) {
        for group in self.cx.unwanted.clear() {
            self.cx.changed(group);
        }
        self.all_trees_changed();
    }

    fn all_trees_changed(&mut self) {
        for group in self.tib.groups.keys() {
            self.cx.changed(*group);
        }
        for group in self.igmp.groups() {
            self.cx.changed(group);
        }
    }
}

#[cfg(test)]
impl Router {
    /// Looks at all trees again; nothing comes of it where each change touched
    /// all that depends on it.
    pub(crate) fn look_again(&mut self, now: Instant) {
        self.all_trees_changed();
        self.settle(now);
        self.flush(now);
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Igmp,
    Pim,
}

impl Protocol {
    fn malformed(self, reason: mcr_wire::BadMessage) -> &'static str {
        use mcr_wire::BadMessage::{Address, Checksum, Family, Length, Truncated, Version};
        match (self, reason) {
            (Protocol::Igmp, Truncated) => "igmp.drop.truncated",
            (Protocol::Igmp, Checksum) => "igmp.drop.checksum",
            (Protocol::Igmp, Version) => "igmp.drop.version",
            (Protocol::Igmp, Length) => "igmp.drop.length",
            (Protocol::Igmp, Family) => "igmp.drop.family",
            (Protocol::Igmp, Address) => "igmp.drop.address",
            (Protocol::Pim, Truncated) => "pim.drop.truncated",
            (Protocol::Pim, Checksum) => "pim.drop.checksum",
            (Protocol::Pim, Version) => "pim.drop.version",
            (Protocol::Pim, Length) => "pim.drop.length",
            (Protocol::Pim, Family) => "pim.drop.family",
            (Protocol::Pim, Address) => "pim.drop.address",
        }
    }
}
