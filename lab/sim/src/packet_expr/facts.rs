//! What expressions can ask of a packet.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_wire::igmp::{self, GroupRecord, RecordType, Version};
use mcr_wire::pim::{self, EncodedSource, JoinPrune, JoinPruneGroup};

use super::{Field, Kind};

/// The IP protocol of datagrams.
const UDP: u8 = 17;

/// An IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The IP source.
    pub source: Ipv4Addr,
    /// The IP destination.
    pub destination: Ipv4Addr,
    /// Its TTL.
    pub ttl: u8,
    /// The IP protocol.
    pub protocol: u8,
    /// What follows the IP header; of a datagram no more than its start is
    /// looked at.
    pub payload: &'a [u8],
}

/// A tree that a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) group: Ipv4Addr,
    pub(super) tree: Tree,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// (*,G), with its RP where the message names it.
    Star { rp: Option<Ipv4Addr> },
    /// (S,G), or (S,G,rpt).
    Source { source: Ipv4Addr, rpt: bool },
}

fn star(group: Ipv4Addr) -> Entry {
    let tree = Tree::Star { rp: None };
    Entry { group, tree }
}

fn source(source: Ipv4Addr, group: Ipv4Addr) -> Entry {
    let tree = Tree::Source { source, rpt: false };
    Entry { group, tree }
}

enum Message<'a> {
    Data,
    Igmp(igmp::Message),
    Pim(pim::Message<'a>),
}

/// A packet with what it says.
pub(super) struct Facts<'a> {
    pub(super) packet: Packet<'a>,
    message: Message<'a>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(packet: &Packet<'a>) -> Option<Facts<'a>> {
        let message = match packet.protocol {
            igmp::PROTOCOL => Message::Igmp(igmp::Message::parse(packet.payload).ok()?),
            pim::PROTOCOL => Message::Pim(pim::Message::parse(packet.payload).ok()?),
            UDP => Message::Data,
            _ => return None,
        };
        Some(Facts {
            packet: *packet,
            message,
        })
    }

    /// What the message is about, where it is one of this kind.
    pub(super) fn entries(&self, kind: Kind) -> Option<Vec<Entry>> {
        match &self.message {
            Message::Data => (kind == Kind::Data).then(|| self.flow().into_iter().collect()),
            Message::Igmp(message) => of_igmp(message, kind),
            Message::Pim(message) => of_pim(message, kind),
        }
    }

    /// What a datagram belongs to, where it goes to a group.
    fn flow(&self) -> Option<Entry> {
        let (from, to) = (self.packet.source, self.packet.destination);
        to.is_multicast().then(|| source(from, to))
    }

    /// The message itself says that it is for one of these: as the upstream
    /// neighbour, or as the RP of one of the trees that are meant.
    pub(super) fn is_for(&self, to: &BTreeSet<Ipv4Addr>, meant: &[&Entry]) -> bool {
        let upstream = match &self.message {
            Message::Pim(pim::Message::JoinPrune(message)) => Some(message.upstream_neighbor),
            Message::Pim(_) | Message::Igmp(_) | Message::Data => None,
        };
        let rp = |entry: &&Entry| match entry.tree {
            Tree::Star { rp } => rp.is_some_and(|rp| to.contains(&rp)),
            Tree::Source { .. } => false,
        };
        upstream.is_some_and(|upstream| to.contains(&upstream)) || meant.iter().any(rp)
    }

    /// How much follows the IP header; a datagram says it in its UDP header.
    fn length(&self) -> Option<u64> {
        let payload = self.packet.payload;
        match self.message {
            Message::Data => {
                let [.., high, low] = *payload.first_chunk::<6>()?;
                Some(u16::from_be_bytes([high, low]).into())
            }
            Message::Igmp(_) | Message::Pim(_) => Some(payload.len() as u64),
        }
    }

    pub(super) fn field(&self, field: Field) -> Option<u64> {
        match field {
            Field::Ttl => return Some(self.packet.ttl.into()),
            Field::Length => return self.length(),
            Field::Version
            | Field::MaxRespTime
            | Field::Qrv
            | Field::Qqi
            | Field::Holdtime
            | Field::DrPriority
            | Field::GenerationId
            | Field::Priority
            | Field::Preference
            | Field::Metric => {}
        }
        match &self.message {
            Message::Data => None,
            Message::Igmp(message) if field == Field::Version => version(message),
            Message::Igmp(igmp::Message::Query(query)) => of_query(query, field),
            Message::Igmp(_) => None,
            Message::Pim(message) => number(message, field),
        }
    }
}

