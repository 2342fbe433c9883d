//! The figures of the span, as conditions ask for them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::rc::Rc;

use mcrgen::latency::Latencies;
use mcrgen::report::{ReceivedFlow, RecvReport};

use super::session::{Leg, LegKey, Session, legs_of};
use super::{GRACE_NS, Ledger, SendRun};

/// The shortest time over which a rate is told.
const RATE_WINDOW_NS: u64 = 400_000_000;

/// What a receiver got of some sources in the span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RxSeen {
    /// Datagrams sent while it was joined.
    pub sent: u64,
    /// Different ones of them received.
    pub received: u64,
    /// Sent and not received.
    pub lost: u64,
    /// Received again.
    pub duplicated: u64,
    /// Received after a later one.
    pub reordered: u64,
    /// Changed on the way.
    pub corrupted: u64,
    /// Dropped by the receiver's own socket, and therefore not measured.
    pub own_drops: u64,
    /// When the first one arrived.
    pub first_ns: Option<u64>,
    /// The longest time without one.
    pub gap_ns: u64,
    /// When that was over; `None` where it is not.
    pub gap_until_ns: Option<u64>,
    /// The longest time from the span's start, or the source's or the join, to
    /// the first datagram ever of a flow, or until now.
    pub unheard_ns: u64,
    /// One-way latencies, of each flow where it arrived.
    pub latencies: Vec<Rc<Latencies>>,
    /// How the latest datagram of each flow arrived.
    pub arrivals: Vec<Arrival>,
    /// Flows seen.
    pub flows: usize,
    /// The datagrams of each flow that were sent while it was joined, by run,
    /// flow and sequence numbers.
    pub owed: Vec<(u64, u32, Range<u64>)>,
    /// How many of those a wire took, where that is asked; `None` where there
    /// were more than are kept.
    pub on_wire: Option<u64>,
}

impl RxSeen {
    /// The latencies of all flows.
    #[must_use]
    pub fn latency(&self) -> Latencies {
        let mut all = Latencies::default();
        self.latencies.iter().for_each(|one| all.merge(one));
        all
    }
}

/// How a flow's latest datagram arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The IP source.
    pub source: Option<Ipv4Addr>,
    /// The UDP source port.
    pub source_port: u16,
    /// The TTL.
    pub ttl: Option<u8>,
    /// The DSCP.
    pub dscp: Option<u8>,
}

/// A rate over the span, or over its latest part while it lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateSeen {
    /// Datagrams per second.
    pub pps: f64,
    /// UDP payload bits per second.
    pub bps: f64,
}

impl RateSeen {
    /// The rate of so much in so long.
    #[must_use]
    pub fn over(datagrams: u64, bytes: u64, nanoseconds: u64) -> RateSeen {
        if nanoseconds == 0 {
            return RateSeen::default();
        }
        let seconds = nanoseconds as f64 / 1e9;
        RateSeen {
            pps: datagrams as f64 / seconds,
            bps: bytes as f64 * 8.0 / seconds,
        }
    }
}

/// A flow of a sender, with its place in the sender's list.
struct Flow<'a> {
    sender: &'a SendRun,
    position: usize,
    number: u32,
}

impl Ledger {
    /// What `receiver` got in the span. A flow counts when it arrived, or when
    /// `owed` says that it should.
    pub fn rx(
        &self,
        receiver: usize,
        now: u64,
        counts: impl Fn(&SendRun) -> bool,
        owed: impl Fn(&SendRun, Ipv4Addr) -> bool,
    ) -> RxSeen {
        let mut seen = RxSeen::default();
        for session in self.sessions(receiver) {
            let report = session.report();
            let mark = &session.mark.report;
            seen.corrupted += report.corrupted.saturating_sub(mark.corrupted);
            seen.own_drops += report.socket_drops.saturating_sub(mark.socket_drops);
            let legs = legs_of(report);
            for sender in self.runs().filter(|sender| counts(sender)) {
                for (position, flow) in sender.latest.flows.iter().enumerate() {
                    let arrived = legs.get(&(sender.run, flow.flow));
                    let flow = Flow {
                        sender,
                        position,
                        number: flow.flow,
                    };
                    if let Some(arrived) = arrived {
                        self.add_arrived(&mut seen, session, &flow, arrived, now);
                    } else if owed(sender, sender.latest.flows[position].destination) {
                        self.add_leg(&mut seen, session, &flow, None, now);
                    }
                }
            }
            add_arrivals(&mut seen, report, |flow| {
                flow.last_ns >= self.span_start && self.run(flow.run).is_some_and(&counts)
            });
        }
        seen
    }

    /// The rate at which `receiver` gets datagrams of `group`, or of all, over the
    /// span, or since `from` at the earliest while it lasts; `None` until it has
    /// been watched for long enough.
    #[must_use]
    pub fn rx_rate(&self, receiver: usize, group: Option<Ipv4Addr>, from: u64) -> Option<RateSeen> {
        let mut sum = RateSeen::default();
        for session in self.sessions(receiver) {
            if session.ended_at.is_some() && self.frozen_at.is_none() {
                continue;
            }
            let latest = session.report();
            let before = self.rate_from(session, latest, from)?;
            let (datagrams, bytes) = counted(latest, group);
            let (datagrams_before, bytes_before) = counted(before, group);
            let rate = RateSeen::over(
                datagrams.saturating_sub(datagrams_before),
                bytes.saturating_sub(bytes_before),
                latest.at_ns.saturating_sub(before.at_ns),
            );
            sum.pps += rate.pps;
            sum.bps += rate.bps;
        }
        Some(sum)
    }

