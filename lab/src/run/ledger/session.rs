//! One receiving process: from a join to a leave.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::rc::Rc;

use mcrgen::report::{ReceivedFlow, RecvReport};

use super::latencies::{ByLeg, Told};
use super::{GRACE_NS, HISTORY, SendRun};

/// A sender's run and flow number.
pub(super) type FlowKey = (u64, u32);

/// Where a flow arrives: a relay may deliver it to several groups, and each
/// must be complete.
pub(super) type LegKey = (Option<Ipv4Addr>, u16);

/// What a receiver counts of a flow at one group and port, all IP sources
/// together: a relay's own address may change while the flow goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leg {
    pub(super) received: u64,
    pub(super) bytes: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) first_sequence: u64,
    pub(super) highest_sequence: u64,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) longest_gap_ns: u64,
}

impl Leg {
    fn of(flow: &ReceivedFlow) -> Leg {
        Leg {
            received: flow.received,
            bytes: flow.bytes,
            duplicated: flow.duplicated,
            reordered: flow.reordered,
            first_sequence: flow.first_sequence,
            highest_sequence: flow.highest_sequence,
            first_ns: flow.first_ns,
            last_ns: flow.last_ns,
            longest_gap_ns: flow.longest_gap_ns,
        }
    }

    fn merge(&mut self, other: &Leg) {
        self.received += other.received;
        self.bytes += other.bytes;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.first_sequence = self.first_sequence.min(other.first_sequence);
        self.highest_sequence = self.highest_sequence.max(other.highest_sequence);
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        self.longest_gap_ns = self.longest_gap_ns.max(other.longest_gap_ns);
    }
}

pub(super) type Legs = BTreeMap<FlowKey, BTreeMap<LegKey, Leg>>;

pub(super) fn legs_of(report: &RecvReport) -> Legs {
    let mut legs = Legs::new();
    for flow in &report.flows {
        let leg = Leg::of(flow);
        legs.entry((flow.run, flow.flow))
            .or_default()
            .entry((flow.group, flow.port))
            .and_modify(|known| known.merge(&leg))
            .or_insert(leg);
    }
    legs
}

/// From which sequence number on a receiver must have everything.
#[derive(Clone, Debug)]
enum Base {
    /// The sender started after the join.
    Zero,
    /// The sender was running; these were sent by then, by flow.
    From(Vec<u64>),
    /// The sender was running, and has not reported since the join.
    Unknown,
}

/// The state at a span's start.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    pub(super) report: Rc<RecvReport>,
    pub(super) legs: Legs,
    /// Datagrams sent by then, by run and position of the flow.
    sent: BTreeMap<u64, Vec<u64>>,
}

/// A time without a datagram.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    pub(super) long_ns: u64,
    /// When it ended.
    pub(super) until_ns: u64,
}

/// What a receiver is judged by.
#[derive(Clone, Debug)]
struct Judged {
    report: Rc<RecvReport>,
    latencies: Rc<ByLeg>,
}

/// One receiving process.
#[derive(Clone, Debug)]
pub struct Session {
    /// The receiver, as a position in the topology's list.
    pub receiver: usize,
    /// When its process ended.
    pub ended_at: Option<u64>,
    latest: Rc<RecvReport>,
    latencies: Told,
    frozen: Option<Judged>,
    /// After the span's end, the report with the fewest holes, and their number.
    best: Option<(u64, Judged)>,
    pub(super) history: VecDeque<Rc<RecvReport>>,
    bases: BTreeMap<u64, Base>,
    pub(super) mark: Mark,
    /// The longest gap that ended inside the span.
    pub(super) gaps: BTreeMap<(FlowKey, LegKey), Gap>,
    /// The report that first showed a datagram of the span.
    pub(super) first_grown: BTreeMap<(FlowKey, LegKey), u64>,
}

impl Session {
    pub(super) fn new(receiver: usize, running: impl Iterator<Item = u64>) -> Session {
        Session {
            receiver,
            ended_at: None,
            latest: Rc::default(),
            latencies: Told::default(),
            frozen: None,
            best: None,
            history: VecDeque::new(),
            bases: running.map(|run| (run, Base::Unknown)).collect(),
            mark: Mark::default(),
            gaps: BTreeMap::new(),
            first_grown: BTreeMap::new(),
        }
    }

