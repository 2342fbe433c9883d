//! What a router must know: settings that are valid together.
//!
//! Defaults are those of RFC 7761 §4.11, RFC 2236 §8 and RFC 9776 §8.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::id::{GroupAddr, InterfaceName, UnicastAddr};

/// All settings of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Interfaces that take part, by name.
    pub interfaces: BTreeMap<InterfaceName, InterfaceConfig>,
    /// PIM, on all interfaces together.
    pub pim: PimConfig,
    /// Static multicast routes, which come before the kernel's.
    pub mroutes: Vec<StaticMroute>,
    /// The sizes of tables.
    pub limits: Limits,
}

/// What runs on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceConfig {
    /// PIM, where it runs.
    pub pim: Option<PimInterfaceConfig>,
    /// The router side of IGMP, where it runs.
    pub igmp: Option<IgmpInterfaceConfig>,
}

/// PIM on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PimInterfaceConfig {
    /// Neither sends nor takes PIM messages, and is DR.
    pub passive: bool,
    /// Hello_Period.
    pub hello_interval: Duration,
    /// Holdtime in our Hellos; 3.5 intervals where it is left out.
    pub hello_holdtime: Option<Duration>,
    /// Triggered_Hello_Delay.
    pub triggered_hello_delay: Duration,
    /// DR Priority.
    pub dr_priority: u32,
    /// Propagation_Delay.
    pub propagation_delay: Duration,
    /// Override_Interval.
    pub override_interval: Duration,
    /// The T bit: join suppression can be switched off.
    pub tracking: bool,
    /// Routers that may be neighbours; all where it is left out.
    pub neighbors: Option<Vec<Ipv4Net>>,
}

impl Default for PimInterfaceConfig {
    fn default() -> PimInterfaceConfig {
        PimInterfaceConfig {
            passive: false,
            hello_interval: Duration::from_secs(30),
            hello_holdtime: None,
            triggered_hello_delay: Duration::from_secs(5),
            dr_priority: 1,
            propagation_delay: Duration::from_millis(500),
            override_interval: Duration::from_millis(2500),
            tracking: false,
            neighbors: None,
        }
    }
}

impl PimInterfaceConfig {
    /// The Holdtime our Hellos carry, in seconds: 3.5 intervals unless set,
    /// and never 0, which would end the neighbourship.
    pub fn holdtime(&self) -> u16 {
        let time = self
            .hello_holdtime
            .unwrap_or_else(|| self.hello_interval.mul_f64(3.5));
        seconds_up(time).clamp(1, 0xffff)
    }
}

/// PIM on all interfaces together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PimConfig {
    /// RPs that do not come from a protocol.
    pub static_rps: Vec<StaticRp>,
    /// The mask length of the hash function among RPs of one range and
    /// priority (RFC 7761 §4.7.2).
    pub hash_mask_len: u8,
    /// Groups with (S,G) state only.
    pub ssm_ranges: Vec<Ipv4Net>,
    /// When a last hop leaves the RP tree.
    pub spt_switch: SptSwitch,
    /// t_periodic.
    pub join_prune_interval: Duration,
    /// Keepalive_Period.
    pub keepalive_period: Duration,
    /// Register_Suppression_Time.
    pub register_suppression: Duration,
    /// Register_Probe_Time.
    pub register_probe: Duration,
    /// The most Register-Stops a second for one (S,G) and one DR.
    pub register_stops_per_second: u32,
    /// What an RP accepts Registers for; everything where it is left out.
    pub register_accept: Option<Vec<RegisterAccept>>,
    /// The largest packet a Register may carry whole, in bytes; larger ones are
    /// fragmented before (RFC 7761 §4.4.1).
    pub register_mtu: u16,
    /// Assert_Time.
    pub assert_time: Duration,
    /// Assert_Override_Interval.
    pub assert_override: Duration,
    /// Metric preference in Asserts by the protocol that gave the route
    /// (rtm_protocol); a protocol that is not listed has 120.
    pub preferences: BTreeMap<u8, u32>,
    /// Several equal next hops are chosen among by source and group; the first
    /// one otherwise.
    pub ecmp: bool,
}

impl Default for PimConfig {
    fn default() -> PimConfig {
        PimConfig {
            static_rps: Vec::new(),
            hash_mask_len: 30,
            ssm_ranges: vec![Ipv4Net::new_assert([232, 0, 0, 0].into(), 8)],
            spt_switch: SptSwitch::Immediate,
            join_prune_interval: Duration::from_secs(60),
            keepalive_period: Duration::from_secs(210),
            register_suppression: Duration::from_secs(60),
            register_probe: Duration::from_secs(5),
            register_stops_per_second: 10,
            register_accept: None,
            register_mtu: 1472,
            assert_time: Duration::from_secs(180),
            assert_override: Duration::from_secs(3),
            // RTPROT_KERNEL, BOOT, STATIC; BGP, ISIS, OSPF, RIP, EIGRP of
            // linux/rtnetlink.h with the distances in use.
            preferences: BTreeMap::from([
                (2, 0),
                (3, 1),
                (4, 1),
                (186, 20),
                (187, 115),
                (188, 110),
                (189, 120),
                (192, 90),
            ]),
            ecmp: false,
        }
    }
}

