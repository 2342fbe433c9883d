//! `mcrgen send`: sockets and the loop around the pacer.

mod socket;

use std::time::Duration;

use mcr_sys::clock::{ask_for_exact_waits, monotonic_ns, realtime_ns};
use mcr_sys::process::take_short_turns;

use crate::error::{Context, Error};
use crate::output::Output;
use crate::pacer::{Limit, Next, Pacer};
use crate::progress::Progress;
use crate::report::{Report, SendReport};
use crate::schedule::Schedule;
use crate::stop::Stop;

pub use socket::{FlowPlan, Sender, SenderConfig};

/// What to send, and when.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// What, from where and to where.
    pub sender: SenderConfig,
    /// Datagrams per second, all flows together.
    pub pps: f64,
    /// When to stop.
    pub limit: Limit,
    /// Report this often.
    pub interval: Option<Duration>,
}

/// The end of a wait is not slept but spun, because a wake-up takes about this
/// long.
const SPIN_NS: u64 = 20_000;
/// How often a busy sender looks whether to stop.
const LOOK_NS: u64 = 10_000_000;

/// Sends, reports, and gives the last report.
pub fn run(
    plan: &SendPlan,
    stop: &Stop,
    output: Output,
    progress: &mut Progress,
) -> Result<SendReport, Error> {
    ask_for_exact_waits().context("setting the timer slack")?;
    // Some containers forbid it; what is late then is in the report.
    take_short_turns().ok();
    let mut sender = Sender::open(&plan.sender)?;
    let start = monotonic_ns();
    let mut pacer = Pacer::new(plan.pps, plan.limit, start);
    let mut schedule = Schedule::new(plan.interval, start);
    let mut look = start;
    let report = |sender: &Sender, pacer: &Pacer, now: u64| {
        let mut report = sender.report();
        report.at_ns = realtime_ns();
        report.due = pacer.due(now);
        report.elapsed_ns = now.saturating_sub(start);
        report.target_pps = plan.pps;
        if report.elapsed_ns > 0 {
            report.pps = report.sent as f64 * 1e9 / report.elapsed_ns as f64;
        }
        report
    };
    loop {
        let now = monotonic_ns();
        if now >= look {
            if stop.wait(0)? {
                break;
            }
            look = now + LOOK_NS;
        }
        progress.send(now, || report(&sender, &pacer, now));
        if now >= schedule.next() {
            output.offer(Report::Send(report(&sender, &pacer, now)))?;
            schedule.reported(now);
        }
        match pacer.next(now) {
            Next::Send(count) => {
                if !sender.send(count, stop)? {
                    break;
                }
                pacer.sent(count);
            }
            Next::Wait(until) => {
                let until = until.min(schedule.next()).min(progress.next());
                let wait = until.saturating_sub(now);
                if wait <= SPIN_NS {
                    std::hint::spin_loop();
                } else if stop.wait(wait - SPIN_NS)? {
                    break;
                }
            }
            Next::Done => break,
        }
    }
    let mut last = report(&sender, &pacer, monotonic_ns());
    last.last = true;
    progress.finish();
    output.finish(Report::Send(last.clone()))?;
    Ok(last)
}
