//! The lab as the reference computation sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_proto::config::Config;
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_sim::reference::{Flow, Scene, Step};

use super::config::config;
use super::{Situation, Undetermined};
use crate::oracle::{self, Routes};
use crate::topology::model::{Interface, Kind, LinkId, Medium, Node, NodeId, Topology, Unicast};

/// A lab at one moment.
pub struct World<'a> {
    topology: &'a Topology,
    pub(super) situation: &'a Situation,
    joined: &'a BTreeSet<usize>,
    configs: Vec<Option<Config>>,
    routes: Vec<Routes>,
}

impl<'a> World<'a> {
    /// The lab with these receivers joined.
    ///
    /// # Errors
    /// What is not known of it.
    pub fn new(
        topology: &'a Topology,
        situation: &'a Situation,
        joined: &'a BTreeSet<usize>,
    ) -> Result<World<'a>, Undetermined> {
        if let Some(reason) = &situation.unknown {
            return Err(reason.clone());
        }
        if let Some(at) = situation.frozen.first() {
            let name = topology.nodes.get(at.0).map_or("?", |node| &node.name);
            return Err(format!("{name} is frozen, and forwards what it last set"));
        }
        if let Some(name) = silent(topology, situation) {
            return Err(format!(
                "the OSPF of {name} has stopped, and what the others make of that is not known"
            ));
        }
        if let Some(name) = deaf(topology, situation) {
            return Err(format!(
                "nothing comes or goes over the wire of {name}, and whether OSPF has seen that is \
                 not known"
            ));
        }
        let nodes = topology.nodes.iter().enumerate();
        let configs = nodes.map(|(at, node)| {
            let loaded = config(node, situation.configs.get(&NodeId(at)))?;
            Ok(loaded.map(|loaded| loaded.router))
        });
        let routes = match topology.unicast {
            Unicast::Oracle { .. } | Unicast::Ospf => {
                oracle::routes(topology, &situation.down, &situation.lost)
            }
            Unicast::None | Unicast::Static => oracle::own(topology, &situation.down),
        };
        Ok(World {
            topology,
            situation,
            joined,
            configs: configs.collect::<Result<_, Undetermined>>()?,
            routes,
        })
    }

    fn node(&self, at: NodeId) -> Option<&'a Node> {
        self.topology.nodes.get(at.0)
    }

    fn name(&self, at: NodeId) -> &'a str {
        self.node(at).map_or("?", |node| &node.name)
    }

    pub(super) fn config(&self, at: NodeId) -> Option<&Config> {
        self.configs.get(at.0)?.as_ref()
    }

    pub(super) fn runs(&self, at: NodeId) -> bool {
        let router = self.node(at).is_some_and(|node| node.kind.is_router());
        router && !self.situation.stopped.contains(&at)
    }

    /// The ends of a link that are up.
    pub(super) fn ends(&self, link: LinkId) -> impl Iterator<Item = (NodeId, &'a Interface)> {
        let link = self.topology.links.get(link.0).filter(|_| self.is_up(link));
        let ends = link.into_iter().flat_map(|link| &link.ends);
        ends.filter_map(|(at, position)| {
            let up = !self.situation.down.contains(&(*at, *position));
            let interface = self.node(*at)?.interfaces.get(*position)?;
            up.then_some((*at, interface))
        })
    }

    /// The interfaces of a node that are up.
    pub(super) fn up(&self, at: NodeId) -> impl Iterator<Item = &'a Interface> {
        let all = self.node(at).into_iter().flat_map(|node| &node.interfaces);
        all.enumerate().filter_map(move |(position, interface)| {
            let down = self.situation.down.contains(&(at, position));
            (!down && self.is_up(interface.link)).then_some(interface)
        })
    }

    /// What a source sends, and who wants it.
    pub(super) fn flow(
        &self,
        source: usize,
        group: GroupAddr,
    ) -> Result<Flow<NodeId, LinkId>, Undetermined> {
        let source = self.topology.sources.get(source);
        let source = source.ok_or("there is no such source")?;
        let interface = self.node(source.at);
        let interface = interface.and_then(|node| node.interfaces.get(source.interface));
        let address = interface.and_then(|interface| interface.addresses.first());
        let (interface, address) = interface
            .zip(address)
            .ok_or_else(|| format!("{} has no address", source.name))?;
        let address = UnicastAddr::try_from(address.addr()).map_err(|error| error.to_string())?;
        Ok(Flow {
            from: source.at,
            source: address,
            first: interface.link,
            receivers: self.receivers(source.at, address, group),
        })
    }

    /// The source's own interface is up. A segment is there without it.
    pub(super) fn sends(&self, flow: &Flow<NodeId, LinkId>) -> bool {
        self.ends(flow.first).any(|(at, _)| at == flow.from)
    }

    fn receivers(
        &self,
        from: NodeId,
        source: UnicastAddr,
        group: GroupAddr,
    ) -> Vec<(NodeId, LinkId)> {
        let ssm = self.is_ssm(group).unwrap_or_default();
        let joined = self.joined.iter();
        let joined = joined.filter_map(|at| self.topology.receivers.get(*at));
        let wants = joined.filter(|one| one.groups.contains(&group.get()));
        let wants = wants.filter(|one| {
            let heard = one.wanted.is_specific() || !ssm;
            heard && one.wanted.takes(source.get())
        });
        let hosts = wants.filter_map(|one| {
            let interface = self.node(one.at)?.interfaces.get(one.interface)?;
            let up = self.ends(interface.link).any(|(at, _)| at == one.at);
            (up && one.at != from).then_some((one.at, interface.link))
        });
        let served = hosts.filter(|(_, link)| self.hears(*link, group));
        let mut all: Vec<(NodeId, LinkId)> = served.collect();
        all.extend(self.unreported(source, group));
        all
    }

    /// The DR of a link takes reports for the group.
    fn hears(&self, link: LinkId, group: GroupAddr) -> bool {
        let Some(at) = self.designated_router(link) else {
            return false;
        };
        let igmp = self.on(at, link).and_then(|on| on.igmp.as_ref());
        igmp.is_some_and(|igmp| {
            let groups = igmp.groups.as_ref();
            groups.is_none_or(|ranges| ranges.iter().any(|range| range.contains(&group.get())))
        })
    }

    /// Memberships that routers have without any host.
    fn unreported(&self, source: UnicastAddr, group: GroupAddr) -> Vec<(NodeId, LinkId)> {
        let routers = self.routers().into_iter().filter(|at| self.runs(*at));
        let own = routers.flat_map(|at| self.up(at).map(move |interface| (at, interface)));
        own.filter(|(at, interface)| {
            let igmp = self.on(*at, interface.link).and_then(|on| on.igmp.as_ref());
            igmp.is_some_and(|igmp| {
                let wanted = |of| igmp.static_groups.contains(&(group, of));
                wanted(None) || wanted(Some(source))
            })
        })
        .map(|(at, interface)| (at, interface.link))
        .collect()
    }

    pub(super) fn on(
        &self,
        at: NodeId,
        link: LinkId,
    ) -> Option<&mcr_proto::config::InterfaceConfig> {
        let mut interfaces = self.node(at)?.interfaces.iter();
        let interface = interfaces.find(|interface| interface.link == link)?;
        let mut all = self.config(at)?.interfaces.iter();
        let found = all.find(|(name, _)| name.to_string() == interface.name);
        found.map(|(_, config)| config)
    }

    /// Whether the group has source trees only.
    ///
    /// # Errors
    /// Routers differ in it.
    pub fn is_ssm(&self, group: GroupAddr) -> Result<bool, Undetermined> {
        let configs = self.configs.iter().flatten();
        let mut said: BTreeSet<bool> = configs.map(|config| config.pim.is_ssm(group)).collect();
        match (said.pop_first(), said.is_empty()) {
            (Some(_), false) => Err(format!("routers differ in whether {group} is SSM")),
            (only, _) => Ok(only.unwrap_or_default()),
        }
    }

    /// The RP that everybody who matters to the flow takes, and reaches; `None`
    /// where nobody asks for one.
    pub(super) fn rp(
        &self,
        flow: &Flow<NodeId, LinkId>,
        group: GroupAddr,
    ) -> Result<Option<UnicastAddr>, Undetermined> {
        let first = self.designated_router(flow.first);
        let mut all = self.last_hops(flow);
        all.extend(first);
        let mut known = BTreeMap::new();
        for at in all {
            let rp = self.rp_of(at, group)?;
            known.entry(rp).or_insert(at);
        }
        let mut known = known.into_iter();
        let (rp, other) = (known.next(), known.next());
        if let (Some((_, one)), Some((_, other))) = (rp, other) {
            let (one, other) = (self.name(one), self.name(other));
            return Err(format!("{one} and {other} differ in the RP of {group}"));
        }
        let Some((rp, _)) = rp else {
            return Ok(None);
        };
        let mut all = self.last_hops(flow);
        all.extend(first);
        for at in all {
            let there = self.owner(rp).filter(|owner| self.runs(*owner));
            if there.is_none() || self.way(at, rp).last().copied() != there {
                return Err(format!(
                    "{} does not reach the RP {rp}, and what is left of earlier trees is not known",
                    self.name(at)
                ));
            }
        }
        Ok(Some(rp))
    }

    /// Whether packets of the source come to travel without Registers: it has no
    /// RP, or one that all who matter reach.
    #[must_use]
    pub fn is_native(&self, source: usize, group: Ipv4Addr) -> bool {
        let Ok(group) = GroupAddr::try_from(group) else {
            return false;
        };
        let is_ssm = self.is_ssm(group).unwrap_or_default();
        let flow = self.flow(source, group);
        is_ssm || flow.is_ok_and(|flow| self.rp(&flow, group).is_ok())
    }

    /// The RP that a router takes: RFC 7761 §4.7.1, for RPs that are configured.
    ///
    /// # Errors
    /// It has none, or several.
    pub fn rp_of(&self, at: NodeId, group: GroupAddr) -> Result<UnicastAddr, Undetermined> {
        let rp = self.maybe_rp_of(at, group)?;
        rp.ok_or_else(|| format!("{} has no RP for {group}", self.name(at)))
    }

    /// The same; `None` where it has none.
    ///
    /// # Errors
    /// It has several.
    pub fn maybe_rp_of(
        &self,
        at: NodeId,
        group: GroupAddr,
    ) -> Result<Option<UnicastAddr>, Undetermined> {
        let rps = self.config(at).map(|config| &config.pim.static_rps);
        let ranges = rps.into_iter().flatten().flat_map(|rp| {
            let ranges = rp
                .groups
                .iter()
                .filter(|range| range.contains(&group.get()));
            ranges.map(|range| ((u8::MAX - range.prefix_len(), rp.priority), rp.address))
        });
        let ranges: Vec<_> = ranges.collect();
        let best = ranges.iter().map(|(rank, _)| *rank).min();
        let best: BTreeSet<UnicastAddr> = ranges
            .iter()
            .filter(|(rank, _)| Some(*rank) == best)
            .map(|(_, address)| *address)
            .collect();
        let mut best = best.into_iter();
        match (best.next(), best.next()) {
            (rp, None) => Ok(rp),
            (_, Some(_)) => Err(format!("{} chooses among RPs of {group}", self.name(at))),
        }
    }

    /// Whether a last hop leaves the RP tree for the source's.
    pub(super) fn switches(
        &self,
        last: NodeId,
        flow: &Flow<NodeId, LinkId>,
        group: GroupAddr,
        rp: Option<UnicastAddr>,
    ) -> Result<bool, Undetermined> {
        let config = self.config(last);
        let desired = config.is_some_and(|config| config.pim.spt_switch.desired(group));
        // Without a whole way to the source its packets keep coming by the RP.
        let way = self.way(last, flow.source);
        let top = way.last().and_then(|top| self.step(*top, flow.source));
        let reached = top.is_some_and(|(link, _)| link == flow.first);
        let up = |to| self.step(last, to).map(|(link, _)| link);
        let towards_rp = rp.and_then(up);
        let served = flow
            .receivers
            .iter()
            .filter(|(_, link)| *link != flow.first && self.designated_router(*link) == Some(last));
        let mut served = served.map(|(_, link)| *link);
        // RFC 7761 §4.2.1: it needs an inherited_olist beyond the link that the
        // RP tree comes from.
        let only = served.all(|link| Some(link) == towards_rp && up(flow.source) != Some(link));
        if only {
            return Err(format!(
                "the members of {} are on its way to the RP only",
                self.name(last)
            ));
        }
        Ok(desired && reached)
    }
}

