//! IGMP on one interface: its groups, and what messages and timers do to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::{GroupRecord, Message, Query, RecordType, Version};

use super::group::{FilterMode, Group};
use super::link::{Link, Scope};
use super::querier::QuerierState;
use super::{Membership, admit, compat};
use crate::config::IgmpVersion;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::event::MembershipChange;
use crate::router::io::Packet;
use crate::router::{Context, IgmpTimer, TimerId};
use crate::time::Instant;

const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
const ALL_V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// IGMP on an interface.
#[derive(Debug)]
pub struct IgmpInterface {
    /// The address, version and interval that the querier started with.
    address: Ipv4Addr,
    version: IgmpVersion,
    query_interval: Duration,
    pub(super) state: QuerierState,
    pub(super) groups: BTreeMap<GroupAddr, Group>,
    /// How many sources all groups hold together.
    pub(super) sources: usize,
    pub(super) warned: Option<Instant>,
    since: Instant,
}

impl IgmpInterface {
    pub(super) fn start(now: Instant, cx: &mut Context, link: Link) -> IgmpInterface {
        let mut new = IgmpInterface {
            address: link.address,
            version: link.config.version,
            query_interval: link.config.query_interval,
            state: QuerierState::initial(link),
            groups: BTreeMap::new(),
            sources: 0,
            warned: None,
            since: now,
        };
        let mut scope = new.scope(now, cx, link);
        new.start_querier(&mut scope);
        new
    }

    pub(super) fn stop(&mut self, cx: &mut Context, index: IfIndex) {
        cx.timers
            .cancel(TimerId::Igmp(IgmpTimer::GeneralQuery(index)));
        cx.timers
            .cancel(TimerId::Igmp(IgmpTimer::OtherQuerierPresent(index)));
        for group in self.groups.values() {
            group.cancel_timers(cx, index);
        }
        self.groups.clear();
    }

    /// Follows new settings or addresses; hosts' memberships stay, except those
    /// that are not permitted any more.
    pub(super) fn adapt(&mut self, now: Instant, cx: &mut Context, link: Link) {
        let mut scope = self.scope(now, cx, link);
        let interval = link.config.query_interval;
        let restart = self.address != link.address || self.version != link.config.version;
        let asks_otherwise = self.query_interval != interval;
        self.address = link.address;
        self.version = link.config.version;
        self.query_interval = interval;
        if restart {
            self.start_querier(&mut scope);
        } else if asks_otherwise && scope.timing.querier {
            scope.lower(IgmpTimer::GeneralQuery(link.index()), interval);
        }
        self.groups.retain(|address, group| {
            let any_source = group.mode() == FilterMode::Exclude;
            let keep = link.permits(*address) && !(any_source && link.is_ssm(*address));
            if !keep {
                self.sources -= group.sources();
                group.cancel_timers(scope.cx, link.index());
            }
            keep
        });
    }

