//! The walk as a whole, and what all its parts need.

use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::told::Told;
use super::tree::Top;
use super::{End, Explanation, Fault, Kind, Seen, Snapshot};
use crate::run::locate;
use crate::topology::model::{
    Interface, Kind as NodeKind, Link, LinkId, Node, NodeId, Receiver, Source, Topology, Wanted,
};

/// Why the walk does not go on.
pub(super) enum Stop {
    Fault(Fault),
    Unknown(String),
}

pub(super) type Step<T> = Result<T, Stop>;

/// A fault, as the end of the walk.
pub(super) fn fault<T>(
    kind: Kind,
    at: impl Into<String>,
    what: impl Into<String>,
    advice: impl Into<String>,
) -> Step<T> {
    Err(Stop::Fault(Fault {
        kind,
        at: at.into(),
        what: what.into(),
        advice: advice.into(),
    }))
}

/// A walk under way.
pub(super) struct Walk<'a> {
    pub(super) topology: &'a Topology,
    pub(super) snapshot: &'a Snapshot,
    pub(super) receiver: &'a Receiver,
    pub(super) source: &'a Source,
    pub(super) receiver_link: LinkId,
    pub(super) source_link: LinkId,
    pub(super) address: Ipv4Addr,
    pub(super) group: Ipv4Addr,
    pub(super) seen: Vec<Seen>,
    /// The routers of the tree from the last hop up, each with the link that it
    /// forwards onto.
    pub(super) hops: Vec<(LinkId, NodeId)>,
    /// The last of them takes the datagrams out of Registers: the links above it
    /// show none.
    pub(super) in_registers: bool,
}

pub(super) fn walk(
    topology: &Topology,
    receiver: usize,
    source: usize,
    snapshot: &Snapshot,
) -> Option<Explanation> {
    let receiver = topology.receivers.get(receiver)?;
    let source = topology.sources.get(source)?;
    let end_of = |at: NodeId, interface: usize| topology.nodes.get(at.0)?.interfaces.get(interface);
    let (here, there) = (
        end_of(receiver.at, receiver.interface)?,
        end_of(source.at, source.interface)?,
    );
    let mut shared = receiver.groups.iter();
    let group = shared.find(|group| group.is_multicast() && source.groups.contains(group));
    let mut walk = Walk {
        topology,
        snapshot,
        receiver,
        source,
        receiver_link: here.link,
        source_link: there.link,
        address: there.addresses.first()?.addr(),
        group: group.copied().unwrap_or(Ipv4Addr::UNSPECIFIED),
        seen: Vec::new(),
        hops: Vec::new(),
        in_registers: false,
    };
    let end = match walk.whole(group.is_some()) {
        Ok(()) => End::Nothing,
        Err(Stop::Fault(fault)) => End::Fault(fault),
        Err(Stop::Unknown(reason)) => End::Unknown(reason),
    };
    Some(Explanation {
        receiver: receiver.name.clone(),
        source: source.name.clone(),
        group: group.copied(),
        seen: walk.seen,
        end,
    })
}

impl<'a> Walk<'a> {
    fn whole(&mut self, shared: bool) -> Step<()> {
        self.ends(shared)?;
        if self.receiver_link == self.source_link {
            self.ok(
                &self.receiver.name,
                "link",
                "the source is on the same link",
            );
            return self.datagrams();
        }
        let mut link = self.receiver_link;
        // A router is passed once at most.
        loop {
            let at = self.forwarder(link)?;
            let above = match self.is_static(at) {
                true => self.fixed(at, link)?,
                false => self.trees(at, link)?,
            };
            match above {
                Some(next) => link = next,
                None => return self.datagrams(),
            }
        }
    }

