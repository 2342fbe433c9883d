//! The mirror of a step: verbs and expectations.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    DaemonVerb, Elected, FaultVerb, GateOf, IgmpOf, MdbOf, MfcOf, Mroute, Name, NeighborsEntry,
    PacketsEntry, RepeatEntry, RpOf, RpfOf, StateOf, TreeOf,
};
use crate::topology::loss::Loss;
use crate::topology::place::{At, Named, OneOrMany, Part};
use crate::topology::value::{Address, Cidr, Dur, Group, Limits, Net, RateValue};

/// A step: its verbs, or a one-key map of its title and them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum StepEntry {
    Verbs(Box<Verbs>),
    Titled(#[schemars(extend("maxProperties" = 1))] Named<Verbs>),
}

/// What a step does, in the order written, and what it expects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verbs {
    /// Receivers join.
    pub(crate) join: Option<Part<OneOrMany<Name>>>,
    /// Receivers leave.
    pub(crate) leave: Option<Part<OneOrMany<Name>>>,
    /// Sources start.
    pub(crate) send: Option<Part<OneOrMany<Name>>>,
    /// Sources stop.
    pub(crate) stop: Option<Part<OneOrMany<Name>>>,
    /// Links change.
    pub(crate) link: Option<Part<LinkVerb>>,
    /// From now on wires do this, beside what they did: by link, as
    /// `{a--b: {loss: 5%}}`.
    pub(crate) fault: Option<Part<FaultVerb>>,
    /// Wires do again what the links' own options say.
    pub(crate) heal: Option<Part<OneOrMany<Name>>>,
    /// Addresses of an interface are replaced.
    pub(crate) address: Option<Part<OneOrMany<AddressVerb>>>,
    /// Unicast routes get lost, or come back.
    pub(crate) unicast: Option<Part<OneOrMany<UnicastVerb>>>,
    /// Configurations of mcrd change while it runs.
    pub(crate) config: Option<Part<OneOrMany<ConfigVerb>>>,
    /// Many hosts join many groups, and leave them.
    pub(crate) hosts: Option<Part<HostsVerb>>,
    /// Daemons change.
    pub(crate) daemon: Option<Part<DaemonVerb>>,
    /// Commands run to their end; another status than 0 fails the step.
    pub(crate) exec: Option<Part<OneOrMany<ExecVerb>>>,
    /// Nothing happens for this long.
    pub(crate) wait: Option<Part<Dur>>,
    /// A word in the diary of the run, and in its packets.
    pub(crate) mark: Option<Part<String>>,
    /// What all routers know is kept under this name, for `state`.
    pub(crate) snap: Option<Part<String>>,
    /// Several parts of the step that begin at once, each with verbs of its own.
    pub(crate) parallel: Option<Part<OneOrMany<Part<Verbs>>>>,
    /// The whole step is done so many times; or what is in `each` is done at
    /// every event of the steps before.
    pub(crate) repeat: Option<Part<RepeatEntry>>,
    /// What is expected of a span of time from here.
    pub(crate) measure: Option<Part<Measure>>,
    /// What must become true.
    pub(crate) expect: Option<Part<OneOrMany<Part<Expect>>>>,
    /// What must not become true.
    pub(crate) never: Option<Part<OneOrMany<Part<Never>>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkVerb {
    /// Set its interfaces down.
    pub(crate) down: Option<OneOrMany<Name>>,
    /// Set them up again.
    pub(crate) up: Option<OneOrMany<Name>>,
    /// Down and up again, `count` times.
    pub(crate) flap: Option<OneOrMany<Name>>,
    /// Delete it.
    pub(crate) delete: Option<OneOrMany<Name>>,
    /// Make it again, as it was at first.
    pub(crate) create: Option<OneOrMany<Name>>,
    /// At this node's end only.
    pub(crate) at: Option<Name>,
    /// How `down`, `up` and `flap` are done; `admin` unless said otherwise.
    pub(crate) mode: Option<At<LinkMode>>,
    /// How many times `flap` does it; 1 unless said otherwise.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) count: Option<At<u32>>,
    /// How long one time of `flap` takes, half of it down; 1s unless said
    /// otherwise.
    pub(crate) period: Option<At<Dur>>,
}