    /// What a rate is counted from: what came before the asking does not belong
    /// to it, as what was forwarded before a router was killed.
    fn rate_from<'a>(
        &self,
        session: &'a Session,
        latest: &RecvReport,
        from: u64,
    ) -> Option<&'a RecvReport> {
        if self.frozen_at.is_some() {
            return Some(&session.mark.report);
        }
        let wanted = latest.at_ns.saturating_sub(RATE_WINDOW_NS);
        let mut history = session.history.iter().rev();
        let before = history.find(|report| report.at_ns <= wanted)?;
        (before.at_ns >= from).then_some(before)
    }

    fn add_arrived(
        &self,
        seen: &mut RxSeen,
        session: &Session,
        flow: &Flow<'_>,
        arrived: &BTreeMap<LegKey, Leg>,
        now: u64,
    ) {
        for (at, leg) in arrived {
            self.add_leg(seen, session, flow, Some((*at, leg)), now);
        }
    }

    fn add_leg(
        &self,
        seen: &mut RxSeen,
        session: &Session,
        flow: &Flow<'_>,
        leg: Option<(LegKey, &Leg)>,
        now: u64,
    ) {
        let key = (flow.sender.run, flow.number);
        let marked = leg.and_then(|(at, _)| session.mark.legs.get(&key)?.get(&at));
        let reached = leg.map(|(_, leg)| leg);
        let Some(from) = session.owed_from(flow.sender.run, flow.position, reached, marked) else {
            return;
        };
        let sent = self.owed_until(session, flow, now);
        let arrived_until = reached.map_or(0, |leg| leg.highest_sequence + 1);
        let owed = sent.max(arrived_until).saturating_sub(from);
        let before = marked.copied().unwrap_or_default();
        let received = reached.map_or(0, |leg| leg.received - before.received.min(leg.received));
        let lost = owed.saturating_sub(received);
        seen.owed
            .push((key.0, key.1, from..from.saturating_add(owed)));
        seen.sent += owed;
        seen.received += received;
        seen.lost += lost;
        if marked.is_none() && owed > 0 {
            let (sent, joined) = (flow.sender.began_ns(), session.joined_at());
            let from = self.span_start.max(sent).max(joined);
            let first = reached.map_or(now, |leg| leg.first_ns);
            seen.unheard_ns = seen.unheard_ns.max(first.saturating_sub(from));
        }
        let Some((at, leg)) = leg else { return };
        seen.flows += 1;
        seen.duplicated += leg.duplicated.saturating_sub(before.duplicated);
        seen.reordered += leg.reordered.saturating_sub(before.reordered);
        seen.latencies
            .extend(session.latencies().get(&(key, at)).cloned());
        let gap = session.gaps.get(&(key, at)).copied().unwrap_or_default();
        if gap.long_ns > seen.gap_ns {
            (seen.gap_ns, seen.gap_until_ns) = (gap.long_ns, Some(gap.until_ns));
        }
        // A receiver that left before the span misses nothing of it.
        if sent > arrived_until.max(from) {
            let until = session.ended_at.unwrap_or(now);
            let open = until.saturating_sub(leg.last_ns);
            if open > seen.gap_ns {
                (seen.gap_ns, seen.gap_until_ns) = (open, None);
            }
        }
        if let Some(&first) = session.first_grown.get(&(key, at)) {
            seen.first_ns = Some(seen.first_ns.map_or(first, |known| known.min(first)));
        }
    }

    /// Sequence numbers below this one should have arrived by now.
    fn owed_until(&self, session: &Session, flow: &Flow<'_>, now: u64) -> u64 {
        let sent = flow.sender.sent(flow.position);
        match (session.ended_at, self.frozen_at) {
            (Some(end), _) => flow
                .sender
                .sent_by(flow.position, end.saturating_sub(GRACE_NS)),
            (None, Some(_)) => sent,
            (None, None) => flow
                .sender
                .sent_by(flow.position, now.saturating_sub(GRACE_NS)),
        }
    }
}

fn add_arrivals(seen: &mut RxSeen, report: &RecvReport, counts: impl Fn(&ReceivedFlow) -> bool) {
    for flow in report.flows.iter().filter(|flow| counts(flow)) {
        let arrival = Arrival {
            source: flow.source,
            source_port: flow.source_port,
            ttl: flow.ttl,
            dscp: flow.dscp,
        };
        if !seen.arrivals.contains(&arrival) {
            seen.arrivals.push(arrival);
        }
    }
}

fn counted(report: &RecvReport, group: Option<Ipv4Addr>) -> (u64, u64) {
    report
        .flows
        .iter()
        .filter(|flow| group.is_none() || flow.group == group)
        .fold((0, 0), |(datagrams, bytes), flow| {
            (
                datagrams + flow.received + flow.duplicated,
                bytes + flow.bytes,
            )
        })
}
