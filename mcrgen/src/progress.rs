//! One live line on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcr_sys::clock::monotonic_ns;

use crate::report::{HostsReport, RecvReport, SendReport};

const EVERY_NS: u64 = 250_000_000;

/// The live line.
pub struct Progress {
    bar: Option<ProgressBar>,
    next: u64,
}

impl Progress {
    /// A line where `wanted` and standard error is a terminal.
    pub fn new(wanted: bool) -> Self {
        use std::io::IsTerminal;
        let bar = (wanted && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self {
            next: if bar.is_some() { 0 } else { u64::MAX },
            bar,
        }
    }

    /// There is a line.
    pub fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// When the line is to be drawn again.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Draws a sender's line when it is time.
    pub fn send(&mut self, now: u64, report: impl FnOnce() -> SendReport) {
        self.draw(now, || {
            let report = report();
            let SendReport {
                sent, errors, pps, ..
            } = report;
            format!("{sent} sent, {pps:.0} pps, {errors} errors")
        });
    }

    /// Draws a receiver's line when it is time.
    pub fn recv(&mut self, now: u64, report: impl FnOnce() -> RecvReport) {
        self.draw(now, || {
            let report = report();
            let sum = |figure: fn(&crate::report::ReceivedFlow) -> u64| -> u64 {
                report.flows.iter().map(figure).sum()
            };
            format!(
                "{} received, {} lost, {} flows, {} own drops",
                sum(|flow| flow.received),
                sum(|flow| flow.lost),
                report.flows.len(),
                report.socket_drops
            )
        });
    }

    /// Draws the line of emulated hosts when it is time.
    pub fn hosts(&mut self, now: u64, report: impl FnOnce() -> HostsReport) {
        self.draw(now, || {
            let report = report();
            format!(
                "{} memberships, {} reports sent, {} errors",
                report.memberships, report.reports, report.errors
            )
        });
    }

    fn draw(&mut self, now: u64, line: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar
            && now >= self.next
        {
            bar.set_message(line());
            bar.tick();
            self.next = monotonic_ns() + EVERY_NS;
        }
    }

    /// Takes the line away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.next = u64::MAX;
    }
}
