//! `mcrgen recv`: the loop around the ledger.

mod socket;

use std::os::fd::AsFd;
use std::time::Duration;

use mcr_sys::clock::{monotonic_ns, realtime_ns};
use mcr_sys::udp::{ReceiveBatch, Received};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::error::{Context, Error};
use crate::ledger::{Arrival, Clock, Ledger, Noted};
use crate::output::Output;
use crate::payload::{self, Payload};
use crate::progress::Progress;
use crate::report::{RecvReport, Report};
use crate::schedule::Schedule;
use crate::stop::Stop;
use socket::Members;

pub use socket::ReceiverConfig;

/// What to receive, and for how long.
#[derive(Clone, Debug)]
pub struct RecvPlan {
    /// What to listen to.
    pub receiver: ReceiverConfig,
    /// Count this run only.
    pub run: Option<u64>,
    /// Compare the clocks of other machines as well.
    pub trust_clocks: bool,
    /// The most flows that are kept.
    pub max_flows: usize,
    /// End after this many different datagrams.
    pub count: Option<u64>,
    /// End after this time.
    pub duration: Option<Duration>,
    /// Report this often.
    pub interval: Option<Duration>,
}

/// Datagrams a system call may bring.
const BATCH: usize = 64;
/// Calls in a row at one socket before the others have their turn.
const CALLS: usize = 16;
/// How often to look whether the interface is another one.
const LOOK_NS: u64 = 50_000_000;
/// The longest time to read on after the end.
const DRAIN_NS: u64 = 500_000_000;
/// Marks the signal among the sockets' numbers.
const SIGNAL: u64 = u64::MAX;

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By SIGINT or SIGTERM.
    Signal,
    /// By its time.
    Duration,
    /// By its count.
    Count,
}

struct Receiver<'a> {
    plan: &'a RecvPlan,
    members: Members,
    ledger: Ledger,
    foreign: u64,
    corrupted: u64,
    other_runs: u64,
    new_flow: bool,
}

/// Receives, reports, and gives the last report.
pub fn run(
    plan: &RecvPlan,
    stop: &Stop,
    output: Output,
    progress: &mut Progress,
) -> Result<(RecvReport, Ended), Error> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("opening an epoll")?;
    epoll
        .add(stop.fd(), EpollEvent::new(EpollFlags::EPOLLIN, SIGNAL))
        .context("adding to an epoll")?;
    let mut batch = ReceiveBatch::new(BATCH, payload::MAX_LEN);
    let clock = if plan.trust_clocks {
        Clock::Any
    } else {
        Clock::Same(crate::machine::clock_id())
    };
    let mut receiver = Receiver {
        plan,
        members: Members::join(&plan.receiver, &epoll)?,
        ledger: Ledger::new(plan.max_flows, clock),
        foreign: 0,
        corrupted: 0,
        other_runs: 0,
        new_flow: false,
    };
    let ended = receiver.receive(stop, &epoll, &mut batch, &output, progress)?;
    // Leaving comes before writing, which may take time.
    let mut last = receiver.report()?;
    last.last = true;
    receiver.ledger.tell_latencies(&mut last.flows, true);
    receiver.members.leave();
    progress.finish();
    output.finish(Report::Recv(last.clone()))?;
    Ok((last, ended))
}

