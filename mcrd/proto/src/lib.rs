//! The router's logic, without I/O and without a clock.
//!
//! Time and events are arguments, effects are return values, so the same code
//! runs in the daemon and in a simulator. Nothing in this crate opens a socket,
//! reads a file, spawns a task or asks what time it is.

pub mod config;
pub mod fib;
mod hex;
pub mod id;
pub mod igmp;
pub mod interface;
pub mod pim;
pub mod relay;
pub mod rng;
pub mod router;
pub mod routes;
pub mod rpf;
pub mod tib;
pub mod time;
pub mod timers;
