//! When to send. Open loop: datagram `k` is due `k / rate` after the start,
//! whatever happened to those before it.
//!
//! A sender that is late catches up, within this bound: in any window of
//! 10 ms it sends at most what the rate asks for in 10 ms, plus what it asks
//! for in 1 ms, each rounded up to whole datagrams. So a stall is never
//! followed by a burst; 5 % above the rate is as fast as it catches up.
//!
//! A datagram that the kernel refuses has used its time: it is not tried again
//! later, or a dead link would pile up a debt.

#[cfg(test)]
mod tests;

/// The window of the bound.
pub const WINDOW_NS: u64 = 10_000_000;
/// What may come on top in a window is the rate over this time.
const ALLOWANCE_NS: f64 = 1e6;
/// Half of the allowance is a burst, half a higher speed over the window.
const BURST_NS: f64 = ALLOWANCE_NS / 2.0;
const SPEED: f64 = 1.0 + BURST_NS / WINDOW_NS as f64;
/// Datagrams due within this time go out together.
const BATCH_NS: f64 = 200_000.0;
/// The most that go out together.
pub const MAX_BATCH: u64 = 64;
/// A sender that is behind at the end of its time has this long to catch up.
pub const GRACE_NS: u64 = 1_000_000_000;
/// Keeps a sum of fractions that should be 1 from being just below it.
const ROUNDING: f64 = 1e-6;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// On a signal only.
    None,
    /// After this many datagrams.
    Count(u64),
    /// When all that was due in this time is sent, or [`GRACE_NS`] after it.
    Duration(u64),
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this many, then ask again.
    Send(u64),
    /// Ask again at this time.
    Wait(u64),
    /// Nothing more is to be sent.
    Done,
}

/// Decides when datagrams go out. Times are nanoseconds of any steady clock.
#[derive(Clone, Debug)]
pub struct Pacer {
    rate: f64,
    start: u64,
    total: Option<u64>,
    end: Option<u64>,
    batch: u64,
    burst: f64,
    credit: f64,
    credit_at: u64,
    used: u64,
}

impl Pacer {
    /// Starts at `start` with `rate` datagrams per second.
    pub fn new(rate: f64, limit: Limit, start: u64) -> Self {
        let per_ns = rate / 1e9;
        let (total, end) = match limit {
            Limit::None => (None, None),
            Limit::Count(count) => (Some(count), None),
            Limit::Duration(duration) => (
                Some((duration as f64 * per_ns - ROUNDING).ceil() as u64),
                Some(start.saturating_add(duration).saturating_add(GRACE_NS)),
            ),
        };
        let burst = (BURST_NS * per_ns).max(1.0);
        Self {
            rate: per_ns,
            start,
            total,
            end,
            batch: ((BATCH_NS * per_ns + ROUNDING) as u64).clamp(1, MAX_BATCH),
            burst,
            credit: burst,
            credit_at: start,
            used: 0,
        }
    }

    /// What to do at `now`.
    pub fn next(&mut self, now: u64) -> Next {
        let left = self
            .total
            .map_or(u64::MAX, |total| total - self.used.min(total));
        if left == 0 || self.end.is_some_and(|end| now >= end) {
            return Next::Done;
        }
        let batch = self.batch.min(left);
        let owed = self.due(now) - self.used;
        if owed < batch {
            return Next::Wait(self.due_at(self.used + batch - 1).max(now + 1));
        }
        let elapsed = now.saturating_sub(self.credit_at) as f64;
        self.credit = (self.credit + elapsed * self.rate * SPEED).min(self.burst);
        self.credit_at = self.credit_at.max(now);
        let missing = batch as f64 - self.credit - ROUNDING;
        if missing > 0.0 {
            let wait = missing / (self.rate * SPEED);
            return Next::Wait(now.saturating_add(wait.ceil() as u64).max(now + 1));
        }
        Next::Send(batch)
    }

    /// `count` datagrams were handed to the kernel, whether it took them or not.
    pub fn sent(&mut self, count: u64) {
        self.used += count;
        self.credit -= count as f64;
    }

    /// Datagrams due up to `now`, never fewer than went out.
    pub fn due(&self, now: u64) -> u64 {
        if now < self.start {
            return self.used;
        }
        let elapsed = (now - self.start) as f64;
        let due = (elapsed * self.rate + ROUNDING) as u64;
        due.saturating_add(1)
            .min(self.total.unwrap_or(u64::MAX))
            .max(self.used)
    }

    fn due_at(&self, index: u64) -> u64 {
        self.start
            .saturating_add((index as f64 / self.rate).ceil() as u64)
    }
}
