//! How many answers are sent: an RP answers each Register, and a DR packets that
//! are too large; nobody may make them send more than they should.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::id::{GroupAddr, UnicastAddr};
use crate::time::Instant;

/// How many (S,G) and routers are told apart at a time. While there are more, those
/// above get no answer.
const CAPACITY: usize = 4096;

const WINDOW: Duration = Duration::from_secs(1);

type Key = (UnicastAddr, GroupAddr, Ipv4Addr);

/// The answers of the last second.
#[derive(Debug, Default)]
pub struct RateLimit {
    sent: BTreeMap<Key, u32>,
    /// The keys of `sent` in the order of their first ones.
    since: VecDeque<(Instant, Key)>,
}

impl RateLimit {
    /// Whether one more may be sent now; it counts as sent then.
    pub fn admit(&mut self, now: Instant, key: Key, per_second: u32) -> bool {
        let over = |(since, _): &mut (Instant, Key)| now - *since >= WINDOW;
        while let Some((_, old)) = self.since.pop_front_if(over) {
            self.sent.remove(&old);
        }
        if !self.sent.contains_key(&key) {
            if self.sent.len() >= CAPACITY {
                return false;
            }
            self.since.push_back((now, key));
        }
        let count = self.sent.entry(key).or_default();
        *count = count.saturating_add(1);
        *count <= per_second
    }
}

#[cfg(test)]
mod tests;