    /// It has told that it joined.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.latest.joined_ns != 0
    }

    /// When its join call returned, in nanoseconds since 1970; 0 before.
    #[must_use]
    pub fn joined_at(&self) -> u64 {
        self.latest.joined_ns
    }

    /// What it saw by now.
    #[must_use]
    pub fn latest(&self) -> &RecvReport {
        &self.latest
    }

    /// What it saw by now, or by the end of the span.
    #[must_use]
    pub fn report(&self) -> &RecvReport {
        let frozen = self.frozen.as_ref();
        frozen.map_or(&self.latest, |frozen| &frozen.report)
    }

    /// The latencies of the span, by now or by its end.
    pub(super) fn latencies(&self) -> Rc<ByLeg> {
        let frozen = self.frozen.as_ref();
        frozen.map_or_else(
            || self.latencies.of_span(),
            |frozen| Rc::clone(&frozen.latencies),
        )
    }

    fn as_judged(&self) -> Judged {
        Judged {
            report: Rc::clone(&self.latest),
            latencies: self.latencies.of_span(),
        }
    }

    pub(super) fn sender_starts(&mut self, run: u64) {
        self.bases.insert(run, Base::Zero);
    }

    pub(super) fn sender_reported(&mut self, run: u64, at: u64, sent: &[u64]) {
        if !self.has_joined() || at < self.latest.joined_ns {
            return;
        }
        if let Some(base @ Base::Unknown) = self.bases.get_mut(&run) {
            *base = Base::From(sent.to_vec());
        }
    }

    pub(super) fn reported(&mut self, mut report: RecvReport) {
        self.latencies.take(&mut report);
        let before = legs_of(&self.latest);
        for (flow, legs) in legs_of(&report) {
            for (at, leg) in legs {
                let known = before.get(&flow).and_then(|legs| legs.get(&at));
                self.follow((flow, at), known, &leg, report.at_ns);
            }
        }
        let report = Rc::new(report);
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Rc::clone(&report));
        self.latest = report;
    }

    fn follow(&mut self, key: (FlowKey, LegKey), before: Option<&Leg>, leg: &Leg, at: u64) {
        let gap = match before {
            Some(before) if leg.longest_gap_ns > before.longest_gap_ns => leg.longest_gap_ns,
            Some(before) => leg
                .longest_gap_ns
                .min(leg.last_ns.saturating_sub(before.last_ns)),
            None => leg.longest_gap_ns,
        };
        let longest = self.gaps.entry(key).or_default();
        if gap > longest.long_ns {
            // It began with the latest datagram before, unless it is shorter than
            // the time between two reports.
            let began = before.map_or(leg.last_ns.saturating_sub(gap), |leg| leg.last_ns);
            *longest = Gap {
                long_ns: gap,
                until_ns: began.saturating_add(gap),
            };
        }
        if before.is_none_or(|before| leg.received > before.received) {
            let first = if before.is_none() { leg.first_ns } else { at };
            self.first_grown.entry(key).or_insert(first);
        }
    }

    pub(super) fn mark(&mut self, runs: &BTreeMap<u64, SendRun>, sent_by: u64) {
        self.frozen = None;
        self.best = None;
        self.latencies.begin_span();
        self.gaps.clear();
        self.first_grown.clear();
        let sent = |sender: &SendRun| {
            let flows = 0..sender.latest.flows.len();
            flows.map(|flow| sender.sent_by(flow, sent_by)).collect()
        };
        self.mark = Mark {
            report: Rc::clone(&self.latest),
            legs: legs_of(&self.latest),
            sent: runs.iter().map(|(run, s)| (*run, sent(s))).collect(),
        };
    }

    /// The first sequence number of the span that this receiver owes; `None`
    /// while that is not known.
    pub(super) fn owed_from(
        &self,
        run: u64,
        position: usize,
        leg: Option<&Leg>,
        marked: Option<&Leg>,
    ) -> Option<u64> {
        let joined = match self.bases.get(&run) {
            Some(Base::Zero) => Some(0),
            Some(Base::From(sent)) => {
                let sent = sent.get(position).copied().unwrap_or(0);
                Some(leg.map_or(sent, |leg| leg.first_sequence.min(sent)))
            }
            Some(Base::Unknown) | None => leg.map(|leg| leg.first_sequence),
        }?;
        let sent = self.mark.sent.get(&run).and_then(|sent| sent.get(position));
        let arrived = marked.map_or(0, |leg| leg.highest_sequence + 1);
        Some(joined.max(arrived).max(sent.copied().unwrap_or(0)))
    }

    /// It has everything that was sent by `by` of the flows that reach it at
    /// all, as of a report that is not older.
    pub(super) fn has_all(
        &self,
        runs: &BTreeMap<u64, SendRun>,
        by: u64,
        sent: impl Fn(&SendRun, usize) -> Option<u64>,
    ) -> bool {
        if self.latest.at_ns < by {
            return false;
        }
        legs_of(&self.latest).iter().all(|((run, flow), legs)| {
            let Some(sender) = runs.get(run) else {
                return true;
            };
            let Some(position) = sender.position(*flow) else {
                return true;
            };
            let arrived = |sent| legs.values().all(|leg| leg.highest_sequence + 1 >= sent);
            sent(sender, position).is_some_and(arrived)
        })
    }

    /// Keeps the report that the span is judged by: the first one in which all
    /// is there. Where something is missing it may be lost, or it was overtaken
    /// on its way: of the reports within [`GRACE_NS`] that with the fewest holes
    /// has the fewest that fill later.
    pub(super) fn freeze_when_complete(&mut self, runs: &BTreeMap<u64, SendRun>, end: u64) {
        if self.frozen.is_some() {
            return;
        }
        let sent = |sender: &SendRun, position: usize| match &sender.frozen {
            Some(_) => Some(sender.sent(position)),
            None => sender.sent_by_at_most(position, end),
        };
        if self.has_all(runs, end, sent) {
            let missing = self.missing();
            if self
                .best
                .as_ref()
                .is_none_or(|(fewest, _)| missing < *fewest)
            {
                self.best = Some((missing, self.as_judged()));
            }
            if missing == 0 {
                self.frozen = Some(self.as_judged());
            }
        }
        if self.latest.at_ns >= end + GRACE_NS && self.frozen.is_none() {
            let best = self.best.take().map(|(_, best)| best);
            self.frozen = Some(best.unwrap_or_else(|| self.as_judged()));
        }
    }

    /// Datagrams of the span that others came before, and that are not there.
    fn missing(&self) -> u64 {
        let holes = |leg: &Leg| {
            let between = (leg.highest_sequence + 1).saturating_sub(leg.first_sequence);
            between.saturating_sub(leg.received)
        };
        let mut missing = 0;
        for (flow, legs) in legs_of(&self.latest) {
            let marked = self.mark.legs.get(&flow);
            for (at, leg) in legs {
                let before = marked.and_then(|legs| legs.get(&at));
                missing += holes(&leg).saturating_sub(before.map_or(0, holes));
            }
        }
        missing
    }

    /// It tells what the span is judged by, or has ended.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.is_some() || self.ended_at.is_some()
    }
}
