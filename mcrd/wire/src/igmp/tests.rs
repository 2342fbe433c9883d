//! Messages by hand, of the forms that no capture has, and properties (RFC 2236,
//! RFC 9776).

use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;

use super::{GroupRecord, Message, Query, RecordType, Version, time_code};
use crate::{BadMessage, checksum};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

/// With the checksum in its place.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[2..4].fill(0);
    let sum = checksum::internet(&bytes).to_be_bytes();
    bytes[2..4].copy_from_slice(&sum);
    bytes
}

fn parse(bytes: &[u8]) -> Result<Message, BadMessage> {
    Message::parse(&summed(bytes.to_vec()))
}

fn query(version: Version) -> Query {
    Query {
        version,
        group: None,
        max_response_time: Duration::from_secs(10),
        suppress: false,
        robustness: 0,
        query_interval: Duration::ZERO,
        sources: Vec::new(),
    }
}

/// RFC 1112 appendix I.
#[test]
fn version_1() {
    let bytes = [0x11, 0, 0xee, 0xff, 0, 0, 0, 0];
    let message = Message::Query(query(Version::V1));
    assert_eq!(Message::parse(&bytes), Ok(message.clone()));
    assert_eq!(message.emit(), bytes);

    let bytes = [0x12, 0, 0xfc, 0xfa, 239, 1, 2, 3];
    assert_eq!(Message::parse(&bytes), Ok(Message::ReportV1(GROUP)));
    assert_eq!(Message::ReportV1(GROUP).emit(), bytes);
}

