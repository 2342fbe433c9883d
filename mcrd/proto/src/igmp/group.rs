//! The state of one group on one interface, and the tables of RFC 9776 §6.4 and
//! §6.5. A v1 or v2 report and a leave are rows of the same tables (§7.3.2).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::RecordType;

use super::link::Scope;
use super::query::Check;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::event::MembershipChange;
use crate::router::{Context, IgmpTimer, TimerId};
use crate::time::Instant;

/// The filter mode of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterMode {
    /// Only from the sources that were asked for.
    Include,
    /// From every source but those that nobody wants.
    Exclude,
}

/// A group that hosts on an interface have joined.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) address: GroupAddr,
    pub(super) mode: FilterMode,
    /// The sources whose timers run: A of INCLUDE (A), X of EXCLUDE (X,Y).
    pub(super) forward: BTreeMap<UnicastAddr, Check>,
    /// The sources whose timers have run out: Y of EXCLUDE (X,Y).
    pub(super) blocked: BTreeSet<UnicastAddr>,
    /// Whether anybody wants the group without naming sources.
    pub(super) check: Check,
    since: Instant,
    last_reporter: Option<Ipv4Addr>,
}

type Sources = BTreeSet<UnicastAddr>;

impl Group {
    /// INCLUDE ({}), the state of a group nobody has joined.
    pub(super) fn new(address: GroupAddr, now: Instant) -> Group {
        Group {
            address,
            mode: FilterMode::Include,
            forward: BTreeMap::new(),
            blocked: BTreeSet::new(),
            check: Check::default(),
            since: now,
            last_reporter: None,
        }
    }

    /// The filter mode.
    pub fn mode(&self) -> FilterMode {
        self.mode
    }

    /// The sources whose packets are wanted by name; their timers run.
    pub fn forward(&self) -> impl Iterator<Item = UnicastAddr> {
        self.forward.keys().copied()
    }

    /// The sources nobody wants, in EXCLUDE mode.
    pub fn blocked(&self) -> &BTreeSet<UnicastAddr> {
        &self.blocked
    }

    /// Since when it has members.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Who reported it last; 0.0.0.0 is a proxy or a switch (RFC 4541 §2.1.1).
    pub fn last_reporter(&self) -> Option<Ipv4Addr> {
        self.last_reporter
    }

    /// How many sources it holds.
    pub fn sources(&self) -> usize {
        self.forward.len() + self.blocked.len()
    }

    pub(super) fn knows(&self, source: UnicastAddr) -> bool {
        self.forward.contains_key(&source) || self.blocked.contains(&source)
    }

    /// Nobody is a member any more.
    pub(super) fn is_over(&self) -> bool {
        self.mode == FilterMode::Include && self.forward.is_empty()
    }

    pub(super) fn reported_by(&mut self, reporter: Ipv4Addr) {
        self.last_reporter = Some(reporter);
    }

    pub(super) fn group_timer(&self, iface: IfIndex) -> IgmpTimer {
        IgmpTimer::GroupMembership(iface, self.address)
    }

    pub(super) fn source_timer(&self, iface: IfIndex, source: UnicastAddr) -> IgmpTimer {
        IgmpTimer::Source(iface, self.address, source)
    }

    /// A report's record (RFC 9776 §6.4.1 and §6.4.2).
    pub(super) fn report(&mut self, scope: &mut Scope, record: RecordType, list: &Sources) {
        use FilterMode::{Exclude, Include};
        use RecordType::{Allow, Block, IsExclude, IsInclude, ToExclude, ToInclude};
        let gmi = scope.group_membership_interval();
        match (self.mode, record) {
            (Include | Exclude, IsInclude | Allow) => self.want(scope, list, gmi),
            (Include, IsExclude) => self.exclude(scope, list, gmi),
            (Include, Block) => self.query_sources(scope, list),
            (Include, ToExclude) => {
                self.exclude(scope, list, gmi);
                self.query_sources(scope, list);
            }
            (Include, ToInclude) => {
                let rest = self.forward_without(list);
                self.want(scope, list, gmi);
                self.query_sources(scope, &rest);
            }
            (Exclude, IsExclude) => {
                self.exclude(scope, list, gmi);
            }
            (Exclude, Block) => {
                let group_timer = self.remaining(scope);
                self.add_unknown(scope, list, group_timer);
                self.query_sources(scope, list);
            }
            (Exclude, ToExclude) => {
                let group_timer = self.remaining(scope);
                self.exclude(scope, list, group_timer);
                self.query_sources(scope, list);
            }
            (Exclude, ToInclude) => {
                let rest = self.forward_without(list);
                self.want(scope, list, gmi);
                self.query_sources(scope, &rest);
                self.query_group(scope);
            }
        }
    }

