//! The messages of IGMP and PIM that passed the links, in words.

use std::net::Ipv4Addr;

use mcr_sim::packet_expr::Packet;
use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{self, EncodedSource, JoinPrune};

use crate::topology::model::LinkId;

#[cfg(test)]
mod tests;

/// The IP protocol of datagrams.
const UDP: u8 = 17;
/// Groups that a text names; the others are counted.
const NAMED: usize = 3;

/// A message on a link, or a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// When it was seen, on the clock of the reports, in nanoseconds.
    pub at_ns: u64,
    /// The link.
    pub link: LinkId,
    /// The IP source.
    pub source: Ipv4Addr,
    /// The IP destination.
    pub destination: Ipv4Addr,
    /// Its TTL.
    pub ttl: u8,
    /// The IP protocol.
    pub protocol: u8,
    /// The message.
    pub payload: Box<[u8]>,
}

impl Control {
    /// What it says, in words.
    #[must_use]
    pub fn said(&self) -> Option<Said> {
        if self.protocol == UDP {
            return Some(Said {
                kind: "data",
                text: format!("({}, {})", self.source, self.destination),
            });
        }
        said(self.protocol, &self.payload)
    }

    /// As expressions ask for it.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        Packet {
            source: self.source,
            destination: self.destination,
            ttl: self.ttl,
            protocol: self.protocol,
            payload: &self.payload,
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its kind: `pim.hello`, `igmp.report`.
    pub kind: &'static str,
    /// Its content, in one line.
    pub text: String,
}

/// Whether packets with this IP protocol are control messages.
#[must_use]
pub fn is_control(protocol: u8) -> bool {
    protocol == igmp::PROTOCOL || protocol == pim::PROTOCOL
}

/// What a packet of this protocol says; `None` where it is neither IGMP nor PIM.
#[must_use]
pub fn said(protocol: u8, payload: &[u8]) -> Option<Said> {
    match protocol {
        igmp::PROTOCOL => Some(match igmp::Message::parse(payload) {
            Ok(message) => of_igmp(&message),
            Err(error) => unreadable("igmp.bad", &error),
        }),
        pim::PROTOCOL => Some(match pim::Message::parse(payload) {
            Ok(message) => of_pim(&message),
            Err(error) => unreadable("pim.bad", &error),
        }),
        _ => None,
    }
}

fn unreadable(kind: &'static str, error: &mcr_wire::BadMessage) -> Said {
    Said {
        kind,
        text: format!("unreadable: {error}"),
    }
}

fn of_igmp(message: &igmp::Message) -> Said {
    let (kind, text) = match message {
        igmp::Message::Query(query) => match query.group {
            None => ("igmp.query", "general".to_owned()),
            Some(group) if query.sources.is_empty() => ("igmp.query", group.to_string()),
            Some(group) => {
                let sources = listed(query.sources.iter());
                ("igmp.query", format!("{group} of {sources}"))
            }
        },
        igmp::Message::ReportV1(group) => ("igmp.report", format!("v1 {group}")),
        igmp::Message::ReportV2(group) => ("igmp.report", format!("v2 {group}")),
        igmp::Message::Leave(group) => ("igmp.leave", group.to_string()),
        igmp::Message::ReportV3(records) => ("igmp.report", listed(records.iter().map(record))),
        igmp::Message::Unknown(number) => ("igmp.unknown", format!("type {number}")),
    };
    Said { kind, text }
}

fn record(record: &GroupRecord) -> String {
    let kind = match record.record_type {
        RecordType::IsInclude => "is-in",
        RecordType::IsExclude => "is-ex",
        RecordType::ToInclude => "to-in",
        RecordType::ToExclude => "to-ex",
        RecordType::Allow => "allow",
        RecordType::Block => "block",
    };
    let sources = listed(record.sources.iter());
    format!("{kind}({}, {{{sources}}})", record.group)
}

fn of_pim(message: &pim::Message<'_>) -> Said {
    let (kind, text) = match message {
        pim::Message::Hello(hello) => {
            let holdtime = hello
                .holdtime
                .map_or("none".to_owned(), |s| format!("{s}s"));
            let priority = hello
                .dr_priority
                .map_or("none".to_owned(), |p| p.to_string());
            let text = format!("holdtime {holdtime}, DR priority {priority}");
            ("pim.hello", text)
        }
        pim::Message::Register(register) => {
            let flow = match inner(register.packet) {
                Some((source, group)) => format!("({source}, {group})"),
                None => "unreadable".to_owned(),
            };
            let null = if register.null { "null " } else { "" };
            ("pim.register", format!("{null}{flow}"))
        }
        pim::Message::RegisterStop(stop) => {
            let text = format!("({}, {})", stop.source, stop.group.group);
            ("pim.register-stop", text)
        }
        pim::Message::JoinPrune(join_prune) => of_join_prune(join_prune),
        pim::Message::Bootstrap(bootstrap) => {
            let text = format!("BSR {}, priority {}", bootstrap.bsr, bootstrap.bsr_priority);
            ("pim.bootstrap", text)
        }
        pim::Message::Assert(assert) => {
            let metric = assert.metric;
            let tree = if metric.rpt { " rpt" } else { "" };
            let text = format!(
                "({}, {}) preference {} metric {}{tree}",
                assert.source, assert.group.group, metric.preference, metric.metric
            );
            ("pim.assert", text)
        }
        pim::Message::CandidateRp(candidate) => ("pim.candidate-rp", candidate.rp.to_string()),
        pim::Message::Graft => ("pim.graft", String::new()),
        pim::Message::GraftAck => ("pim.graft-ack", String::new()),
        pim::Message::StateRefresh => ("pim.state-refresh", String::new()),
        pim::Message::Unknown(number) => ("pim.unknown", format!("type {number}")),
    };
    Said { kind, text }
}

fn of_join_prune(message: &JoinPrune) -> (&'static str, String) {
    let groups = message.groups.iter();
    let (mut joins, mut prunes) = (Vec::new(), Vec::new());
    for group in groups {
        let address = group.group.group;
        joins.extend(group.joins.iter().map(|one| route(one, address)));
        prunes.extend(group.prunes.iter().map(|one| route(one, address)));
    }
    let to = message.upstream_neighbor;
    let (kind, text) = match (joins.is_empty(), prunes.is_empty()) {
        (false, true) => ("pim.join", listed(joins.iter())),
        (true, false) => ("pim.prune", listed(prunes.iter())),
        (true, true) => ("pim.join", "nothing".to_owned()),
        (false, false) => {
            let (joins, prunes) = (listed(joins.iter()), listed(prunes.iter()));
            ("pim.join-prune", format!("join {joins}; prune {prunes}"))
        }
    };
    (kind, format!("{text} to {to}"))
}

fn route(source: &EncodedSource, group: Ipv4Addr) -> String {
    match (source.wildcard, source.rpt) {
        (true, _) => format!("(*, {group})"),
        (false, true) => format!("({}, {group}, rpt)", source.source),
        (false, false) => format!("({}, {group})", source.source),
    }
}

/// Source and destination of the packet in a Register.
#[must_use]
pub fn inner(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let header = packet.first_chunk::<20>()?;
    let [.., a, b, c, d, e, f, g, h] = *header;
    Some((Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)))
}

fn listed<T: ToString>(items: impl ExactSizeIterator<Item = T>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let named: Vec<String> = items.take(NAMED).map(|item| item.to_string()).collect();
    let named = named.join(" ");
    match more {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
