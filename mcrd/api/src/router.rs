//! What the router tells of its protocols: interfaces, neighbours, RPs, ways,
//! memberships, trees. Times are in seconds.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// PIM on an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PimInterface {
    /// Its name.
    pub interface: String,
    /// PIM runs: the interface is up and has an address.
    pub up: bool,
    /// The address PIM speaks from.
    pub address: Option<Ipv4Addr>,
    /// Neither sends nor takes PIM messages.
    pub passive: bool,
    /// The Designated Router.
    pub dr: Option<Ipv4Addr>,
    /// It is this router.
    pub is_dr: bool,
    /// Our DR priority.
    pub dr_priority: u32,
    /// Our Generation ID.
    pub generation_id: Option<u32>,
    /// Hello_Period.
    pub hello_interval: f64,
    /// Until the next Hello.
    pub next_hello: Option<f64>,
    /// Neighbours.
    pub neighbors: usize,
    /// Effective_Propagation_Delay.
    pub propagation_delay: f64,
    /// Effective_Override_Interval.
    pub override_interval: f64,
    /// Join suppression is in force.
    pub join_suppression: bool,
}

/// A PIM neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbor {
    /// The interface.
    pub interface: String,
    /// Its primary address.
    pub address: Ipv4Addr,
    /// Its other addresses.
    pub secondary_addresses: Vec<Ipv4Addr>,
    /// Since when it is known.
    pub uptime: f64,
    /// Until it expires; `None` where it never does.
    pub expires: Option<f64>,
    /// Its DR priority; `None` where it sends none.
    pub dr_priority: Option<u32>,
    /// It is the Designated Router.
    pub is_dr: bool,
    /// Its Generation ID.
    pub generation_id: Option<u32>,
    /// Its LAN Prune Delay: propagation and override, and the T bit.
    pub lan_prune_delay: Option<LanPruneDelay>,
}

/// LAN Prune Delay of a neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LanPruneDelay {
    /// Propagation_Delay.
    pub propagation_delay: f64,
    /// Override_Interval.
    pub override_interval: f64,
    /// T: it can do without join suppression.
    pub tracking: bool,
}

/// An RP and its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rp {
    /// The range.
    pub groups: String,
    /// The RP.
    pub address: Ipv4Addr,
    /// The lower the better.
    pub priority: u8,
    /// Where it comes from: `static`.
    pub origin: String,
    /// It is this router.
    pub is_me: bool,
    /// There is a way to it.
    pub reachable: bool,
}

/// The RP of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RpOf {
    /// The group.
    pub group: Ipv4Addr,
    /// Its RP.
    pub rp: Option<Ipv4Addr>,
    /// It is this router.
    pub is_me: bool,
    /// Why it is this one, or why there is none; one sentence.
    pub reason: String,
}

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RpfOf {
    /// The address.
    pub address: Ipv4Addr,
    /// RPF_interface.
    pub interface: Option<String>,
    /// The next router of the way; `None` where the address is connected.
    pub next_hop: Option<Ipv4Addr>,
    /// RPF': the PIM neighbour that has the next hop's address.
    pub neighbor: Option<Ipv4Addr>,
    /// The address is connected.
    pub connected: bool,
    /// The address is one of this router's own.
    pub is_me: bool,
    /// Metric preference in Asserts.
    pub preference: Option<u32>,
    /// Metric in Asserts.
    pub metric: Option<u32>,
    /// Where the way was found, or why there is none; one sentence.
    pub reason: String,
}

/// IGMP on an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IgmpInterface {
    /// Its name.
    pub interface: String,
    /// IGMP runs: the interface is up and has an address.
    pub up: bool,
    /// The version whose queries are sent.
    pub version: u8,
    /// The querier.
    pub querier: Option<Ipv4Addr>,
    /// It is this router.
    pub is_querier: bool,
    /// Until the next General Query, where this router is the querier.
    pub next_query: Option<f64>,
    /// Until the querier is taken for gone, where it is another router.
    pub other_querier_expires: Option<f64>,
    /// The Robustness Variable in force.
    pub robustness: u8,
    /// The Query Interval in force.
    pub query_interval: f64,
    /// Query Response Interval.
    pub query_response_interval: f64,
    /// Last Member Query Interval.
    pub last_member_query_interval: f64,
    /// Groups with members.
    pub groups: usize,
}

/// A group's members on an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IgmpGroup {
    /// The interface.
    pub interface: String,
    /// The group.
    pub group: Ipv4Addr,
    /// `include` or `exclude`.
    pub mode: FilterMode,
    /// The version of the oldest host: 1, 2 or 3.
    pub version: u8,
    /// Since when it has members.
    pub uptime: f64,
    /// Until the group timer ends, in EXCLUDE mode.
    pub expires: Option<f64>,
    /// Its sources.
    pub sources: Vec<IgmpSource>,
    /// Who reported it last.
    pub last_reporter: Option<Ipv4Addr>,
    /// The configuration asks for it.
    pub is_static: bool,
}

/// The filter mode of a group on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FilterMode {
    /// From the listed sources only.
    Include,
    /// From all but the blocked sources.
    Exclude,
}

/// A source in a group's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IgmpSource {
    /// It.
    pub source: Ipv4Addr,
    /// Its packets are wanted.
    pub forward: bool,
    /// Until its source timer ends.
    pub expires: Option<f64>,
}