    /// Takes a message in; the groups that it may have changed.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        cx: &mut Context,
        link: Link,
        packet: &Packet,
        message: Message,
    ) -> BTreeSet<GroupAddr> {
        let mut scope = self.scope(now, cx, link);
        let scope = &mut scope;
        let mut touched = BTreeSet::new();
        scope.count(received(&message));
        if let Some(reason) = refusal(link, packet, &message) {
            scope.count(reason);
            return touched;
        }
        match message {
            Message::Query(query) => self.query_heard(scope, packet.src, &query),
            Message::ReportV1(group) => {
                touched.extend(self.older_report(scope, packet.src, group, Version::V1));
            }
            Message::ReportV2(group) => {
                touched.extend(self.older_report(scope, packet.src, group, Version::V2));
            }
            Message::Leave(group) => touched.extend(self.leave(scope, packet.src, group)),
            Message::ReportV3(records) => {
                for record in &records {
                    touched.extend(self.record(scope, packet.src, record));
                }
            }
            Message::Unknown(_) => {}
        }
        touched
    }

    /// Deals with a timer; the group that changed, and how what it ended did.
    pub(super) fn timeout(
        &mut self,
        now: Instant,
        cx: &mut Context,
        link: Link,
        timer: IgmpTimer,
    ) -> Option<(GroupAddr, MembershipChange)> {
        let mut scope = self.scope(now, cx, link);
        let scope = &mut scope;
        match timer {
            IgmpTimer::GeneralQuery(_) => {
                self.general_query_due(scope);
                None
            }
            IgmpTimer::OtherQuerierPresent(_) => {
                self.other_querier_gone(scope);
                None
            }
            IgmpTimer::GroupMembership(_, group) => {
                let why = self.change(scope, group, Group::group_timer_over)?;
                Some((group, why))
            }
            IgmpTimer::Source(_, group, source) => {
                let why = self.change(scope, group, |group, scope| {
                    group.source_timer_over(scope, source)
                })?;
                Some((group, why))
            }
            IgmpTimer::SpecificQuery(_, group) => {
                self.change(scope, group, Group::send_due_queries);
                None
            }
            // The mode is read from the timers themselves.
            IgmpTimer::V1HostPresent(..) | IgmpTimer::V2HostPresent(..) => None,
        }
    }

    /// What hosts and the configuration together want of a group.
    pub(super) fn membership(&self, link: Link, address: GroupAddr) -> Option<Membership> {
        let mut configured = BTreeSet::new();
        let mut any = false;
        for source in link.static_sources(address) {
            match source {
                Some(source) => {
                    configured.insert(source);
                }
                None => any = true,
            }
        }
        let group = self.groups.get(&address);
        let excluded = group.filter(|group| group.mode() == FilterMode::Exclude);
        if any {
            return Some(Membership::Exclude(BTreeSet::new()));
        }
        if let Some(group) = excluded {
            let blocked = group.blocked().difference(&configured);
            return Some(Membership::Exclude(blocked.copied().collect()));
        }
        configured.extend(group.into_iter().flat_map(Group::forward));
        (!configured.is_empty()).then_some(Membership::Include(configured))
    }

    /// The querier's address, which may be this router's.
    pub fn querier(&self) -> Ipv4Addr {
        match self.state {
            QuerierState::Querier { .. } => self.address,
            QuerierState::NonQuerier { querier, .. } => querier,
        }
    }

    /// This router's part.
    pub fn state(&self) -> QuerierState {
        self.state
    }

    /// Since when IGMP runs here.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The groups that hosts have joined.
    pub fn groups(&self) -> impl Iterator<Item = (GroupAddr, &Group)> {
        self.groups.iter().map(|(address, group)| (*address, group))
    }

    /// The state of a group that hosts have joined.
    pub fn group(&self, address: GroupAddr) -> Option<&Group> {
        self.groups.get(&address)
    }

    fn scope<'a>(&self, now: Instant, cx: &'a mut Context, link: Link<'a>) -> Scope<'a> {
        Scope {
            now,
            cx,
            timing: self.state.timing(link),
            link,
        }
    }

    fn query_heard(&mut self, scope: &mut Scope, src: Ipv4Addr, query: &Query) {
        self.check_version(scope, src, query.version);
        let from_querier = self.elect(scope, src, query);
        if !from_querier || query.suppress {
            return;
        }
        let group = query
            .group
            .and_then(|group| GroupAddr::try_from(group).ok());
        if let Some(group) = group {
            self.change(scope, group, |group, scope| group.queried(scope, query));
        }
    }

    fn older_report(
        &mut self,
        scope: &mut Scope,
        src: Ipv4Addr,
        address: Ipv4Addr,
        version: Version,
    ) -> Option<GroupAddr> {
        let group = admit::group(scope, address)?;
        if scope.link.is_ssm(group) {
            scope.count("igmp.drop.ssm");
            return None;
        }
        if !self.has_room(scope, group) {
            return None;
        }
        compat::heard(scope, group, version);
        self.apply(scope, src, group, RecordType::IsExclude, &BTreeSet::new());
        Some(group)
    }

    fn leave(&mut self, scope: &mut Scope, src: Ipv4Addr, address: Ipv4Addr) -> Option<GroupAddr> {
        let record = GroupRecord {
            record_type: RecordType::ToInclude,
            group: address,
            sources: Vec::new(),
        };
        if !scope.timing.querier {
            scope.count("igmp.drop.leave-not-querier");
            return None;
        }
        let group = admit::group(scope, address)?;
        if scope.link.is_ssm(group) {
            scope.count("igmp.drop.ssm");
            return None;
        }
        self.record(scope, src, &record)
    }

    fn record(
        &mut self,
        scope: &mut Scope,
        src: Ipv4Addr,
        record: &GroupRecord,
    ) -> Option<GroupAddr> {
        let group = admit::group(scope, record.group)?;
        let excludes = match record.record_type {
            RecordType::IsExclude | RecordType::ToExclude => true,
            RecordType::IsInclude
            | RecordType::ToInclude
            | RecordType::Allow
            | RecordType::Block => false,
        };
        // RFC 4604 §2.2.1.
        if excludes && scope.link.is_ssm(group) {
            scope.count("igmp.drop.ssm");
            return None;
        }
        let sources = admit::sources(scope, &record.sources);
        let oldest = compat::oldest_host(&scope.cx.timers, scope.link.index(), group);
        let (kind, sources) = compat::meaning(oldest, record.record_type, sources)?;
        let known = self.groups.contains_key(&group);
        if !known && (!admit::joins(kind, &sources) || !self.has_room(scope, group)) {
            return None;
        }
        let sources = self.fitting(scope, group, sources);
        self.apply(scope, src, group, kind, &sources);
        Some(group)
    }

    fn apply(
        &mut self,
        scope: &mut Scope,
        src: Ipv4Addr,
        address: GroupAddr,
        record: RecordType,
        sources: &BTreeSet<UnicastAddr>,
    ) {
        let new = || Group::new(address, scope.now);
        self.groups.entry(address).or_insert_with(new);
        self.change(scope, address, |group, scope| {
            group.reported_by(src);
            group.report(scope, record, sources);
        });
    }

    /// Does something to a group, which may end it; `None` where there is none.
    fn change<T>(
        &mut self,
        scope: &mut Scope,
        address: GroupAddr,
        what: impl FnOnce(&mut Group, &mut Scope) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(&address)?;
        self.sources -= group.sources();
        let result = what(group, scope);
        if group.is_over() {
            group.cancel_timers(scope.cx, scope.link.index());
            self.groups.remove(&address);
        } else {
            self.sources += group.sources();
        }
        Some(result)
    }
}