/// What a query tells: Max Resp Time in tenths of a second, QRV, and QQI in
/// seconds (RFC 9776 §4.1); the last two are v3's.
fn of_query(query: &igmp::Query, field: Field) -> Option<u64> {
    let v3 = query.version == Version::V3;
    match field {
        Field::MaxRespTime if query.version == Version::V1 => None,
        Field::MaxRespTime => u64::try_from(query.max_response_time.as_millis() / 100).ok(),
        Field::Qrv => v3.then_some(query.robustness.into()),
        Field::Qqi => v3.then_some(query.query_interval.as_secs()),
        Field::Ttl | Field::Length | Field::Version | Field::Holdtime => None,
        Field::DrPriority | Field::GenerationId | Field::Priority => None,
        Field::Preference | Field::Metric => None,
    }
}

fn version(message: &igmp::Message) -> Option<u64> {
    match message {
        igmp::Message::Query(query) => Some(match query.version {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        }),
        igmp::Message::ReportV1(_) => Some(1),
        igmp::Message::ReportV2(_) | igmp::Message::Leave(_) => Some(2),
        igmp::Message::ReportV3(_) => Some(3),
        igmp::Message::Unknown(_) => None,
    }
}

fn number(message: &pim::Message<'_>, field: Field) -> Option<u64> {
    match (message, field) {
        (_, Field::Version) => Some(2),
        (pim::Message::Hello(hello), Field::Holdtime) => hello.holdtime.map(Into::into),
        (pim::Message::Hello(hello), Field::DrPriority) => hello.dr_priority.map(Into::into),
        (pim::Message::Hello(hello), Field::GenerationId) => hello.generation_id.map(Into::into),
        (pim::Message::JoinPrune(message), Field::Holdtime) => Some(message.holdtime.into()),
        (pim::Message::CandidateRp(candidate), Field::Holdtime) => Some(candidate.holdtime.into()),
        (pim::Message::CandidateRp(candidate), Field::Priority) => Some(candidate.priority.into()),
        (pim::Message::Bootstrap(message), Field::Priority) => Some(message.bsr_priority.into()),
        (pim::Message::Assert(assert), Field::Preference) => Some(assert.metric.preference.into()),
        (pim::Message::Assert(assert), Field::Metric) => Some(assert.metric.metric.into()),
        _ => None,
    }
}

fn of_igmp(message: &igmp::Message, kind: Kind) -> Option<Vec<Entry>> {
    let (own, entries) = match message {
        igmp::Message::Query(query) => {
            let group = query.group.into_iter();
            let entries = group.flat_map(|group| about(group, &query.sources));
            (Kind::Query, entries.collect())
        }
        igmp::Message::ReportV1(group) | igmp::Message::ReportV2(group) => {
            (Kind::Report, vec![star(*group)])
        }
        igmp::Message::Leave(group) => (Kind::Leave, vec![star(*group)]),
        igmp::Message::ReportV3(records) => return of_records(records, kind),
        igmp::Message::Unknown(_) => return (kind == Kind::Igmp).then(Vec::new),
    };
    (kind == own || kind == Kind::Igmp).then_some(entries)
}

/// (*,G) where no source is named, (S,G) of each otherwise.
fn about(group: Ipv4Addr, sources: &[Ipv4Addr]) -> Vec<Entry> {
    if sources.is_empty() {
        return vec![star(group)];
    }
    sources.iter().map(|one| source(*one, group)).collect()
}