/// An entry of the multicast routing table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mroute {
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// The group.
    pub group: Ipv4Addr,
    /// The RP, in (*,G) and (S,G) of the ASM range.
    pub rp: Option<Ipv4Addr>,
    /// The incoming interface.
    pub iif: Option<String>,
    /// RPF': whom Joins go to.
    pub rpf_neighbor: Option<Ipv4Addr>,
    /// The outgoing interfaces: what is forwarded to.
    pub olist: Vec<String>,
    /// Joined upstream.
    pub joined: bool,
    /// Until the next Join.
    pub join_timer: Option<f64>,
    /// SPTbit.
    pub spt_bit: bool,
    /// Until the entry is forgotten without data.
    pub keepalive: Option<f64>,
    /// Register state, at the DR of a connected source.
    pub register: RegisterState,
    /// Until the Register state changes.
    pub register_timer: Option<f64>,
    /// (S,G,rpt): this router has pruned the source off the RP tree.
    pub rpt_pruned: bool,
    /// State by interface, where there is any.
    pub interfaces: Vec<MrouteInterface>,
    /// Packets of this source, or by (*,G), that the data plane took in to be
    /// forwarded or registered; `None` where it has no such route. Those that
    /// came before it had the route are forwarded by the router, which counts
    /// them as `forward.packets` of their output.
    pub packets: Option<u64>,
    /// Their bytes, from the IP header on.
    pub bytes: Option<u64>,
}

/// An entry's state on an interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MrouteInterface {
    /// The interface.
    pub interface: String,
    /// Downstream Join/Prune state: `join` or `prune-pending`; `None` is
    /// NoInfo.
    pub downstream: Option<DownstreamState>,
    /// Until it ends.
    pub expires: Option<f64>,
    /// (S,G,rpt): the source is pruned here.
    pub rpt_pruned: bool,
    /// Local members want it.
    pub local_members: bool,
    /// Assert state.
    pub assert: AssertState,
    /// AssertWinner.
    pub assert_winner: Option<Ipv4Addr>,
    /// Until the Assert state ends.
    pub assert_timer: Option<f64>,
}

/// Downstream Join/Prune state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DownstreamState {
    /// Join.
    Join,
    /// Prune-Pending.
    PrunePending,
}

/// Register state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterState {
    /// NoInfo.
    #[default]
    NoInfo,
    /// Join.
    Join,
    /// Join-Pending.
    JoinPending,
    /// Prune.
    Prune,
}

/// Assert state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AssertState {
    /// NoInfo.
    #[default]
    NoInfo,
    /// I am Assert Winner.
    Winner,
    /// I am Assert Loser.
    Loser,
}

/// Counters of the protocols.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolCounters {
    /// The interface; `None` for those that belong to none.
    pub interface: Option<String>,
    /// By name, those that are not 0: `pim.rx.hello`, `igmp.drop.checksum`.
    pub counters: BTreeMap<String, u64>,
}

/// One line of `watch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchLine {
    /// Seconds since the daemon started.
    pub time: f64,
    /// How many events were left out before this one because the client was
    /// too slow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A PIM neighbour.
    Neighbor {
        /// The interface.
        interface: String,
        /// Its address.
        address: Ipv4Addr,
        /// `up`, `restarted`, `expired`, `left`, `interface-down` or `removed`.
        change: String,
    },
    /// The Designated Router of an interface.
    Dr {
        /// The interface.
        interface: String,
        /// Its address.
        address: Option<Ipv4Addr>,
        /// It is this router.
        is_me: bool,
    },
    /// The IGMP querier of an interface.
    Querier {
        /// The interface.
        interface: String,
        /// Its address.
        address: Ipv4Addr,
        /// It is this router.
        is_me: bool,
    },
    /// A querier that speaks an older version of IGMP than is configured here.
    OlderQuerier {
        /// The interface.
        interface: String,
        /// Its address.
        address: Ipv4Addr,
        /// Its version.
        version: u8,
    },
    /// A membership.
    Membership {
        /// The interface.
        interface: String,
        /// The group.
        group: Ipv4Addr,
        /// The source; `None` is any.
        source: Option<Ipv4Addr>,
        /// `joined`, `left`, `expired` or `removed`.
        change: String,
    },
    /// An entry of the multicast routing table.
    Route {
        /// The source; `None` in (*,G).
        source: Option<Ipv4Addr>,
        /// The group.
        group: Ipv4Addr,
        /// `added`, `changed` or `removed`.
        change: String,
        /// The incoming interface.
        iif: Option<String>,
        /// The outgoing interfaces.
        olist: Vec<String>,
    },
    /// The RP of a group.
    Rp {
        /// The group.
        group: Ipv4Addr,
        /// Its RP now.
        rp: Option<Ipv4Addr>,
    },
    /// The Register state of a source.
    Register {
        /// The source.
        source: Ipv4Addr,
        /// The group.
        group: Ipv4Addr,
        /// The state now.
        state: RegisterState,
    },
    /// The Assert state on an interface.
    Assert {
        /// The source; `None` in (*,G).
        source: Option<Ipv4Addr>,
        /// The group.
        group: Ipv4Addr,
        /// The interface.
        interface: String,
        /// The state now.
        state: AssertState,
        /// The winner, where there is one.
        winner: Option<Ipv4Addr>,
    },
    /// A table is full and something was refused.
    Refused {
        /// The table.
        table: String,
    },
}
