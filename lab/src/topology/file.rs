//! The mirror of the file, schema version 1: what may be written where. The
//! JSON Schema is made of these types.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::place::{At, Named, OneOrMany, Part};
use super::value::{Address, Cidr, Dur, Group, Loopback, Net, RateValue, Route};

#[macro_use]
mod impaired;
mod artifacts;
mod daemon;
mod gate;
mod generate;
mod invariants;
mod packets;
mod questions;
mod router;
mod steps;
mod sweep;

pub(crate) use artifacts::*;
pub(crate) use daemon::*;
pub(crate) use gate::*;
pub(crate) use generate::*;
pub(crate) use impaired::*;
pub(crate) use invariants::*;
pub(crate) use packets::*;
pub(crate) use questions::*;
pub(crate) use router::*;
pub(crate) use steps::*;
pub(crate) use sweep::*;

/// A name given elsewhere in the file.
pub(crate) type Name = At<String>;

/// A lab: a network and the questions about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lab")]
pub(crate) struct File {
    /// The version of this schema: 1.
    #[schemars(range(min = 1, max = 1))]
    pub(crate) lab: At<u32>,
    /// The lab's name: letters, digits, `-` and `_`, at most 40. The folder's
    /// name where there is none.
    pub(crate) name: Option<At<String>>,
    /// What it is, for people.
    pub(crate) about: Option<String>,
    /// Values for `${vars.NAME}`; `--var NAME=VALUE` replaces them.
    #[serde(default)]
    #[expect(dead_code, reason = "read before loops, which may count with them")]
    pub(crate) vars: Named<Part<Scalar>>,
    /// Variables that `lab matrix` gives each of these values in turn; elsewhere
    /// they have the first one.
    #[serde(default)]
    #[expect(dead_code, reason = "read with the variables")]
    pub(crate) matrix: Named<Part<Vec<Scalar>>>,
    /// So many runs by `lab test`; 1 unless said otherwise.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) repeat: Option<At<u32>>,
    /// What nodes and links have unless they say otherwise.
    pub(crate) defaults: Option<Defaults>,
    /// What the nodes of a kind have unless they say otherwise.
    #[serde(default)]
    pub(crate) kinds: Named<Part<Node>>,
    /// What the nodes of a group have unless they say otherwise.
    #[serde(default)]
    pub(crate) groups: Named<Part<GroupOfNodes>>,
    /// PIM of all routers; a node's own `pim` is laid upon it.
    pub(crate) pim: Option<Part<Pim>>,
    /// IGMP of all routers; a node's own `igmp` is laid upon it.
    pub(crate) igmp: Option<Part<Igmp>>,
    /// The routers' timers.
    pub(crate) timers: Option<Part<TimersEntry>>,
    /// Where unicast routes come from.
    pub(crate) unicast: Option<Part<UnicastEntry>>,
    /// Lab files that this one is laid upon: maps are merged, links follow
    /// theirs, any other list is replaced.
    #[serde(default)]
    #[expect(dead_code, reason = "laid under this file before it is read")]
    pub(crate) extends: OneOrMany<String>,
    /// Networks of a known shape; their nodes and links come before the others.
    #[serde(default)]
    #[expect(dead_code, reason = "made nodes and links before the file is read")]
    pub(crate) generate: OneOrMany<Part<Generate>>,
    /// The nodes: network namespaces with what runs in them.
    #[serde(default)]
    pub(crate) nodes: Named<Part<NodeEntry>>,
    /// Links between two nodes: `a -- b`, `a:eth0 -- b:eth1`, or a map of that
    /// and its options.
    #[serde(default)]
    pub(crate) links: Vec<Part<LinkEntry>>,
    /// LANs: bridges with any number of members.
    #[serde(default)]
    pub(crate) segments: Named<Part<SegmentEntry>>,
    /// Receivers, idle until a `join` step.
    #[serde(default)]
    pub(crate) receivers: Named<Part<Receiver>>,
    /// Sources, silent until a `send` step.
    #[serde(default)]
    pub(crate) sources: Named<Part<Source>>,
    /// What is done and what is expected, in order.
    #[serde(default)]
    pub(crate) steps: Vec<Part<StepEntry>>,
    /// What must hold during the whole run.
    #[serde(default)]
    pub(crate) invariants: Vec<Part<InvariantEntry>>,
    /// Limits of a run.
    pub(crate) limits: Option<Part<RunLimits>>,
    /// What a run of `lab test` leaves.
    pub(crate) artifacts: Option<Part<ArtifactsOf>>,
}

/// The value of a variable.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used; variables stay trees")]
pub(crate) enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<serde_json::Value>),
    Map(serde_json::Map<String, serde_json::Value>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    /// For every node.
    pub(crate) node: Option<Part<Node>>,
    /// For every link and segment.
    pub(crate) link: Option<Part<LinkDefaults>>,
}

/// What runs in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindName {
    /// Nothing: a place for receivers and sources.
    Host,
    /// mcrd.
    Mcrd,
    /// FRR: zebra and its pimd.
    Frr,
    /// The stand-alone pimd.
    Pimd,
    /// smcrouted, with the routes of `mroutes`.
    Smcroute,
    /// The kernel's own unicast forwarding, and nothing else.
    Kernel,
    /// The command `cmd`.
    Custom,
}