impl Scene for World<'_> {
    type Node = NodeId;
    type Link = LinkId;

    fn is_up(&self, link: LinkId) -> bool {
        let Some(model) = self.topology.links.get(link.0) else {
            return false;
        };
        let down = |end: &(NodeId, usize)| self.situation.down.contains(end);
        match model.medium {
            // A veth has no carrier unless both ends are up.
            Medium::Veth => !model.ends.iter().any(down),
            Medium::Bridge { .. } => true,
        }
    }

    fn routers(&self) -> Vec<NodeId> {
        let nodes = self.topology.nodes.iter().enumerate();
        let routers = nodes.filter(|(_, node)| node.kind.is_router());
        routers.map(|(at, _)| NodeId(at)).collect()
    }

    fn routers_on(&self, link: LinkId) -> BTreeSet<NodeId> {
        let ends = self.ends(link).map(|(at, _)| at);
        ends.filter(|at| self.runs(*at)).collect()
    }

    fn designated_router(&self, link: LinkId) -> Option<NodeId> {
        let routers = self.ends(link).filter(|(at, _)| self.runs(*at));
        let speak = routers.filter_map(|(at, interface)| {
            let pim = self.on(at, link)?.pim.as_ref()?;
            let address = interface.addresses.first()?.addr();
            // One that is passive is DR for itself alone.
            Some((!pim.passive, pim.dr_priority, address, at))
        });
        speak.max().map(|(_, _, _, at)| at)
    }

    fn step(&self, router: NodeId, to: UnicastAddr) -> Option<Step<Self>> {
        if !self.runs(router) || self.owner(to) == Some(router) {
            return None;
        }
        let to = to.get();
        let towards = |gateway: Ipv4Addr| {
            let on = |net: &Ipv4Net| net.contains(&gateway);
            let found = self.up(router).find(|one| one.addresses.iter().any(on))?;
            Some((found.link, Some(self.owner_on(found.link, gateway)?)))
        };
        let by_hand = self
            .config(router)
            .into_iter()
            .flat_map(|config| &config.mroutes);
        let by_hand = by_hand.filter(|route| route.network.contains(&to));
        if let Some(route) = by_hand.max_by_key(|route| route.network.prefix_len()) {
            let named = |one: &&Interface| one.name == route.interface.to_string();
            let link = self.up(router).find(named)?.link;
            let next = route.next_hop.map_or(to, UnicastAddr::get);
            return Some((link, self.owner_on(link, next)));
        }
        let connected = self.up(router).flat_map(|one| {
            let nets = one.addresses.iter().filter(|net| net.contains(&to));
            nets.map(|net| (net.prefix_len(), one.link))
        });
        let connected = connected.max();
        let learned = self.routes.get(router.0)?.iter();
        let learned = learned.filter(|(net, _)| net.contains(&to));
        let learned = learned.max_by_key(|(net, _)| net.prefix_len());
        match (connected, learned) {
            (Some((length, link)), learned)
                if learned.is_none_or(|(net, _)| net.prefix_len() <= length) =>
            {
                Some((link, self.owner_on(link, to)))
            }
            (_, Some((_, (gateway, _)))) => towards(*gateway),
            (_, None) => None,
        }
    }

    fn cost(&self, router: NodeId, to: UnicastAddr) -> Option<u64> {
        let own = self.up(router).flat_map(|one| &one.addresses);
        if own.into_iter().any(|net| net.contains(&to.get())) {
            return Some(0);
        }
        let routes = self.routes.get(router.0)?.iter();
        let matching = routes.filter(|(net, _)| net.contains(&to.get()));
        let (_, (_, metric)) = matching.max_by_key(|(net, _)| net.prefix_len())?;
        Some(u64::from(*metric))
    }

    fn address_on(&self, node: NodeId, link: LinkId) -> Option<Ipv4Addr> {
        let mut all = self.node(node)?.interfaces.iter();
        let interface = all.find(|interface| interface.link == link)?;
        Some(interface.addresses.first()?.addr())
    }

    fn owner(&self, address: UnicastAddr) -> Option<NodeId> {
        self.routers().into_iter().find(|at| {
            let node = self.node(*at);
            let own = node.into_iter().flat_map(|node| &node.interfaces);
            let own = own.flat_map(|one| &one.addresses);
            let loopback = node.into_iter().flat_map(|node| &node.loopback);
            own.chain(loopback).any(|net| net.addr() == address.get())
        })
    }
}

