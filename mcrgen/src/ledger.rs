//! What a receiver has seen: arrivals in, figures out. No socket, no clock.
//!
//! **Own drops.** Each datagram comes with its socket's drop counter at the
//! time it was queued. When a flow's sequence has a gap, and the counter has
//! risen since the flow's datagram before, so much of the gap is put down to
//! the socket and not to the network. A socket hears one group, so this is
//! exact for one flow a group; where several flows share a group and lose
//! datagrams in both ways at once, a drop may be put down to the wrong one of
//! them, while their sum stays right. The kernel's counters hold datagrams with
//! a wrong UDP checksum as well; those come off at the report.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::latency::{Counted, Latencies};
use crate::payload::Header;
use crate::report::ReceivedFlow;
use crate::window::{Seen, SequenceWindow};

/// What makes a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// The IP source.
    pub source: Ipv4Addr,
    /// The group.
    pub group: Ipv4Addr,
    /// The UDP port.
    pub port: u16,
    /// The sender's run.
    pub run: u64,
    /// The sender's flow number.
    pub flow: u32,
}

/// One datagram of `mcrgen` that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The IP source.
    pub source: Ipv4Addr,
    /// The group.
    pub group: Ipv4Addr,
    /// The UDP port.
    pub port: u16,
    /// The UDP source port.
    pub source_port: u16,
    /// What it says of itself.
    pub header: Header,
    /// UDP payload bytes.
    pub length: u64,
    /// CLOCK_REALTIME of its arrival.
    pub arrival_ns: u64,
    /// The TTL it arrived with.
    pub ttl: Option<u8>,
    /// The DSCP it arrived with.
    pub dscp: Option<u8>,
    /// The socket it arrived at.
    pub socket: usize,
    /// What that socket had dropped when this datagram was queued.
    pub drops: u64,
}

/// What an arrival was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// The first of its flow.
    FirstOfFlow,
    /// Of a flow that is known.
    Counted,
    /// Of one flow too many.
    Refused,
}

/// Every flow that a receiver sees.
pub struct Ledger {
    flows: BTreeMap<FlowKey, Flow>,
    limit: usize,
    received: u64,
    refused: u64,
    clock: Clock,
    /// Per socket, drops that a gap has been put down to.
    explained: Vec<u64>,
}

/// Whose send times can be compared with arrival times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Those taken on the machine with this number.
    Same(u32),
    /// All: the user says the clocks are one.
    Any,
}

impl Ledger {
    /// An empty ledger for at most `limit` flows.
    pub fn new(limit: usize, clock: Clock) -> Self {
        Self {
            flows: BTreeMap::new(),
            limit,
            received: 0,
            refused: 0,
            clock,
            explained: Vec::new(),
        }
    }

    /// Notes an arrival.
    pub fn note(&mut self, arrival: &Arrival) -> Noted {
        if self.explained.len() <= arrival.socket {
            self.explained.resize(arrival.socket + 1, 0);
        }
        let explained = &mut self.explained[arrival.socket];
        let key = FlowKey {
            source: arrival.source,
            group: arrival.group,
            port: arrival.port,
            run: arrival.header.run,
            flow: arrival.header.flow,
        };
        let latency = self.clock.latency(arrival);
        if let Some(flow) = self.flows.get_mut(&key) {
            if flow.note(arrival, explained) {
                self.received += 1;
                latency.into_iter().for_each(|ns| flow.latency.note(ns));
            }
            return Noted::Counted;
        }
        if self.flows.len() >= self.limit {
            self.refused += 1;
            return Noted::Refused;
        }
        let mut flow = Flow::new(arrival);
        latency.into_iter().for_each(|ns| flow.latency.note(ns));
        self.flows.insert(key, flow);
        self.received += 1;
        Noted::FirstOfFlow
    }

    /// Datagrams of flows beyond the limit.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Different datagrams received, all flows together.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Every flow's figures; `joined_ns` tells when a socket's join call
    /// returned. The sockets have dropped `own_drops` datagrams in all: where
    /// less than their counters said, the rest was lost in the network.
    pub fn report(&self, own_drops: u64, joined_ns: impl Fn(usize) -> u64) -> Vec<ReceivedFlow> {
        let mut left = own_drops;
        let flows = self.flows.iter();
        flows
            .map(|(key, flow)| {
                let own_drops = flow.own_drops.min(left);
                left -= own_drops;
                flow.report(key, own_drops, joined_ns(flow.latest.socket))
            })
            .collect()
    }

