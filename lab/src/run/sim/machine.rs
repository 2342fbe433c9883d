//! The simulated network of a lab, and what happens in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_api::Method;
use mcr_api::state::Page;
use mcr_proto::id::{GroupAddr, InterfaceName, UnicastAddr};
use mcr_proto::router::Counters;
use mcr_proto::router::io::{Route, RouteNextHop};
use mcr_proto::time::Instant;
use mcr_sim::switch::Switch;
use mcr_sim::{FlowId, LinkOptions, Network, Stream};
use mcr_view::{View, igmp, mroute, pim};
use mcr_wire::igmp::Version;
use mcrgen::report::{SendReport, SentFlow};
use serde::Serialize;
use serde_json::Value;

use super::hosting::Hosted;
use super::receiver::{Listener, Sent};
use crate::node::file_text;
use crate::oracle::{self, Down, Lost, Routes};
use crate::run::capture::Count;
use crate::run::ledger::Ledger;
use crate::run::locate::Passed;
use crate::topology::model::{
    DaemonChange, Hosts, LinkChange, LinkId, Medium, Node, NodeId, Rate, Source, Topology,
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
}

/// A source that sends.
struct Sender {
    run: u64,
    began: Instant,
    flows: Vec<FlowId>,
}

/// An emulated host and a group that it has joined.
pub(super) type Joined = (mcr_sim::NodeId, GroupAddr);

