//! UDP sockets that send and receive many datagrams a system call, with what a
//! measurement needs to know of each: arrival time, TTL, TOS and the socket's
//! own drops. IPv4.

pub(crate) mod option;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::io;

pub use receive::{ReceiveBatch, ReceiveConfig, Received, receiver, socket_drops};
pub use send::{
    Datagram, MAX_SEGMENTS, SendConfig, SendScratch, report_local_drops, send_many, send_segments,
    sender,
};

/// A step of opening a socket that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct OpenError {
    /// What was tried.
    pub step: String,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// Names the step that failed.
trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, OpenError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, OpenError> {
        self.map_err(|error| OpenError {
            step: step(),
            source: error.into(),
        })
    }
}