/// How a link goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LinkMode {
    /// Its interfaces are set down.
    Admin,
    /// They stay set up, and lose their carrier.
    Carrier,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressVerb {
    /// The interface: `NODE:INTERFACE`.
    pub(crate) at: Name,
    /// Its new addresses.
    pub(crate) set: OneOrMany<Cidr>,
}

/// Unicast routes, where the lab sets them (`unicast: oracle`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnicastVerb {
    /// The router that `fail` and `restore` are about.
    pub(crate) at: Option<Name>,
    /// Networks to which no router has a route from now on, each after the time
    /// that routes take to follow a change.
    #[serde(default)]
    pub(crate) withdraw: OneOrMany<Net>,
    /// Networks to which all have their routes again.
    #[serde(default)]
    pub(crate) announce: OneOrMany<Net>,
    /// Networks to which it has no route from now on, at once.
    #[serde(default)]
    pub(crate) fail: OneOrMany<Net>,
    /// Networks to which it has its route again.
    #[serde(default)]
    pub(crate) restore: OneOrMany<Net>,
}

/// What of mcrd's configuration is another one from now on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigVerb {
    /// The node, which runs mcrd.
    pub(crate) at: Name,
    /// Laid upon the configuration that it has.
    #[schemars(with = "serde_json::Value")]
    pub(crate) set: Part<serde_json::Value>,
}

/// Emulated hosts behind one interface.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostsVerb {
    /// The node whose interface they are behind.
    pub(crate) at: Name,
    /// How many.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) count: At<u32>,
    /// The address of the first one.
    pub(crate) address: Address,
    /// The first group.
    pub(crate) group: Group,
    /// How many groups, dealt out in turn.
    #[schemars(range(min = 1, max = 65_536))]
    pub(crate) groups: At<u32>,
    /// Groups of each host; as many as make all groups joined unless said
    /// otherwise.
    #[schemars(range(min = 1, max = 65_536))]
    pub(crate) per_host: Option<At<u32>>,
    /// The source or sources they join; every source unless said otherwise.
    #[serde(default)]
    pub(crate) source: OneOrMany<Address>,
    /// They join every source but these.
    #[serde(default)]
    pub(crate) exclude: OneOrMany<Address>,
    /// The newest IGMP version that they speak; 3 unless said otherwise.
    #[schemars(range(min = 1, max = 3))]
    pub(crate) igmp: Option<At<u8>>,
    /// Joins a second, at the start; 10000 unless said otherwise.
    pub(crate) rate: Option<At<f64>>,
    /// They leave each group so long after they joined it.
    pub(crate) hold: Option<At<Dur>>,
    /// After the start, so many random joins and leaves a second.
    pub(crate) churn: Option<At<f64>>,
    /// Decides what is random; 1 unless said otherwise.
    pub(crate) seed: Option<u64>,
    /// They leave after this time.
    #[serde(rename = "for")]
    pub(crate) span: Dur,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecVerb {
    /// The node.
    pub(crate) at: Name,
    /// The command, run by `sh -c`.
    pub(crate) run: String,
}

/// What is expected of a span of time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measure {
    /// How long.
    #[serde(rename = "for")]
    pub(crate) span: Dur,
    /// What receivers got.
    #[serde(default)]
    pub(crate) rx: OneOrMany<At<Rx>>,
    /// Rates.
    #[serde(default)]
    pub(crate) rate: OneOrMany<At<RateCheck>>,
    /// Counters of daemons.
    #[serde(default)]
    pub(crate) counters: OneOrMany<Part<Counters>>,
    /// The longest time that receivers got nothing.
    #[serde(default)]
    pub(crate) outage: OneOrMany<At<Outage>>,
    /// How many messages of IGMP and PIM were on links.
    #[serde(default)]
    pub(crate) packets: OneOrMany<Part<PacketsEntry>>,
    /// `warn`: its failure is a warning only.
    pub(crate) level: Option<Level>,
    /// A name for the measured value, shown and kept in the result.
    #[serde(rename = "as")]
    pub(crate) metric: Option<String>,
    /// What that value must be over all runs of a file.
    pub(crate) gate: Option<At<GateOf>>,
}

/// How bad a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It fails the test.
    Error,
    /// It is a warning only.
    Warn,
}

