//! A switch that snoops IGMP (RFC 4541 §2.1), as the Linux bridge does.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::id::{GroupAddr, IpProtocol};
use mcr_proto::time::Instant;
use mcr_wire::igmp::{GroupRecord, Message, Query, RecordType};
use mcr_wire::pim;

use crate::network::NodeId;
use crate::network::run::{Datagram, Frame};

/// How long a port is one of a router after a query or a Hello.
const ROUTER_PORT: Duration = Duration::from_secs(255);
/// How long a port has members after a report.
const MEMBERSHIP: Duration = Duration::from_secs(260);
/// How often a group is asked for before its port is given up.
const LAST_MEMBER_COUNT: u32 = 2;

/// What the switch has learned; ports are those of nodes.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    /// Until then somebody asks. Before anybody did, nothing is filtered.
    querier: Option<Instant>,
    routers: BTreeMap<NodeId, Instant>,
    members: BTreeMap<GroupAddr, BTreeMap<NodeId, Instant>>,
}

impl Switch {
    /// Learns from a frame that comes in at a node's port.
    pub(crate) fn note(&mut self, now: Instant, from: NodeId, frame: &Frame) {
        let Frame::Control(datagram) = frame else {
            return;
        };
        match datagram.protocol {
            IpProtocol::PIM => {
                if let Ok(pim::Message::Hello(_)) = pim::Message::parse(&datagram.payload) {
                    self.routers.insert(from, now + ROUTER_PORT);
                }
            }
            _ => match Message::parse(&datagram.payload) {
                Ok(Message::Query(query)) => self.asked(now, from, datagram, &query),
                Ok(Message::ReportV1(group) | Message::ReportV2(group)) => {
                    self.joined(now, from, group);
                }
                Ok(Message::ReportV3(records)) => {
                    for record in records.iter().filter(|record| wants(record)) {
                        self.joined(now, from, record.group);
                    }
                }
                // What is left of a group, the querier asks.
                Ok(Message::Leave(_) | Message::Unknown(_)) | Err(_) => {}
            },
        }
    }

    fn asked(&mut self, now: Instant, from: NodeId, datagram: &Datagram, query: &Query) {
        // RFC 4541 §2.1.1: a proxy's queries tell of no router.
        if datagram.src != Ipv4Addr::UNSPECIFIED {
            self.querier = Some(now + ROUTER_PORT);
            self.routers.insert(from, now + ROUTER_PORT);
        }
        let group = query
            .group
            .and_then(|group| GroupAddr::try_from(group).ok());
        let Some(ports) = group.and_then(|group| self.members.get_mut(&group)) else {
            return;
        };
        if query.sources.is_empty() {
            let until = now + query.max_response_time * LAST_MEMBER_COUNT;
            for at in ports.values_mut() {
                *at = until.min(*at);
            }
        }
    }

    fn joined(&mut self, now: Instant, port: NodeId, group: Ipv4Addr) {
        if let Ok(group) = GroupAddr::try_from(group) {
            let ports = self.members.entry(group).or_default();
            ports.insert(port, now + MEMBERSHIP);
        }
    }

    /// The groups that have members, and whose ports have them.
    pub fn groups(&self, now: Instant) -> impl Iterator<Item = (Ipv4Addr, Vec<NodeId>)> {
        self.members.iter().filter_map(move |(group, ports)| {
            let there = ports.iter().filter(|(_, until)| now < **until);
            let there: Vec<NodeId> = there.map(|(port, _)| *port).collect();
            (!there.is_empty()).then_some((group.get(), there))
        })
    }

    /// Whose ports are those of routers.
    pub fn routers(&self, now: Instant) -> impl Iterator<Item = NodeId> {
        let there = self.routers.iter();
        there.filter_map(move |(port, until)| (now < *until).then_some(*port))
    }

    /// Whether a frame goes out to a node's port.
    pub(crate) fn passes_to(&self, now: Instant, to: NodeId, frame: &Frame) -> bool {
        let router = self.routers.get(&to).is_some_and(|until| now < *until);
        match frame {
            Frame::Control(datagram) => {
                let report = datagram.protocol == IpProtocol::IGMP
                    && !matches!(Message::parse(&datagram.payload), Ok(Message::Query(_)));
                // RFC 4541 §2.1.1: reports go to routers alone, so that no host
                // keeps its own back. Who is not known may be one.
                !report || router || self.routers.is_empty()
            }
            Frame::Data(data) => {
                let ports = self.members.get(&data.group);
                let member = ports.and_then(|ports| ports.get(&to));
                router
                    || member.is_some_and(|until| now < *until)
                    || self.querier.is_none_or(|until| now >= until)
            }
        }
    }
}

/// The record tells of somebody who wants packets.
fn wants(record: &GroupRecord) -> bool {
    match record.record_type {
        RecordType::IsExclude | RecordType::ToExclude => true,
        RecordType::IsInclude | RecordType::ToInclude | RecordType::Allow => {
            !record.sources.is_empty()
        }
        RecordType::Block => false,
    }
}

#[cfg(test)]
mod tests;
