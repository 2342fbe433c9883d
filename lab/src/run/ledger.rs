//! What was sent against what arrived, for a span of time.
//!
//! The figures come from the reports of `mcrgen`, which are some milliseconds
//! old and not taken at the same moment at both ends. They are therefore
//! matched by sequence number, never by time: a datagram belongs to the span
//! in which it was sent, and one that is still under way is neither received
//! nor lost. Times are CLOCK_REALTIME in nanoseconds, as in the reports.

mod latencies;
mod session;
mod view;

use std::collections::{BTreeMap, VecDeque};

use mcrgen::report::{RecvReport, SendReport};

pub use session::Session;
pub use view::{Arrival, RateSeen, RxSeen};

#[cfg(test)]
mod tests;

/// How long a datagram may be under way. What is still missing then was lost.
pub const GRACE_NS: u64 = 250_000_000;

/// How long what was sent before a span is waited for at its start.
const SETTLE_NS: u64 = 100_000_000;

/// Reports kept of each process, for rates and for `GRACE_NS`.
const HISTORY: usize = 256;

/// A receiver that is gone.
const NOBODY: usize = usize::MAX;

/// A sending process.
#[derive(Clone, Debug)]
pub struct SendRun {
    /// The source, as a position in the topology's list.
    pub source: usize,
    /// The number that its datagrams carry.
    pub run: u64,
    /// The latest report.
    pub latest: SendReport,
    /// It has ended.
    pub ended: bool,
    history: VecDeque<(u64, Vec<u64>)>,
    /// What was sent when the span ended.
    frozen: Option<Vec<u64>>,
}

impl SendRun {
    /// Datagrams of the flow sent by `at`, as far as reports tell: at least
    /// these were.
    fn sent_by(&self, position: usize, at: u64) -> u64 {
        self.history
            .iter()
            .rev()
            .find(|(when, _)| *when <= at)
            .and_then(|(_, sent)| sent.get(position).copied())
            .unwrap_or(0)
    }

    /// At least as many datagrams of the flow as were sent by `at`: those of the
    /// first report since, which may be yet to come.
    fn sent_by_at_most(&self, position: usize, at: u64) -> Option<u64> {
        if self.ended {
            return self.latest.flows.get(position).map(|flow| flow.sent);
        }
        let since = self.history.iter().find(|(when, _)| *when >= at);
        since.and_then(|(_, sent)| sent.get(position).copied())
    }

    /// When its first datagram was due; 0 before it has told.
    #[must_use]
    pub fn began_ns(&self) -> u64 {
        self.latest.at_ns.saturating_sub(self.latest.elapsed_ns)
    }

    /// The flow's place in the reports.
    fn position(&self, flow: u32) -> Option<usize> {
        let mut flows = self.latest.flows.iter();
        flows.position(|sent| sent.flow == flow)
    }

    /// Datagrams of the flow sent so far, or by the end of the span.
    fn sent(&self, position: usize) -> u64 {
        match &self.frozen {
            Some(frozen) => frozen.get(position).copied().unwrap_or(0),
            None => self.latest.flows.get(position).map_or(0, |flow| flow.sent),
        }
    }
}

/// All senders and receivers of a run, and the span that is being judged.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Senders by run number.
    runs: BTreeMap<u64, SendRun>,
    sessions: Vec<Session>,
    span_start: u64,
    frozen_at: Option<u64>,
}

impl Ledger {
    /// Receivers and sources have other positions from now on; what those sent
    /// and got that have none is forgotten.
    pub fn move_to(
        &mut self,
        receivers: &BTreeMap<usize, usize>,
        sources: &BTreeMap<usize, usize>,
    ) {
        self.runs.retain(|_, run| match sources.get(&run.source) {
            Some(now) => {
                run.source = *now;
                true
            }
            None => false,
        });
        // Processes know their session by its number.
        for session in &mut self.sessions {
            let now = receivers.get(&session.receiver);
            session.receiver = now.copied().unwrap_or(NOBODY);
        }
    }

