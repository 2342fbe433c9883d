//! The control API: what `mcrctl`, the lab and other programs say to `mcrd`.
//!
//! Lines of JSON on a Unix socket, each at most [`MAX_LINE`] bytes. The server
//! speaks first, with one [`Hello`] line. Then the client sends [`Request`]
//! lines and gets one [`Reply`] line for each, in order. A reply that would be
//! too long is paged; a change that would be too long is sent as begin, parts,
//! commit. The crate has types and a client, and does not link the daemon.

pub mod client;
pub mod config;
pub mod message;
pub mod router;
pub mod rule;
pub mod schema;
pub mod state;
mod told;

pub use message::{ErrorCode, Failure, Hello, Method, Problem, Reply, Request};

/// The version of this protocol. A client refuses a server with another one.
pub const PROTOCOL: u32 = 1;

/// The longest line in either direction, in bytes, with its newline.
pub const MAX_LINE: usize = 1024 * 1024;

/// The most items one page of a reply has.
pub const MAX_PAGE: usize = 1000;