/// One report may say both that hosts want something and that they do not any
/// more; it is of either kind then. A kind that names a type of records means
/// their sources as they are written.
fn of_records(records: &[GroupRecord], kind: Kind) -> Option<Vec<Entry>> {
    if let Kind::Record(wanted) = kind {
        let records = records.iter().filter(|one| one.record_type == wanted);
        let entries = records.flat_map(|one| about(one.group, &one.sources));
        let entries: Vec<Entry> = entries.collect();
        return (!entries.is_empty()).then_some(entries);
    }
    let (mut wanted, mut left) = (Vec::new(), Vec::new());
    for record in records {
        let group = record.group;
        let entries = record.sources.iter().map(|one| source(*one, group));
        match (record.record_type, record.sources.is_empty()) {
            (RecordType::IsExclude | RecordType::ToExclude, _) => wanted.push(star(group)),
            (RecordType::ToInclude, true) => left.push(star(group)),
            (RecordType::IsInclude | RecordType::ToInclude | RecordType::Allow, _) => {
                wanted.extend(entries);
            }
            (RecordType::Block, _) => left.extend(entries),
        }
    }
    if kind == Kind::Igmp {
        wanted.extend(left);
        return Some(wanted);
    }
    let entries = if kind == Kind::Report {
        wanted
    } else if kind == Kind::Leave {
        left
    } else {
        return None;
    };
    (!entries.is_empty()).then_some(entries)
}

fn of_pim(message: &pim::Message<'_>, kind: Kind) -> Option<Vec<Entry>> {
    let (own, entries) = match message {
        pim::Message::Hello(_) => (Kind::Hello, Vec::new()),
        pim::Message::Register(register) => {
            let flow = inner(register.packet);
            let entries = flow.map(|(from, group)| source(from, group));
            let own = if register.null {
                Kind::NullRegister
            } else {
                Kind::Register
            };
            (own, entries.into_iter().collect())
        }
        pim::Message::RegisterStop(stop) => {
            // An address of 0 stands for all sources (RFC 7761 §4.9.4).
            let entry = match stop.source.is_unspecified() {
                true => star(stop.group.group),
                false => source(stop.source, stop.group.group),
            };
            (Kind::RegisterStop, vec![entry])
        }
        pim::Message::JoinPrune(message) => return of_join_prune(message, kind),
        pim::Message::Bootstrap(_) => (Kind::Bootstrap, Vec::new()),
        pim::Message::Assert(assert) => {
            let group = assert.group.group;
            let entry = match assert.metric.rpt {
                true => star(group),
                false => source(assert.source, group),
            };
            (Kind::Assert, vec![entry])
        }
        pim::Message::CandidateRp(_) => (Kind::CandidateRp, Vec::new()),
        pim::Message::Graft => (Kind::Graft, Vec::new()),
        pim::Message::GraftAck => (Kind::GraftAck, Vec::new()),
        pim::Message::StateRefresh => (Kind::StateRefresh, Vec::new()),
        pim::Message::Unknown(_) => return (kind == Kind::Pim).then(Vec::new),
    };
    (kind == own || kind == Kind::Pim).then_some(entries)
}

fn of_join_prune(message: &JoinPrune, kind: Kind) -> Option<Vec<Entry>> {
    let all = |of: fn(&JoinPruneGroup) -> &[EncodedSource]| {
        let groups = message.groups.iter();
        let entries = groups.flat_map(move |group| {
            let sources = of(group).iter();
            sources.map(|one| joined(one, group.group.group))
        });
        entries.collect::<Vec<Entry>>()
    };
    let (joins, prunes) = (all(|group| &group.joins), all(|group| &group.prunes));
    if kind == Kind::Pim {
        return Some([joins, prunes].concat());
    }
    let entries = if kind == Kind::Join {
        joins
    } else if kind == Kind::Prune {
        prunes
    } else {
        return None;
    };
    (!entries.is_empty()).then_some(entries)
}

fn joined(one: &EncodedSource, group: Ipv4Addr) -> Entry {
    let tree = match one.wildcard {
        true => Tree::Star {
            rp: Some(one.source),
        },
        false => Tree::Source {
            source: one.source,
            rpt: one.rpt,
        },
    };
    Entry { group, tree }
}

/// Source and group of the packet in a Register. It may be cut short, so its
/// length is not looked at.
fn inner(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let header = packet.first_chunk::<20>()?;
    let [.., a, b, c, d, e, f, g, h] = *header;
    Some((Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)))
}
