//! The network: builds it, runs it, breaks it, and tells who got what.

mod build;
mod carry;
mod control;
mod data;
mod faults;
mod place;
pub(crate) mod run;

pub use control::{ControlSent, Told};
pub use place::Stream;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::config::Config;
use mcr_proto::id::{GroupAddr, IfIndex, InterfaceName, UnicastAddr};
use mcr_proto::interface::InterfaceChange;
use mcr_proto::rng::Rng;
use mcr_proto::router::io::{Route, RouteChange};
use mcr_proto::router::{Input, Router};
use mcr_proto::time::Instant;

use crate::clock::Clock;
use crate::host::{Filter, Host};
use crate::link::{Link, LinkId, LinkOptions};
use crate::packet::Data;
use crate::plane::Plane;
use crate::trace::Trace;
use crate::unicast::{self, Speaker};
use build::unicast_address;
use run::Happening;

/// A router or a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// Packets of one source to one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId(pub(crate) u32);

/// What a receiver got of the packets that were sent in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How many were sent.
    pub sent: usize,
    /// Those that did not come.
    pub lost: Vec<u64>,
    /// Those that came more than once.
    pub doubled: Vec<u64>,
}

impl Delivery {
    /// Each packet came once, and there was one.
    pub fn is_exact(&self) -> bool {
        self.sent > 0 && self.lost.is_empty() && self.doubled.is_empty()
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lost, doubled) = (Ranges(&self.lost), Ranges(&self.doubled));
        write!(f, "of {} lost{lost}; twice{doubled}", self.sent)
    }
}

/// Ascending numbers, with those that follow each other taken together.
struct Ranges<'a>(&'a [u64]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(" none");
        }
        for run in self.0.chunk_by(|one, next| one + 1 == *next) {
            match run {
                [first, .., last] => write!(f, " {first}-{last}")?,
                [only] => write!(f, " {only}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

/// A network.
#[derive(Debug)]
pub struct Network {
    pub(crate) clock: Clock<Happening>,
    pub(crate) links: Vec<Link>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) flows: Vec<Flow>,
    pub(crate) rng: Rng,
    /// What the wires' fates depend on.
    seed: u64,
    pub(crate) violations: Vec<String>,
    /// Packets whose TTL ended, which is longer than any way.
    pub circles: u64,
    /// What happened.
    pub trace: Trace,
    /// How long unicast routing takes to find new ways.
    pub convergence: Duration,
    started: bool,
    /// Routes come from outside only, by [`Network::give_routes`].
    given: bool,
    /// What hosts get and links carry is kept for [`Network::take_heard`] and
    /// [`Network::shown_on`].
    pub keep_heard: bool,
    /// IGMP and PIM packets that were put on links, in order; kept with
    /// `keep_heard`, up to a limit.
    control: VecDeque<ControlSent>,
    /// What routers told, in the same way.
    told: VecDeque<Told>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// The link of each interface.
    pub(crate) ports: BTreeMap<IfIndex, LinkId>,
    /// The name of each interface, also of the loopback one.
    pub(crate) names: BTreeMap<IfIndex, InterfaceName>,
    pub(crate) role: Role,
    /// The next call of its timers that is planned.
    pub(crate) wake: Option<Instant>,
}

#[derive(Debug)]
pub(crate) enum Role {
    Router(Box<SimRouter>),
    Host(Box<HostNode>),
}

#[derive(Debug)]
pub(crate) struct SimRouter {
    pub(crate) config: Config,
    pub(crate) loopback: Ipv4Addr,
    /// All addresses of the loopback interface.
    pub(crate) own: Vec<Ipv4Net>,
    /// `None` while it is dead.
    pub(crate) router: Option<Router>,
    pub(crate) plane: Plane,
    pub(crate) routes: Vec<Route>,
    /// Of equal ways it takes the one over the highest next hop.
    pub(crate) takes_highest: bool,
    /// What the kernel keeps for a process that does not run.
    pub(crate) suspended: Option<Vec<Input>>,
}

#[derive(Debug)]
pub(crate) struct HostNode {
    pub(crate) host: Host,
    pub(crate) address: UnicastAddr,
    /// How often each packet came, by flow and number.
    pub(crate) received: BTreeMap<FlowId, BTreeMap<u64, u32>>,
    /// When the latest packet of a flow came.
    pub(crate) latest: BTreeMap<FlowId, Instant>,
    /// What came since it was last taken.
    pub(crate) heard: Vec<Heard>,
}

/// A data packet that came to a host that wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// The packet as it came.
    pub data: Data,
}

#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) from: NodeId,
    pub(crate) source: UnicastAddr,
    pub(crate) group: GroupAddr,
    pub(crate) interval: Duration,
    pub(crate) ttl: u8,
    /// How many packets there are to be.
    pub(crate) limit: Option<u64>,
    pub(crate) sent: Vec<Instant>,
    pub(crate) on: bool,
}

