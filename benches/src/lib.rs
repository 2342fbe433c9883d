//! Helpers shared by the benchmarks.

pub mod forwarding;
pub mod plain_relay;
pub mod programs;
pub mod router;