    /// From the router that is to forward onto a link to the source; where a
    /// router without PIM is between them, to the link that it forwards onto.
    fn trees(&mut self, last_hop: NodeId, link: LinkId) -> Step<Option<LinkId>> {
        let told = self.told(last_hop)?;
        let specific = self.receiver.wanted.is_specific();
        let rp = match specific {
            true => None,
            false => Some(self.rp(last_hop)?),
        };
        let on_source_tree = told
            .mroute(Some(self.address))
            .is_some_and(|entry| entry.spt_bit.or(entry.joined) == Some(true));
        let (source, root) = match rp {
            Some(rp) if !on_source_tree => (None, Some(rp)),
            Some(_) | None => (Some(self.address), None),
        };
        let (root, registers) = match self.tree(last_hop, link, source, root)? {
            Top::Root(root) => (root, source.is_none()),
            Top::Registers(root) => {
                self.in_registers = true;
                (root, true)
            }
            Top::Below(link) => return Ok(Some(link)),
        };
        match rp.filter(|_| registers) {
            None => self.ttl(root)?,
            Some(rp) => {
                let first_hop = self.first_hop()?;
                if first_hop != root {
                    let onto = self
                        .way()
                        .get(1)
                        .map_or(self.source_link, |(link, _)| *link);
                    self.come_to(first_hop, onto)?;
                }
                self.ttl(first_hop)?;
                self.register(first_hop, root, rp)?;
            }
        }
        Ok(None)
    }

    /// Receiver and source themselves.
    fn ends(&mut self, shared: bool) -> Step<()> {
        let (receiver, source) = (self.receiver, self.source);
        if !shared {
            return fault(
                Kind::NotMeant,
                &receiver.name,
                format!(
                    "{} wants {}, and {} sends to {}",
                    receiver.name,
                    listed(&receiver.groups),
                    source.name,
                    listed(&source.groups)
                ),
                "give them a group in common; relay rules are not followed here",
            );
        }
        if !receiver.wanted.takes(self.address) {
            let (wanted, help) = match &receiver.wanted {
                Wanted::Only(wanted) => {
                    let help = format!("let `{}` name the source {}", receiver.name, self.address);
                    (format!("from {}", listed(wanted)), help)
                }
                Wanted::AllBut(wanted) => {
                    let help = format!("take {} out of its `exclude`", self.address);
                    (format!("not from {}", listed(wanted)), help)
                }
            };
            return fault(
                Kind::NotMeant,
                &receiver.name,
                format!(
                    "{} wants {} {wanted}, and {} sends from {}",
                    receiver.name, self.group, source.name, self.address
                ),
                help,
            );
        }
        if self.snapshot.joined == Some(false) {
            return fault(
                Kind::NotJoined,
                &receiver.name,
                format!("{} has not joined, or has left again", receiver.name),
                format!("`join: {}` in a step", receiver.name),
            );
        }
        if self.snapshot.sent == Some(0) {
            return fault(
                Kind::NotSending,
                &source.name,
                format!("{} has sent nothing", source.name),
                format!("`send: {}` in a step", source.name),
            );
        }
        if self.snapshot.joined == Some(true) {
            let group = self.group.to_string();
            self.ok(&receiver.name, "joined", &group);
        }
        if let Some(sent) = self.snapshot.sent {
            self.ok(&source.name, "sent", &sent.to_string());
        }
        Ok(())
    }

    /// Notes what is right.
    pub(super) fn ok(&mut self, at: &str, what: &str, evidence: &str) {
        self.seen.push(Seen {
            at: at.to_owned(),
            what: what.to_owned(),
            evidence: evidence.to_owned(),
        });
    }

