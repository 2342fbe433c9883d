//! Queries and reports of version 3 (RFC 9776 §4).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::v1v2::queried;
use super::{GroupRecord, Message, Query, RecordType, Version, group, time_code};
use crate::BadMessage;
use crate::reader::{Reader, counted_u16};

const SUPPRESS: u8 = 0x08;
const ROBUSTNESS: u8 = 0x07;

/// A query of twelve bytes or more, after its type.
pub(super) fn query(mut reader: Reader<'_>) -> Result<Message, BadMessage> {
    let max_response_code = reader.u8()?;
    let _checksum = reader.u16()?;
    let group = queried(reader.address()?)?;
    let flags = reader.u8()?;
    let interval_code = reader.u8()?;
    let count = reader.u16()?;
    let sources = reader.counted().addresses(count)?;
    // §4.1.9: the sources are those of a group.
    if group.is_none() && !sources.is_empty() {
        return Err(BadMessage::Address);
    }
    let tenths = u64::from(time_code::decode(max_response_code));
    Ok(Message::Query(Query {
        version: Version::V3,
        group,
        max_response_time: Duration::from_millis(tenths * 100),
        suppress: flags & SUPPRESS != 0,
        robustness: flags & ROBUSTNESS,
        query_interval: Duration::from_secs(u64::from(time_code::decode(interval_code))),
        sources,
    }))
}

/// A report, after its type.
pub(super) fn report(mut reader: Reader<'_>) -> Result<Message, BadMessage> {
    let _reserved_and_checksum = reader.bytes(5)?;
    let count = reader.u16()?;
    let mut reader = reader.counted();
    let mut records = Vec::new();
    for _ in 0..count {
        records.extend(record(&mut reader)?);
    }
    Ok(Message::ReportV3(records))
}

/// One record; `None` where its type is not known.
fn record(reader: &mut Reader<'_>) -> Result<Option<GroupRecord>, BadMessage> {
    let record_type = RecordType::from_number(reader.u8()?);
    let auxiliary_words = reader.u8()?;
    let count = reader.u16()?;
    let address = reader.address()?;
    let sources = reader.addresses(count)?;
    // §4.2.11: auxiliary data is skipped.
    let _auxiliary = reader.bytes(usize::from(auxiliary_words) * 4)?;
    let Some(record_type) = record_type else {
        return Ok(None);
    };
    Ok(Some(GroupRecord {
        record_type,
        group: group(address)?,
        sources,
    }))
}

/// A query of version 3, with a checksum of 0.
pub(super) fn emit_query(query: &Query) -> Vec<u8> {
    let tenths = u32::try_from(query.max_response_time.as_millis() / 100).unwrap_or(u32::MAX);
    let interval = u32::try_from(query.query_interval.as_secs()).unwrap_or(u32::MAX);
    // §4.1.6: a robustness that does not fit is told as 0.
    let robustness = match query.robustness {
        fits @ 0..=ROBUSTNESS => fits,
        _ => 0,
    };
    let suppress = if query.suppress { SUPPRESS } else { 0 };
    let (count, sources) = counted_u16(&query.sources);
    let mut bytes = vec![super::QUERY, time_code::encode(tenths), 0, 0];
    bytes.extend(query.group.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
    bytes.extend([suppress | robustness, time_code::encode(interval)]);
    bytes.extend(count.to_be_bytes());
    bytes.extend(sources.iter().flat_map(Ipv4Addr::octets));
    bytes
}

/// A report, with a checksum of 0.
pub(super) fn emit_report(records: &[GroupRecord]) -> Vec<u8> {
    let (count, records) = counted_u16(records);
    let mut bytes = vec![super::REPORT_V3, 0, 0, 0, 0, 0];
    bytes.extend(count.to_be_bytes());
    for record in records {
        let (count, sources) = counted_u16(&record.sources);
        bytes.extend([record.record_type.number(), 0]);
        bytes.extend(count.to_be_bytes());
        bytes.extend(record.group.octets());
        bytes.extend(sources.iter().flat_map(Ipv4Addr::octets));
    }
    bytes
}

impl RecordType {
    const fn number(self) -> u8 {
        match self {
            RecordType::IsInclude => 1,
            RecordType::IsExclude => 2,
            RecordType::ToInclude => 3,
            RecordType::ToExclude => 4,
            RecordType::Allow => 5,
            RecordType::Block => 6,
        }
    }

    const fn from_number(number: u8) -> Option<RecordType> {
        Some(match number {
            1 => RecordType::IsInclude,
            2 => RecordType::IsExclude,
            3 => RecordType::ToInclude,
            4 => RecordType::ToExclude,
            5 => RecordType::Allow,
            6 => RecordType::Block,
            _ => return None,
        })
    }
}
