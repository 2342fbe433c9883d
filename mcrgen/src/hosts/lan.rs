//! The host side of IGMP, of all versions, for many hosts on one link: without
//! a socket and without a clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::{GroupRecord, Message, Query, Version};

use super::frame::IP_HEADER_LEN;
use super::membership::{Filter, Membership};
use crate::report::HostsReport;

const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);
/// RFC 9776 §8.12: Older Version Querier Present Interval, with the defaults.
const OLDER_QUERIER_PRESENT: Duration = Duration::from_secs(260);
/// A report without records (RFC 9776 §4.2).
const REPORT_LEN: usize = 8;
/// A record without sources.
const RECORD_LEN: usize = 8;

/// How the hosts behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The newest version they speak.
    pub version: Version,
    /// How often a change is told of.
    pub robustness: u8,
    /// The longest time between two tellings.
    pub unsolicited_report_interval: Duration,
    /// The largest IP packet in bytes.
    pub mtu: usize,
    /// Decides all random times.
    pub seed: u64,
}

/// A message to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Which host sends it.
    pub(super) host: usize,
    /// Where to.
    pub(super) group: Ipv4Addr,
    /// It.
    pub(super) message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The answer to a General Query, of version 3.
    General(usize),
    /// The answer for a group.
    Response(usize, Ipv4Addr),
    /// A change is to be told of again.
    Change(usize, Ipv4Addr),
}

#[derive(Debug, Default)]
struct Host {
    memberships: BTreeMap<Ipv4Addr, Membership>,
    general: Option<u64>,
}

/// All hosts.
#[derive(Debug)]
pub(super) struct Lan {
    settings: Settings,
    hosts: Vec<Host>,
    timers: BTreeSet<(u64, Timer)>,
    /// Who waits to answer for a group in version 1 or 2.
    waiting: BTreeMap<Ipv4Addr, BTreeSet<usize>>,
    /// Who reported a group last in version 1 or 2, where it was one of these
    /// hosts.
    reporter: BTreeMap<Ipv4Addr, usize>,
    /// Until when queriers of versions 1 and 2 are present.
    older: [u64; 2],
    rng: fastrand::Rng,
    out: VecDeque<Sent>,
    figures: HostsReport,
}

impl Lan {
    pub(super) fn new(settings: Settings, hosts: usize) -> Lan {
        Lan {
            rng: fastrand::Rng::with_seed(settings.seed),
            settings,
            hosts: (0..hosts).map(|_| Host::default()).collect(),
            timers: BTreeSet::new(),
            waiting: BTreeMap::new(),
            reporter: BTreeMap::new(),
            older: [0, 0],
            out: VecDeque::new(),
            figures: HostsReport {
                hosts: hosts as u64,
                ..HostsReport::default()
            },
        }
    }

