//! The simulated network of a lab, and what happens in it.

mod look;
mod traffic;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::id::{GroupAddr, InterfaceName, UnicastAddr};
use mcr_proto::router::io::{Route, RouteNextHop};
use mcr_proto::time::Instant;
use mcr_sim::rules::Rule;
use mcr_sim::switch::Switch;
use mcr_sim::{FlowId, LinkOptions, Network};
use mcr_wire::igmp::Version;
use serde_json::Value;

use super::hosting::Hosted;
use super::receiver::{Listener, Sent};
use crate::node::file_text;
use crate::oracle::{self, Down, Lost, Routes};
use crate::run::ledger::Ledger;
use crate::run::messages::Ring;
use crate::run::notices::{self, LinkState, Notice, What};
use crate::topology::model::{
    DaemonChange, KillSignal, Link, LinkChange, LinkId, Medium, Node, NodeId, Topology, Unicast,
    Wire, WireId,
};

/// The clock of the reports at the network's start: none of its times is 0,
/// which means "never" in a report.
const BEGAN_NS: u64 = 1_000_000_000_000;
/// How often senders and receivers report.
const REPORT_EVERY: Duration = Duration::from_millis(20);
/// From one end of a link to another: about what a veth takes.
const DELAY: Duration = Duration::from_micros(20);
/// RTPROT_STATIC of linux/rtnetlink.h, which the lab's routes have.
const STATIC: u8 = 4;
/// Lines of the trace that are kept.
const TRACE: usize = 20_000;

/// A network with its senders and receivers.
pub(super) struct Machine {
    topology: Topology,
    network: Network,
    nodes: Vec<mcr_sim::NodeId>,
    links: Vec<mcr_sim::LinkId>,
    ledger: Rc<RefCell<Ledger>>,
    senders: Vec<Option<Sender>>,
    listeners: Vec<Option<Listener>>,
    flows: BTreeMap<FlowId, Sent>,
    runs: u64,
    down: Down,
    lost: Lost,
    broken: usize,
    circles: u64,
    messages: Ring,
    notices: notices::Ring,
}

/// A source that sends.
struct Sender {
    run: u64,
    began: Instant,
    flows: Vec<FlowId>,
}

fn group_of(group: Ipv4Addr) -> Result<GroupAddr, String> {
    GroupAddr::try_from(group).map_err(|error| error.to_string())
}

fn nanoseconds(at: Instant) -> u64 {
    BEGAN_NS + at.as_micros() * 1000
}

impl Machine {
    /// Puts the network together and starts all routers.
    pub(super) fn start(hosted: &Hosted<'_>, seed: u64, ledger: Rc<RefCell<Ledger>>) -> Machine {
        let topology = hosted.topology;
        let mut network = Network::new(seed);
        network.keep_heard = true;
        network.trace.keep(TRACE);
        let links: Vec<_> = topology
            .links
            .iter()
            .map(|link| place_link(&mut network, link))
            .collect();
        let mut nodes = Vec::new();
        for (node, config) in topology.nodes.iter().zip(&hosted.configs) {
            let placed = match (config, host_address(node)) {
                (Some(config), _) => {
                    let own = node.loopback.clone();
                    network.place_router(&node.name, config.clone(), name("lo"), own)
                }
                (None, Some(address)) => network.place_host(&node.name, address, Version::V3),
                (None, None) => network.place_router(
                    &node.name,
                    mcr_proto::config::Config::default(),
                    name("lo"),
                    Vec::new(),
                ),
            };
            for interface in &node.interfaces {
                let addresses = interface.addresses.clone();
                network.plug(
                    links[interface.link.0],
                    placed,
                    name(&interface.name),
                    addresses,
                );
            }
            nodes.push(placed);
        }
        let mut machine = Machine {
            topology: topology.clone(),
            network,
            nodes,
            links,
            ledger,
            senders: topology.sources.iter().map(|_| None).collect(),
            listeners: topology.receivers.iter().map(|_| None).collect(),
            flows: BTreeMap::new(),
            runs: 0,
            down: Down::new(),
            lost: Lost::new(),
            broken: 0,
            circles: 0,
            messages: Ring::default(),
            notices: notices::Ring::default(),
        };
        machine.set_wires();
        let all: Vec<NodeId> = (0..machine.nodes.len()).map(NodeId).collect();
        machine.reroute(&all);
        machine.network.start();
        machine
    }

