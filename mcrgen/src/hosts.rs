//! `mcrgen hosts`: many hosts behind one interface, each with an address, a
//! link-layer address and IGMP state of its own.

mod activity;
mod frame;
mod lan;
mod membership;
mod socket;

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_sys::clock::{ask_for_exact_waits, monotonic_ns, realtime_ns};
use mcr_wire::igmp::Message;

use crate::error::{Context, Error};
use crate::interface::Interface;
use crate::output::Output;
use crate::progress::Progress;
use crate::report::{HostsReport, Report};
use crate::schedule::Schedule;
use crate::stop::Stop;

pub use activity::Script;
pub use lan::Settings;
pub use membership::Filter;

use activity::{Action, Activity};
use frame::Heard;
use lan::Lan;
use socket::Link;

/// What to emulate.
#[derive(Clone, Debug)]
pub struct HostsPlan {
    /// The interface.
    pub interface: Interface,
    /// How many hosts.
    pub hosts: usize,
    /// The address of the first; the others have those after it.
    pub first: Ipv4Addr,
    /// How they behave.
    pub settings: Settings,
    /// What they want of their groups.
    pub filter: Filter,
    /// What they do.
    pub script: Script,
    /// Leave all groups at the end.
    pub leave: bool,
    /// How long.
    pub duration: Option<Duration>,
    /// Report this often.
    pub interval: Option<Duration>,
}

/// The most groups that a host can be a member of.
pub(crate) fn most_per_host(groups: &[Ipv4Addr]) -> usize {
    activity::most_per_host(groups)
}

/// How long the last leaves are told of at most.
const FAREWELL_NS: u64 = 3_000_000_000;
/// Messages dealt with before timers are looked at again.
const BATCH: usize = 256;

/// Emulates, reports, and gives the last report.
pub fn run(
    plan: &HostsPlan,
    stop: &Stop,
    output: Output,
    progress: &mut Progress,
) -> Result<HostsReport, Error> {
    ask_for_exact_waits().context("setting the timer slack")?;
    let start = monotonic_ns();
    let mut run = Run {
        plan,
        link: Link::open(&plan.interface)?,
        lan: Lan::new(plan.settings.clone(), plan.hosts),
        activity: Activity::new(plan.script.clone(), plan.hosts, start),
        start,
        joined_ns: None,
        errors: 0,
        last_error: None,
    };
    let mut schedule = Schedule::new(plan.interval, start);
    let end = plan.duration.map_or(u64::MAX, |time| {
        start.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    });
    loop {
        let now = monotonic_ns();
        progress.hosts(now, || run.report(now));
        if now >= schedule.next() {
            output.offer(Report::Hosts(run.report(now)))?;
            schedule.reported(now);
        }
        if now >= end {
            break;
        }
        run.act(now);
        let until = end.min(schedule.next()).min(progress.next());
        if run.turn(now, until, stop)? {
            break;
        }
    }
    if plan.leave {
        run.farewell(stop)?;
    }
    let last = HostsReport {
        last: true,
        ..run.report(monotonic_ns())
    };
    progress.finish();
    output.finish(Report::Hosts(last.clone()))?;
    Ok(last)
}

struct Run<'a> {
    plan: &'a HostsPlan,
    link: Link,
    lan: Lan,
    activity: Activity,
    start: u64,
    joined_ns: Option<u64>,
    errors: u64,
    last_error: Option<String>,
}

impl Run<'_> {
    /// Does what the script has for now.
    fn act(&mut self, now: u64) {
        for _ in 0..BATCH {
            let Some(action) = self.activity.pop(now) else {
                break;
            };
            let (host, group, join) = match action {
                Action::Join(host, group) => (host, group, true),
                Action::Leave(host, group) => (host, group, false),
                Action::Toggle(host, group) => (host, group, !self.lan.is_member(host, group)),
            };
            let filter = if join {
                self.plan.filter.clone()
            } else {
                Filter::default()
            };
            self.lan.want(now, host, group, filter);
            self.send();
        }
        if self.joined_ns.is_none() && self.activity.has_started() {
            self.joined_ns = Some(monotonic_ns() - self.start);
        }
    }

    /// Deals with timers and messages, and waits until there is more to do. True:
    /// a signal came.
    fn turn(&mut self, now: u64, until: u64, stop: &Stop) -> Result<bool, Error> {
        self.lan.timeout(now);
        self.send();
        self.receive(now);
        self.send();
        let next = [self.lan.next(), self.activity.next()];
        let until = next.into_iter().flatten().fold(until, u64::min);
        self.link.wait(until.saturating_sub(monotonic_ns()), stop)
    }

    fn receive(&mut self, now: u64) {
        for _ in 0..BATCH {
            let heard = match self.link.receive() {
                Ok(Some(frame)) => frame::parse(frame),
                Ok(None) => return,
                Err(error) => return self.failed(&error),
            };
            match heard {
                Heard::Message(Message::Query(query)) => self.lan.query(now, &query),
                Heard::Message(Message::ReportV1(group) | Message::ReportV2(group)) => {
                    self.lan.foreign_report(group);
                }
                Heard::Message(Message::Leave(_) | Message::ReportV3(_) | Message::Unknown(_))
                | Heard::Other => {}
                Heard::Malformed => self.lan.malformed(),
            }
        }
    }

    fn send(&mut self) {
        while let Some(sent) = self.lan.pop() {
            let number = u32::try_from(sent.host).unwrap_or(u32::MAX);
            let source = u32::from(self.plan.first).saturating_add(number);
            let frame = frame::build(source.into(), sent.group, &sent.message);
            if let Err(error) = self.link.send(&frame) {
                self.failed(&error);
            }
        }
    }

    /// All hosts leave all groups, and tell of it as often as robustness asks.
    fn farewell(&mut self, stop: &Stop) -> Result<(), Error> {
        let now = monotonic_ns();
        for host in 0..self.plan.hosts {
            for group in &self.plan.script.groups {
                if self.lan.is_member(host, *group) {
                    self.lan.want(now, host, *group, Filter::default());
                    self.send();
                }
            }
        }
        let end = now + FAREWELL_NS;
        while self.lan.is_telling() {
            let now = monotonic_ns();
            if now >= end {
                break;
            }
            self.lan.timeout(now);
            self.send();
            let until = self.lan.next().map_or(end, |at| at.min(end));
            // A second signal does not cut it short: the end is near.
            stop.pause(until.saturating_sub(now))?;
        }
        Ok(())
    }

    fn failed(&mut self, error: &std::io::Error) {
        self.errors += 1;
        self.last_error = Some(error.to_string());
    }

    fn report(&self, now: u64) -> HostsReport {
        HostsReport {
            at_ns: realtime_ns(),
            elapsed_ns: now.saturating_sub(self.start),
            joined_ns: self.joined_ns,
            errors: self.errors,
            last_error: self.last_error.clone(),
            ..self.lan.figures()
        }
    }
}