    pub(super) fn node(&self, at: NodeId) -> Option<&'a Node> {
        self.topology.nodes.get(at.0)
    }

    pub(super) fn name(&self, at: NodeId) -> &'a str {
        self.node(at).map_or("?", |node| node.name.as_str())
    }

    /// Nobody but its owner makes its multicast routes.
    pub(super) fn is_static(&self, at: NodeId) -> bool {
        match self.node(at).map(|node| &node.kind) {
            Some(NodeKind::Smcroute { .. } | NodeKind::Kernel) => true,
            Some(NodeKind::Mcrd { .. } | NodeKind::Frr | NodeKind::Pimd | NodeKind::Host) => false,
            Some(NodeKind::Custom(_)) => self.told(at).is_ok_and(|told| !told.speaks()),
            None => false,
        }
    }

    /// What it does is known by what it says on links, which it may have said
    /// nothing on yet, or no more.
    pub(super) fn is_unheard(&self, at: NodeId) -> bool {
        let is_pimd = self.node(at).map(|node| &node.kind) == Some(&NodeKind::Pimd);
        is_pimd || self.is_silent(at)
    }

    /// No Hello on a link holds, and no router there takes itself for its DR.
    pub(super) fn has_no_dr(&self, link: LinkId, routers: &[(NodeId, &Interface)]) -> bool {
        let is_dr = |(at, interface): &(NodeId, &Interface)| {
            let pim = self.told(*at).ok();
            let pim = pim.and_then(|told| told.pim_on(&interface.name));
            pim.is_some_and(|pim| pim.is_dr)
        };
        self.snapshot.heard.dr(link).is_none() && !routers.iter().any(is_dr)
    }

    /// Its daemon answers nothing.
    pub(super) fn is_silent(&self, at: NodeId) -> bool {
        self.told(at).is_ok_and(|told| told.silent.is_some())
    }

    pub(super) fn link(&self, link: LinkId) -> Step<&'a Link> {
        let found = self.topology.links.get(link.0);
        found.ok_or_else(|| Stop::Unknown("there is no such link".to_owned()))
    }

    /// What is known of a router.
    pub(super) fn told(&self, at: NodeId) -> Step<&'a Told> {
        match self.snapshot.routers.get(&at) {
            Some(Ok(told)) => Ok(told),
            Some(Err(reason)) => Err(Stop::Unknown(format!("{}: {reason}", self.name(at)))),
            None => Err(Stop::Unknown(format!("{} was not asked", self.name(at)))),
        }
    }

    /// The routers on a link, with their interfaces.
    pub(super) fn routers(&self, link: LinkId) -> Step<Vec<(NodeId, &'a Interface)>> {
        let link = self.link(link)?;
        let ends = link.ends.iter().filter_map(|(node, interface)| {
            let found = self.topology.nodes.get(node.0)?;
            let interface = found.interfaces.get(*interface)?;
            let routes = found.kind.is_router() || self.snapshot.routers.contains_key(node);
            routes.then_some((*node, interface))
        });
        Ok(ends.collect())
    }

    /// A node's interface on a link.
    pub(super) fn interface(&self, at: NodeId, link: LinkId) -> Option<&'a str> {
        let node = self.topology.nodes.get(at.0)?;
        let mut on = node.interfaces.iter();
        let found = on.find(|interface| interface.link == link)?;
        Some(&found.name)
    }

    /// The link of a node's interface.
    pub(super) fn link_of(&self, at: NodeId, interface: &str) -> Option<LinkId> {
        let node = self.topology.nodes.get(at.0)?;
        let mut all = node.interfaces.iter();
        Some(all.find(|one| one.name == interface)?.link)
    }

    /// The node that has an address on a link.
    pub(super) fn owner_on(&self, link: LinkId, address: Ipv4Addr) -> Option<NodeId> {
        let ends = &self.topology.links.get(link.0)?.ends;
        let owns = |(node, interface): &&(NodeId, usize)| {
            let node = self.topology.nodes.get(node.0);
            let interface = node.and_then(|node| node.interfaces.get(*interface));
            let all = interface.map_or(&[][..], |one| &one.addresses);
            all.iter().any(|net| net.addr() == address)
        };
        ends.iter().find(owns).map(|(node, _)| *node)
    }

    /// An address, with the node that has it.
    pub(super) fn who(&self, address: Ipv4Addr) -> String {
        let owner = self.topology.nodes.iter().find(|node| {
            let own = node.interfaces.iter().flat_map(|one| &one.addresses);
            own.chain(&node.loopback).any(|net| net.addr() == address)
        });
        match owner {
            Some(node) => format!("{address} ({})", node.name),
            None => format!("{address} (no node of the lab)"),
        }
    }

    /// The links from the source to the receiver, each with the node that it
    /// leads to: down the tree, where it was walked up.
    pub(super) fn way(&self) -> Vec<(LinkId, NodeId)> {
        let Some((_, top)) = self.hops.last() else {
            let receiver = (self.receiver.at, Some(self.receiver.interface));
            return self.way_by_links(receiver);
        };
        let mut way = self.way_above(*top);
        let below = self.hops.iter().rev().skip(1).map(|(_, at)| *at);
        let links = self.hops.iter().rev().map(|(link, _)| *link);
        way.extend(links.zip(below.chain([self.receiver.at])));
        way
    }

    /// The links from the source to a router, as the routers look for it.
    fn way_above(&self, top: NodeId) -> Vec<(LinkId, NodeId)> {
        let mut way = Vec::new();
        let mut at = top;
        for _ in &self.topology.nodes {
            let told = self
                .snapshot
                .routers
                .get(&at)
                .and_then(|told| told.as_ref().ok());
            let known = told.and_then(|told| told.ways.get(&self.address));
            let link = known.and_then(|known| self.link_of(at, known.interface.as_deref()?));
            let Some((known, link)) = known.zip(link) else {
                break;
            };
            way.insert(0, (link, at));
            match known.next_hop.and_then(|hop| self.owner_on(link, hop)) {
                Some(next) => at = next,
                None if link == self.source_link => return way,
                None => break,
            }
        }
        self.way_by_links((top, None))
    }

    fn way_by_links(&self, to: (NodeId, Option<usize>)) -> Vec<(LinkId, NodeId)> {
        let shown = self.snapshot.links.iter().filter(|(_, count)| **count > 0);
        let seen = shown.map(|(link, _)| *link).collect();
        let source = (self.source.at, self.source.interface);
        locate::path(self.topology, source, to, &seen)
    }

    /// The counters of an interface that begin so, as text.
    pub(super) fn counted(told: &Told, interface: &str, begins: &[&str]) -> String {
        let on = |one: &&api::ProtocolCounters| one.interface.as_deref() == Some(interface);
        let all = told.counters.iter().flatten().filter(on);
        let all = all.flat_map(|one| &one.counters);
        let wanted = all.filter(|(name, _)| begins.iter().any(|begin| name.starts_with(begin)));
        let all: Vec<String> = wanted.map(|(name, n)| format!("{name} {n}")).collect();
        if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        }
    }

    /// Whether the datagrams that a link showed became fewer on the way.
    fn datagrams(&mut self) -> Step<()> {
        let way = self.way();
        let above = match self.in_registers {
            true => way.len().saturating_sub(self.hops.len()),
            false => 0,
        };
        let shown: Vec<(LinkId, NodeId, usize)> = way
            .iter()
            .skip(above)
            .filter_map(|(link, to)| Some((*link, *to, *self.snapshot.links.get(link)?)))
            .collect();
        for pair in shown.windows(2) {
            let ((first, router, before), (second, _, after)) = (pair[0], pair[1]);
            // Some are always under way.
            if after + before / 100 + 5 < before {
                self.idle(router, Some(second))?;
                let (first, second) = (&self.link(first)?.name, &self.link(second)?.name);
                let (router, see) = (self.name(router), self.see_drops(router));
                return fault(
                    Kind::DataLost,
                    router,
                    format!("{before} datagrams passed {first}, and {after} passed {second}"),
                    format!(
                        "look for losses of {first} at {router}, and at what {router} dropped \
                         ({see})"
                    ),
                );
            }
        }
        if let Some((link, _, count)) = shown.last() {
            let link = &self.link(*link)?.name;
            self.ok(link, "datagrams", &count.to_string());
        }
        Ok(())
    }
}

fn listed(addresses: &[Ipv4Addr]) -> String {
    let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    all.join(", ")
}