    /// A source starts; `run` is the number its datagrams carry.
    pub fn sender_started(&mut self, source: usize, run: u64) {
        self.runs.insert(
            run,
            SendRun {
                source,
                run,
                latest: SendReport {
                    run,
                    ..SendReport::default()
                },
                ended: false,
                history: VecDeque::new(),
                frozen: None,
            },
        );
        for session in &mut self.sessions {
            session.sender_starts(run);
        }
    }

    /// A source tells how far it is.
    pub fn sender_reported(&mut self, run: u64, report: SendReport) {
        let Some(sender) = self.runs.get_mut(&run) else {
            return;
        };
        let sent: Vec<u64> = report.flows.iter().map(|flow| flow.sent).collect();
        for session in &mut self.sessions {
            session.sender_reported(run, report.at_ns, &sent);
        }
        if sender.history.len() == HISTORY {
            sender.history.pop_front();
        }
        sender.history.push_back((report.at_ns, sent));
        sender.latest = report;
    }

    /// A source's process has ended.
    pub fn sender_ended(&mut self, run: u64) {
        if let Some(sender) = self.runs.get_mut(&run) {
            sender.ended = true;
        }
    }

    /// A receiver starts; returns the number of its session.
    pub fn receiver_started(&mut self, receiver: usize) -> usize {
        let running = self.runs.keys().copied();
        self.sessions.push(Session::new(receiver, running));
        self.sessions.len() - 1
    }

    /// A receiver tells what it has seen.
    pub fn receiver_reported(&mut self, session: usize, report: RecvReport) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.reported(report);
            if let Some(end) = self.frozen_at {
                session.freeze_when_complete(&self.runs, end);
            }
        }
    }

    /// A receiver's process has ended.
    pub fn receiver_ended(&mut self, session: usize, at: u64) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.ended_at = Some(at);
        }
    }

    /// Everything sent from `now` on belongs to a new span.
    pub fn begin_span(&mut self, now: u64) {
        self.begin(now, now);
    }

    /// A span begins at this very moment, while datagrams are under way. They
    /// belong to it: they will be received in it, and would hide what it loses.
    pub fn cut_span(&mut self, now: u64) {
        self.begin(now, now.saturating_sub(GRACE_NS));
    }

    /// What was sent by a time does not belong to the span, whether it arrived or
    /// not.
    fn begin(&mut self, now: u64, sent_by: u64) {
        self.span_start = now;
        self.frozen_at = None;
        for sender in self.runs.values_mut() {
            sender.frozen = None;
        }
        for session in &mut self.sessions {
            session.mark(&self.runs, sent_by);
        }
    }

    /// Nothing sent from now on belongs to the span.
    pub fn end_span(&mut self, now: u64) {
        self.frozen_at = Some(now);
        for sender in self.runs.values_mut() {
            let flows = sender.latest.flows.iter();
            sender.frozen = Some(flows.map(|flow| flow.sent).collect());
        }
    }

    /// Everything sent by `by` has arrived at each receiver that the flow
    /// reaches, and every receiver has reported since, or it reported so much
    /// later that what is missing was lost; after the end of a span, every
    /// receiver has told what it is judged by. Both are told by the receivers'
    /// own clocks: one that is late to report would else be judged by what it
    /// had long before. A caller bounds its patience with one that reports no
    /// more.
    #[must_use]
    pub fn is_settled(&self, by: u64) -> bool {
        // What was sent since the end of a span is waited for as if there were none.
        if self.frozen_at.is_some_and(|end| by <= end) {
            return self.sessions.iter().all(Session::is_frozen);
        }
        let sent = |sender: &SendRun, position: usize| sender.sent_by_at_most(position, by);
        self.sessions
            .iter()
            .filter(|session| session.ended_at.is_none())
            .all(|session| {
                session.latest().at_ns >= by + SETTLE_NS || session.has_all(&self.runs, by, sent)
            })
    }

    /// The sender with this number.
    #[must_use]
    pub fn run(&self, run: u64) -> Option<&SendRun> {
        self.runs.get(&run)
    }

    /// All senders, oldest number first.
    pub fn runs(&self) -> impl Iterator<Item = &SendRun> {
        self.runs.values()
    }

    /// All sessions of a receiver, oldest first.
    pub fn sessions(&self, receiver: usize) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(move |session| session.receiver == receiver)
    }
}