/// One condition, and how long it may take.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// What a receiver got.
    pub(crate) rx: Option<At<Rx>>,
    /// A rate at a receiver or an interface.
    pub(crate) rate: Option<At<RateCheck>>,
    /// Counters of a daemon.
    pub(crate) counters: Option<Part<Counters>>,
    /// A command and what it must print.
    pub(crate) exec: Option<At<ExecCheck>>,
    /// Routers that are each other's PIM neighbours: `r1/r2`, a list of these,
    /// or a map about one router.
    pub(crate) neighbors: Option<Part<NeighborsEntry>>,
    /// The Designated Router of a link or segment.
    pub(crate) dr: Option<At<Elected>>,
    /// The IGMP querier of a link or segment.
    pub(crate) querier: Option<At<Elected>>,
    /// The RP of a group.
    pub(crate) rp: Option<At<RpOf>>,
    /// An entry of a multicast routing table.
    pub(crate) mroute: Option<At<Mroute>>,
    /// An entry of the table that packets are forwarded by.
    pub(crate) mfc: Option<At<MfcOf>>,
    /// What the switch of a segment has learned.
    pub(crate) mdb: Option<At<MdbOf>>,
    /// A group's members on an interface.
    pub(crate) igmp: Option<At<IgmpOf>>,
    /// The way to an address.
    pub(crate) rpf: Option<At<RpfOf>>,
    /// The links that carry a group's datagrams.
    pub(crate) tree: Option<At<TreeOf>>,
    /// Whether all routers know what they knew before.
    pub(crate) state: Option<At<StateOf>>,
    /// Messages of IGMP and PIM on links.
    pub(crate) packets: Option<Part<PacketsEntry>>,
    /// Lines of a daemon's log.
    pub(crate) log: Option<At<LogOf>>,
    /// The longest time that a receiver got nothing, until `within` is over.
    pub(crate) outage: Option<At<Outage>>,
    /// It must become true within this time; 5s unless said otherwise.
    pub(crate) within: Option<Dur>,
    /// And then stay true for this time.
    pub(crate) holds: Option<Dur>,
    /// `warn`: its failure is a warning only.
    pub(crate) level: Option<Level>,
    /// A name for the measured value, shown and kept in the result.
    #[serde(rename = "as")]
    pub(crate) metric: Option<String>,
    /// What that value must be over all runs of a file.
    pub(crate) gate: Option<At<GateOf>>,
}

/// One condition, and how long it is watched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Never {
    /// What a receiver got.
    pub(crate) rx: Option<At<Rx>>,
    /// A rate at a receiver or an interface.
    pub(crate) rate: Option<At<RateCheck>>,
    /// Counters of a daemon.
    pub(crate) counters: Option<Part<Counters>>,
    /// A command and what it must not print.
    pub(crate) exec: Option<At<ExecCheck>>,
    /// Routers that are each other's PIM neighbours: `r1/r2`, a list of these,
    /// or a map about one router.
    pub(crate) neighbors: Option<Part<NeighborsEntry>>,
    /// The Designated Router of a link or segment.
    pub(crate) dr: Option<At<Elected>>,
    /// The IGMP querier of a link or segment.
    pub(crate) querier: Option<At<Elected>>,
    /// The RP of a group.
    pub(crate) rp: Option<At<RpOf>>,
    /// An entry of a multicast routing table.
    pub(crate) mroute: Option<At<Mroute>>,
    /// An entry of the table that packets are forwarded by.
    pub(crate) mfc: Option<At<MfcOf>>,
    /// What the switch of a segment has learned.
    pub(crate) mdb: Option<At<MdbOf>>,
    /// A group's members on an interface.
    pub(crate) igmp: Option<At<IgmpOf>>,
    /// The way to an address.
    pub(crate) rpf: Option<At<RpfOf>>,
    /// The links that carry a group's datagrams.
    pub(crate) tree: Option<At<TreeOf>>,
    /// Whether all routers know what they knew before.
    pub(crate) state: Option<At<StateOf>>,
    /// Messages of IGMP and PIM on links.
    pub(crate) packets: Option<Part<PacketsEntry>>,
    /// Lines of a daemon's log.
    pub(crate) log: Option<At<LogOf>>,
    /// It must not become true for this time.
    #[serde(rename = "for")]
    pub(crate) span: Dur,
    /// `warn`: its failure is a warning only.
    pub(crate) level: Option<Level>,
    /// A name for the measured value, shown and kept in the result.
    #[serde(rename = "as")]
    pub(crate) metric: Option<String>,
}