fn after(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(first).saturating_add(number))
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
            .map(|link| {
                let medium = match link.medium {
                    Medium::Veth => mcr_sim::Medium::Wire,
                    Medium::Bridge { snooping: true, .. } => {
                        mcr_sim::Medium::Snooping(Switch::default())
                    }
                    Medium::Bridge { .. } => mcr_sim::Medium::Hub,
                };
                let options = LinkOptions {
                    delay: DELAY,
                    metric: link.metric,
                    ..LinkOptions::default()
                };
                network.place_link(&link.name, link.net, medium, options)
            })
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
        };
        machine.reroute();
        machine.network.start();
        machine
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
            self.report();
        }
    }

    fn report(&mut self) {
        for source in 0..self.senders.len() {
            self.report_sender(source);
        }
        self.take_heard();
        let now = self.now_ns();
        let mut ledger = self.ledger.borrow_mut();
        for listener in self.listeners.iter().flatten() {
            ledger.receiver_reported(listener.session, listener.report(now));
        }
    }

    fn report_sender(&mut self, source: usize) {
        let Some(sender) = self.senders.get(source).and_then(Option::as_ref) else {
            return;
        };
        let model = &self.topology.sources[source];
        let sent = |flow: &FlowId| u64::try_from(self.network.sent(*flow).len()).unwrap_or(0);
        let flows = sender.flows.iter().zip(&model.groups).zip(0..);
        let flows: Vec<SentFlow> = flows
            .map(|((flow, group), number)| SentFlow {
                flow: number,
                destination: *group,
                port: model.port,
                sent: sent(flow),
            })
            .collect();
        let total: u64 = flows.iter().map(|flow| flow.sent).sum();
        let report = SendReport {
            run: sender.run,
            at_ns: self.now_ns(),
            elapsed_ns: self.now_ns() - nanoseconds(sender.began),
            due: total,
            sent: total,
            bytes: total * u64::from(model.size),
            target_pps: pps(model),
            flows,
            ..SendReport::default()
        };
        let run = sender.run;
        self.ledger.borrow_mut().sender_reported(run, report);
    }

    /// Gives each receiver what came to its host.
    fn take_heard(&mut self) {
        for position in 0..self.nodes.len() {
            for heard in self.network.take_heard(self.nodes[position]) {
                let Some(flow) = self.flows.get(&heard.data.flow) else {
                    continue;
                };
                let sent = self.network.sent(heard.data.flow);
                let number = usize::try_from(heard.data.sequence).unwrap_or(usize::MAX);
                let sent_ns = sent.get(number).map_or(0, |at| nanoseconds(*at));
                for (model, listener) in self.topology.receivers.iter().zip(&mut self.listeners) {
                    if let Some(listener) = listener
                        && model.at.0 == position
                    {
                        let at_ns = nanoseconds(heard.at);
                        listener.heard(model, flow, &heard.data, sent_ns, at_ns);
                    }
                }
            }
        }
    }

    pub(super) fn join(&mut self, receiver: usize) -> Result<u64, String> {
        let Some(model) = self.topology.receivers.get(receiver) else {
            return Err("there is no such receiver".to_owned());
        };
        let now = self.now_ns();
        let slot = &mut self.listeners[receiver];
        if slot.is_some() {
            return Err(format!("{} has joined already", model.name));
        }
        let session = self.ledger.borrow_mut().receiver_started(receiver);
        *slot = Some(Listener::new(session, now));
        let (at, groups, igmp) = (model.at, model.groups.clone(), model.igmp);
        if let Some(version) = igmp.and_then(version) {
            self.network.set_version(self.nodes[at.0], version);
        }
        self.memberships(at, &groups);
        self.report();
        Ok(now)
    }

    pub(super) fn leave(&mut self, receiver: usize) -> Result<(), String> {
        let Some(model) = self.topology.receivers.get(receiver) else {
            return Err("there is no such receiver".to_owned());
        };
        let (at, groups) = (model.at, model.groups.clone());
        let name = model.name.clone();
        self.report();
        let Some(listener) = self.listeners[receiver].take() else {
            return Err(format!("{name} has not joined"));
        };
        let now = self.now_ns();
        let mut ledger = self.ledger.borrow_mut();
        ledger.receiver_ended(listener.session, now);
        drop(ledger);
        self.memberships(at, &groups);
        Ok(())
    }

    /// What a host wants of groups: what all its receivers together do.
    fn memberships(&mut self, at: NodeId, groups: &[Ipv4Addr]) {
        for address in groups {
            let joined = self.topology.receivers.iter().zip(&self.listeners);
            let here = joined.filter(|(model, listener)| {
                listener.is_some() && model.at == at && model.groups.contains(address)
            });
            let filter = super::receiver::filter(here.map(|(model, _)| model));
            if let Ok(group) = GroupAddr::try_from(*address) {
                self.network.set_filter(self.nodes[at.0], group, filter);
            }
        }
    }

    pub(super) fn send(&mut self, source: usize) -> Result<(), String> {
        let Some(model) = self.topology.sources.get(source) else {
            return Ok(());
        };
        if self.senders[source].is_some() {
            return Err(format!("{} sends already", model.name));
        }
        self.runs += 1;
        let run = self.runs;
        self.ledger.borrow_mut().sender_started(source, run);
        let mut flows = Vec::new();
        for (position, group) in model.groups.iter().enumerate() {
            let group = GroupAddr::try_from(*group).map_err(|error| error.to_string())?;
            let stream = stream(model, position, group);
            let flow = self.network.send_stream(self.nodes[model.at.0], stream);
            let number = u32::try_from(position).unwrap_or(u32::MAX);
            self.flows.insert(flow, Sent::new(run, number, model));
            flows.push(flow);
        }
        let began = self.network.now();
        self.senders[source] = Some(Sender { run, began, flows });
        // The first packet goes at once.
        self.network.run_until(began);
        self.report();
        Ok(())
    }

    pub(super) fn stop(&mut self, source: usize) -> Result<(), String> {
        self.report();
        let Some(sender) = self.senders.get_mut(source).and_then(Option::take) else {
            let name = self.topology.sources.get(source).map(|source| &source.name);
            return Err(format!(
                "{} does not send",
                name.map_or("?", String::as_str)
            ));
        };
        for flow in sender.flows {
            self.network.stop_flow(flow);
        }
        self.ledger.borrow_mut().sender_ended(sender.run);
        Ok(())
    }

    pub(super) fn link(
        &mut self,
        change: LinkChange,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<(), String> {
        let up = match change {
            LinkChange::Down => false,
            LinkChange::Up => true,
            LinkChange::Delete | LinkChange::Create => {
                return Err("interfaces are not deleted in the simulator".to_owned());
            }
        };
        for (node, interface) in self.topology.links[link.0].ends.clone() {
            if at.is_some_and(|at| at != node) {
                continue;
            }
            if up {
                self.down.remove(&(node, interface));
            } else {
                self.down.insert((node, interface));
            }
            let (link, node) = (self.links[link.0], self.nodes[node.0]);
            self.network.set_port(link, node, up);
        }
        Ok(())
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
            (DaemonChange::Stop | DaemonChange::Kill, false) => {
                Err(format!("{name}: no daemon runs there"))
            }
            (DaemonChange::Stop, true) => {
                self.network.stop(node);
                Ok(())
            }
            (DaemonChange::Kill, true) => {
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

    /// Many hosts join; they are to leave by [`Machine::hosts_leave`].
    pub(super) fn hosts_join(&mut self, hosts: &Hosts) -> Result<Vec<Joined>, String> {
        let link = self.topology.nodes[hosts.at.0].interfaces[hosts.interface].link;
        let prefix_len = self.topology.links[link.0].net.prefix_len();
        let link = self.links[link.0];
        let mut placed = Vec::new();
        for number in 0..hosts.count {
            let address = after(hosts.address, number);
            let own: UnicastAddr = address
                .try_into()
                .map_err(|_| format!("{address} is no address of a host"))?;
            let host = self.network.place_host("emulated", own, Version::V3);
            let net = Ipv4Net::new(address, prefix_len).map_err(|error| error.to_string())?;
            self.network.plug(link, host, name("lan"), vec![net]);
            placed.push(host);
        }
        let mut joined = Vec::new();
        for (number, host) in (0..hosts.groups).zip(placed.iter().cycle()) {
            let group = group_of(after(hosts.group, number))?;
            self.network.join(*host, group);
            joined.push((*host, group));
        }
        Ok(joined)
    }

    pub(super) fn hosts_leave(&mut self, joined: Vec<Joined>) {
        for (host, group) in joined {
            self.network.leave(host, group);
        }
    }

    /// Sets the routes that the network, as it is now, asks for.
    pub(super) fn reroute(&mut self) {
        let wanted = match self.topology.oracle {
            Some(_) => oracle::routes(&self.topology, &self.down, &self.lost),
            None => self.topology.nodes.iter().map(fixed).collect(),
        };
        for (position, routes) in wanted.iter().enumerate() {
            let node = &self.topology.nodes[position];
            if node.kind.is_router() {
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

    /// What a node's mcrd would answer.
    pub(super) fn answer(&self, at: NodeId, method: &Method) -> Result<Value, String> {
        let router = self.nodes.get(at.0).map(|node| self.network.running(*node));
        let Some(router) = router.flatten() else {
            return Err("no daemon runs there".to_owned());
        };
        let view = View {
            router,
            now: self.network.now(),
        };
        match method {
            Method::PimInterfaces {} => told(&pim::interfaces(view)),
            Method::PimNeighbors {} => told(&pim::neighbors(view)),
            Method::PimRps {} => told(&pim::rps(view)),
            Method::PimRp { group } => told(&pim::rp_of(view, group_of(*group)?)),
            Method::Rpf { address, group } => {
                let group = group.map(group_of).transpose()?;
                told(&pim::rpf(view, *address, group))
            }
            Method::IgmpInterfaces {} => told(&igmp::interfaces(view)),
            Method::IgmpGroups { .. } => {
                let keys = igmp::keys(view, None);
                page(keys.map(|key| igmp::group(view, key)))
            }
            Method::Mroute { group, .. } => {
                let group = group.map(group_of).transpose()?;
                let keys = mroute::keys(view, group, None);
                page(keys.map(|key| mroute::entry(view, key)))
            }
            Method::StatsProtocols {} => told(&mcr_view::counters(view, &Counters::default())),
            Method::Version {}
            | Method::Status {}
            | Method::RulesList { .. }
            | Method::RulesShow { .. }
            | Method::RulesAdd { .. }
            | Method::RulesRemove { .. }
            | Method::StatsRules { .. }
            | Method::StatsInputs {}
            | Method::Workers {}
            | Method::Interfaces {}
            | Method::Watch { .. }
            | Method::ConfigShow { .. }
            | Method::ConfigBegin { .. }
            | Method::ConfigPut { .. }
            | Method::ConfigCheck { .. }
            | Method::ConfigLoad { .. }
            | Method::ConfigReload { .. }
            | Method::ConfigDiff { .. }
            | Method::ConfigSave { .. }
            | Method::LogGet { .. }
            | Method::LogSet { .. } => Err("a simulated daemon does not tell this".to_owned()),
        }
    }

    /// What passed an interface: what passed its link, where that has two ends.
    pub(super) fn count(&self, at: NodeId, interface: usize, of: Option<Ipv4Addr>) -> Count {
        let node = self.nodes[at.0];
        let link = self.topology.nodes[at.0].interfaces[interface].link;
        let id = self.links[link.0];
        let wire = self.topology.links[link.0].medium == Medium::Veth;
        self.counted(of, |flow| {
            if wire {
                self.network.carried_on(flow, id)
            } else {
                self.network.passed(id, node, flow)
            }
        })
    }

    pub(super) fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64> {
        let links = self.links.iter().enumerate();
        links
            .map(|(position, id)| {
                let count = self.counted(Some(group), |flow| self.network.carried_on(flow, *id));
                (LinkId(position), count.datagrams)
            })
            .collect()
    }

    fn counted(&self, of: Option<Ipv4Addr>, count: impl Fn(FlowId) -> u64) -> Count {
        let mut sum = Count::default();
        for (flow, sent) in &self.flows {
            if of.is_none_or(|of| of == sent.group) {
                let datagrams = count(*flow);
                sum.datagrams += datagrams;
                sum.bytes += datagrams * sent.size;
            }
        }
        sum
    }

    /// What each link showed of the datagrams of these runs.
    pub(super) fn passed(&self, runs: &BTreeSet<u64>, since_ns: u64) -> Vec<Passed> {
        let links = self.links.iter().zip(&self.topology.links).enumerate();
        links
            .map(|(position, (id, model))| {
                let mut datagrams = BTreeSet::new();
                for (flow, sent) in &self.flows {
                    if !runs.contains(&sent.run) {
                        continue;
                    }
                    let times = self.network.sent(*flow);
                    let shown = self.network.shown_on(*flow, *id);
                    datagrams.extend(shown.filter_map(|sequence| {
                        let at = times.get(usize::try_from(sequence).ok()?)?;
                        let sent_since = nanoseconds(*at) >= since_ns;
                        sent_since.then_some((sent.run, sent.number, sequence))
                    }));
                }
                Passed {
                    link: LinkId(position),
                    name: model.name.clone(),
                    datagrams,
                    partial: false,
                }
            })
            .collect()
    }

    /// What the checks after every event found since the last call.
    pub(super) fn broken(&mut self) -> Vec<String> {
        let found = self.network.violations();
        let new = found.get(self.broken..).unwrap_or_default().to_vec();
        self.broken += new.len();
        new
    }

    pub(super) fn trace(&self) -> String {
        self.network.trace.to_string()
    }
}

fn told(what: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(what).map_err(|error| error.to_string())
}

fn page<T: Serialize>(items: impl Iterator<Item = T>) -> Result<Value, String> {
    told(&Page {
        items: items.collect(),
        next: None,
    })
}

fn group_of(group: Ipv4Addr) -> Result<GroupAddr, String> {
    GroupAddr::try_from(group).map_err(|error| error.to_string())
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

/// The routes of a node without the lab's own unicast routing.
fn fixed(node: &Node) -> Routes {
    let routes = node.routes.iter();
    routes.map(|(to, by)| (*to, (*by, 0))).collect()
}

fn version(number: u8) -> Option<Version> {
    match number {
        1 => Some(Version::V1),
        2 => Some(Version::V2),
        3 => Some(Version::V3),
        _ => None,
    }
}

/// Datagrams per second, all groups together.
fn pps(source: &Source) -> f64 {
    match source.rate {
        Rate::Pps(pps) => pps,
        Rate::Bps(bits) => bits / 8.0 / f64::from(source.size),
    }
}

/// The part of a source that goes to one of its groups: it sends to each in
/// turn.
fn stream(source: &Source, position: usize, group: GroupAddr) -> Stream {
    let step = Duration::from_secs_f64(1.0 / pps(source));
    let groups = u32::try_from(source.groups.len()).unwrap_or(u32::MAX);
    let turn = u32::try_from(position).unwrap_or(u32::MAX);
    let whole = |count: u64| {
        let (each, more) = (count / u64::from(groups), count % u64::from(groups));
        each + u64::from(u64::from(turn) < more)
    };
    Stream {
        group,
        interval: step * groups,
        delay: step * turn,
        ttl: source.ttl,
        limit: source.count.map(whole),
    }
}
