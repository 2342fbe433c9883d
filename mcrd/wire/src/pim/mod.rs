//! PIM version 2 messages (RFC 7761 §4.9, RFC 5059 §4).
//!
//! Checksum and lengths are settled by the parser, and so are unknown options,
//! families and encodings: a value holds what a router acts on.

use std::net::Ipv4Addr;

use crate::reader::Reader;
use crate::{BadMessage, checksum};

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

const HELLO: u8 = 0;
const REGISTER: u8 = 1;
const REGISTER_STOP: u8 = 2;
const JOIN_PRUNE: u8 = 3;
const BOOTSTRAP: u8 = 4;
const ASSERT: u8 = 5;
const GRAFT: u8 = 6;
const GRAFT_ACK: u8 = 7;
const CANDIDATE_RP: u8 = 8;
const STATE_REFRESH: u8 = 9;

const VERSION: u8 = 2;
const HEADER_LEN: usize = 4;
/// N of a Bootstrap, in the byte after the type (RFC 5059 §4.1).
const NO_FORWARD: u8 = 0x80;
/// The checksum of a Register covers its two headers only (RFC 7761 §4.9.3).
const REGISTER_HEADER_LEN: usize = 8;

impl<'a> Message<'a> {
    /// The message in the payload of an IP packet.
    ///
    /// # Errors
    /// What is wrong with it; RFC 7761 §4.9 settles what is only skipped.
    pub fn parse(payload: &'a [u8]) -> Result<Message<'a>, BadMessage> {
        let mut reader = Reader::new(payload);
        let version_type = reader.u8()?;
        let flags = reader.u8()?;
        let _checksum = reader.u16()?;
        if version_type >> 4 != VERSION {
            return Err(BadMessage::Version);
        }
        let kind = version_type & 0x0f;
        if !checksum_is_right(kind, payload)? {
            return Err(BadMessage::Checksum);
        }
        Ok(match kind {
            HELLO => Message::Hello(Hello::parse(reader)?),
            REGISTER => Message::Register(Register::parse(reader)?),
            REGISTER_STOP => Message::RegisterStop(RegisterStop::parse(reader)?),
            JOIN_PRUNE => Message::JoinPrune(JoinPrune::parse(reader)?),
            BOOTSTRAP => {
                let no_forward = flags & NO_FORWARD != 0;
                Message::Bootstrap(Bootstrap::parse(no_forward, reader)?)
            }
            ASSERT => Message::Assert(Assert::parse(reader)?),
            GRAFT => Message::Graft,
            GRAFT_ACK => Message::GraftAck,
            CANDIDATE_RP => Message::CandidateRp(CandidateRp::parse(reader)?),
            STATE_REFRESH => Message::StateRefresh,
            other => Message::Unknown(other),
        })
    }

    /// The bytes, with the checksum. What does not fit a field of the message
    /// is told as the nearest that does.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![(VERSION << 4) | self.kind(), 0, 0, 0];
        match self {
            Message::Hello(hello) => hello.emit(&mut bytes),
            Message::Register(register) => register.emit(&mut bytes),
            Message::RegisterStop(stop) => stop.emit(&mut bytes),
            Message::JoinPrune(join_prune) => join_prune.emit(&mut bytes),
            Message::Bootstrap(bootstrap) => bootstrap.emit(&mut bytes),
            Message::Assert(assert) => assert.emit(&mut bytes),
            Message::CandidateRp(candidate) => candidate.emit(&mut bytes),
            Message::Graft | Message::GraftAck | Message::StateRefresh | Message::Unknown(_) => {}
        }
        let no_forward = matches!(self, Message::Bootstrap(bootstrap) if bootstrap.no_forward);
        let covered = match self.kind() {
            REGISTER => bytes.len().min(REGISTER_HEADER_LEN),
            _ => bytes.len(),
        };
        if let Some(flags) = bytes.get_mut(1).filter(|_| no_forward) {
            *flags = NO_FORWARD;
        }
        let sum = checksum::internet(bytes.get(..covered).unwrap_or(&bytes)).to_be_bytes();
        if let Some(field) = bytes.get_mut(2..HEADER_LEN) {
            field.copy_from_slice(&sum);
        }
        bytes
    }

    const fn kind(&self) -> u8 {
        match self {
            Message::Hello(_) => HELLO,
            Message::Register(_) => REGISTER,
            Message::RegisterStop(_) => REGISTER_STOP,
            Message::JoinPrune(_) => JOIN_PRUNE,
            Message::Bootstrap(_) => BOOTSTRAP,
            Message::Assert(_) => ASSERT,
            Message::Graft => GRAFT,
            Message::GraftAck => GRAFT_ACK,
            Message::CandidateRp(_) => CANDIDATE_RP,
            Message::StateRefresh => STATE_REFRESH,
            Message::Unknown(kind) => *kind & 0x0f,
        }
    }
}

/// RFC 7761 §4.9.3: some senders of Registers compute the checksum over the
/// whole message, and are to be understood.
fn checksum_is_right(kind: u8, payload: &[u8]) -> Result<bool, BadMessage> {
    let right = checksum::internet(payload) == 0;
    if kind != REGISTER {
        return Ok(right);
    }
    let headers = payload
        .get(..REGISTER_HEADER_LEN)
        .ok_or(BadMessage::Truncated)?;
    Ok(right || checksum::internet(headers) == 0)
}

#[cfg(test)]
mod tests;