/// What receivers got. Without bounds: at least one datagram.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rx {
    /// The receiver; of several, each.
    pub(crate) by: OneOrMany<Name>,
    /// The sources; all that send to it where there are none.
    #[serde(default)]
    pub(crate) of: OneOrMany<Name>,
    /// Different datagrams received; at least 1 unless said otherwise.
    pub(crate) received: Option<At<Limits>>,
    /// Lost: a number, or a share of those sent as `1%`, which is at most; or
    /// `{equals: wire(a--b)}`, those that this link's wire took and no others.
    pub(crate) loss: Option<At<Loss>>,
    /// Received again.
    pub(crate) duplicates: Option<At<Limits>>,
    /// Received after a later one.
    pub(crate) reorder: Option<At<Limits>>,
    /// Changed on the way.
    pub(crate) corrupted: Option<At<Limits>>,
    /// From the step's start to the first datagram, at most; from the receiver's
    /// join, and the source's first datagram, where they are in the step.
    pub(crate) first_within: Option<Dur>,
    /// The longest time without a datagram; one value is at most.
    pub(crate) gap: Option<At<Limits>>,
    /// Median latency; one value is at most.
    pub(crate) p50_latency: Option<At<Limits>>,
    /// Latency of 90 % of the datagrams; one value is at most.
    pub(crate) p90_latency: Option<At<Limits>>,
    /// Latency of 99 % of the datagrams; one value is at most.
    pub(crate) p99_latency: Option<At<Limits>>,
    /// Latency of 99.9 % of the datagrams; one value is at most.
    pub(crate) p999_latency: Option<At<Limits>>,
    /// Highest latency; one value is at most.
    pub(crate) max_latency: Option<At<Limits>>,
    /// The TTL they arrive with.
    pub(crate) ttl: Option<u8>,
    /// The DSCP they arrive with.
    #[schemars(range(max = 63))]
    pub(crate) dscp: Option<u8>,
    /// The source address they arrive with.
    pub(crate) source: Option<Address>,
    /// The UDP source port they arrive with.
    pub(crate) source_port: Option<u16>,
}

/// The longest time that a receiver got nothing of sources.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outage {
    /// The receiver; of several, each.
    pub(crate) by: OneOrMany<Name>,
    /// The sources; all that send to it where there are none.
    #[serde(default)]
    pub(crate) of: OneOrMany<Name>,
    /// At most; two datagrams of a stream are never closer than its rate says.
    pub(crate) max: Dur,
}

/// Lines of a daemon's log, since the step began.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogOf {
    /// The node.
    pub(crate) at: Name,
    /// A regular expression that a line matches, anywhere in it.
    #[serde(rename = "match")]
    pub(crate) matching: At<String>,
    /// How many such lines; at least 1 unless said otherwise.
    pub(crate) count: Option<At<Limits>>,
}

/// A rate seen at a receiver, or passing an interface.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateCheck {
    /// A receiver, or an interface as `NODE:INTERFACE`.
    pub(crate) at: Name,
    /// Of this group only.
    pub(crate) of: Option<Group>,
    /// At least.
    pub(crate) min: Option<At<RateValue>>,
    /// At most.
    pub(crate) max: Option<At<RateValue>>,
}

/// Counters of a rule, of an input interface, or of IGMP and PIM on an interface
/// of mcrd. Every key beside `at`, `rule`, `input` and `interface` is a counter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("additionalProperties" = { "$ref": "#/$defs/Limits" }))]
pub(crate) struct Counters {
    /// The node, which runs mcrd.
    pub(crate) at: Name,
    /// The rule.
    pub(crate) rule: Option<Name>,
    /// The input interface.
    pub(crate) input: Option<Name>,
    /// The interface whose IGMP and PIM messages are meant.
    pub(crate) interface: Option<Name>,
}

/// A command and what is expected of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecCheck {
    /// The node.
    pub(crate) at: Name,
    /// The command, run by `sh -c`.
    pub(crate) run: String,
    /// The status it must end with; 0 unless said otherwise.
    pub(crate) status: Option<i32>,
    /// Text that its output must contain.
    pub(crate) contains: Option<String>,
}
