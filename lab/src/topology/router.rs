//! What a router of any kind is to do: the settings from which each kind's own
//! configuration is made. `None` leaves a value to the daemon's default.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

/// PIM and IGMP of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Router {
    /// The RPs, the same on every router that is told so.
    pub rps: Vec<StaticRp>,
    /// A last hop stays on the RP tree.
    pub never_switch: bool,
    /// Groups with source-specific trees only.
    pub ssm_range: Option<Vec<Ipv4Net>>,
    /// PIM's timers.
    pub timers: PimTimers,
    /// Where PIM runs.
    pub pim: Vec<PimInterface>,
    /// Where IGMP runs.
    pub igmp: Vec<IgmpInterface>,
}

/// An RP and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRp {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its groups, at least one range.
    pub groups: Vec<Ipv4Net>,
}

/// The timers of PIM that a whole router has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PimTimers {
    /// t_periodic.
    pub join_prune: Option<Duration>,
    /// Keepalive_Period.
    pub keepalive: Option<Duration>,
    /// Register_Suppression_Time.
    pub register_suppression: Option<Duration>,
    /// Register_Probe_Time.
    pub register_probe: Option<Duration>,
    /// Assert_Time.
    pub assert: Option<Duration>,
}

/// PIM on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PimInterface {
    /// Its name.
    pub name: String,
    /// Sends and takes no messages.
    pub passive: bool,
    /// DR priority.
    pub dr_priority: Option<u32>,
    /// Hello_Period.
    pub hello: Option<Duration>,
    /// The holdtime in Hellos.
    pub hello_holdtime: Option<Duration>,
    /// Triggered_Hello_Delay.
    pub triggered_hello_delay: Option<Duration>,
    /// Propagation_Delay.
    pub propagation_delay: Option<Duration>,
    /// Override_Interval.
    pub override_interval: Option<Duration>,
}

/// The router side of IGMP on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgmpInterface {
    /// Its name.
    pub name: String,
    /// The version of the queries.
    pub version: Option<u8>,
    /// Robustness Variable.
    pub robustness: Option<u8>,
    /// Query Interval.
    pub query_interval: Option<Duration>,
    /// Query Response Interval.
    pub query_response_interval: Option<Duration>,
    /// Last Member Query Interval.
    pub last_member_query_interval: Option<Duration>,
    /// Last Member Query Count.
    pub last_member_query_count: Option<u8>,
    /// A leave ends a membership without a query.
    pub immediate_leave: Option<bool>,
    /// The most groups.
    pub max_groups: Option<u32>,
    /// The most sources of a group.
    pub max_sources: Option<u32>,
    /// The groups that may be joined.
    pub groups: Option<Vec<Ipv4Net>>,
    /// Memberships that need no host: group and source.
    pub static_groups: Vec<(Ipv4Addr, Option<Ipv4Addr>)>,
}
