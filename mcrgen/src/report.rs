//! What `mcrgen send`, `recv` and `hosts` print with `--json`: one object a line.
//!
//! With `--interval D` a line is printed every `D` while it runs, with the
//! totals so far; a receiver also prints one at once when the first datagram of
//! a flow arrives. The last line has `final: true`. A process that gets SIGINT
//! or SIGTERM ends in order and prints its last line.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::latency::Latencies;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "lowercase")]
pub enum Report {
    /// From a sender.
    Send(SendReport),
    /// From a receiver.
    Recv(RecvReport),
    /// From emulated hosts.
    Hosts(HostsReport),
}

/// What a sender has done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SendReport {
    /// This is the last line.
    #[serde(rename = "final")]
    pub last: bool,
    /// The run's number, which every datagram carries.
    pub run: u64,
    /// CLOCK_REALTIME of this line, in nanoseconds since 1970.
    pub at_ns: u64,
    /// Nanoseconds since the first datagram was due.
    pub elapsed_ns: u64,
    /// Datagrams due up to now by the rate. `sent` and `errors` together stay
    /// behind it where the machine or the device is too slow.
    #[serde(default)]
    pub due: u64,
    /// Datagrams the kernel took.
    pub sent: u64,
    /// Their UDP payload bytes.
    pub bytes: u64,
    /// Datagrams the kernel refused (ENOBUFS and other errors).
    pub errors: u64,
    /// The text of the last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The rate that was asked for, datagrams per second.
    pub target_pps: f64,
    /// The rate reached since the start.
    pub pps: f64,
    /// Each flow.
    pub flows: Vec<SentFlow>,
}

/// A flow that a sender sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentFlow {
    /// The flow's number, which every datagram of it carries.
    pub flow: u32,
    /// The group, or the host.
    pub destination: Ipv4Addr,
    /// The UDP port.
    pub port: u16,
    /// Datagrams sent; also the next sequence number.
    pub sent: u64,
}

/// What a receiver has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecvReport {
    /// This is the last line.
    #[serde(rename = "final")]
    pub last: bool,
    /// CLOCK_REALTIME of this line, in nanoseconds since 1970.
    pub at_ns: u64,
    /// CLOCK_REALTIME when the first join call returned.
    pub joined_ns: u64,
    /// Datagrams the kernel dropped because this receiver was too slow; they
    /// are in no flow's `lost`.
    pub socket_drops: u64,
    /// Datagrams to a joined group and port that are not of `mcrgen`.
    pub foreign: u64,
    /// Datagrams of `mcrgen` whose content was changed on the way.
    pub corrupted: u64,
    /// Datagrams of other runs than the one asked for.
    #[serde(default)]
    pub other_runs: u64,
    /// Datagrams of flows beyond the number that is kept.
    #[serde(default)]
    pub refused: u64,
    /// UDP datagrams in this network namespace, since the receiver's start,
    /// whose UDP checksum was wrong. The kernel hands them to nobody.
    #[serde(default)]
    pub checksum_errors: u64,
    /// Each flow seen, by source, group, port, run and flow number.
    pub flows: Vec<ReceivedFlow>,
}

/// A flow that a receiver sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReceivedFlow {
    /// The IP source it arrived with.
    pub source: Option<Ipv4Addr>,
    /// The group it arrived at.
    pub group: Option<Ipv4Addr>,
    /// The UDP port it arrived at.
    pub port: u16,
    /// The sender's run.
    pub run: u64,
    /// The sender's flow number.
    pub flow: u32,
    /// Different datagrams received.
    pub received: u64,
    /// Their UDP payload bytes.
    pub bytes: u64,
    /// Sequence numbers missing between the first and the highest seen, less
    /// what the own socket dropped.
    pub lost: u64,
    /// Sequence numbers missing because the own socket dropped the datagrams.
    #[serde(default)]
    pub own_drops: u64,
    /// Datagrams received again.
    pub duplicated: u64,
    /// Datagrams received after a later one.
    pub reordered: u64,
    /// Datagrams that came more than 65536 sequence numbers late; they are in
    /// no other figure but `lost`.
    #[serde(default)]
    pub too_old: u64,
    /// The lowest sequence number seen; all before it were sent before the
    /// receiver was reached.
    pub first_sequence: u64,
    /// The highest sequence number seen.
    pub highest_sequence: u64,
    /// CLOCK_REALTIME of the first datagram's arrival, taken by the kernel.
    pub first_ns: u64,
    /// CLOCK_REALTIME of the latest datagram's arrival.
    pub last_ns: u64,
    /// From the return of the join call to the first datagram.
    pub join_to_first_ns: u64,
    /// The longest time between two datagrams.
    pub longest_gap_ns: u64,
    /// One-way latency from send call to arrival in the receiver's kernel;
    /// `None` on a clock that is not the sender's.
    pub latency: Option<Latency>,
    /// The same by bucket: in the last line all, in any other those since the
    /// line before.
    #[serde(default, skip_serializing_if = "Latencies::is_empty")]
    pub latencies: Latencies,
    /// The TTL the latest datagram arrived with.
    pub ttl: Option<u8>,
    /// The DSCP the latest datagram arrived with.
    pub dscp: Option<u8>,
    /// The UDP source port the latest datagram arrived with.
    pub source_port: u16,
}

/// What emulated hosts have done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsReport {
    /// This is the last line.
    #[serde(rename = "final")]
    pub last: bool,
    /// CLOCK_REALTIME of this line, in nanoseconds since 1970.
    pub at_ns: u64,
    /// Nanoseconds since the first join was due.
    pub elapsed_ns: u64,
    /// Hosts.
    pub hosts: u64,
    /// Memberships there are now, of all hosts together.
    pub memberships: u64,
    /// Memberships that began.
    pub joins: u64,
    /// Memberships that ended.
    pub leaves: u64,
    /// Nanoseconds from the first join to the last of those that were asked
    /// for; `None` until then.
    pub joined_ns: Option<u64>,
    /// General Queries heard.
    pub general_queries: u64,
    /// Group-specific queries heard.
    pub group_queries: u64,
    /// Group-and-source-specific queries heard.
    pub source_queries: u64,
    /// Reports sent, in answer to a query or because something changed.
    pub reports: u64,
    /// Group records in version 3 reports sent.
    pub records: u64,
    /// Version 2 leaves sent.
    pub leave_messages: u64,
    /// Answers that were not sent because another host's was heard.
    pub suppressed: u64,
    /// Answers that wait for their time.
    pub pending: u64,
    /// Version 1 and 2 reports heard from hosts outside.
    pub foreign_reports: u64,
    /// IGMP messages heard that are not right.
    pub malformed: u64,
    /// Messages that could not be sent.
    pub errors: u64,
    /// The text of the last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Quantiles of a one-way latency, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub min_ns: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
}