/// What watches a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wrap {
    /// strace: all its system calls, with times.
    Strace,
    /// perf record: where it spends its time.
    Perf,
    /// valgrind: what it does wrong with memory.
    Valgrind,
    /// gdbserver: it waits for a debugger on 127.0.0.1:2345 of the node.
    Gdbserver,
}

/// A node.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// What runs in it; `host` unless said otherwise.
    #[expect(dead_code, reason = "read before inheritance, which depends on it")]
    pub(crate) kind: Option<Part<At<KindName>>>,
    /// Addresses on its loopback; `auto` takes one of 10.255.0.0/16.
    pub(crate) lo: Option<Part<OneOrMany<Loopback>>>,
    /// Addresses by interface, instead of the automatic ones.
    pub(crate) addresses: Option<Part<Named<OneOrMany<Cidr>>>>,
    /// Static routes: `10.9.0.0/16 via 10.1.0.1`.
    pub(crate) routes: Option<Part<OneOrMany<Route>>>,
    /// Settings of its namespace: `net.ipv4.ip_forward: 0`.
    pub(crate) sysctls: Option<Part<Named<Setting>>>,
    /// Environment of what runs in it.
    pub(crate) env: Option<Part<Named<Setting>>>,
    /// What watches its daemon; the output is kept beside the logs.
    pub(crate) wrap: Option<Part<At<Wrap>>>,
    /// PIM, laid upon that of all routers.
    pub(crate) pim: Option<Part<Pim>>,
    /// IGMP, laid upon that of all routers.
    pub(crate) igmp: Option<Part<Igmp>>,
    /// Configuration of mcrd; laid upon that of `config_file`.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) config: Option<Part<serde_json::Value>>,
    /// A configuration file beside the lab file: JSON5 for mcrd, and for frr,
    /// pimd and smcroute a text in the daemon's own words, with variables. It
    /// is laid upon what the lab writes, or comes after it.
    pub(crate) config_file: Option<Part<ConfigFileEntry>>,
    /// Static multicast routes of a `smcroute` node.
    pub(crate) mroutes: Option<Part<OneOrMany<StaticMroute>>>,
    /// The command of a `custom` node, run by `sh -c`.
    pub(crate) cmd: Option<Part<String>>,
    /// A command that exits 0 as soon as `cmd` is ready.
    pub(crate) ready: Option<Part<String>>,
    /// A command that ends `cmd`; SIGTERM where there is none.
    pub(crate) stop: Option<Part<String>>,
    /// A command that prints the state of `cmd`, kept as evidence.
    pub(crate) state: Option<Part<String>>,
}

/// A configuration file, or a map of one that is all that is read.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum ConfigFileEntry {
    After(String),
    Instead(ConfigFile),
}

/// A configuration file that is all that is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigFile {
    /// The file; the lab writes nothing of its own.
    pub(crate) instead: String,
}

/// A static multicast route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticMroute {
    /// The incoming interface.
    pub(crate) from: Name,
    /// The group.
    pub(crate) group: Group,
    /// The source; any where there is none.
    pub(crate) source: Option<Address>,
    /// The outgoing interfaces.
    pub(crate) to: OneOrMany<Name>,
}

/// A setting, as text; a number is written without quotes.
#[derive(Debug, Deserialize)]
pub(crate) struct Setting(pub(crate) String);

impl JsonSchema for Setting {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

/// A node, or only its kind.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum NodeEntry {
    Kind(KindName),
    Node(Box<Node>),
    Nothing(()),
}

/// Nodes that have something in common.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("additionalProperties" = true))]
pub(crate) struct GroupOfNodes {
    /// The nodes; the other keys are those of a node.
    pub(crate) members: Part<Vec<Name>>,
}

impaired!(
    /// What every link has unless it says otherwise; the wire is that of links,
    /// and of each member of a segment.
    #[expect(dead_code, reason = "checked by reading; what is used is the tree")]
    LinkDefaults {
    /// The MTU in bytes; 1500 unless said otherwise.
    #[schemars(range(min = 68, max = 65535))]
    pub(crate) mtu: Option<At<u32>>,
    /// Leave transmit checksum offload on, as it is on real hosts.
    pub(crate) checksum_offload: Option<bool>,
    /// What a way over it costs; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) metric: Option<At<u32>>,
    /// Whether there is a wire; `auto` unless said otherwise.
    pub(crate) wire: Option<WireMode>,
});

/// `a -- b`, or a map of that and its options.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum LinkEntry {
    Ends(#[schemars(regex(pattern = " -- "))] String),
    Options(#[schemars(extend("maxProperties" = 1))] Named<Option<LinkOptions>>),
}

impaired!(LinkOptions {
    /// The network its addresses are taken from.
    pub(crate) net: Option<At<Net>>,
    /// The MTU in bytes.
    #[schemars(range(min = 68, max = 65535))]
    pub(crate) mtu: Option<At<u32>>,
    /// Leave transmit checksum offload on, as it is on real hosts.
    pub(crate) checksum_offload: Option<At<bool>>,
    /// What a way over it costs; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) metric: Option<At<u32>>,
    /// Whether there is a wire; `auto` unless said otherwise.
    #[serde(default)]
    pub(crate) wire: WireMode,
    /// Other impairments in one direction: `{a>b: {loss: 1%}}`.
    #[serde(default)]
    pub(crate) dir: Named<Impaired>,
});

/// The members of a segment, or a map with its options.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum SegmentEntry {
    Members(Vec<Member>),
    Options(Segment),
}

