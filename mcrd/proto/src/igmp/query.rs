//! Asking whether anybody still wants what was left: Group-Specific and
//! Group-and-Source-Specific Queries (RFC 9776 §6.6.3), and following those of
//! another querier (§6.6.1).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::{Message, Query, Version};

use super::group::{FilterMode, Group};
use super::link::Scope;
use crate::config::IgmpVersion;
use crate::id::{IpProtocol, UnicastAddr};
use crate::router::event::MembershipChange;
use crate::router::io::Transmit;
use crate::router::{IgmpTimer, TimerId};
use crate::time::Instant;

/// CS6, the class of network control (RFC 9776 §4).
const TOS: u8 = 0xc0;

/// An IP header with the Router Alert option, and a query without sources
/// (RFC 9776 §4.1.8).
const QUERY_OVERHEAD: u32 = 24 + 12;

/// Whether a membership that was left is still wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Check {
    /// Queries that are still to be sent.
    left: u8,
    /// When the next one is.
    next: Instant,
    /// The timer was lowered, and nobody has answered.
    leaving: bool,
}

impl Check {
    /// Somebody wants it. The queries that are left are sent all the same, with
    /// the S flag (RFC 9776 §6.6.3.1).
    pub(super) fn answered(&mut self) {
        self.leaving = false;
    }

    /// How a membership ended whose timer ran out.
    pub(super) fn ended(self) -> MembershipChange {
        if self.leaving {
            MembershipChange::Left
        } else {
            MembershipChange::Expired
        }
    }

    fn start(count: u8, now: Instant) -> Check {
        Check {
            left: count,
            next: now,
            leaving: true,
        }
    }

    /// Takes one query from those that are left, where it is due.
    fn take_due(&mut self, now: Instant, interval: Duration) -> bool {
        let due = self.left > 0 && self.next <= now;
        if due {
            self.left -= 1;
            self.next = now + interval;
        }
        due
    }

    fn next(self) -> Option<Instant> {
        (self.left > 0).then_some(self.next)
    }
}

impl Group {
    /// Send Q(G). Only the querier's word ends a membership early: another
    /// router follows the query when it hears it (RFC 2236 §3). While a check
    /// runs, another leave adds nothing to it.
    pub(super) fn query_group(&mut self, scope: &mut Scope) {
        if !scope.timing.querier || self.check.leaving {
            return;
        }
        if scope.link.config.immediate_leave {
            self.group_timer_over(scope);
            return;
        }
        let lmqt = scope.last_member_query_time();
        scope.lower(self.group_timer(scope.link.index()), lmqt);
        self.check = Check::start(scope.last_member_query_count(), scope.now);
        self.send_due_queries(scope);
    }

    /// Send Q(G, list), of those sources that are forwarded.
    pub(super) fn query_sources(&mut self, scope: &mut Scope, list: &BTreeSet<UnicastAddr>) {
        // A v2 query cannot name sources.
        if !scope.timing.querier || scope.link.config.version == IgmpVersion::V2 {
            return;
        }
        let lmqt = scope.last_member_query_time();
        let count = scope.last_member_query_count();
        for source in list {
            let Some(check) = self.forward.get_mut(source) else {
                continue;
            };
            if check.leaving {
                continue;
            }
            if scope.link.config.immediate_leave {
                self.source_timer_over(scope, *source);
                continue;
            }
            let timer = IgmpTimer::Source(scope.link.index(), self.address, *source);
            if scope.lower(timer, lmqt) {
                *check = Check::start(count, scope.now);
            }
        }
        self.send_due_queries(scope);
    }

    /// Sends the queries that are due, and sets the timer for the next ones. A
    /// check goes on where another router has become the querier meanwhile
    /// (RFC 2236 §3).
    pub(super) fn send_due_queries(&mut self, scope: &mut Scope) {
        let iface = scope.link.index();
        let interval = scope.link.config.last_member_query_interval;
        let lmqt = scope.last_member_query_time();
        if self.check.take_due(scope.now, interval) {
            let suppress = scope.runs_longer(self.group_timer(iface), lmqt);
            self.send(scope, suppress, &[]);
        }
        let mut due = Vec::new();
        for (source, check) in &mut self.forward {
            if check.take_due(scope.now, interval) {
                due.push(*source);
            }
        }
        let (refreshed, leaving): (Vec<_>, Vec<_>) = due
            .into_iter()
            .partition(|source| scope.runs_longer(self.source_timer(iface, *source), lmqt));
        self.send_in_parts(scope, true, &refreshed);
        self.send_in_parts(scope, false, &leaving);
        self.schedule(scope);
    }

