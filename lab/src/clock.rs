//! The clock of the reports and packets: CLOCK_REALTIME in nanoseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}