/// Why a message is not listened to.
fn refusal(link: Link, packet: &Packet, message: &Message) -> Option<&'static str> {
    if link.config.require_router_alert && !packet.router_alert {
        return Some("igmp.drop.router-alert");
    }
    // RFC 9776 §4.2.13: a host without an address yet reports from 0.0.0.0.
    if !packet.src.is_unspecified() && !link.iface.on_link(packet.src) {
        return Some("igmp.drop.off-link");
    }
    let own = link.iface.owns(packet.dst);
    let to = |address| packet.dst == address;
    let (addressed, known) = match message {
        Message::Query(query) => (own || to(query.group.unwrap_or(ALL_SYSTEMS)), true),
        Message::ReportV1(group) | Message::ReportV2(group) => (own || to(*group), true),
        // RFC 2236 §9: some hosts send the leave to the group itself.
        Message::Leave(group) => (to(ALL_ROUTERS) || to(*group), true),
        Message::ReportV3(_) => (
            own || to(ALL_V3_ROUTERS),
            link.config.version == IgmpVersion::V3,
        ),
        Message::Unknown(_) => return Some("igmp.drop.unknown-type"),
    };
    if !known {
        return Some("igmp.drop.version");
    }
    (!addressed).then_some("igmp.drop.destination")
}

fn received(message: &Message) -> &'static str {
    match message {
        Message::Query(query) => match query.version {
            Version::V1 => "igmp.rx.query-v1",
            Version::V2 => "igmp.rx.query-v2",
            Version::V3 => "igmp.rx.query-v3",
        },
        Message::ReportV1(_) => "igmp.rx.report-v1",
        Message::ReportV2(_) => "igmp.rx.report-v2",
        Message::ReportV3(_) => "igmp.rx.report-v3",
        Message::Leave(_) => "igmp.rx.leave",
        Message::Unknown(_) => "igmp.rx.unknown",
    }
}