impl World<'_> {
    /// The router that has an address on a link.
    fn owner_on(&self, link: LinkId, address: Ipv4Addr) -> Option<NodeId> {
        let mut ends = self
            .ends(link)
            .filter(|(at, _)| self.node(*at).is_some_and(|node| node.kind.is_router()));
        let has = |one: &Interface| one.addresses.iter().any(|net| net.addr() == address);
        ends.find(|(_, interface)| has(interface)).map(|(at, _)| at)
    }
}

/// An interface whose wire tells OSPF, by its silence, that nobody is there.
fn deaf(topology: &Topology, situation: &Situation) -> Option<String> {
    let mut deaf = situation.deaf.iter();
    deaf.find_map(|(at, interface)| {
        let node = topology.nodes.get(at.0)?;
        let name = &node.interfaces.get(*interface)?.name;
        let speaks = node.ospf.is_some();
        speaks.then(|| format!("{}:{name}", node.name))
    })
}

/// A router whose OSPF goes with its daemon, which does not run.
fn silent<'a>(topology: &'a Topology, situation: &Situation) -> Option<&'a str> {
    let mut stopped = situation.stopped.iter();
    stopped.find_map(|at| {
        let node = topology.nodes.get(at.0)?;
        (node.ospf.is_some() && node.kind == Kind::Frr).then_some(node.name.as_str())
    })
}
