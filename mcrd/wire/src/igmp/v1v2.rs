//! The eight bytes of versions 1 and 2 (RFC 1112 appendix I, RFC 2236 §2).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Message, Query, Version, group};
use crate::BadMessage;
use crate::reader::Reader;

/// A v1 query has no Max Resp Time; hosts take this one (RFC 2236 §4).
const V1_MAX_RESPONSE_TIME: Duration = Duration::from_secs(10);

/// A query of eight bytes, after its type.
pub(super) fn query(mut reader: Reader<'_>) -> Result<Message, BadMessage> {
    let code = reader.u8()?;
    let _checksum = reader.u16()?;
    let address = reader.address()?;
    // RFC 9776 §7.1: the code tells v1 from v2. The group field of v1 is
    // ignored when received (RFC 1112 appendix I).
    let (version, group, max_response_time) = match code {
        0 => (Version::V1, None, V1_MAX_RESPONSE_TIME),
        tenths => (
            Version::V2,
            queried(address)?,
            Duration::from_millis(u64::from(tenths) * 100),
        ),
    };
    Ok(Message::Query(Query {
        version,
        group,
        max_response_time,
        suppress: false,
        robustness: 0,
        query_interval: Duration::ZERO,
        sources: Vec::new(),
    }))
}

/// The group field of a query: zero in a General Query.
pub(super) fn queried(address: Ipv4Addr) -> Result<Option<Ipv4Addr>, BadMessage> {
    match address.is_unspecified() {
        true => Ok(None),
        false => group(address).map(Some),
    }
}

/// The group of a report or leave, after its type. What follows the eight bytes
/// is ignored (RFC 2236 §2.5).
pub(super) fn member(mut reader: Reader<'_>) -> Result<Ipv4Addr, BadMessage> {
    let _code_and_checksum = reader.bytes(3)?;
    group(reader.address()?)
}

/// The bytes, with a checksum of 0.
pub(super) fn emit(kind: u8, code: u8, group: Ipv4Addr) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(group.octets());
    bytes
}

/// Max Resp Code of a v2 query; 0 would make it one of v1.
pub(super) fn tenths(time: Duration) -> u8 {
    u8::try_from((time.as_millis() / 100).max(1)).unwrap_or(u8::MAX)
}
