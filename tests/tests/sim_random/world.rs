//! A random network: routers in a tree with some links more, LANs of three and
//! more, hosts of all versions, an RP for each group.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::config::{SptSwitch, StaticRp};
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::rng::Rng;
use mcr_sim::{Filter, FlowId, LinkId, LinkOptions, Network, NodeId};
use mcr_wire::igmp::Version;

use crate::sim_world::{group, millis, secs};

/// Between packets while nobody looks, and while somebody does.
pub(crate) const IDLE: Duration = secs(2);
pub(crate) const WATCHED: Duration = millis(100);

pub(crate) struct Sender {
    pub(crate) host: NodeId,
    pub(crate) group: GroupAddr,
    pub(crate) flow: Option<FlowId>,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) net: Network,
    /// The RP of each group of any source.
    pub(crate) rps: [NodeId; 2],
    /// When last hops go over to the source's tree.
    pub(crate) switch: SptSwitch,
    pub(crate) receivers: Vec<(NodeId, Version)>,
    pub(crate) senders: Vec<Sender>,
    /// What was done to it, for whoever looks for the reason.
    pub(crate) log: Vec<String>,
}

pub(crate) fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    let index = rng.below(u64::try_from(all.len()).unwrap());
    all[usize::try_from(index).unwrap()]
}

pub(crate) fn chance(rng: &mut Rng, percent: u64) -> bool {
    rng.below(100) < percent
}

/// Some of them, without order, none twice.
fn some(rng: &mut Rng, all: &[NodeId], count: usize) -> Vec<NodeId> {
    let mut left = all.to_vec();
    let mut chosen = Vec::new();
    while chosen.len() < count && !left.is_empty() {
        let index = rng.below(u64::try_from(left.len()).unwrap());
        chosen.push(left.swap_remove(usize::try_from(index).unwrap()));
    }
    chosen
}

fn options(rng: &mut Rng) -> LinkOptions {
    LinkOptions {
        delay: Duration::from_micros(one_of(
            rng,
            &[100, 100, 1000, 1000, 1000, 3000, 12_000, 150_000],
        )),
        loss: 0,
        metric: one_of(rng, &[10, 10, 10, 20, 30]),
    }
}

fn spt_switch(rng: &mut Rng) -> SptSwitch {
    match rng.below(100) {
        0..70 => SptSwitch::Immediate,
        70..85 => SptSwitch::Never,
        _ => SptSwitch::Groups(vec![Ipv4Net::from(asm(0).get())]),
    }
}

/// Links cost their routers differently.
fn set_costs(net: &mut Network, rng: &mut Rng, log: &mut Vec<String>) {
    for link in net.links() {
        let ports = net.link_state(link).ports.iter().map(|port| port.node);
        for node in ports.collect::<Vec<_>>() {
            if chance(rng, 40) {
                let cost = one_of(rng, &[5, 10, 15, 20, 40]);
                let name = &net.link_state(link).name;
                log.push(format!("{name} costs {} {cost}", net.name(node)));
                net.set_cost(link, node, Some(cost));
            }
        }
    }
}

/// Some routers set the T bit, or all: then no Join is suppressed.
fn track(net: &mut Network, rng: &mut Rng, routers: &[NodeId]) {
    let share = one_of(rng, &[50, 100]);
    for router in routers {
        if chance(rng, share) {
            net.configure(*router, |config| {
                for iface in config.interfaces.values_mut() {
                    if let Some(pim) = &mut iface.pim {
                        pim.tracking = true;
                    }
                }
            });
        }
    }
}

pub(crate) fn asm(number: u64) -> GroupAddr {
    group(&format!("239.1.1.{number}"))
}

pub(crate) fn ssm(number: u64) -> GroupAddr {
    group(&format!("232.1.1.{number}"))
}

impl World {
    pub(crate) fn new(seed: u64, rng: &mut Rng) -> World {
        let mut net = Network::new(seed);
        if std::env::var_os("MCR_TRACE").is_some() {
            net.trace.keep(2_000_000);
        }
        let mut log = Vec::new();
        let routers: Vec<NodeId> = (0..3 + rng.below(6))
            .map(|number| net.router(&format!("r{number}")))
            .collect();
        let lans = links(&mut net, rng, &routers, &mut log);
        let (receivers, senders) = hosts(&mut net, rng, &lans);
        let rp = one_of(rng, &routers);
        let rps = match chance(rng, 70) {
            true => [rp, rp],
            false => [rp, one_of(rng, &routers)],
        };
        let switch = spt_switch(rng);
        if chance(rng, 25) {
            set_costs(&mut net, rng, &mut log);
        }
        if chance(rng, 30) {
            track(&mut net, rng, &routers);
        }
        for router in &routers {
            if chance(rng, 50) {
                net.take_highest(*router);
            }
        }
        let mut world = World {
            seed,
            net,
            rps,
            switch,
            receivers,
            senders,
            log,
        };
        world.configure_switch();
        for router in routers {
            world.configure_rps(router);
        }
        world.note(&world.rps_and_switch());
        world.net.start();
        world
    }

