//! Which router asks: the election and the General Queries (RFC 2236 §3,
//! RFC 9776 §6.6.2).

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::igmp::{Query, Version};

use super::interface::IgmpInterface;
use super::link::{Link, Scope, Timing};
use super::query;
use crate::config::{IgmpInterfaceConfig, IgmpVersion};
use crate::router::IgmpTimer;
use crate::router::event::Event;

/// This router's part on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuerierState {
    /// It asks.
    Querier {
        /// General Queries still to be sent at the Startup Query Interval.
        startup_left: u8,
    },
    /// Another router asks, and its variables are in force (RFC 9776 §4.1.6,
    /// §4.1.7).
    NonQuerier {
        /// The other router.
        querier: Ipv4Addr,
        /// Its Robustness Variable, where it told one.
        robustness: Option<u8>,
        /// Its Query Interval, where it told one.
        query_interval: Option<Duration>,
    },
}

impl QuerierState {
    /// The state in which every router starts.
    pub(super) fn initial(link: Link) -> QuerierState {
        QuerierState::Querier {
            startup_left: link.config.robustness,
        }
    }

    /// The Robustness Variable in force.
    pub fn robustness(self, config: &IgmpInterfaceConfig) -> u8 {
        let told = match self {
            QuerierState::Querier { .. } => None,
            QuerierState::NonQuerier { robustness, .. } => robustness,
        };
        told.unwrap_or(config.robustness)
    }

    /// The Query Interval in force.
    pub fn query_interval(self, config: &IgmpInterfaceConfig) -> Duration {
        let told = match self {
            QuerierState::Querier { .. } => None,
            QuerierState::NonQuerier { query_interval, .. } => query_interval,
        };
        told.unwrap_or(config.query_interval)
    }

    /// It is this router that asks.
    pub fn is_querier(self) -> bool {
        match self {
            QuerierState::Querier { .. } => true,
            QuerierState::NonQuerier { .. } => false,
        }
    }

    pub(super) fn timing(self, link: Link) -> Timing {
        Timing {
            querier: self.is_querier(),
            robustness: self.robustness(link.config),
            query_interval: self.query_interval(link.config),
        }
    }
}

impl IgmpInterface {
    /// Becomes querier, as every router is at first.
    pub(super) fn start_querier(&mut self, scope: &mut Scope) {
        self.become_querier(scope, QuerierState::initial(scope.link));
    }

    /// The General Query is due.
    pub(super) fn general_query_due(&mut self, scope: &mut Scope) {
        let QuerierState::Querier { startup_left } = self.state else {
            return;
        };
        query::send_general(scope);
        let startup_left = startup_left.saturating_sub(1);
        self.state = QuerierState::Querier { startup_left };
        let config = scope.link.config;
        let interval = if startup_left > 0 {
            let startup = config.startup_query_interval;
            startup.unwrap_or(config.query_interval / 4)
        } else {
            config.query_interval
        };
        scope.set(IgmpTimer::GeneralQuery(scope.link.index()), interval);
    }

    /// Nothing was heard of the other querier.
    pub(super) fn other_querier_gone(&mut self, scope: &mut Scope) {
        self.become_querier(scope, QuerierState::Querier { startup_left: 0 });
    }

    /// A query was heard; the lowest address on the link is the querier's.
    /// Whether it came from the router that is querier now.
    ///
    /// A query from 0.0.0.0 is a switch's, which is no router (RFC 4541 §2.1.1).
    /// Membership checks that run go on (RFC 2236 §3).
    pub(super) fn elect(&mut self, scope: &mut Scope, src: Ipv4Addr, heard: &Query) -> bool {
        if src.is_unspecified() || src >= scope.link.address {
            return false;
        }
        let before = self.querier();
        self.state = QuerierState::NonQuerier {
            querier: src,
            robustness: Some(heard.robustness).filter(|value| *value > 0),
            query_interval: Some(heard.query_interval).filter(|value| !value.is_zero()),
        };
        scope.timing = self.state.timing(scope.link);
        let iface = scope.link.index();
        scope.cancel(IgmpTimer::GeneralQuery(iface));
        let interval = scope.other_querier_present_interval();
        scope.set(IgmpTimer::OtherQuerierPresent(iface), interval);
        if before != src {
            self.tell_querier(scope);
        }
        true
    }

    /// RFC 9776 §7.3.1: all routers of a link must speak the version of the
    /// oldest, which only an administrator can arrange.
    pub(super) fn check_version(&mut self, scope: &mut Scope, src: Ipv4Addr, heard: Version) {
        let ours = match scope.link.config.version {
            IgmpVersion::V2 => Version::V2,
            IgmpVersion::V3 => Version::V3,
        };
        if heard >= ours {
            return;
        }
        scope.count("igmp.rx.older-querier");
        if self.warned.is_none_or(|at| scope.now - at >= WARN_EVERY) {
            self.warned = Some(scope.now);
            scope.cx.event(Event::OlderQuerier {
                iface: scope.link.index(),
                address: src,
                version: match heard {
                    Version::V1 => 1,
                    Version::V2 => 2,
                    Version::V3 => 3,
                },
            });
        }
    }

    fn become_querier(&mut self, scope: &mut Scope, state: QuerierState) {
        self.state = state;
        scope.timing = self.state.timing(scope.link);
        scope.cancel(IgmpTimer::OtherQuerierPresent(scope.link.index()));
        self.general_query_due(scope);
        self.tell_querier(scope);
    }

    fn tell_querier(&self, scope: &mut Scope) {
        scope.cx.event(Event::Querier {
            iface: scope.link.index(),
            address: self.querier(),
            me: scope.timing.querier,
        });
    }
}

/// How often an older querier is told of.
const WARN_EVERY: Duration = Duration::from_secs(60);
