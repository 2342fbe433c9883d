//! What one interface lends to IGMP while something happens on it: the kernel's
//! facts, the settings, and the times that follow from them.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use crate::config::IgmpInterfaceConfig;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::{Context, IgmpTimer, RouterInterface, TimerId};
use crate::time::Instant;

/// An interface on which IGMP runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub(super) iface: &'a RouterInterface,
    pub(super) config: &'a IgmpInterfaceConfig,
    pub(super) address: Ipv4Addr,
    ssm_ranges: &'a [Ipv4Net],
}

impl<'a> Link<'a> {
    /// `None` where IGMP cannot run now.
    pub(super) fn new(iface: &'a RouterInterface, ssm_ranges: &'a [Ipv4Net]) -> Option<Link<'a>> {
        Some(Link {
            iface,
            config: iface.igmp()?,
            address: iface.address()?,
            ssm_ranges,
        })
    }

    pub(super) fn index(self) -> IfIndex {
        self.iface.index()
    }

    /// The group is joined by source only (RFC 4604).
    pub(super) fn is_ssm(self, group: GroupAddr) -> bool {
        let mut ranges = self.ssm_ranges.iter();
        ranges.any(|range| range.contains(&group.get()))
    }

    /// The group filter lets hosts join it.
    pub(super) fn permits(self, group: GroupAddr) -> bool {
        let ranges = self.config.groups.as_ref();
        ranges.is_none_or(|ranges| ranges.iter().any(|range| range.contains(&group.get())))
    }

    /// The groups that the configuration joins. An SSM group without a source
    /// is none (RFC 4604 §2.2.1).
    pub(super) fn static_groups(self) -> impl Iterator<Item = GroupAddr> {
        let entries = self.config.static_groups.iter();
        entries
            .filter(move |(group, source)| source.is_some() || !self.is_ssm(*group))
            .map(|(group, _)| *group)
    }

    /// What the configuration joins of this group.
    pub(super) fn static_sources(
        self,
        group: GroupAddr,
    ) -> impl Iterator<Item = Option<UnicastAddr>> {
        let entries = self.config.static_groups.range((group, None)..);
        entries
            .take_while(move |(of, _)| *of == group)
            .map(|(_, source)| *source)
            .filter(move |source| source.is_some() || !self.is_ssm(group))
    }
}

/// The variables of RFC 9776 §8 in force: the querier's where it told them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// This router is the querier.
    pub(super) querier: bool,
    pub(super) robustness: u8,
    pub(super) query_interval: Duration,
}

/// What happens on an interface at one moment.
pub(super) struct Scope<'a> {
    pub(super) now: Instant,
    pub(super) cx: &'a mut Context,
    pub(super) link: Link<'a>,
    pub(super) timing: Timing,
}

impl Scope<'_> {
    pub(super) fn count(&mut self, name: &'static str) {
        self.cx.counters.add(self.link.index(), name);
    }

    pub(super) fn set(&mut self, timer: IgmpTimer, after: Duration) {
        self.cx.timers.set(TimerId::Igmp(timer), self.now + after);
    }

    pub(super) fn cancel(&mut self, timer: IgmpTimer) {
        self.cx.timers.cancel(TimerId::Igmp(timer));
    }

    /// Lowers a timer that runs; whether it ran longer before.
    pub(super) fn lower(&mut self, timer: IgmpTimer, to: Duration) -> bool {
        let longer = self.runs_longer(timer, to);
        if longer {
            self.set(timer, to);
        }
        longer
    }

    /// The timer runs, and runs out later than after this time.
    pub(super) fn runs_longer(&self, timer: IgmpTimer, than: Duration) -> bool {
        let deadline = self.cx.timers.deadline(TimerId::Igmp(timer));
        deadline.is_some_and(|at| at > self.now + than)
    }

    /// Group Membership Interval (RFC 9776 §8.4).
    pub(super) fn group_membership_interval(&self) -> Duration {
        self.timing.query_interval * u32::from(self.timing.robustness)
            + self.link.config.query_response_interval
    }

    /// Other Querier Present Interval (RFC 9776 §8.5).
    pub(super) fn other_querier_present_interval(&self) -> Duration {
        self.timing.query_interval * u32::from(self.timing.robustness)
            + self.link.config.query_response_interval / 2
    }

    /// Last Member Query Count (RFC 9776 §8.9).
    pub(super) fn last_member_query_count(&self) -> u8 {
        let count = self.link.config.last_member_query_count;
        count.unwrap_or(self.timing.robustness).max(1)
    }

    /// Last Member Query Time, LMQT (RFC 9776 §8.10).
    pub(super) fn last_member_query_time(&self) -> Duration {
        self.link.config.last_member_query_interval * u32::from(self.last_member_query_count())
    }
}

impl IgmpTimer {
    /// The interface it belongs to.
    pub(super) fn iface(self) -> IfIndex {
        match self {
            IgmpTimer::GeneralQuery(iface)
            | IgmpTimer::OtherQuerierPresent(iface)
            | IgmpTimer::GroupMembership(iface, _)
            | IgmpTimer::Source(iface, _, _)
            | IgmpTimer::V1HostPresent(iface, _)
            | IgmpTimer::V2HostPresent(iface, _)
            | IgmpTimer::SpecificQuery(iface, _) => iface,
        }
    }
}
