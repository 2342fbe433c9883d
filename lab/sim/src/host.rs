//! A host: the member side of IGMP (RFC 9776 §5, RFC 2236 §6, RFC 1112).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::rng::Rng;
use mcr_proto::time::Instant;
use mcr_proto::timers::Timers;
use mcr_wire::igmp::{GroupRecord, Message, Query, RecordType, Version};

/// The Robustness Variable of a host: how often it tells a change.
const ROBUSTNESS: u8 = 2;
/// Unsolicited Report Interval of versions 3 and 2 (RFC 9776 §8.11, RFC 2236
/// §8.10).
const UNSOLICITED_V3: Duration = Duration::from_secs(1);
const UNSOLICITED_V2: Duration = Duration::from_secs(10);
/// Older Version Querier Present Timeout with the defaults (RFC 9776 §8.12).
const OLDER_QUERIER_PRESENT: Duration = Duration::from_secs(260);

pub(crate) const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
pub(crate) const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// What a host wants of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// From these sources only; from none where there is no source.
    Include(BTreeSet<UnicastAddr>),
    /// From every source but these.
    Exclude(BTreeSet<UnicastAddr>),
}

impl Filter {
    /// From every source.
    pub fn any() -> Filter {
        Filter::Exclude(BTreeSet::new())
    }

    /// From this source only.
    pub fn source(source: UnicastAddr) -> Filter {
        Filter::Include(BTreeSet::from([source]))
    }

    /// From no source.
    pub fn none() -> Filter {
        Filter::Include(BTreeSet::new())
    }

    /// Whether packets of the source are wanted.
    pub fn wants(&self, source: UnicastAddr) -> bool {
        match self {
            Filter::Include(sources) => sources.contains(&source),
            Filter::Exclude(sources) => !sources.contains(&source),
        }
    }

