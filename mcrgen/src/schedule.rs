//! When reports are made. One that takes long is made less often, so that
//! reporting takes at most a tenth of the time.

use std::time::Duration;

use mcr_sys::clock::monotonic_ns;

/// The next time for a report.
pub(crate) struct Schedule {
    interval: Option<u64>,
    next: u64,
    earliest: u64,
}

impl Schedule {
    pub(crate) fn new(interval: Option<Duration>, now: u64) -> Self {
        let interval = interval.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX).max(1));
        Self {
            interval,
            next: interval.map_or(u64::MAX, |interval| now.saturating_add(interval)),
            earliest: now,
        }
    }

    /// When a regular report is due.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// A report that was not planned may be made now.
    pub(crate) fn may_report(&self, now: u64) -> bool {
        now >= self.earliest
    }

    /// The earliest time for a report that was not planned.
    pub(crate) fn earliest(&self) -> u64 {
        self.earliest
    }

    /// A report was made from `began` until now.
    pub(crate) fn reported(&mut self, began: u64) {
        let now = monotonic_ns();
        self.earliest = now.saturating_add(now.saturating_sub(began).saturating_mul(9));
        if let Some(interval) = self.interval
            && began >= self.next
        {
            let behind = self.earliest.saturating_sub(self.next) / interval;
            self.next = self
                .next
                .saturating_add(interval.saturating_mul(behind + 1));
        }
    }
}
