//! The one clock, and what is to happen when.

use std::collections::BTreeMap;

use mcr_proto::time::Instant;

/// Happenings in the order of their time, those of the same moment in the order
/// they were planned.
#[derive(Debug)]
pub struct Clock<T> {
    now: Instant,
    planned: BTreeMap<(Instant, u64), T>,
    count: u64,
}

impl<T> Default for Clock<T> {
    fn default() -> Clock<T> {
        Clock {
            now: Instant::ZERO,
            planned: BTreeMap::new(),
            count: 0,
        }
    }
}

impl<T> Clock<T> {
    /// The moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Plans something; what would be in the past happens now.
    pub fn plan(&mut self, at: Instant, what: T) {
        self.planned.insert((at.max(self.now), self.count), what);
        self.count += 1;
    }

    /// Goes to the next happening, if that is not after `end`.
    pub fn advance(&mut self, end: Instant) -> Option<T> {
        let entry = self.planned.first_entry()?;
        let (at, _) = *entry.key();
        if at > end {
            return None;
        }
        self.now = self.now.max(at);
        Some(entry.remove())
    }

    /// Goes to a moment before which nothing is planned any more.
    pub fn pass(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }
}

#[cfg(test)]
mod tests;