    fn record(&self, group: GroupAddr, include: RecordType, exclude: RecordType) -> GroupRecord {
        match self {
            Filter::Include(sources) => record(include, group, sources),
            Filter::Exclude(sources) => record(exclude, group, sources),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostTimer {
    /// The answer to a General Query.
    General,
    /// The answer to a query of this group, or the report of one.
    Group(GroupAddr),
    /// The next telling of a change.
    Change(GroupAddr),
    /// Until then a querier of the older version is there.
    Older(Version),
}

/// A message with its destination.
pub type Sent = (Ipv4Addr, Message);

/// A host's memberships.
#[derive(Debug)]
pub struct Host {
    version: Version,
    filters: BTreeMap<GroupAddr, Filter>,
    changes: BTreeMap<GroupAddr, (u8, Vec<GroupRecord>)>,
    /// Sources that the pending answer is asked for; `None` asks for all.
    asked: BTreeMap<GroupAddr, Option<BTreeSet<UnicastAddr>>>,
    last_reporter: BTreeSet<GroupAddr>,
    timers: Timers<HostTimer>,
}

impl Host {
    /// A host that speaks this version.
    pub fn new(version: Version) -> Host {
        Host {
            version,
            filters: BTreeMap::new(),
            changes: BTreeMap::new(),
            asked: BTreeMap::new(),
            last_reporter: BTreeSet::new(),
            timers: Timers::default(),
        }
    }

    /// Speaks this version from now on.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether it wants packets of the source to the group.
    pub fn wants(&self, source: UnicastAddr, group: GroupAddr) -> bool {
        let filter = self.filters.get(&group);
        filter.is_some_and(|filter| filter.wants(source))
    }

    /// What it wants.
    pub fn filters(&self) -> &BTreeMap<GroupAddr, Filter> {
        &self.filters
    }

    /// When [`Host::timeout`] is to be called.
    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// The version it speaks now (RFC 9776 §7.2.1).
    pub fn speaks(&self) -> Version {
        let older = [Version::V1, Version::V2].into_iter();
        let heard = older.filter(|version| self.timers.is_set(HostTimer::Older(*version)));
        heard
            .min()
            .map_or(self.version, |heard| heard.min(self.version))
    }

    /// Wants something else of the group from now on; [`Filter::Include`] of no
    /// source leaves it.
    pub fn set(&mut self, now: Instant, rng: &mut Rng, group: GroupAddr, new: Filter) -> Vec<Sent> {
        let old = self.filters.remove(&group).unwrap_or_else(Filter::none);
        if new != Filter::none() {
            self.filters.insert(group, new.clone());
        }
        if old == new {
            return Vec::new();
        }
        match self.speaks() {
            Version::V3 => self.change_v3(now, rng, group, &old, &new),
            version @ (Version::V1 | Version::V2) => {
                self.change_older(now, rng, group, version, &old, &new)
            }
        }
    }

    /// RFC 9776 §5.1.
    fn change_v3(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        group: GroupAddr,
        old: &Filter,
        new: &Filter,
    ) -> Vec<Sent> {
        let records = match (old, new, self.changes.contains_key(&group)) {
            (Filter::Include(old), Filter::Include(new), false) => differences(
                group,
                (RecordType::Allow, new, old),
                (RecordType::Block, old, new),
            ),
            (Filter::Exclude(old), Filter::Exclude(new), false) => differences(
                group,
                (RecordType::Allow, old, new),
                (RecordType::Block, new, old),
            ),
            // A change before the last one was told often enough tells the
            // whole of what is wanted.
            (Filter::Include(_), Filter::Exclude(_), _)
            | (Filter::Exclude(_), Filter::Include(_), _)
            | (_, _, true) => {
                vec![new.record(group, RecordType::ToInclude, RecordType::ToExclude)]
            }
        };
        self.changes.insert(group, (ROBUSTNESS, records));
        self.tell_change(now, rng, group)
    }

    fn change_older(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        group: GroupAddr,
        version: Version,
        old: &Filter,
        new: &Filter,
    ) -> Vec<Sent> {
        if *new == Filter::none() {
            self.timers.cancel(HostTimer::Group(group));
            let last = self.last_reporter.remove(&group);
            return match version {
                Version::V2 if last => vec![(ALL_ROUTERS, Message::Leave(group.get()))],
                Version::V1 | Version::V2 | Version::V3 => Vec::new(),
            };
        }
        if *old != Filter::none() {
            return Vec::new();
        }
        let again = now + rng.up_to(UNSOLICITED_V2);
        self.timers.set(HostTimer::Group(group), again);
        self.report_older(group)
    }

    fn tell_change(&mut self, now: Instant, rng: &mut Rng, group: GroupAddr) -> Vec<Sent> {
        let Some((left, records)) = self.changes.get_mut(&group) else {
            return Vec::new();
        };
        *left -= 1;
        let message = Message::ReportV3(records.clone());
        if *left == 0 {
            self.changes.remove(&group);
        } else {
            let again = now + rng.up_to(UNSOLICITED_V3);
            self.timers.set(HostTimer::Change(group), again);
        }
        vec![(ALL_V3_ROUTERS, message)]
    }

    fn report_older(&mut self, group: GroupAddr) -> Vec<Sent> {
        self.last_reporter.insert(group);
        let message = match self.speaks() {
            Version::V1 => Message::ReportV1(group.get()),
            Version::V2 | Version::V3 => Message::ReportV2(group.get()),
        };
        vec![(group.get(), message)]
    }

    /// A message arrived.
    pub fn receive(&mut self, now: Instant, rng: &mut Rng, message: &Message) {
        match message {
            Message::Query(query) => self.query(now, rng, query),
            Message::ReportV1(group) | Message::ReportV2(group) => self.suppress(*group),
            Message::Leave(_) | Message::ReportV3(_) | Message::Unknown(_) => {}
        }
    }

    /// RFC 2236 §3: another member reported, so this one need not.
    fn suppress(&mut self, group: Ipv4Addr) {
        let Ok(group) = GroupAddr::try_from(group) else {
            return;
        };
        if self.speaks() != Version::V3 {
            self.timers.cancel(HostTimer::Group(group));
            self.last_reporter.remove(&group);
        }
    }

    fn query(&mut self, now: Instant, rng: &mut Rng, query: &Query) {
        if query.version < self.version {
            let older = HostTimer::Older(query.version);
            self.timers.set(older, now + OLDER_QUERIER_PRESENT);
        }
        let answer = now + rng.up_to(query.max_response_time);
        let Some(group) = query.group else {
            return self.general_query(answer);
        };
        let Some(group) = self.known(group) else {
            return;
        };
        let sources: BTreeSet<_> = query
            .sources
            .iter()
            .filter_map(|source| UnicastAddr::try_from(*source).ok())
            .collect();
        // RFC 9776 §5.2: a query of the whole group covers what was asked
        // before; more sources are added.
        let asked = match (self.asked.remove(&group), sources.is_empty()) {
            (None, false) => Some(sources),
            (Some(Some(before)), false) => Some(&before | &sources),
            (None | Some(_), true) | (Some(None), false) => None,
        };
        self.asked.insert(group, asked);
        self.timers.shorten(HostTimer::Group(group), answer);
    }

    fn general_query(&mut self, answer: Instant) {
        match self.speaks() {
            Version::V3 => self.timers.shorten(HostTimer::General, answer),
            Version::V1 | Version::V2 => {
                for group in self.filters.keys() {
                    self.timers.shorten(HostTimer::Group(*group), answer);
                }
            }
        }
    }

    fn known(&self, group: Ipv4Addr) -> Option<GroupAddr> {
        let group = GroupAddr::try_from(group).ok()?;
        self.filters.contains_key(&group).then_some(group)
    }

    /// Deals with the timers that have run out.
    pub fn timeout(&mut self, now: Instant, rng: &mut Rng) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(timer) = self.timers.pop_expired(now) {
            sent.extend(match timer {
                HostTimer::General => self.answer_general(),
                HostTimer::Group(group) => self.answer_group(group),
                HostTimer::Change(group) => self.tell_change(now, rng, group),
                HostTimer::Older(_) => Vec::new(),
            });
        }
        sent
    }

    fn answer_general(&self) -> Vec<Sent> {
        let record = |(group, filter): (&GroupAddr, &Filter)| {
            filter.record(*group, RecordType::IsInclude, RecordType::IsExclude)
        };
        let records: Vec<_> = self.filters.iter().map(record).collect();
        match records.is_empty() {
            true => Vec::new(),
            false => vec![(ALL_V3_ROUTERS, Message::ReportV3(records))],
        }
    }

    fn answer_group(&mut self, group: GroupAddr) -> Vec<Sent> {
        let asked = self.asked.remove(&group).flatten();
        let Some(filter) = self.filters.get(&group) else {
            return Vec::new();
        };
        if self.speaks() != Version::V3 {
            return self.report_older(group);
        }
        let record = match asked {
            None => filter.record(group, RecordType::IsInclude, RecordType::IsExclude),
            Some(asked) => {
                let wanted = asked.into_iter().filter(|source| filter.wants(*source));
                record(RecordType::IsInclude, group, &wanted.collect())
            }
        };
        match (record.record_type, record.sources.is_empty()) {
            (RecordType::IsInclude, true) => Vec::new(),
            _ => vec![(ALL_V3_ROUTERS, Message::ReportV3(vec![record]))],
        }
    }
}

fn record(kind: RecordType, group: GroupAddr, sources: &BTreeSet<UnicastAddr>) -> GroupRecord {
    GroupRecord {
        record_type: kind,
        group: group.get(),
        sources: sources.iter().map(|source| source.get()).collect(),
    }
}

/// One side of a change: the type, and two sets whose difference it tells.
type Side<'a> = (
    RecordType,
    &'a BTreeSet<UnicastAddr>,
    &'a BTreeSet<UnicastAddr>,
);

fn differences(group: GroupAddr, one: Side<'_>, other: Side<'_>) -> Vec<GroupRecord> {
    [one, other]
        .into_iter()
        .map(|(kind, of, without)| record(kind, group, &(of - without)))
        .filter(|record| !record.sources.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