impl PimConfig {
    /// The Holdtime of our Join/Prune messages, in seconds: 3.5 intervals.
    pub fn join_prune_holdtime(&self) -> u16 {
        seconds_up(self.join_prune_interval.mul_f64(3.5)).clamp(1, 0xffff - 1)
    }

    /// RP_Keepalive_Period (RFC 7761 §4.11).
    pub fn rp_keepalive_period(&self) -> Duration {
        (self.register_suppression * 3 + self.register_probe).max(self.keepalive_period)
    }

    /// Whether the group has (S,G) state only (RFC 4607).
    pub fn is_ssm(&self, group: GroupAddr) -> bool {
        self.ssm_ranges
            .iter()
            .any(|range| range.contains(&group.get()))
    }
}

/// An RP for ranges of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticRp {
    /// The RP.
    pub address: UnicastAddr,
    /// Its ranges.
    pub groups: Vec<Ipv4Net>,
    /// The lower the better, among equally long ranges.
    pub priority: u8,
    /// It comes before what a protocol says.
    pub r#override: bool,
}

/// When a last hop joins a source's own tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SptSwitch {
    /// With the first packet.
    Immediate,
    /// Never.
    Never,
    /// With the first packet, for these groups only.
    Groups(Vec<Ipv4Net>),
}

impl SptSwitch {
    /// SwitchToSptDesired of a group (RFC 7761 §4.2.1).
    pub fn desired(&self, group: GroupAddr) -> bool {
        match self {
            SptSwitch::Immediate => true,
            SptSwitch::Never => false,
            SptSwitch::Groups(ranges) => ranges.iter().any(|range| range.contains(&group.get())),
        }
    }
}

/// Registers that an RP accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterAccept {
    /// Of these sources.
    pub sources: Ipv4Net,
    /// To these groups.
    pub groups: Ipv4Net,
}

/// A static multicast route: sources in a network are reached this way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticMroute {
    /// The network.
    pub network: Ipv4Net,
    /// Where its packets must arrive.
    pub interface: InterfaceName,
    /// The router to join towards; the network is connected where it is left
    /// out.
    pub next_hop: Option<UnicastAddr>,
    /// The metric in Asserts.
    pub metric: u32,
}

/// IGMP on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgmpInterfaceConfig {
    /// The version whose queries are sent; 2 or 3.
    pub version: IgmpVersion,
    /// Robustness Variable.
    pub robustness: u8,
    /// Query Interval.
    pub query_interval: Duration,
    /// Query Response Interval.
    pub query_response_interval: Duration,
    /// Last Member Query Interval.
    pub last_member_query_interval: Duration,
    /// Last Member Query Count; the Robustness Variable where it is left out.
    pub last_member_query_count: Option<u8>,
    /// Startup Query Interval; a quarter of the Query Interval where it is left
    /// out.
    pub startup_query_interval: Option<Duration>,
    /// A leave ends the membership at once, without a query.
    pub immediate_leave: bool,
    /// Messages without the Router Alert option are dropped.
    pub require_router_alert: bool,
    /// The most groups.
    pub max_groups: u32,
    /// The most sources of one group.
    pub max_sources: u32,
    /// Groups that may be joined; all where it is left out.
    pub groups: Option<Vec<Ipv4Net>>,
    /// Memberships that no host needs to report; `None` is any source.
    pub static_groups: BTreeSet<(GroupAddr, Option<UnicastAddr>)>,
}

impl Default for IgmpInterfaceConfig {
    fn default() -> IgmpInterfaceConfig {
        IgmpInterfaceConfig {
            version: IgmpVersion::V3,
            robustness: 2,
            query_interval: Duration::from_secs(125),
            query_response_interval: Duration::from_secs(10),
            last_member_query_interval: Duration::from_secs(1),
            last_member_query_count: None,
            startup_query_interval: None,
            immediate_leave: false,
            require_router_alert: false,
            max_groups: 16 * 1024,
            max_sources: 1024,
            groups: None,
            static_groups: BTreeSet::new(),
        }
    }
}

/// The version of IGMP that a router speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IgmpVersion {
    /// RFC 2236.
    V2,
    /// RFC 9776.
    V3,
}

/// The sizes of tables. What does not fit is refused and counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// PIM neighbours on one interface.
    pub neighbors: usize,
    /// (*,G), (S,G) and (S,G,rpt) entries together.
    pub entries: usize,
    /// Kernel routes that are kept.
    pub routes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            neighbors: 1024,
            entries: 128 * 1024,
            routes: 1024 * 1024,
        }
    }
}

/// Whole seconds, rounded up.
fn seconds_up(time: Duration) -> u16 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u16::try_from(seconds).unwrap_or(u16::MAX)
}
