//! What the messages of IGMP and PIM on the links say of a group and a source:
//! who speaks PIM where, who has joined and registered, which hosts want it.
//! It needs no router's word.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_wire::igmp::{self, RecordType};
use mcr_wire::pim::{self, JoinPrune};

use crate::run::control::{Control, inner};
use crate::topology::model::LinkId;

#[cfg(test)]
mod tests;

/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// Default_Hello_Holdtime: of a Hello that tells none (RFC 7761 §4.11).
const HELLO_HOLDTIME: u16 = 105;

/// What was heard and still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// By link and sender: its DR priority, where it tells one.
    pub hellos: BTreeMap<(LinkId, Ipv4Addr), Option<u32>>,
    /// Joins: who has sent which to whom, each with when it ends.
    pub joins: BTreeMap<Join, u64>,
    /// The RP that a router named last in a Join of (*,G).
    pub rps: BTreeMap<(LinkId, Ipv4Addr), Ipv4Addr>,
    /// Registers of the source by link, sender and RP.
    pub registers: BTreeMap<(LinkId, Ipv4Addr, Ipv4Addr), u64>,
    /// By link and host: it wants the source, and said so in this version.
    pub reports: BTreeMap<(LinkId, Ipv4Addr), Report>,
    /// By link and sender: the version of its latest query.
    pub queries: BTreeMap<(LinkId, Ipv4Addr), u8>,
}

/// A Join of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    /// Where it was heard.
    pub link: LinkId,
    /// Whom it was sent to.
    pub to: Ipv4Addr,
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// Who has sent it.
    pub from: Ipv4Addr,
}

/// What a host said last of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// It wants datagrams of the source.
    pub wants: bool,
    /// The IGMP version that it speaks.
    pub version: u8,
}

impl Heard {
    /// The senders of Hellos on a link.
    pub fn speakers(&self, link: LinkId) -> impl Iterator<Item = (Ipv4Addr, Option<u32>)> {
        let all = self.hellos.iter();
        all.filter(move |((on, _), _)| *on == link)
            .map(|((_, from), priority)| (*from, *priority))
    }

    /// The Designated Router of a link (RFC 7761 §4.3.2).
    #[must_use]
    pub fn dr(&self, link: LinkId) -> Option<Ipv4Addr> {
        let all_tell = self.speakers(link).all(|(_, priority)| priority.is_some());
        let best = self
            .speakers(link)
            .max_by_key(|(from, priority)| (priority.filter(|_| all_tell), *from));
        best.map(|(from, _)| from)
    }

    /// Somebody on a link has joined the tree of this source, or (*,G), by this
    /// address; others on it keep their own Joins back then.
    #[must_use]
    pub fn has_joined(&self, link: LinkId, to: Ipv4Addr, source: Option<Ipv4Addr>) -> bool {
        let of = |join: &Join| (join.link, join.to, join.source) == (link, to, source);
        self.joins.keys().any(of)
    }