/// RFC 9776 §7.1: length and code tell the version; 9 to 11 bytes are none.
#[test]
fn the_length_tells_the_version_of_a_query() {
    let version = |bytes: &[u8]| match parse(bytes) {
        Ok(Message::Query(query)) => Ok(query.version),
        Ok(other) => panic!("{other:?}"),
        Err(reason) => Err(reason),
    };
    assert_eq!(version(&[0x11, 0, 0, 0, 0, 0, 0, 0]), Ok(Version::V1));
    assert_eq!(version(&[0x11, 1, 0, 0, 0, 0, 0, 0]), Ok(Version::V2));
    for length in 9..12 {
        let mut bytes = vec![0x11, 1, 0, 0, 0, 0, 0, 0];
        bytes.resize(length, 0);
        assert_eq!(version(&bytes), Err(BadMessage::Length), "{length}");
    }
    assert_eq!(
        version(&[0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Ok(Version::V3)
    );
}

/// RFC 2236 §2.5: what follows the eight bytes is ignored, but is covered by
/// the checksum.
#[test]
fn a_longer_report_of_version_2() {
    let long = summed(vec![0x16, 0, 0, 0, 239, 1, 2, 3, 0xaa, 0xbb]);
    assert_eq!(Message::parse(&long), Ok(Message::ReportV2(GROUP)));
    let mut over_eight = summed(vec![0x16, 0, 0, 0, 239, 1, 2, 3]);
    over_eight.extend([0xaa, 0xbb]);
    assert_eq!(Message::parse(&over_eight), Err(BadMessage::Checksum));
}

/// RFC 9776 §4.1.2, §4.2.2.
#[test]
fn any_flipped_bit_spoils_the_checksum() {
    let right = Message::ReportV3(vec![GroupRecord {
        record_type: RecordType::IsInclude,
        group: GROUP,
        sources: vec![SOURCE],
    }])
    .emit();
    for bit in 0..right.len() * 8 {
        let mut wrong = right.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Message::parse(&wrong), Err(BadMessage::Checksum));
    }
}

#[test]
fn too_short() {
    for length in 0..8 {
        let bytes = vec![0; length];
        assert_eq!(Message::parse(&bytes), Err(BadMessage::Truncated));
    }
}

/// RFC 9776 §4.2.12: of a record whose type is not known the record alone is
/// ignored; §4.2.11: auxiliary data is skipped.
#[test]
fn unknown_records_and_auxiliary_data_are_skipped() {
    let mut bytes = vec![0x22, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend([7, 0, 0, 1, 239, 9, 9, 9, 10, 0, 0, 1]);
    bytes.extend([4, 2, 0, 0, 239, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8]);
    bytes.extend([5, 0, 0, 1, 239, 1, 2, 3, 10, 0, 0, 9]);
    let want = Message::ReportV3(vec![
        GroupRecord {
            record_type: RecordType::ToExclude,
            group: GROUP,
            sources: Vec::new(),
        },
        GroupRecord {
            record_type: RecordType::Allow,
            group: GROUP,
            sources: vec![SOURCE],
        },
    ]);
    assert_eq!(parse(&bytes), Ok(want));
}

#[test]
fn counts_beyond_the_message() {
    // Two records told, one there; sources told, none there; auxiliary data
    // told, none there; a query with more sources than bytes.
    for bytes in [
        vec![0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 239, 1, 2, 3],
        vec![0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0xff, 0xff, 239, 1, 2, 3],
        vec![0x22, 0, 0, 0, 0, 0, 0, 1, 4, 255, 0, 0, 239, 1, 2, 3],
        vec![0x11, 1, 0, 0, 239, 1, 2, 3, 2, 125, 0, 1, 10, 0, 0],
    ] {
        assert_eq!(parse(&bytes), Err(BadMessage::Length), "{bytes:?}");
    }
}

#[test]
fn groups_must_be_groups() {
    for bytes in [
        vec![0x16, 0, 0, 0, 10, 1, 2, 3],
        vec![0x12, 0, 0, 0, 0, 0, 0, 0],
        vec![0x17, 0, 0, 0, 240, 0, 0, 1],
        vec![0x11, 1, 0, 0, 10, 1, 2, 3],
        vec![0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 10, 1, 2, 3],
        // Sources of no group.
        vec![0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 1, 10, 0, 0, 9],
    ] {
        assert_eq!(parse(&bytes), Err(BadMessage::Address), "{bytes:?}");
    }
}

/// RFC 9776 §4.1.6: above 7 the robustness is told as 0.
#[test]
fn a_robustness_that_does_not_fit() {
    let robust = Query {
        robustness: 9,
        ..query(Version::V3)
    };
    assert_eq!(Message::Query(robust).emit()[8], 0);
}

#[test]
fn other_types_are_only_numbers() {
    assert_eq!(
        parse(&[0x13, 0, 0, 0, 0, 0, 0, 0]),
        Ok(Message::Unknown(0x13))
    );
}

fn a_group() -> impl Strategy<Value = Ipv4Addr> {
    (224..240u8, any::<[u8; 3]>()).prop_map(|(first, [b, c, d])| Ipv4Addr::new(first, b, c, d))
}

fn addresses() -> impl Strategy<Value = Vec<Ipv4Addr>> {
    proptest::collection::vec(any::<Ipv4Addr>(), 0..6)
}

fn a_record() -> impl Strategy<Value = GroupRecord> {
    let record_type = prop_oneof![
        Just(RecordType::IsInclude),
        Just(RecordType::IsExclude),
        Just(RecordType::ToInclude),
        Just(RecordType::ToExclude),
        Just(RecordType::Allow),
        Just(RecordType::Block),
    ];
    (record_type, a_group(), addresses()).prop_map(|(record_type, group, sources)| GroupRecord {
        record_type,
        group,
        sources,
    })
}

prop_compose! {
    fn a_query_v3()(
        group in proptest::option::of(a_group()),
        max_response_code in any::<u8>(),
        suppress in any::<bool>(),
        robustness in 0..8u8,
        interval_code in any::<u8>(),
        sources in addresses(),
    ) -> Query {
        Query {
            version: Version::V3,
            group,
            max_response_time:
                Duration::from_millis(u64::from(time_code::decode(max_response_code)) * 100),
            suppress,
            robustness,
            query_interval: Duration::from_secs(u64::from(time_code::decode(interval_code))),
            sources: if group.is_some() { sources } else { Vec::new() },
        }
    }
}

fn a_message() -> impl Strategy<Value = Message> {
    let query_v2 =
        (proptest::option::of(a_group()), 1..=255u64).prop_map(|(group, tenths)| Query {
            group,
            max_response_time: Duration::from_millis(tenths * 100),
            ..query(Version::V2)
        });
    prop_oneof![
        Just(Message::Query(query(Version::V1))),
        query_v2.prop_map(Message::Query),
        a_query_v3().prop_map(Message::Query),
        a_group().prop_map(Message::ReportV1),
        a_group().prop_map(Message::ReportV2),
        a_group().prop_map(Message::Leave),
        proptest::collection::vec(a_record(), 0..6).prop_map(Message::ReportV3),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(message in a_message()) {
        prop_assert_eq!(Message::parse(&message.emit()), Ok(message));
    }

    /// RFC 9776 §4: no bytes do harm, and what is read can be written.
    #[test]
    fn any_bytes_are_a_message_or_an_error(
        kind in prop_oneof![Just(0x11), Just(0x12), Just(0x16), Just(0x17), Just(0x22), any::<u8>()],
        rest in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = vec![kind];
        bytes.extend(rest);
        if bytes.len() >= 4 {
            bytes = summed(bytes);
        }
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert_eq!(Message::parse(&message.emit()), Ok(message));
        }
    }

    /// A message cut short is an error or the same, never another.
    #[test]
    fn cut_short(message in a_message(), keep in 4..64usize) {
        let mut bytes = message.emit();
        bytes.truncate(keep.min(bytes.len()));
        if let Ok(shorter) = Message::parse(&summed(bytes.clone())) {
            prop_assert!(bytes.len() == message.emit().len() || shorter.emit() == summed(bytes));
        }
    }
}
