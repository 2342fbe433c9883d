//! Data packets: sent by sources, forwarded by routers, counted by receivers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcr_proto::id::IfIndex;
use mcr_proto::router::Input;
use mcr_proto::time::Instant;

use super::run::{Frame, Happening};
use super::{Delivery, FlowId, Heard, Network, NodeId, Role};
use crate::link::LinkId;
use crate::packet::Data;

/// Active is told at most so often, and ten times in a Keepalive_Period.
const ACTIVE_EVERY: Duration = Duration::from_secs(10);

impl Network {
    pub(super) fn send_next(&mut self, id: FlowId) {
        let now = self.clock.now();
        let flow = &mut self.flows[id.0 as usize];
        let count = u64::try_from(flow.sent.len()).unwrap_or(u64::MAX);
        if flow.limit.is_some_and(|limit| count >= limit) {
            flow.on = false;
        }
        if !flow.on {
            return;
        }
        let data = Data {
            source: flow.source,
            group: flow.group,
            ttl: flow.ttl,
            flow: id,
            sequence: count,
        };
        flow.sent.push(now);
        let (from, next) = (flow.from, now + flow.interval);
        self.clock.plan(next, Happening::Send(id));
        if let Some(iface) = self.nodes[from.0].ports.keys().next().copied() {
            self.transmit(from, iface, None, &Frame::Data(data));
        }
    }

    pub(super) fn host_got(&mut self, node: NodeId, data: Data) {
        let (now, keep) = (self.clock.now(), self.keep_heard);
        if let Role::Host(host) = &mut self.nodes[node.0].role
            && host.host.wants(data.source, data.group)
        {
            let of_flow = host.received.entry(data.flow).or_default();
            *of_flow.entry(data.sequence).or_default() += 1;
            host.latest.insert(data.flow, now);
            if keep {
                host.heard.push(Heard { at: now, data });
            }
        }
    }

    pub(super) fn data_arrived(&mut self, node: NodeId, iif: IfIndex, data: Data) {
        let now = self.clock.now();
        let Role::Router(router) = &mut self.nodes[node.0].role else {
            return;
        };
        if router.router.is_none() {
            return;
        }
        let every = ACTIVE_EVERY.min(router.config.pim.keepalive_period / 10);
        let expired = router.plane.expired;
        let taken = router.plane.receive(now, iif, data, every);
        if router.plane.expired > expired {
            let name = &self.nodes[node.0].name;
            self.trace.line(now, || {
                format!("{name}: a packet went in circles: {data:?}")
            });
            self.circles += 1;
        }
        self.send_copies(node, taken.copies);
        for event in taken.events {
            self.input(node, Input::DataPlane(event));
        }
    }

    pub(super) fn send_copies(&mut self, node: NodeId, copies: Vec<(IfIndex, Data)>) {
        for (oif, data) in copies {
            self.transmit(node, oif, None, &Frame::Data(data));
        }
    }

    /// What a host got of the packets that were sent from one moment up to, and
    /// without, another.
    pub fn delivery(&self, node: NodeId, flow: FlowId, from: Instant, to: Instant) -> Delivery {
        let Role::Host(host) = &self.nodes[node.0].role else {
            return Delivery::default();
        };
        let received = host.received.get(&flow);
        let count = |sequence: &u64| received.and_then(|of| of.get(sequence)).copied();
        let sent = self.flows[flow.0 as usize].sent.iter().zip(0_u64..);
        let sent: Vec<u64> = sent
            .filter(|(at, _)| (from..to).contains(*at))
            .map(|(_, sequence)| sequence)
            .collect();
        let lost = sent.iter().filter(|sequence| count(sequence).is_none());
        let doubled = sent.iter().filter(|sequence| count(sequence) > Some(1));
        Delivery {
            sent: sent.len(),
            lost: lost.copied().collect(),
            doubled: doubled.copied().collect(),
        }
    }

    /// When the latest packet of a flow came to a host.
    pub fn latest(&self, node: NodeId, flow: FlowId) -> Option<Instant> {
        match &self.nodes[node.0].role {
            Role::Host(host) => host.latest.get(&flow).copied(),
            Role::Router(_) => None,
        }
    }

    /// What came to a host since this was last asked, where it is kept.
    pub fn take_heard(&mut self, node: NodeId) -> Vec<Heard> {
        match &mut self.nodes[node.0].role {
            Role::Host(host) => std::mem::take(&mut host.heard),
            Role::Router(_) => Vec::new(),
        }
    }

    /// When a packet of a flow was sent.
    pub fn sent(&self, flow: FlowId) -> &[Instant] {
        &self.flows[flow.0 as usize].sent
    }

    /// Forgets what links carried.
    pub fn watch_links(&mut self) {
        for link in &mut self.links {
            link.carried.clear();
        }
    }

    /// The links that carried packets of a flow since [`Network::watch_links`],
    /// with the senders.
    pub fn carried(&self, flow: FlowId) -> BTreeMap<LinkId, BTreeSet<NodeId>> {
        let links = self.links.iter().enumerate();
        links
            .filter_map(|(index, link)| {
                let senders = link.carried.get(&flow)?;
                Some((LinkId(index), senders.keys().copied().collect()))
            })
            .collect()
    }

    /// Which packets of a flow a link carried, where that is kept.
    pub fn shown_on(&self, flow: FlowId, link: LinkId) -> impl Iterator<Item = u64> {
        let shown = self.links[link.0].shown.get(&flow);
        shown.into_iter().flatten().copied()
    }

    /// How many packets of a flow a node sent on a link or got from it.
    pub fn passed(&self, link: LinkId, node: NodeId, flow: FlowId) -> u64 {
        let port = self.links[link.0].port(node);
        let passed = port.and_then(|port| port.passed.get(&flow));
        passed.copied().unwrap_or(0)
    }

    /// How many packets of a flow a link carried since [`Network::watch_links`].
    pub fn carried_on(&self, flow: FlowId, link: LinkId) -> u64 {
        let senders = self.links[link.0].carried.get(&flow);
        senders.map_or(0, |senders| senders.values().sum())
    }
}