/// The interface that has a router's loopback address.
pub(crate) const LOOPBACK: IfIndex = match IfIndex::new(1) {
    Some(index) => index,
    None => unreachable!(),
};

impl Network {
    /// A network without anything in it.
    pub fn new(seed: u64) -> Network {
        Network {
            clock: Clock::default(),
            links: Vec::new(),
            nodes: Vec::new(),
            flows: Vec::new(),
            rng: Rng::new(seed),
            seed,
            violations: Vec::new(),
            circles: 0,
            trace: Trace::default(),
            convergence: Duration::from_millis(200),
            started: false,
            given: false,
            keep_heard: false,
            control: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// Starts all routers, with all unicast routes.
    pub fn start(&mut self) {
        self.started = true;
        for node in self.routers() {
            self.boot(node);
        }
        if !self.given {
            self.converge_all();
        }
    }

    /// Starts a router that is dead: with nothing of what it knew before.
    pub fn restart(&mut self, node: NodeId) {
        self.boot(node);
        self.connected_changed(node);
        self.plan_convergence();
    }

    fn boot(&mut self, node: NodeId) {
        let (now, seed) = (self.now(), self.rng.bits());
        let Role::Router(router) = &mut self.nodes[node.0].role else {
            return;
        };
        router.router = Some(Router::new(router.config.clone(), seed, now));
        router.plane = Plane::default();
        let kernel = std::mem::take(&mut router.routes);
        for interface in self.interfaces(node) {
            self.input(node, Input::Interface(InterfaceChange::Present(interface)));
        }
        // Those that its routing daemon set are gone with it.
        if self.given {
            self.set_routes(node, kernel);
        }
    }

    /// A router dies without a word.
    pub fn kill(&mut self, node: NodeId) {
        if let Role::Router(router) = &mut self.nodes[node.0].role {
            router.router = None;
            router.plane = Plane::default();
            router.suspended = None;
        }
        self.plan_convergence();
    }

    /// A router says goodbye and stops.
    pub fn stop(&mut self, node: NodeId) {
        self.resume(node);
        if let Role::Router(router) = &mut self.nodes[node.0].role
            && let Some(router) = &mut router.router
        {
            router.stop();
        }
        self.drain(node);
        self.kill(node);
    }

    /// A link loses its carrier, or has it again.
    pub fn set_link(&mut self, link: LinkId, up: bool) {
        if std::mem::replace(&mut self.links[link.0].up, up) == up {
            return;
        }
        let nodes: Vec<_> = self.links[link.0]
            .ports
            .iter()
            .map(|port| port.node)
            .collect();
        for node in nodes {
            self.carrier_changed(link, node);
        }
        self.plan_convergence();
    }

    fn carrier_changed(&mut self, link: LinkId, node: NodeId) {
        let iface = self.links[link.0].port(node).map(|port| port.iface);
        let interfaces = self.interfaces(node).into_iter();
        for interface in interfaces.filter(|interface| Some(interface.index) == iface) {
            let change = InterfaceChange::Present(interface);
            self.input(node, Input::Interface(change));
        }
        self.connected_changed(node);
    }

    /// Changes delay, loss or cost of a link.
    pub fn set_options(&mut self, link: LinkId, options: LinkOptions) {
        self.links[link.0].options = options;
        self.plan_convergence();
    }

    /// Changes what a link costs one of its routers; `None` takes the common
    /// cost again.
    pub fn set_cost(&mut self, link: LinkId, node: NodeId, cost: Option<u32>) {
        match cost {
            Some(cost) => self.links[link.0].costs.insert(node, cost),
            None => self.links[link.0].costs.remove(&node),
        };
        self.plan_convergence();
    }

    fn plan_convergence(&mut self) {
        if self.started && !self.given {
            let at = self.now() + self.convergence;
            self.clock.plan(at, Happening::Converge);
        }
    }

    /// What the kernel does by itself: routes over an interface that is down
    /// go, and the connected ones come.
    fn connected_changed(&mut self, node: NodeId) {
        if let Role::Router(router) = &self.nodes[node.0].role {
            let routes = self.as_connected(node, router.routes.clone());
            self.set_routes(node, routes);
        }
    }

    fn as_connected(&self, node: NodeId, mut routes: Vec<Route>) -> Vec<Route> {
        let interfaces = self.interfaces(node).into_iter();
        let up: Vec<_> = interfaces.filter(|iface| iface.up).collect();
        routes.retain(|route| {
            let mut hops = route.next_hops.iter();
            hops.all(|hop| up.iter().any(|iface| iface.index == hop.iface))
        });
        for iface in &up {
            for net in iface.addresses.iter().map(Ipv4Net::trunc) {
                routes.retain(|route| route.prefix != net);
                routes.push(unicast::connected(net, iface.index));
            }
        }
        routes
    }

    pub(crate) fn converge_all(&mut self) {
        let speakers: Vec<Speaker> = self
            .routers()
            .into_iter()
            .filter(|node| self.running(*node).is_some())
            .map(|node| self.speaker(node))
            .collect();
        for speaker in &speakers {
            let routes = unicast::routes(&speakers, &self.links, *speaker);
            self.set_routes(speaker.node, routes);
        }
    }

    fn speaker(&self, node: NodeId) -> Speaker {
        Speaker {
            node,
            loopback: self.loopback(node),
            loopback_iface: LOOPBACK,
            takes_highest: match &self.nodes[node.0].role {
                Role::Router(router) => router.takes_highest,
                Role::Host(_) => false,
            },
        }
    }

    fn set_routes(&mut self, node: NodeId, routes: Vec<Route>) {
        if let Role::Router(router) = &mut self.nodes[node.0].role
            && router.routes != routes
        {
            router.routes.clone_from(&routes);
            self.input(node, Input::Route(RouteChange::Replace(routes)));
        }
    }

    /// What a host wants of a group from now on.
    pub fn set_filter(&mut self, node: NodeId, group: GroupAddr, filter: Filter) {
        let now = self.now();
        let Role::Host(host) = &mut self.nodes[node.0].role else {
            return;
        };
        let sent = host.host.set(now, &mut self.rng, group, filter);
        self.host_sent(node, sent);
    }

    /// A host joins a group.
    pub fn join(&mut self, node: NodeId, group: GroupAddr) {
        self.set_filter(node, group, Filter::any());
    }

    /// A host leaves a group.
    pub fn leave(&mut self, node: NodeId, group: GroupAddr) {
        self.set_filter(node, group, Filter::none());
    }

    /// A host sends to a group from now on.
    pub fn send(&mut self, node: NodeId, group: GroupAddr, interval: Duration) -> FlowId {
        self.send_stream(node, Stream::new(group, interval))
    }

    /// A flow goes on with this time between its packets.
    pub fn set_interval(&mut self, flow: FlowId, interval: Duration) {
        self.flows[flow.0 as usize].interval = interval;
    }

    /// A flow ends.
    pub fn stop_flow(&mut self, flow: FlowId) {
        self.flows[flow.0 as usize].on = false;
    }

    /// The moment.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// All routers.
    pub fn routers(&self) -> Vec<NodeId> {
        let nodes = self.nodes.iter().enumerate();
        let routers = nodes.filter(|(_, node)| matches!(node.role, Role::Router(_)));
        routers.map(|(index, _)| NodeId(index)).collect()
    }

    /// All links.
    pub fn links(&self) -> Vec<LinkId> {
        (0..self.links.len()).map(LinkId).collect()
    }

    /// How a link is.
    pub fn link_state(&self, link: LinkId) -> &Link {
        &self.links[link.0]
    }

    /// All hosts.
    pub fn hosts(&self) -> Vec<NodeId> {
        let nodes = self.nodes.iter().enumerate();
        let hosts = nodes.filter(|(_, node)| matches!(node.role, Role::Host(_)));
        hosts.map(|(index, _)| NodeId(index)).collect()
    }

    /// A router, while it runs.
    pub fn running(&self, node: NodeId) -> Option<&Router> {
        match &self.nodes[node.0].role {
            Role::Router(router) => router.router.as_ref(),
            Role::Host(_) => None,
        }
    }

    /// A router's data plane.
    pub fn plane(&self, node: NodeId) -> Option<&Plane> {
        match &self.nodes[node.0].role {
            Role::Router(router) => Some(&router.plane),
            Role::Host(_) => None,
        }
    }

    /// The name of a node.
    pub fn name(&self, node: NodeId) -> &str {
        &self.nodes[node.0].name
    }

    /// A router's loopback address; a host's own.
    pub fn loopback(&self, node: NodeId) -> Ipv4Addr {
        match &self.nodes[node.0].role {
            Role::Router(router) => router.loopback,
            Role::Host(host) => host.address.get(),
        }
    }

    /// A host's address.
    pub fn address(&self, node: NodeId) -> UnicastAddr {
        match &self.nodes[node.0].role {
            Role::Host(host) => host.address,
            Role::Router(router) => unicast_address(router.loopback),
        }
    }

    /// A node's interface on a link.
    pub fn iface(&self, node: NodeId, link: LinkId) -> Option<IfIndex> {
        self.links[link.0].port(node).map(|port| port.iface)
    }

    /// A node's address on a link.
    pub fn address_on(&self, node: NodeId, link: LinkId) -> Option<Ipv4Addr> {
        self.links[link.0].port(node).map(|port| port.address)
    }

    /// What the checks after every event found.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}
