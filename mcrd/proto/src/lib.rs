//! The router's logic, without I/O and without a clock.
//!
//! Time and events are arguments, effects are return values, so the same code
//! runs in the daemon and in a simulator. Nothing in this crate opens a socket,
//! reads a file, spawns a task or asks what time it is.

pub mod fib;
pub mod id;
pub mod interface;
pub mod relay;
pub mod time;