    /// The group timer ran out (RFC 9776 §6.5).
    pub(super) fn group_timer_over(&mut self, scope: &mut Scope) -> MembershipChange {
        scope.cancel(self.group_timer(scope.link.index()));
        self.mode = FilterMode::Include;
        self.blocked.clear();
        std::mem::take(&mut self.check).ended()
    }

    /// A source timer ran out (RFC 9776 §6.3).
    pub(super) fn source_timer_over(
        &mut self,
        scope: &mut Scope,
        source: UnicastAddr,
    ) -> MembershipChange {
        scope.cancel(self.source_timer(scope.link.index(), source));
        let check = self.forward.remove(&source).unwrap_or_default();
        match self.mode {
            FilterMode::Include => {}
            FilterMode::Exclude => {
                self.blocked.insert(source);
            }
        }
        check.ended()
    }

    /// Cancels all that runs for the group.
    pub(super) fn cancel_timers(&self, cx: &mut Context, iface: IfIndex) {
        let mut cancel = |timer| cx.timers.cancel(TimerId::Igmp(timer));
        cancel(IgmpTimer::GroupMembership(iface, self.address));
        cancel(IgmpTimer::V1HostPresent(iface, self.address));
        cancel(IgmpTimer::V2HostPresent(iface, self.address));
        cancel(IgmpTimer::SpecificQuery(iface, self.address));
        for source in self.forward.keys() {
            cancel(IgmpTimer::Source(iface, self.address, *source));
        }
    }

    /// (list) = time: the sources are wanted until then.
    fn want(&mut self, scope: &mut Scope, list: &Sources, time: Duration) {
        for source in list {
            self.blocked.remove(source);
            self.forward.entry(*source).or_default().answered();
            scope.set(self.source_timer(scope.link.index(), *source), time);
        }
    }

    /// To EXCLUDE with this list: sources outside it are deleted, those in it
    /// that nobody asked for are blocked in INCLUDE mode, or forwarded for the
    /// time given in EXCLUDE mode. Group Timer = GMI.
    fn exclude(&mut self, scope: &mut Scope, list: &Sources, time: Duration) {
        for source in self.forward_without(list) {
            self.forward.remove(&source);
            scope.cancel(self.source_timer(scope.link.index(), source));
        }
        match self.mode {
            FilterMode::Include => {
                let unknown = list.iter().filter(|source| !self.knows(**source));
                self.blocked = unknown.copied().collect();
                self.mode = FilterMode::Exclude;
            }
            FilterMode::Exclude => {
                self.blocked.retain(|source| list.contains(source));
                self.add_unknown(scope, list, time);
            }
        }
        self.check.answered();
        let gmi = scope.group_membership_interval();
        scope.set(self.group_timer(scope.link.index()), gmi);
    }

    /// (list-X-Y) = time.
    fn add_unknown(&mut self, scope: &mut Scope, list: &Sources, time: Duration) {
        for source in list {
            if !self.knows(*source) {
                self.forward.insert(*source, Check::default());
                scope.set(self.source_timer(scope.link.index(), *source), time);
            }
        }
    }

    /// What is left of the group timer.
    fn remaining(&self, scope: &Scope) -> Duration {
        let timer = TimerId::Igmp(self.group_timer(scope.link.index()));
        let deadline = scope.cx.timers.deadline(timer);
        deadline.map_or(Duration::ZERO, |at| at - scope.now)
    }

    fn forward_without(&self, list: &Sources) -> Sources {
        let forward = self.forward.keys().copied();
        forward.filter(|source| !list.contains(source)).collect()
    }
}
