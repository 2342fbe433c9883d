//! What the daemon tells of itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// A part of a longer list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which program answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The daemon's version.
    pub version: String,
    /// The protocol's version.
    pub protocol: u32,
}

/// The daemon at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since its start.
    pub uptime_seconds: u64,
    /// The start-up file, if there is one.
    pub config_file: Option<String>,
    /// The user it runs as.
    pub uid: u32,
    /// The capabilities it holds.
    pub capabilities: Vec<String>,
    /// Rules, all.
    pub rules: usize,
    /// Rules that cannot forward now, wholly or in part.
    pub rules_waiting: usize,
    /// Workers that forward.
    pub workers_running: usize,
    /// Workers that should and do not.
    pub workers_failing: usize,
    /// What an operator should know, one sentence each.
    pub notes: Vec<String>,
}

/// A rule and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleStatus {
    /// The rule, with its name.
    pub rule: Rule,
    /// Whether it forwards.
    pub state: RuleState,
    /// What it waits for, one sentence each.
    pub waiting: Vec<String>,
}

/// Whether a rule forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleState {
    /// Input and every output.
    Active,
    /// Some outputs.
    Partial,
    /// Nothing.
    Waiting,
}

/// A rule's counters. They start at 0 when the rule is added, and neither a
/// reload nor a worker's restart resets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleStats {
    /// The rule's name.
    pub name: String,
    /// Packets that matched.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// Its outputs, in the rule's order.
    pub outputs: Vec<OutputStats>,
}

/// An output's counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputStats {
    /// The interface.
    pub interface: String,
    /// Where the copies go.
    pub destination: Ipv4Addr,
    /// The UDP port they go to; `None` where it is kept.
    pub port: Option<u16>,
    /// Copies sent.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
    /// Copies that could not be sent.
    pub dropped: u64,
}

/// What arrived on an input interface and was not forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputStats {
    /// The interface.
    pub interface: String,
    /// Packets that the workers received.
    pub received: u64,
    /// Packets that matched a rule.
    pub matched: u64,
    /// Packets that the kernel dropped because the workers were too slow.
    pub kernel_drops: u64,
    /// Drops by reason; every reason is listed.
    pub drops: BTreeMap<String, u64>,
}

/// A forwarding worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// Its input interface.
    pub interface: String,
    /// Its place among the interface's workers, from 0.
    pub position: u32,
    /// Its process, while it has one.
    pub pid: Option<u32>,
    /// Its CPU, where `pinning` gives one.
    pub cpu: Option<u32>,
    /// How it stands.
    pub state: WorkerState,
    /// How it moves packets: `io_uring`, or `mmsg` and why.
    pub io: Option<String>,
    /// How often it was restarted.
    pub restarts: u64,
    /// Milliseconds until the next try, while it waits for one.
    pub backoff_ms: Option<u64>,
    /// How the last one ended.
    pub last_exit: Option<String>,
    /// Entries it holds.
    pub entries: u64,
    /// The digest it reported is the one it should have.
    pub in_sync: bool,
    /// How often its table was found to differ and was sent anew.
    pub healed: u64,
    /// Each protection, with `on` or why not.
    pub sandbox: BTreeMap<String, String>,
}

/// How a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// It has a process that has not reported yet.
    Starting,
    /// It forwards.
    Running,
    /// It ended, and is started again after its backoff.
    Backoff,
}

/// An interface as the daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The kernel's number; `None` while a rule names it and it does not
    /// exist.
    pub index: Option<u32>,
    /// Up and with carrier.
    pub up: bool,
    /// The largest IP packet.
    pub mtu: Option<u32>,
    /// Its link-layer address.
    pub mac: Option<String>,
    /// Its addresses with prefix length, the primary one first.
    pub addresses: Vec<String>,
    /// Rules that receive on it.
    pub input_rules: usize,
    /// Outputs that send on it.
    pub outputs: usize,
    /// Groups the daemon has joined on it.
    pub groups: usize,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Names of rules that are new.
    pub added: Vec<String>,
    /// Names of rules that are gone.
    pub removed: Vec<String>,
    /// Names of rules that differ now.
    pub changed: Vec<String>,
}

/// What a configuration load does, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigChange {
    /// The first names of each kind, at most 100.
    pub rules: Changed,
    /// How many rules are new.
    pub added: usize,
    /// How many are gone.
    pub removed: usize,
    /// How many differ.
    pub changed: usize,
    /// Other settings that differ, one `key: old -> new` each.
    pub settings: Vec<String>,
    /// Settings that take effect at the next start only.
    pub at_restart: Vec<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Saved {
    /// The file.
    pub path: String,
    /// The rules in it.
    pub rules: usize,
}

/// A part of the daemon that has its own log level.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Facility {
    /// Start, stop, privileges, signals.
    Supervisor,
    /// Configuration: load, reload, save.
    Config,
    /// The control socket and its clients.
    Control,
    /// Interfaces, addresses and neighbours, as the kernel reports them.
    Netlink,
    /// Rules and the forwarding table.
    Relay,
    /// Group memberships: IGMP.
    Igmp,
    /// Neighbours, DR, RPs, Registers and Asserts: PIM.
    Pim,
    /// The multicast routing table, and packets that the router sends and
    /// takes.
    Router,
    /// Workers: start, end, drift.
    Workers,
    /// Inside the workers: packets.
    Dataplane,
}

impl Facility {
    /// All of them.
    pub const ALL: [Facility; 10] = [
        Facility::Supervisor,
        Facility::Config,
        Facility::Control,
        Facility::Netlink,
        Facility::Relay,
        Facility::Igmp,
        Facility::Pim,
        Facility::Router,
        Facility::Workers,
        Facility::Dataplane,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Facility::Supervisor => "supervisor",
            Facility::Config => "config",
            Facility::Control => "control",
            Facility::Netlink => "netlink",
            Facility::Relay => "relay",
            Facility::Igmp => "igmp",
            Facility::Pim => "pim",
            Facility::Router => "router",
            Facility::Workers => "workers",
            Facility::Dataplane => "dataplane",
        }
    }
}

/// How much is logged.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// We stop.
    Error,
    /// Someone should look now.
    Warn,
    /// What an operator would note in a diary.
    Info,
    /// Each change of state.
    Debug,
    /// Each packet.
    Trace,
}

impl LogLevel {
    /// All of them, the most important first.
    pub const ALL: [LogLevel; 5] = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// The levels in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLevels {
    /// The general level.
    pub level: LogLevel,
    /// The facilities that have one of their own.
    pub facilities: BTreeMap<Facility, LogLevel>,
}
