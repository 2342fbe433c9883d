//! The mirror of what routers of any kind have in common: PIM, IGMP, timers,
//! unicast routes.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::topology::place::{At, Named, OneOrMany, Part};
use crate::topology::value::{Address, Dur, Group, GroupRange};

/// PIM of the routers. Where it is there, PIM runs on all of a router's links.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pim {
    /// The RPs: an address for all groups, or a map of an address and its
    /// groups; one or a list.
    #[serde(default)]
    pub(crate) rp: OneOrMany<Part<RpEntry>>,
    /// When a last hop leaves the RP tree: `immediate`, which is the default,
    /// or `never`.
    pub(crate) spt_switch: Option<SptSwitch>,
    /// Groups with source-specific trees only; 232.0.0.0/8 unless said
    /// otherwise.
    pub(crate) ssm_range: Option<OneOrMany<GroupRange>>,
    /// What single interfaces have.
    #[serde(default)]
    pub(crate) interfaces: Named<PimInterface>,
}

/// An RP's address, or a map of that and its groups.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum RpEntry {
    Address(String),
    Rp(Rp),
}

/// An RP and its groups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rp {
    /// Its address.
    pub(crate) address: Address,
    /// Its groups; 224.0.0.0/4 unless said otherwise.
    #[serde(default)]
    pub(crate) groups: OneOrMany<GroupRange>,
}

/// When a last hop leaves the RP tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SptSwitch {
    /// With the first packet.
    Immediate,
    /// Never.
    Never,
}

/// PIM on an interface.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PimInterface {
    /// `false`: PIM does not run here.
    pub(crate) enabled: Option<bool>,
    /// Sends and takes no PIM messages.
    pub(crate) passive: Option<bool>,
    /// DR priority; 1 unless said otherwise.
    pub(crate) dr_priority: Option<u32>,
    /// Between Hellos.
    pub(crate) hello: Option<Dur>,
}

/// IGMP of the routers. It runs on the links that have a host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Igmp {
    /// The version of the queries: 2 or 3, which is the default.
    #[schemars(range(min = 2, max = 3))]
    pub(crate) version: Option<At<u8>>,
    /// Robustness Variable.
    #[schemars(range(min = 1, max = 7))]
    pub(crate) robustness: Option<u8>,
    /// Query Interval.
    pub(crate) query_interval: Option<Dur>,
    /// Query Response Interval.
    pub(crate) query_response_interval: Option<Dur>,
    /// Last Member Query Interval.
    pub(crate) last_member_query_interval: Option<Dur>,
    /// Last Member Query Count.
    pub(crate) last_member_query_count: Option<u8>,
    /// A leave ends a membership without a query.
    pub(crate) immediate_leave: Option<bool>,
    /// The most groups of an interface.
    pub(crate) max_groups: Option<u32>,
    /// The most sources of a group.
    pub(crate) max_sources: Option<u32>,
    /// The groups that may be joined.
    pub(crate) groups: Option<OneOrMany<GroupRange>>,
    /// Memberships that need no host.
    #[serde(default)]
    pub(crate) static_groups: OneOrMany<StaticGroup>,
    /// `false`: IGMP does not run; of an interface, not there. `true`: it runs
    /// there even without a host.
    pub(crate) enabled: Option<bool>,
    /// What single interfaces have; the same keys.
    #[serde(default)]
    #[schemars(with = "Named<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) interfaces: Named<Part<Igmp>>,
}

/// A membership that needs no host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticGroup {
    /// The group.
    pub(crate) group: Group,
    /// The source; any unless said otherwise.
    pub(crate) source: Option<Address>,
}

/// A profile of timers, or a map of single ones.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum TimersEntry {
    Profile(Profile),
    Timers(Box<Timers>),
}

/// A set of timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// The defaults of the RFCs.
    Rfc,
    /// Short ones, for tests.
    Fast,
}

/// The routers' timers. What is left out is as the profile has it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timers {
    /// `rfc`, which is the default, or `fast`.
    pub(crate) profile: Option<Profile>,
    /// Hello_Period.
    pub(crate) hello: Option<Dur>,
    /// The holdtime in Hellos.
    pub(crate) hello_holdtime: Option<Dur>,
    /// Triggered_Hello_Delay.
    pub(crate) triggered_hello_delay: Option<Dur>,
    /// Propagation_Delay.
    pub(crate) propagation_delay: Option<Dur>,
    /// Override_Interval.
    pub(crate) override_interval: Option<Dur>,
    /// t_periodic, between Joins.
    pub(crate) join_prune: Option<Dur>,
    /// Keepalive_Period.
    pub(crate) keepalive: Option<Dur>,
    /// Register_Suppression_Time.
    pub(crate) register_suppression: Option<Dur>,
    /// Register_Probe_Time.
    pub(crate) register_probe: Option<Dur>,
    /// Assert_Time.
    pub(crate) assert: Option<Dur>,
    /// IGMP's Query Interval.
    pub(crate) igmp_query: Option<Dur>,
    /// IGMP's Query Response Interval.
    pub(crate) igmp_query_response: Option<Dur>,
    /// IGMP's Last Member Query Interval.
    pub(crate) igmp_last_member_query: Option<Dur>,
}

/// Where unicast routes come from, or a map of that and its options.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum UnicastEntry {
    Mode(UnicastMode),
    Options(Unicast),
}

/// Where unicast routes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnicastMode {
    /// The lab computes shortest paths and sets the routes, anew after each change.
    Oracle,
    /// The lab computes them once, and they stay, whatever happens.
    Static,
    /// FRR's OSPF runs in all routers, beside what else does.
    #[serde(rename = "frr-ospf")]
    FrrOspf,
    /// From the nodes' own `routes` only, which is the default.
    None,
}

/// Unicast routes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unicast {
    /// Where they come from.
    pub(crate) mode: UnicastMode,
    /// With `oracle`: from a change of a link to the routes that follow it; 0s
    /// unless said otherwise.
    pub(crate) delay: Option<At<Dur>>,
    /// With `oracle`: the routers follow one after the other, in the order of the
    /// file, the last one so long after the first; 0s unless said otherwise.
    pub(crate) skew: Option<At<Dur>>,
}