    fn rps_and_switch(&self) -> String {
        let names = self.rps.map(|rp| self.net.name(rp)).join(" ");
        format!("rps {names}, switch {:?}", self.switch)
    }

    /// The RP of a group; of source-specific ones too, who have none.
    pub(crate) fn rp(&self, group: GroupAddr) -> NodeId {
        self.rps[usize::from(group.get().octets()[3]) % self.rps.len()]
    }

    /// Last hops go over to the trees of the group's sources.
    pub(crate) fn switches(&self, group: GroupAddr) -> bool {
        self.switch.desired(group)
    }

    fn configure_switch(&mut self) {
        let switch = self.switch.clone();
        self.net
            .configure_all(|config| config.pim.spt_switch = switch.clone());
    }

    pub(crate) fn change_switch(&mut self, rng: &mut Rng) {
        self.switch = spt_switch(rng);
        self.note(&self.rps_and_switch());
        self.configure_switch();
    }

    fn configure_rps(&mut self, router: NodeId) {
        let rps = (0_u64..).zip(self.rps).map(|(number, rp)| StaticRp {
            address: self.net.address(rp),
            groups: vec![Ipv4Net::from(asm(number).get())],
            priority: 192,
            r#override: false,
        });
        let rps: Vec<StaticRp> = rps.collect();
        self.net
            .configure(router, |config| config.pim.static_rps = rps);
    }

    /// A group has another RP, and the routers learn of it one after another.
    pub(crate) fn change_rp(&mut self, rng: &mut Rng) {
        let routers = self.net.routers();
        let number = usize::try_from(rng.below(2)).unwrap();
        self.rps[number] = one_of(rng, &routers);
        self.note(&self.rps_and_switch());
        let most = one_of(rng, &[millis(0), millis(50), secs(10)]);
        for router in some(rng, &routers, routers.len()) {
            self.configure_rps(router);
            let pause = rng.up_to(most);
            self.net.run_for(pause);
        }
    }

    pub(crate) fn note(&mut self, what: &str) {
        self.log.push(format!("{} {what}", self.net.now()));
    }

    /// A finding with all that led to it.
    pub(crate) fn story(&self, finding: &str) -> String {
        let log = self.log.join("\n  ");
        let trace = match std::env::var_os("MCR_TRACE") {
            Some(_) => self.net.trace.to_string(),
            None => String::new(),
        };
        let seed = self.seed;
        format!("{trace}seed {seed}\n  {log}\n{} {finding}", self.net.now())
    }

    pub(crate) fn source(&self, sender: usize) -> UnicastAddr {
        self.net.address(self.senders[sender].host)
    }

    /// First joins and first packets, some before and some after each other.
    pub(crate) fn populate(&mut self, rng: &mut Rng) {
        for sender in 0..self.senders.len() {
            if chance(rng, 50) {
                self.start(sender);
            }
        }
        for receiver in 0..self.receivers.len() {
            self.change_filter(rng, receiver);
            if chance(rng, 50) {
                let pause = rng.up_to(secs(2));
                self.net.run_for(pause);
            }
        }
        self.net.run_for(secs(5));
        for sender in 0..self.senders.len() {
            self.start(sender);
        }
    }

    pub(crate) fn start(&mut self, sender: usize) {
        let Sender { host, group, flow } = self.senders[sender];
        if flow.is_none() {
            self.note(&format!("{} sends to {group}", self.net.name(host)));
            self.senders[sender].flow = Some(self.net.send(host, group, IDLE));
        }
    }

    pub(crate) fn stop(&mut self, sender: usize) {
        if let Some(flow) = self.senders[sender].flow.take() {
            let name = self.net.name(self.senders[sender].host).to_owned();
            self.note(&format!("{name} stops"));
            self.net.stop_flow(flow);
        }
    }

    /// A receiver wants something else from now on.
    pub(crate) fn change_filter(&mut self, rng: &mut Rng, receiver: usize) {
        let (host, version) = self.receivers[receiver];
        let sender = rng.below(u64::try_from(self.senders.len()).unwrap());
        let sender = usize::try_from(sender).unwrap();
        let (group, source) = (self.senders[sender].group, self.source(sender));
        let is_ssm = group.get().octets()[0] == 232;
        let filter = match (version, is_ssm) {
            (Version::V1 | Version::V2, true) => return,
            (Version::V1 | Version::V2, false) if chance(rng, 70) => Filter::any(),
            (Version::V3, true) if chance(rng, 75) => self.sources(rng, group, source),
            (Version::V3, false) if chance(rng, 50) => Filter::any(),
            (Version::V3, false) if chance(rng, 40) => self.sources(rng, group, source),
            (Version::V3, false) if chance(rng, 30) => Filter::Exclude(BTreeSet::from([source])),
            (Version::V1 | Version::V2 | Version::V3, _) => Filter::none(),
        };
        let name = self.net.name(host).to_owned();
        self.note(&format!("{name} {version:?} wants of {group} {filter:?}"));
        self.net.set_filter(host, group, filter);
    }