    fn set_wires(&mut self) {
        let wires: Vec<_> = self.topology.wires().collect();
        for (at, wire) in wires {
            self.wire(at, &wire);
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.network.now() - Instant::ZERO
    }

    pub(super) fn now_ns(&self) -> u64 {
        nanoseconds(self.network.now())
    }

    /// Lets time pass; everybody reports as often as `mcrgen` does.
    pub(super) fn run_until(&mut self, to: Duration) {
        let to = Instant::ZERO + to;
        while self.network.now() < to {
            let next = self.network.now() + REPORT_EVERY;
            self.network.run_until(next.min(to));
            self.gather();
            self.report();
        }
    }

    pub(super) fn link(
        &mut self,
        change: LinkChange,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<(), String> {
        let (up, carrier) = match change {
            LinkChange::Down => (false, false),
            LinkChange::Up => (true, false),
            LinkChange::CarrierDown => (false, true),
            LinkChange::CarrierUp => (true, true),
            LinkChange::Delete | LinkChange::Create => {
                return Err("interfaces are not deleted in the simulator".to_owned());
            }
        };
        let state = match (up, carrier) {
            (true, _) => LinkState::Up,
            (false, true) => LinkState::NoCarrier,
            (false, false) => LinkState::Down,
        };
        for (node, interface) in self.topology.links[link.0].ends.clone() {
            if at.is_some_and(|at| at != node) {
                continue;
            }
            self.notices.push(Notice {
                at_ns: self.now_ns(),
                node,
                what: What::Link {
                    interface: self.topology.nodes[node.0].interfaces[interface]
                        .name
                        .clone(),
                    state,
                },
            });
            if up {
                self.down.remove(&(node, interface));
            } else {
                self.down.insert((node, interface));
            }
            let (link, node) = (self.links[link.0], self.nodes[node.0]);
            match carrier {
                true => self.network.set_carrier(link, node, up),
                false => self.network.set_port(link, node, up),
            }
        }
        if change == LinkChange::Up && self.topology.unicast.follows().is_none() {
            let ends = self.topology.links[link.0].ends.iter();
            let ends: Vec<NodeId> = ends.map(|(node, _)| *node).collect();
            self.reroute(&ends);
        }
        Ok(())
    }

    pub(super) fn wire(&mut self, at: WireId, wire: &Wire) {
        let link = self.links[at.link.0];
        if let Some((node, _)) = at.member {
            let (name, _) = self.topology.wire_told(at);
            let node = self.nodes[node.0];
            return self.network.set_member_wire(link, node, &name, *wire);
        }
        let ends = self.topology.links[at.link.0].ends.iter().zip(wire);
        for ((node, _), impairment) in ends {
            self.network.set_wire(link, self.nodes[node.0], *impairment);
        }
    }

    pub(super) fn rules(&mut self, at: WireId, rules: &[Rule]) {
        let link = self.links[at.link.0];
        let member = at.member.map(|(node, _)| self.nodes[node.0]);
        self.network.set_rules(link, member, rules.to_vec());
    }

    pub(super) fn daemon(&mut self, change: DaemonChange, at: NodeId) -> Result<(), String> {
        let node = self.nodes[at.0];
        let name = &self.topology.nodes[at.0].name;
        match (change, self.network.running(node).is_some()) {
            (DaemonChange::Start, true) => Err(format!("{name}: the daemon runs already")),
            (DaemonChange::Start, false) => {
                self.network.restart(node);
                Ok(())
            }
            (
                DaemonChange::Stop
                | DaemonChange::Kill(_)
                | DaemonChange::Freeze
                | DaemonChange::Thaw,
                false,
            ) => Err(format!("{name}: no daemon runs there")),
            (DaemonChange::Freeze, true) => {
                self.network.suspend(node);
                Ok(())
            }
            (DaemonChange::Thaw, true) => {
                self.network.resume(node);
                Ok(())
            }
            // mcrd ends in order by both.
            (DaemonChange::Stop | DaemonChange::Kill(KillSignal::Term | KillSignal::Int), true) => {
                self.network.stop(node);
                Ok(())
            }
            (
                DaemonChange::Kill(
                    KillSignal::Kill | KillSignal::Quit | KillSignal::Abrt | KillSignal::Segv,
                ),
                true,
            ) => {
                self.network.kill(node);
                Ok(())
            }
            (DaemonChange::KillWorkers | DaemonChange::Reload, _) => {
                Err("a simulated daemon has no workers and no file".to_owned())
            }
        }
    }

    pub(super) fn lose(&mut self, at: NodeId, net: Ipv4Net, lost: bool) {
        if lost {
            self.lost.insert((at, net));
        } else {
            self.lost.remove(&(at, net));
        }
    }

    /// A router takes another configuration while it runs.
    pub(super) fn configure(&mut self, at: NodeId, config: &Value) -> Result<(), String> {
        let name = &self.topology.nodes[at.0].name;
        let loaded = mcr_config::parse(name, &file_text(config));
        let router = loaded.map_err(|problems| problems.to_string())?.router;
        self.network
            .configure(self.nodes[at.0], |config| *config = router);
        Ok(())
    }

    /// Sets the routes of these nodes that the network, as it is now, asks for.
    pub(super) fn reroute(&mut self, of: &[NodeId]) {
        let wanted = match self.topology.unicast {
            Unicast::Oracle { .. } => oracle::routes(&self.topology, &self.down, &self.lost),
            Unicast::None | Unicast::Static | Unicast::Ospf => {
                oracle::own(&self.topology, &self.down)
            }
        };
        for (position, routes) in wanted.iter().enumerate() {
            let node = &self.topology.nodes[position];
            if node.kind.is_router() && of.contains(&NodeId(position)) {
                let routes = self.kernel_routes(position, routes);
                self.network.give_routes(self.nodes[position], routes);
            }
        }
    }

    fn kernel_routes(&self, position: usize, routes: &Routes) -> Vec<Route> {
        let node = &self.topology.nodes[position];
        let over = |gateway: &Ipv4Addr| {
            let on = |net: &ipnet::Ipv4Net| net.contains(gateway);
            let mut interfaces = node.interfaces.iter();
            let interface = interfaces.find(|one| one.addresses.iter().any(on))?;
            self.network
                .iface_named(self.nodes[position], &interface.name)
        };
        let routes = routes.iter().filter_map(|(prefix, (gateway, metric))| {
            Some(Route {
                prefix: *prefix,
                metric: *metric,
                protocol: STATIC,
                next_hops: vec![RouteNextHop {
                    iface: over(gateway)?,
                    gateway: Some(*gateway),
                }],
            })
        });
        routes.collect()
    }
}

fn place_link(network: &mut Network, link: &Link) -> mcr_sim::LinkId {
    let medium = match link.medium {
        Medium::Veth => mcr_sim::Medium::Wire,
        Medium::Bridge { snooping: true, .. } => mcr_sim::Medium::Snooping(Switch::default()),
        Medium::Bridge { .. } => mcr_sim::Medium::Hub,
    };
    let options = LinkOptions {
        delay: DELAY,
        metric: link.metric,
        ..LinkOptions::default()
    };
    network.place_link(&link.name, link.net, medium, options)
}

/// The topology has checked every name.
fn name(name: &str) -> InterfaceName {
    name.parse()
        .unwrap_or_else(|error| unreachable!("{name}: {error}"))
}

fn host_address(node: &Node) -> Option<UnicastAddr> {
    let address = node.interfaces.first()?.addresses.first()?.addr();
    address.try_into().ok()
}
