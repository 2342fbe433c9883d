//! The configuration file's shape. The file is JSON5; the same shape, as JSON,
//! is what `config.show` returns.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The control socket.
    #[serde(skip_serializing_if = "is_default")]
    pub control: Control,
    /// Log levels.
    #[serde(skip_serializing_if = "is_default")]
    pub log: Log,
    /// The forwarding workers.
    #[serde(skip_serializing_if = "is_default")]
    pub workers: Workers,
    /// CPUs per input interface: one worker runs on each CPU listed, and the
    /// packets are spread over them by flow. An interface that is not listed
    /// has one worker that runs anywhere.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pinning: BTreeMap<String, Vec<u32>>,
    /// PIM. It runs on the interfaces that are listed here.
    #[serde(skip_serializing_if = "is_default")]
    pub pim: Pim,
    /// The router side of IGMP. It runs on the interfaces that are listed here.
    #[serde(skip_serializing_if = "is_default")]
    pub igmp: Igmp,
    /// Static multicast routes, which come before the kernel's routes when the
    /// way to a source or RP is looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mroutes: Vec<StaticMroute>,
    /// The relay rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// PIM. Times are in seconds, and fractions are allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pim {
    /// The interfaces, by name; `{}` takes every default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: BTreeMap<String, PimInterface>,
    /// RPs.
    #[serde(skip_serializing_if = "is_default")]
    pub rp: Rp,
    /// Groups with source-specific trees only; 232.0.0.0/8 where it is left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssm_range: Option<Vec<String>>,
    /// When a last hop leaves the RP tree for the source's own: `immediate`
    /// (with the first packet, the default), `never`, or a list of group ranges
    /// for which it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spt_switch: Option<SptSwitch>,
    /// Between Joins, t_periodic (RFC 7761 §4.11); 60. The holdtime in them is
    /// 3.5 times as long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_prune_interval: Option<f64>,
    /// Keepalive_Period: how long a source may be silent; 210.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_period: Option<f64>,
    /// Register_Suppression_Time; 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_suppression: Option<f64>,
    /// Register_Probe_Time; 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_probe: Option<f64>,
    /// What this router as RP accepts Registers for; everything where it is
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_accept: Option<Vec<RegisterAccept>>,
    /// Assert_Time; 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assert_time: Option<f64>,
    /// Metric preference in Asserts, by the protocol that gave the route:
    /// `kernel`, `static`, `bgp`, `isis`, `ospf`, `rip`, `eigrp`, or its number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub preferences: BTreeMap<String, u32>,
    /// Choose among equal next hops by source and group; `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecmp: Option<bool>,
}

/// PIM on an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PimInterface {
    /// Neither send nor take PIM messages; `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive: Option<bool>,
    /// Hello_Period; 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_interval: Option<f64>,
    /// Holdtime in Hellos; 3.5 times the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello_holdtime: Option<f64>,
    /// Triggered_Hello_Delay, the most that a Hello to a newcomer waits; 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triggered_hello_delay: Option<f64>,
    /// DR priority; 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dr_priority: Option<u32>,
    /// Propagation_Delay; 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation_delay: Option<f64>,
    /// Override_Interval; 2.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_interval: Option<f64>,
    /// Set the T bit: join suppression is not needed; `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<bool>,
    /// Networks that neighbours may be in; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<Vec<String>>,
}

/// RPs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rp {
    /// RPs that are the same on every router.
    #[serde(rename = "static", skip_serializing_if = "Vec::is_empty")]
    pub static_rps: Vec<StaticRp>,
    /// The mask length of the hash among equal RPs; 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_mask_len: Option<u8>,
}

/// An RP for ranges of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticRp {
    /// Its address.
    pub address: String,
    /// Its ranges, as 239.1.0.0/16; 224.0.0.0/4 where it is left out. The
    /// longest range that has a group decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The lower the better, among ranges of one length; 192.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Comes before RPs that a protocol tells; `false`.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<bool>,
}

/// When a last hop leaves the RP tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SptSwitch {
    /// `immediate` or `never`.
    Word(String),
    /// With the first packet, for these ranges.
    Groups(Vec<String>),
}

/// Registers that an RP accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegisterAccept {
    /// From sources in this network; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// For groups in this range; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
}

/// The router side of IGMP. Times are in seconds, and fractions are allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Igmp {
    /// The interfaces, by name; `{}` takes every default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: BTreeMap<String, IgmpInterface>,
}

/// IGMP on an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IgmpInterface {
    /// The version of our queries, 2 or 3; 3. Reports of every version are
    /// taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// Robustness Variable; 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robustness: Option<u8>,
    /// Query Interval; 125.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_interval: Option<f64>,
    /// Query Response Interval; 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_response_interval: Option<f64>,
    /// Last Member Query Interval; 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_member_query_interval: Option<f64>,
    /// Last Member Query Count; the robustness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_member_query_count: Option<u8>,
    /// Startup Query Interval; a quarter of the query interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_query_interval: Option<f64>,
    /// A leave ends the membership without a query; `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immediate_leave: Option<bool>,
    /// Drop messages without the Router Alert option; `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_router_alert: Option<bool>,
    /// The most groups; 16384.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_groups: Option<u32>,
    /// The most sources of a group; 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sources: Option<u32>,
    /// Ranges that may be joined; all where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Memberships that need no host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_groups: Vec<StaticGroup>,
}

/// A membership that needs no host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticGroup {
    /// The group.
    pub group: String,
    /// The source; any where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A static multicast route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticMroute {
    /// The network that sources or RPs are in.
    pub network: String,
    /// The interface their packets arrive on.
    pub interface: String,
    /// The router towards them; they are connected where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<String>,
    /// Metric in Asserts; 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
}

/// The control socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Its path. `/run/mcrd/control.sock`, or for an ordinary user
    /// `$XDG_RUNTIME_DIR/mcrd/control.sock`, where it is left out. Taken at
    /// start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The group that may connect, beside the daemon's own user; by name.
    /// Taken at start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Log levels: `error`, `warn`, `info`, `debug` or `trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The level of every facility that has none of its own; `info` where it
    /// is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<crate::state::LogLevel>,
    /// Levels of single facilities.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facilities: BTreeMap<crate::state::Facility, crate::state::LogLevel>,
}

/// The forwarding workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workers {
    /// `false` makes workers use recvmmsg and sendmmsg even where io_uring is
    /// allowed. Taken when a worker starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_uring: Option<bool>,
    /// The user that supervisor and workers run as when the daemon was started
    /// by root; `mcr` where it exists, otherwise `nobody`. Taken at start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