    /// The Registers of the source to an RP, as the link that showed most has
    /// them.
    #[must_use]
    pub fn registers_to(&self, rp: Ipv4Addr) -> u64 {
        let all = self.registers.iter().filter(|((_, _, to), _)| *to == rp);
        all.map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// The hosts on a link that want the source.
    pub fn members(&self, link: LinkId) -> impl Iterator<Item = (Ipv4Addr, Report)> {
        let all = self.reports.iter();
        all.filter(move |((on, _), report)| *on == link && report.wants)
            .map(|((_, host), report)| (*host, *report))
    }
}

/// Reads what was said of a group and a source until now.
#[must_use]
pub fn heard(messages: &[Control], group: Ipv4Addr, source: Ipv4Addr, now_ns: u64) -> Heard {
    let mut reader = Reader {
        group,
        source,
        heard: Heard::default(),
        until: BTreeMap::new(),
    };
    for message in messages {
        match message.protocol {
            igmp::PROTOCOL => reader.igmp(message),
            pim::PROTOCOL => reader.pim(message),
            _ => {}
        }
    }
    let Reader {
        mut heard, until, ..
    } = reader;
    heard
        .hellos
        .retain(|speaker, _| until.get(speaker).is_some_and(|until| *until > now_ns));
    heard.joins.retain(|_, until| *until > now_ns);
    heard
}

struct Reader {
    group: Ipv4Addr,
    source: Ipv4Addr,
    heard: Heard,
    /// How long Hellos hold.
    until: BTreeMap<(LinkId, Ipv4Addr), u64>,
}

impl Reader {
    fn igmp(&mut self, message: &Control) {
        let at = (message.link, message.source);
        // What cannot be read, nobody else takes either.
        let Ok(said) = igmp::Message::parse(&message.payload) else {
            return;
        };
        let wants = |wants, version| Some(Report { wants, version });
        let report = match said {
            igmp::Message::Query(query) => {
                let version = match query.version {
                    igmp::Version::V1 => 1,
                    igmp::Version::V2 => 2,
                    igmp::Version::V3 => 3,
                };
                self.heard.queries.insert(at, version);
                None
            }
            igmp::Message::ReportV1(group) if group == self.group => wants(true, 1),
            igmp::Message::ReportV2(group) if group == self.group => wants(true, 2),
            igmp::Message::Leave(group) if group == self.group => wants(false, 2),
            igmp::Message::ReportV3(records) => {
                let of_group = records.iter().filter(|one| one.group == self.group);
                let mut said = of_group.filter_map(|one| {
                    let listed = one.sources.contains(&self.source);
                    match one.record_type {
                        RecordType::IsInclude | RecordType::ToInclude => Some(listed),
                        RecordType::IsExclude | RecordType::ToExclude => Some(!listed),
                        RecordType::Allow => listed.then_some(true),
                        RecordType::Block => listed.then_some(false),
                    }
                });
                said.next_back().and_then(|last| wants(last, 3))
            }
            igmp::Message::ReportV1(_)
            | igmp::Message::ReportV2(_)
            | igmp::Message::Leave(_)
            | igmp::Message::Unknown(_) => None,
        };
        if let Some(report) = report {
            self.heard.reports.insert(at, report);
        }
    }

    fn pim(&mut self, message: &Control) {
        let (link, from) = (message.link, message.source);
        let Ok(said) = pim::Message::parse(&message.payload) else {
            return;
        };
        match said {
            pim::Message::Hello(hello) => {
                let holdtime = hello.holdtime.unwrap_or(HELLO_HOLDTIME);
                let until = end(message.at_ns, holdtime, pim::hello::HOLDTIME_FOREVER);
                self.until.insert((link, from), until);
                self.heard.hellos.insert((link, from), hello.dr_priority);
            }
            pim::Message::JoinPrune(said) => self.join_prune(message, &said),
            pim::Message::Register(register) => {
                if inner(register.packet) == Some((self.source, self.group)) {
                    let flow = (link, from, message.destination);
                    *self.heard.registers.entry(flow).or_default() += 1;
                }
            }
            pim::Message::RegisterStop(_)
            | pim::Message::Bootstrap(_)
            | pim::Message::Assert(_)
            | pim::Message::CandidateRp(_)
            | pim::Message::Graft
            | pim::Message::GraftAck
            | pim::Message::StateRefresh
            | pim::Message::Unknown(_) => {}
        }
    }

    fn join_prune(&mut self, message: &Control, said: &JoinPrune) {
        let (link, from, to) = (message.link, message.source, said.upstream_neighbor);
        let forever = pim::join_prune::HOLDTIME_FOREVER;
        let until = end(message.at_ns, said.holdtime, forever);
        let join = |source| Join {
            link,
            to,
            source,
            from,
        };
        let of_group = said.groups.iter();
        for group in of_group.filter(|one| one.group.group == self.group) {
            for one in &group.joins {
                if one.wildcard {
                    self.heard.rps.insert((link, from), one.source);
                    self.heard.joins.insert(join(None), until);
                } else if !one.rpt && one.source == self.source {
                    self.heard.joins.insert(join(Some(one.source)), until);
                }
            }
            for one in &group.prunes {
                if one.wildcard {
                    self.heard.joins.remove(&join(None));
                } else if !one.rpt {
                    self.heard.joins.remove(&join(Some(one.source)));
                }
            }
        }
    }
}

/// When something ends that holds for so many seconds.
fn end(at_ns: u64, holdtime: u16, forever: u16) -> u64 {
    if holdtime == forever {
        return u64::MAX;
    }
    at_ns.saturating_add(u64::from(holdtime) * SECOND)
}
