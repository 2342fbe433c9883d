//! The daemon as a process, in namespaces of its own: what it forwards, what
//! it survives and what it says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a failed test shows the log")]

mod clients;
mod configuration;
mod events;
mod faults;
mod inject;
mod interfaces;
mod malformed;
mod mcrd;
mod privileges;
mod random_input;
mod reconfigure;
mod recording;
mod routing;
mod rules;
mod stopped;
mod storms;
mod traffic;
mod unicast;
mod workers;
mod world;