    /// Adds the latencies by bucket to the report, which has every flow in its
    /// place: to the last one all, to any other those since the one before.
    pub fn tell_latencies(&self, report: &mut [ReceivedFlow], last: bool) {
        for (told, flow) in report.iter_mut().zip(self.flows.values()) {
            told.latencies = match last {
                true => flow.latency.all(),
                false => flow.latency.untold(),
            };
        }
    }

    /// The report that had them was taken.
    pub fn latencies_told(&mut self) {
        let flows = self.flows.values_mut();
        flows.for_each(|flow| flow.latency.told());
    }
}

impl Clock {
    fn latency(self, arrival: &Arrival) -> Option<u64> {
        match self {
            Self::Same(clock) if clock != arrival.header.clock => None,
            // A clock that was set back in between gives 0 rather than 584 years.
            Self::Same(_) | Self::Any => {
                Some(arrival.arrival_ns.saturating_sub(arrival.header.sent_ns))
            }
        }
    }
}

struct Flow {
    window: SequenceWindow,
    bytes: u64,
    duplicated: u64,
    reordered: u64,
    too_old: u64,
    /// Missing datagrams that the own socket dropped.
    own_drops: u64,
    /// The socket's counter at this flow's latest datagram.
    drops_seen: u64,
    first_ns: u64,
    longest_gap_ns: u64,
    latest: Arrival,
    latency: Counted,
}

impl Flow {
    fn new(arrival: &Arrival) -> Self {
        Self {
            window: SequenceWindow::new(arrival.header.sequence),
            bytes: arrival.length,
            duplicated: 0,
            reordered: 0,
            too_old: 0,
            own_drops: 0,
            drops_seen: arrival.drops,
            first_ns: arrival.arrival_ns,
            longest_gap_ns: 0,
            latest: *arrival,
            latency: Counted::default(),
        }
    }

    /// True: it was not here before.
    fn note(&mut self, arrival: &Arrival, explained: &mut u64) -> bool {
        let seen = self.window.record(arrival.header.sequence);
        match seen {
            Seen::New { gap } => {
                let since = arrival.drops.saturating_sub(self.drops_seen);
                let open = arrival.drops.saturating_sub(*explained);
                let own = gap.min(since).min(open);
                self.own_drops += own;
                *explained += own;
            }
            Seen::Late => {
                self.reordered += 1;
                // It was put down to the socket but came after all.
                if self.own_drops > self.window.missing() {
                    self.own_drops -= 1;
                    *explained = explained.saturating_sub(1);
                }
            }
            Seen::Duplicate => self.duplicated += 1,
            Seen::TooOld => self.too_old += 1,
        }
        let new = matches!(seen, Seen::New { .. } | Seen::Late);
        if new {
            self.bytes += arrival.length;
        }
        let gap = arrival.arrival_ns.saturating_sub(self.latest.arrival_ns);
        self.longest_gap_ns = self.longest_gap_ns.max(gap);
        self.drops_seen = self.drops_seen.max(arrival.drops);
        self.latest = *arrival;
        new
    }

    fn report(&self, key: &FlowKey, own_drops: u64, joined_ns: u64) -> ReceivedFlow {
        ReceivedFlow {
            source: Some(key.source),
            group: Some(key.group),
            port: key.port,
            run: key.run,
            flow: key.flow,
            received: self.window.distinct(),
            bytes: self.bytes,
            lost: self.window.missing().saturating_sub(own_drops),
            own_drops,
            duplicated: self.duplicated,
            reordered: self.reordered,
            too_old: self.too_old,
            first_sequence: self.window.lowest(),
            highest_sequence: self.window.highest(),
            first_ns: self.first_ns,
            last_ns: self.latest.arrival_ns,
            join_to_first_ns: self.first_ns.saturating_sub(joined_ns),
            longest_gap_ns: self.longest_gap_ns,
            latency: self.latency.quantiles(),
            latencies: Latencies::default(),
            ttl: self.latest.ttl,
            dscp: self.latest.dscp,
            source_port: self.latest.source_port,
        }
    }
}
