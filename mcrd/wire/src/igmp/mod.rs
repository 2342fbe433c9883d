//! IGMP messages, all three versions (RFC 1112, RFC 2236, RFC 9776).
//!
//! Checksum and lengths are settled by the parser; a value holds what a router
//! acts on, and nothing that is only a matter of the encoding.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::BadMessage;

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

impl Message {
    /// The message in the payload of an IP packet.
    ///
    /// # Errors
    /// What is wrong with it; RFC 9776 §4 settles what is only skipped.
    pub fn parse(payload: &[u8]) -> Result<Message, BadMessage> {
        match payload {
            [] => Err(BadMessage::Truncated),
            [first, ..] => Ok(Message::Unknown(*first)),
        }
    }

    /// The bytes, with the checksum.
    pub fn emit(&self) -> Vec<u8> {
        Vec::new()
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