impl Receiver<'_> {
    fn receive(
        &mut self,
        stop: &Stop,
        epoll: &Epoll,
        batch: &mut ReceiveBatch,
        output: &Output,
        progress: &mut Progress,
    ) -> Result<Ended, Error> {
        let start = monotonic_ns();
        let end = self.plan.duration.map_or(u64::MAX, |duration| {
            start.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
        });
        let mut schedule = Schedule::new(self.plan.interval, start);
        let mut look = start + LOOK_NS;
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let now = monotonic_ns();
            if now >= end {
                self.drain(batch)?;
                return Ok(Ended::Duration);
            }
            if now >= look {
                look = now + LOOK_NS;
                self.members.rejoin_if_changed(epoll)?;
                progress.recv(now, || self.report().unwrap_or_default());
            }
            // A live line shows a new flow itself, and a line would tear it.
            self.new_flow &= !progress.is_live();
            let at_once = self.new_flow && schedule.may_report(now);
            if at_once || now >= schedule.next() {
                let mut report = self.report()?;
                self.ledger.tell_latencies(&mut report.flows, false);
                if output.offer(Report::Recv(report))? {
                    self.ledger.latencies_told();
                    self.new_flow = false;
                }
                schedule.reported(now);
            }
            let mut until = end.min(look).min(schedule.next());
            if self.new_flow {
                until = until.min(schedule.earliest());
            }
            let count = wait(epoll, &mut events, until.saturating_sub(now))?;
            for event in &events[..count] {
                if event.data() == SIGNAL {
                    self.drain(batch)?;
                    return Ok(Ended::Signal);
                }
                self.read(event.data(), batch)?;
            }
            if self
                .plan
                .count
                .is_some_and(|count| self.ledger.received() >= count)
            {
                return Ok(Ended::Count);
            }
            // The signal is looked for even if sockets fill every answer.
            if count == events.len() && stop.wait(0)? {
                return Ok(Ended::Signal);
            }
        }
    }

    /// Reads what is queued at one socket, within a bound. True: there is more.
    fn read(&mut self, number: u64, batch: &mut ReceiveBatch) -> Result<bool, Error> {
        let Ok(index) = usize::try_from(number) else {
            return Ok(false);
        };
        for _ in 0..CALLS {
            let Some(socket) = self.members.socket(index) else {
                return Ok(false);
            };
            let count = batch.receive(socket.as_fd()).context("receiving")?;
            for datagram in (0..count).filter_map(|at| batch.get(at)) {
                self.note(index, &datagram);
            }
            if count < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What was queued before the end counts, as far as it can be read soon.
    fn drain(&mut self, batch: &mut ReceiveBatch) -> Result<(), Error> {
        let end = monotonic_ns().saturating_add(DRAIN_NS);
        for index in 0..self.members.len() {
            while self.read(index as u64, batch)? && monotonic_ns() < end {}
        }
        Ok(())
    }

    fn note(&mut self, index: usize, datagram: &Received<'_>) {
        let drops = self.members.drops_at(index, datagram.drops);
        let header = match payload::parse(datagram.payload) {
            Payload::Ours(header) => header,
            Payload::Corrupted => {
                self.corrupted += 1;
                return;
            }
            Payload::Foreign => {
                self.foreign += 1;
                return;
            }
        };
        if self.plan.run.is_some_and(|run| run != header.run) {
            self.other_runs += 1;
            return;
        }
        let noted = self.ledger.note(&Arrival {
            source: *datagram.from.ip(),
            group: self.members.group(index),
            port: self.plan.receiver.port,
            source_port: datagram.from.port(),
            header,
            length: datagram.payload.len() as u64,
            arrival_ns: datagram.arrival_ns.unwrap_or_else(realtime_ns),
            ttl: datagram.ttl,
            // RFC 2474 §3: the six high bits of the TOS octet.
            dscp: datagram.tos.map(|tos| tos >> 2),
            socket: index,
            drops,
        });
        self.new_flow |= noted == Noted::FirstOfFlow;
    }

    fn report(&mut self) -> Result<RecvReport, Error> {
        let (socket_drops, checksum_errors) = self.members.socket_drops()?;
        Ok(RecvReport {
            last: false,
            at_ns: realtime_ns(),
            joined_ns: self.members.joined_ns(0),
            socket_drops,
            foreign: self.foreign,
            corrupted: self.corrupted,
            other_runs: self.other_runs,
            refused: self.ledger.refused(),
            checksum_errors,
            flows: self
                .ledger
                .report(socket_drops, |index| self.members.joined_ns(index)),
        })
    }
}

/// Waits for sockets, at most `nanoseconds`.
fn wait(epoll: &Epoll, events: &mut [EpollEvent], nanoseconds: u64) -> Result<usize, Error> {
    // Rounded up: waking early only to wait again would spin.
    let milliseconds = u16::try_from(nanoseconds.div_ceil(1_000_000)).unwrap_or(u16::MAX);
    match epoll.wait(events, EpollTimeout::from(milliseconds)) {
        Ok(count) => Ok(count),
        Err(Errno::EINTR) => Ok(0),
        Err(error) => Err(error).context("waiting"),
    }
}