    /// Another router, which is the querier, asks for the group or for some of
    /// its sources without the S flag.
    pub(super) fn queried(&mut self, scope: &mut Scope, query: &Query) {
        let iface = scope.link.index();
        let time = match query.version {
            // RFC 2236 §3: its Last Member Query Interval, not ours.
            Version::V1 | Version::V2 => {
                query.max_response_time * u32::from(scope.last_member_query_count())
            }
            Version::V3 => scope.last_member_query_time(),
        };
        if query.sources.is_empty() {
            if self.mode == FilterMode::Exclude && scope.lower(self.group_timer(iface), time) {
                self.check = Check::start(0, scope.now);
            }
            return;
        }
        for source in &query.sources {
            let Ok(source) = UnicastAddr::try_from(*source) else {
                continue;
            };
            let timer = self.source_timer(iface, source);
            if let Some(check) = self.forward.get_mut(&source)
                && scope.lower(timer, time)
            {
                *check = Check::start(0, scope.now);
            }
        }
    }

    fn send_in_parts(&self, scope: &mut Scope, suppress: bool, sources: &[UnicastAddr]) {
        for part in sources.chunks(sources_per_query(scope.link.iface.kernel.mtu)) {
            self.send(scope, suppress, part);
        }
    }

    fn send(&self, scope: &mut Scope, suppress: bool, sources: &[UnicastAddr]) {
        let counter = if sources.is_empty() {
            "igmp.tx.group-query"
        } else {
            "igmp.tx.source-query"
        };
        let query = Query {
            group: Some(self.address.get()),
            max_response_time: scope.link.config.last_member_query_interval,
            suppress: suppress && scope.link.config.version == IgmpVersion::V3,
            sources: sources.iter().map(|source| source.get()).collect(),
            ..template(scope)
        };
        send(scope, counter, self.address.get(), query);
    }

    fn schedule(&self, scope: &mut Scope) {
        let timer = IgmpTimer::SpecificQuery(scope.link.index(), self.address);
        let checks = self.forward.values().chain([&self.check]);
        match checks.filter_map(|check| check.next()).min() {
            Some(at) => scope.cx.timers.set(TimerId::Igmp(timer), at),
            None => scope.cancel(timer),
        }
    }
}

/// How many sources one query has room for.
fn sources_per_query(mtu: u32) -> usize {
    let room = mtu.saturating_sub(QUERY_OVERHEAD) / 4;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// The General Query (RFC 9776 §4.1).
pub(super) fn send_general(scope: &mut Scope) {
    let query = template(scope);
    let all_systems = Ipv4Addr::new(224, 0, 0, 1);
    send(scope, "igmp.tx.general-query", all_systems, query);
}

fn template(scope: &Scope) -> Query {
    let config = scope.link.config;
    let version = match config.version {
        IgmpVersion::V2 => Version::V2,
        IgmpVersion::V3 => Version::V3,
    };
    // RFC 9776 §4.1.6: what the field has no room for is told as 0.
    let robustness = if scope.timing.robustness > 7 {
        0
    } else {
        scope.timing.robustness
    };
    Query {
        version,
        group: None,
        max_response_time: config.query_response_interval,
        suppress: false,
        robustness,
        query_interval: scope.timing.query_interval,
        sources: Vec::new(),
    }
}

fn send(scope: &mut Scope, counter: &'static str, dst: Ipv4Addr, query: Query) {
    scope.count(counter);
    scope.cx.transmit(Transmit {
        iface: Some(scope.link.index()),
        src: scope.link.address,
        dst,
        ttl: 1,
        router_alert: true,
        tos: TOS,
        protocol: IpProtocol::IGMP,
        payload: Message::Query(query).emit(),
    });
}
