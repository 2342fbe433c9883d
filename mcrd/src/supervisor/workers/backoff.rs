//! How long a worker that ended is not started again.

use std::time::Duration;

/// The first wait. It is short, so that a single crash costs milliseconds.
const FIRST: Duration = Duration::from_millis(10);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);

/// A worker that ran so long was well, whatever ended it.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// Doubles with each end, and starts anew only after the worker was well for
/// some time: that it could be started proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Backoff {
        Backoff { next: FIRST }
    }

    /// The wait after a worker that ran for `ran`.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= WELL_AFTER {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests;