    /// When [`Lan::timeout`] is to be called.
    pub(super) fn next(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next message to send.
    pub(super) fn pop(&mut self) -> Option<Sent> {
        self.out.pop_front()
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> HostsReport {
        HostsReport {
            pending: self.timers.len() as u64,
            ..self.figures.clone()
        }
    }

    /// Changes are still to be told of.
    pub(super) fn is_telling(&self) -> bool {
        let mut timers = self.timers.iter();
        timers.any(|(_, timer)| matches!(timer, Timer::Change(..)))
    }

    /// The host is a member of the group.
    pub(super) fn is_member(&self, host: usize, group: Ipv4Addr) -> bool {
        let membership = self.hosts[host].memberships.get(&group);
        membership.is_some_and(|membership| membership.filter.is_member())
    }

    /// The host wants this of the group from now on; the default filter leaves
    /// it.
    pub(super) fn want(&mut self, now: u64, host: usize, group: Ipv4Addr, filter: Filter) {
        let robustness = self.settings.robustness;
        let before = self.is_member(host, group);
        let after = filter.is_member();
        let membership = self.hosts[host].memberships.entry(group).or_default();
        if membership.filter == filter {
            self.forget_if_over(host, group);
            return;
        }
        membership.set(filter, robustness);
        match (before, after) {
            (false, true) => {
                self.figures.joins += 1;
                self.figures.memberships += 1;
            }
            (true, false) => {
                self.figures.leaves += 1;
                self.figures.memberships -= 1;
                self.cancel_response(host, group);
            }
            (true, true) | (false, false) => {}
        }
        self.tell(now, host, group);
    }

    /// A query was heard.
    pub(super) fn query(&mut self, now: u64, query: &Query) {
        match (query.group, query.sources.is_empty()) {
            (None, _) => self.figures.general_queries += 1,
            (Some(_), true) => self.figures.group_queries += 1,
            (Some(_), false) => self.figures.source_queries += 1,
        }
        let until = now + nanos(OLDER_QUERIER_PRESENT);
        match query.version {
            Version::V1 => self.older[0] = until,
            Version::V2 => self.older[1] = until,
            Version::V3 => {}
        }
        let most = nanos(query.max_response_time);
        for host in 0..self.hosts.len() {
            match self.version(now) {
                Version::V3 => self.asked_v3(now, host, query, most),
                Version::V1 | Version::V2 => self.asked_older(now, host, query, most),
            }
        }
    }

    /// A version 1 or 2 report of a host outside was heard.
    pub(super) fn foreign_report(&mut self, group: Ipv4Addr) {
        self.figures.foreign_reports += 1;
        self.reporter.remove(&group);
        self.suppress(group);
    }

    /// Something that is no right message was heard.
    pub(super) fn malformed(&mut self) {
        self.figures.malformed += 1;
    }

    /// Deals with what is due.
    pub(super) fn timeout(&mut self, now: u64) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::General(host) => self.answer_general(now, host),
                Timer::Response(host, group) => self.answer(now, host, group),
                Timer::Change(host, group) => {
                    if let Some(membership) = self.hosts[host].memberships.get_mut(&group) {
                        membership.change = None;
                        self.tell(now, host, group);
                    }
                }
            }
        }
    }

    /// The version in force (RFC 9776 §7.2.1).
    fn version(&self, now: u64) -> Version {
        let [v1, v2] = self.older;
        let querier = if now < v1 {
            Version::V1
        } else if now < v2 {
            Version::V2
        } else {
            Version::V3
        };
        querier.min(self.settings.version)
    }

    fn asked_v3(&mut self, now: u64, host: usize, query: &Query, most: u64) {
        let at = now + self.rng.u64(0..=most);
        let this = &mut self.hosts[host];
        // RFC 9776 §5.2, rule 1: an earlier answer tells it all.
        if this.general.is_some_and(|general| general <= at) {
            return;
        }
        let Some(group) = query.group else {
            if let Some(old) = this.general.replace(at) {
                self.timers.remove(&(old, Timer::General(host)));
            }
            self.timers.insert((at, Timer::General(host)));
            return;
        };
        let Some(membership) = this.memberships.get_mut(&group) else {
            return;
        };
        if !membership.filter.is_member() {
            return;
        }
        let whole = query.sources.is_empty()
            || (membership.response.is_some() && membership.asked.is_empty());
        if whole {
            membership.asked.clear();
        } else {
            membership.asked.extend(&query.sources);
        }
        self.respond_by(host, group, at);
    }

    fn asked_older(&mut self, now: u64, host: usize, query: &Query, most: u64) {
        let groups: Vec<Ipv4Addr> = match query.group {
            Some(group) => vec![group],
            None => self.hosts[host].memberships.keys().copied().collect(),
        };
        for group in groups {
            if self.is_member(host, group) {
                let at = now + self.rng.u64(0..=most);
                self.waiting.entry(group).or_default().insert(host);
                self.respond_by(host, group, at);
            }
        }
    }

    /// Sets the answer's time, unless it is earlier already.
    fn respond_by(&mut self, host: usize, group: Ipv4Addr, at: u64) {
        let Some(membership) = self.hosts[host].memberships.get_mut(&group) else {
            return;
        };
        if membership.response.is_some_and(|old| old <= at) {
            return;
        }
        if let Some(old) = membership.response.replace(at) {
            self.timers.remove(&(old, Timer::Response(host, group)));
        }
        self.timers.insert((at, Timer::Response(host, group)));
    }

    fn cancel_response(&mut self, host: usize, group: Ipv4Addr) {
        let membership = self.hosts[host].memberships.get_mut(&group);
        let Some(membership) = membership else {
            return;
        };
        membership.asked.clear();
        if let Some(at) = membership.response.take() {
            self.timers.remove(&(at, Timer::Response(host, group)));
        }
        if let Some(waiting) = self.waiting.get_mut(&group) {
            waiting.remove(&host);
            if waiting.is_empty() {
                self.waiting.remove(&group);
            }
        }
    }

    /// Another host has reported the group: who waited need not (RFC 2236 §3).
    fn suppress(&mut self, group: Ipv4Addr) {
        for host in self.waiting.remove(&group).unwrap_or_default() {
            self.figures.suppressed += 1;
            self.cancel_response(host, group);
        }
    }

    fn answer_general(&mut self, now: u64, host: usize) {
        self.hosts[host].general = None;
        if self.version(now) != Version::V3 {
            return;
        }
        let memberships = self.hosts[host].memberships.iter();
        let records = memberships.filter_map(|(group, membership)| membership.state(*group));
        let records = records.collect();
        self.send_records(host, records);
    }

    fn answer(&mut self, now: u64, host: usize, group: Ipv4Addr) {
        let Some(membership) = self.hosts[host].memberships.get_mut(&group) else {
            return;
        };
        membership.response = None;
        let record = membership.answer(group);
        self.cancel_response(host, group);
        match self.version(now) {
            Version::V3 => self.send_records(host, record.into_iter().collect()),
            Version::V1 | Version::V2 => self.report(now, host, group),
        }
    }

    /// Tells of what changed, and sets when to do so again.
    fn tell(&mut self, now: u64, host: usize, group: Ipv4Addr) {
        let version = self.version(now);
        let Some(membership) = self.hosts[host].memberships.get_mut(&group) else {
            return;
        };
        let records = membership.take_changes(group);
        let member = membership.filter.is_member();
        let again = membership.has_changes() && (member || version == Version::V3);
        if let Some(old) = membership.change.take() {
            self.timers.remove(&(old, Timer::Change(host, group)));
        }
        if again {
            let most = nanos(self.settings.unsolicited_report_interval);
            let at = now + self.rng.u64(0..=most);
            membership.change = Some(at);
            self.timers.insert((at, Timer::Change(host, group)));
        }
        match version {
            Version::V3 => self.send_records(host, records),
            Version::V1 | Version::V2 if member => self.report(now, host, group),
            Version::V1 => {}
            Version::V2 => self.leave(host, group),
        }
        if !again {
            self.forget_if_over(host, group);
        }
    }

    fn forget_if_over(&mut self, host: usize, group: Ipv4Addr) {
        let memberships = &mut self.hosts[host].memberships;
        let membership = memberships.get(&group);
        if membership.is_some_and(|of| !of.filter.is_member() && of.change.is_none()) {
            memberships.remove(&group);
        }
    }

    /// A version 1 or 2 report, which the other hosts hear.
    fn report(&mut self, now: u64, host: usize, group: Ipv4Addr) {
        let message = match self.version(now) {
            Version::V1 => Message::ReportV1(group),
            Version::V2 | Version::V3 => Message::ReportV2(group),
        };
        self.cancel_response(host, group);
        self.suppress(group);
        self.reporter.insert(group, host);
        self.figures.reports += 1;
        self.out.push_back(Sent {
            host,
            group,
            message,
        });
    }

    /// RFC 2236 §3: only who reported last needs to say that it leaves.
    fn leave(&mut self, host: usize, group: Ipv4Addr) {
        if self.reporter.get(&group) != Some(&host) {
            return;
        }
        self.reporter.remove(&group);
        self.figures.leave_messages += 1;
        self.out.push_back(Sent {
            host,
            group: ALL_ROUTERS,
            message: Message::Leave(group),
        });
    }

    /// Version 3 reports, as many as the MTU makes of the records.
    fn send_records(&mut self, host: usize, records: Vec<GroupRecord>) {
        let room = self.settings.mtu.saturating_sub(IP_HEADER_LEN + REPORT_LEN);
        let mut used = 0;
        let mut part = Vec::new();
        for record in records {
            let len = RECORD_LEN + 4 * record.sources.len();
            if used + len > room && !part.is_empty() {
                self.send_report(host, std::mem::take(&mut part));
                used = 0;
            }
            used += len;
            part.push(record);
        }
        if !part.is_empty() {
            self.send_report(host, part);
        }
    }

    fn send_report(&mut self, host: usize, records: Vec<GroupRecord>) {
        self.figures.reports += 1;
        self.figures.records += records.len() as u64;
        self.out.push_back(Sent {
            host,
            group: ALL_V3_ROUTERS,
            message: Message::ReportV3(records),
        });
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests;