    fn sources(&self, rng: &mut Rng, group: GroupAddr, first: UnicastAddr) -> Filter {
        let senders = self.senders.iter().filter(|sender| sender.group == group);
        let mut sources: BTreeSet<UnicastAddr> = senders
            .map(|sender| self.net.address(sender.host))
            .filter(|_| chance(rng, 30))
            .collect();
        sources.insert(first);
        Filter::Include(sources)
    }

    /// Whatever loses packets does so no more, and the RPs run. Links that are
    /// down and other routers that are dead may stay so.
    pub(crate) fn heal(&mut self, rng: &mut Rng) {
        self.note("heals");
        self.net.heal();
        for node in self.net.routers() {
            self.net.resume(node);
            if self.net.running(node).is_none() && (self.rps.contains(&node) || chance(rng, 60)) {
                self.note(&format!("{} restarts", self.net.name(node)));
                self.net.restart(node);
            }
        }
        for link in self.net.links() {
            if !self.net.is_up(link) && chance(rng, 60) {
                self.note(&format!("{} up", self.net.link_state(link).name));
                self.net.set_link(link, true);
            }
        }
        for sender in 0..self.senders.len() {
            self.start(sender);
        }
    }

    /// Everybody leaves, all sources stop.
    pub(crate) fn all_leave(&mut self) {
        self.note("all leave");
        for (host, _) in &self.receivers {
            for sender in &self.senders {
                self.net.leave(*host, sender.group);
            }
        }
        for sender in 0..self.senders.len() {
            self.stop(sender);
        }
    }
}

/// Makes links; those that hosts may be on.
fn links(
    net: &mut Network,
    rng: &mut Rng,
    routers: &[NodeId],
    log: &mut Vec<String>,
) -> Vec<LinkId> {
    let mut with_hosts = Vec::new();
    let mut make = |net: &mut Network, rng: &mut Rng, name: &str, on: &[NodeId]| {
        let options = options(rng);
        let names: Vec<_> = on.iter().map(|node| net.name(*node).to_owned()).collect();
        let LinkOptions { delay, metric, .. } = options;
        log.push(format!(
            "{name} {} {delay:?} cost {metric}",
            names.join(" ")
        ));
        net.link(name, on, options)
    };
    for (index, router) in routers.iter().enumerate().skip(1) {
        let other = one_of(rng, &routers[..index]);
        if chance(rng, 25) {
            // A LAN in the middle.
            let mut on = vec![*router, other];
            let rest: Vec<_> = routers
                .iter()
                .copied()
                .filter(|of| !on.contains(of))
                .collect();
            let more = 1 + rng.below(3);
            on.extend(some(rng, &rest, usize::try_from(more).unwrap()));
            with_hosts.push(make(net, rng, &format!("lan{index}"), &on));
        } else {
            make(net, rng, &format!("link{index}"), &[*router, other]);
        }
    }
    for number in 0..rng.below(4) {
        let on = some(rng, routers, 2);
        make(net, rng, &format!("more{number}"), &on);
    }
    for number in 0..2 + rng.below(4) {
        let count = one_of(rng, &[1, 1, 1, 2, 2, 3]);
        let on = some(rng, routers, count);
        with_hosts.push(make(net, rng, &format!("stub{number}"), &on));
    }
    with_hosts
}

fn hosts(
    net: &mut Network,
    rng: &mut Rng,
    lans: &[LinkId],
) -> (Vec<(NodeId, Version)>, Vec<Sender>) {
    let mut receivers = Vec::new();
    for number in 0..2 + rng.below(6) {
        use Version::{V1, V2, V3};
        let version = one_of(rng, &[V3, V3, V3, V3, V2, V2, V1]);
        let link = one_of(rng, lans);
        let name = format!("host{number}@{}", net.link_state(link).name);
        receivers.push((net.host(&name, link, version), version));
    }
    let mut senders = Vec::new();
    for number in 0..1 + rng.below(3) {
        let link = one_of(rng, lans);
        let name = format!("source{number}@{}", net.link_state(link).name);
        let host = net.host(&name, link, Version::V3);
        let group = match chance(rng, 65) {
            true => asm(rng.below(2)),
            false => ssm(rng.below(2)),
        };
        senders.push(Sender {
            host,
            group,
            flow: None,
        });
    }
    (receivers, senders)
}