/// `NODE`, or a map of that and what its wire does.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum Member {
    Name(String),
    Wired(#[schemars(extend("maxProperties" = 1))] Named<Option<MemberOptions>>),
}

impaired!(
    /// The wire between a segment and a member, in both directions.
    MemberOptions {
        /// Whether there is a wire; `auto` unless said otherwise.
        #[serde(default)]
        pub(crate) wire: WireMode,
        /// Others in one direction: `{r1>lan: {loss: 1%}}`.
        #[serde(default)]
        pub(crate) dir: Named<Impaired>,
    }
);

/// Whether a segment's bridge sends IGMP queries, or which member is to.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum QuerierEntry {
    Bridge(bool),
    Member(String),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    /// The members: `NODE`, or `NODE:INTERFACE`; or a map of that and what the
    /// wire does that joins it to the segment.
    pub(crate) members: Vec<Part<Member>>,
    /// IGMP snooping on the bridge.
    #[serde(default)]
    pub(crate) snooping: bool,
    /// Who sends IGMP queries: `true` for the bridge itself; or the member that
    /// is to be the querier, which has the lowest address then.
    pub(crate) querier: Option<Part<QuerierEntry>>,
    /// The network its addresses are taken from.
    pub(crate) net: Option<At<Net>>,
    /// The MTU in bytes.
    #[schemars(range(min = 68, max = 65535))]
    pub(crate) mtu: Option<At<u32>>,
    /// Leave transmit checksum offload on, as it is on real hosts.
    pub(crate) checksum_offload: Option<bool>,
    /// What a way over it costs; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) metric: Option<At<u32>>,
}

/// A receiver.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receiver {
    /// The node it is in.
    pub(crate) at: Name,
    /// Its interface there; needed where the node has several.
    pub(crate) interface: Option<Name>,
    /// The group or groups it joins; one of its node's own addresses to listen
    /// for unicast.
    pub(crate) group: OneOrMany<At<Address>>,
    /// So many groups, beginning with `group`.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) groups: Option<At<u32>>,
    /// The UDP port; 5000 unless said otherwise.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<At<u16>>,
    /// The source or sources it joins, for SSM.
    #[serde(default)]
    pub(crate) source: OneOrMany<Address>,
    /// It joins every source but these.
    #[serde(default)]
    pub(crate) exclude: OneOrMany<Address>,
    /// The IGMP version of its host; the kernel's own choice otherwise.
    #[schemars(range(min = 1, max = 3))]
    pub(crate) igmp: Option<At<u8>>,
}

/// A source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The node it is in.
    pub(crate) at: Name,
    /// Its interface there; needed where the node has several.
    pub(crate) interface: Option<Name>,
    /// The group or groups it sends to, in turn.
    #[serde(default)]
    pub(crate) group: OneOrMany<Group>,
    /// The host it sends to, instead of a group.
    pub(crate) host: Option<At<Address>>,
    /// So many groups, beginning with `group`.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) groups: Option<At<u32>>,
    /// The UDP port it sends to; 5000 unless said otherwise.
    #[schemars(range(min = 1))]
    pub(crate) port: Option<At<u16>>,
    /// The rate, all groups together; 100pps unless said otherwise.
    pub(crate) rate: Option<At<RateValue>>,
    /// UDP payload in bytes; 200 unless said otherwise.
    #[schemars(range(min = mcrgen::payload::HEADER_LEN, max = mcrgen::payload::MAX_LEN))]
    pub(crate) size: Option<At<u32>>,
    /// Time to live; 16 unless said otherwise.
    #[schemars(range(min = 1))]
    pub(crate) ttl: Option<At<u8>>,
    /// DiffServ code point.
    #[schemars(range(max = 63))]
    pub(crate) dscp: Option<At<u8>>,
    /// The UDP source port.
    #[schemars(range(min = 1))]
    pub(crate) source_port: Option<At<u16>>,
    /// So many datagrams, then it is silent; until `stop` otherwise.
    #[schemars(range(min = 1))]
    pub(crate) count: Option<At<u64>>,
    /// So long, then it is silent.
    #[serde(rename = "for")]
    pub(crate) span: Option<At<Dur>>,
}

/// Limits of a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunLimits {
    /// The longest a run may take; 5m unless said otherwise.
    pub(crate) max_time: Option<At<Dur>>,
    /// The longest that daemons may take to be ready; 30s unless said otherwise.
    pub(crate) ready: Option<At<Dur>>,
    /// `lab test` runs nothing else at the same time: its figures are of time or
    /// rates that others would spoil.
    #[serde(default)]
    pub(crate) alone: bool,
}
