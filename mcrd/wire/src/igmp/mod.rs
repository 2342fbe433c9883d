//! IGMP messages, all three versions (RFC 1112, RFC 2236, RFC 9776).
//!
//! Checksum and lengths are settled by the parser; a value holds what a router
//! acts on, and nothing that is only a matter of the encoding.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::reader::Reader;
use crate::{BadMessage, checksum};

pub mod time_code;
mod v1v2;
mod v3;

/// The IP protocol number.
pub const PROTOCOL: u8 = 2;

/// An IGMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A Membership Query of any version.
    Query(Query),
    /// An IGMPv1 Membership Report.
    ReportV1(Ipv4Addr),
    /// An IGMPv2 Membership Report.
    ReportV2(Ipv4Addr),
    /// An IGMPv2 Leave Group.
    Leave(Ipv4Addr),
    /// An IGMPv3 Membership Report. Records of unknown type are left out
    /// (RFC 9776 §4.2.12).
    ReportV3(Vec<GroupRecord>),
    /// A type that is not ours to act on; only its number.
    Unknown(u8),
}

const QUERY: u8 = 0x11;
const REPORT_V1: u8 = 0x12;
const REPORT_V2: u8 = 0x16;
const LEAVE: u8 = 0x17;
const REPORT_V3: u8 = 0x22;

/// The shortest message of any type.
const MIN_LEN: usize = 8;

impl Message {
    /// The message in the payload of an IP packet.
    ///
    /// # Errors
    /// What is wrong with it; RFC 9776 §4 settles what is only skipped.
    pub fn parse(payload: &[u8]) -> Result<Message, BadMessage> {
        if payload.len() < MIN_LEN {
            return Err(BadMessage::Truncated);
        }
        // Over the whole message, also where it is longer than its type needs
        // (RFC 2236 §2.5, RFC 9776 §4.1.2).
        if checksum::internet(payload) != 0 {
            return Err(BadMessage::Checksum);
        }
        let mut reader = Reader::new(payload);
        match reader.u8()? {
            // RFC 9776 §7.1: the length tells the version.
            QUERY => match payload.len() {
                MIN_LEN => v1v2::query(reader),
                9..12 => Err(BadMessage::Length),
                _ => v3::query(reader),
            },
            REPORT_V1 => v1v2::member(reader).map(Message::ReportV1),
            REPORT_V2 => v1v2::member(reader).map(Message::ReportV2),
            LEAVE => v1v2::member(reader).map(Message::Leave),
            REPORT_V3 => v3::report(reader),
            other => Ok(Message::Unknown(other)),
        }
    }

    /// The bytes, with the checksum. What does not fit a field of the message
    /// is told as the nearest that does.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = match self {
            Message::Query(query) => query.emit(),
            Message::ReportV1(group) => v1v2::emit(REPORT_V1, 0, *group),
            Message::ReportV2(group) => v1v2::emit(REPORT_V2, 0, *group),
            Message::Leave(group) => v1v2::emit(LEAVE, 0, *group),
            Message::ReportV3(records) => v3::emit_report(records),
            Message::Unknown(kind) => v1v2::emit(*kind, 0, Ipv4Addr::UNSPECIFIED),
        };
        let sum = checksum::internet(&bytes).to_be_bytes();
        if let Some(field) = bytes.get_mut(2..4) {
            field.copy_from_slice(&sum);
        }
        bytes
    }
}

/// What stands for a group must be one.
fn group(address: Ipv4Addr) -> Result<Ipv4Addr, BadMessage> {
    match address.is_multicast() {
        true => Ok(address),
        false => Err(BadMessage::Address),
    }
}

/// A Membership Query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which version's form it has (RFC 9776 §7.1).
    pub version: Version,
    /// The group asked for; `None` in a General Query.
    pub group: Option<Ipv4Addr>,
    /// Max Resp Time; 10 s in a v1 query, which has none.
    pub max_response_time: Duration,
    /// The S flag: suppress router-side processing. `false` before v3.
    pub suppress: bool,
    /// The querier's Robustness Variable; 0 where it tells none.
    pub robustness: u8,
    /// The querier's Query Interval; zero where it tells none.
    pub query_interval: Duration,
    /// The sources asked for. Empty before v3.
    pub sources: Vec<Ipv4Addr>,
}

impl Query {
    fn emit(&self) -> Vec<u8> {
        let group = self.group.unwrap_or(Ipv4Addr::UNSPECIFIED);
        match self.version {
            Version::V1 => v1v2::emit(QUERY, 0, Ipv4Addr::UNSPECIFIED),
            Version::V2 => v1v2::emit(QUERY, v1v2::tenths(self.max_response_time), group),
            Version::V3 => v3::emit_query(self),
        }
    }
}

/// A version of IGMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RFC 1112.
    V1,
    /// RFC 2236.
    V2,
    /// RFC 9776.
    V3,
}

/// A Group Record of a v3 report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// What it says.
    pub record_type: RecordType,
    /// Of which group.
    pub group: Ipv4Addr,
    /// The sources.
    pub sources: Vec<Ipv4Addr>,
}

/// The type of a Group Record (RFC 9776 §4.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// MODE_IS_INCLUDE.
    IsInclude,
    /// MODE_IS_EXCLUDE.
    IsExclude,
    /// CHANGE_TO_INCLUDE_MODE.
    ToInclude,
    /// CHANGE_TO_EXCLUDE_MODE.
    ToExclude,
    /// ALLOW_NEW_SOURCES.
    Allow,
    /// BLOCK_OLD_SOURCES.
    Block,
}

#[cfg(test)]
mod tests;
