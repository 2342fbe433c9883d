//! Packets, byte by byte.

use proptest::prelude::*;

use super::*;

/// 10.0.0.1 -> 239.1.1.1, UDP, TTL 1, identification 1234, four bytes of
/// payload; the checksum was computed by hand.
const PLAIN: [u8; 24] = [
    0x45, 0x00, 0x00, 0x18, 0x12, 0x34, 0x00, 0x00, 0x01, 0x11, 0xad, 0x9e, 10, 0, 0, 1, 239, 1, 1,
    1, 1, 2, 3, 4,
];

/// With `bytes` changed from `at` on, and the header checksum made right.
fn changed(packet: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet[10..12].fill(0);
    let header = usize::from(packet[0] & 15) * 4;
    let checksum = checksum::internet(&packet[..header.min(packet.len())]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

#[test]
fn a_plain_packet() {
    let packet = Packet::parse(&PLAIN).unwrap();
    let header = packet.header();
    assert_eq!(header.source(), Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(header.destination(), Ipv4Addr::new(239, 1, 1, 1));
    assert_eq!((header.protocol, header.ttl), (17, 1));
    assert_eq!(header.identification.get(), 0x1234);
    assert_eq!(packet.options(), []);
    assert_eq!(packet.payload(), [1, 2, 3, 4]);
    assert!(!header.is_fragment());
}

#[test]
fn padding_of_the_frame_is_left_out() {
    let padded = [&PLAIN[..], &[0; 22]].concat();
    assert_eq!(Packet::parse(&padded).unwrap().payload(), [1, 2, 3, 4]);
}

#[test]
fn options_are_not_payload() {
    // Router alert (RFC 2113), header length 6.
    let mut bytes = PLAIN[..20].to_vec();
    bytes.extend([0x94, 0x04, 0x00, 0x00, 7, 8]);
    bytes[0] = 0x46;
    let bytes = changed(&bytes, 2, &26u16.to_be_bytes());
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.header().header_len(), 24);
    assert_eq!(packet.options(), [0x94, 0x04, 0x00, 0x00]);
    assert_eq!(packet.payload(), [7, 8]);
}

#[test]
fn fragments_are_recognised_from_the_first_to_the_last() {
    let with = |flags: u16| changed(&PLAIN, 6, &flags.to_be_bytes());
    let fragment = |flags| {
        let bytes = with(flags);
        let header = *Packet::parse(&bytes).unwrap().header();
        (header.is_fragment(), header.fragment_offset())
    };
    assert_eq!(fragment(0x4000), (false, 0), "do not fragment");
    assert_eq!(fragment(0x2000), (true, 0), "first");
    assert_eq!(fragment(0x2001), (true, 8), "middle");
    assert_eq!(fragment(0x1fff), (true, 65528), "last");
}

#[test]
fn each_kind_of_malformed_packet_has_its_reason() {
    let cases: [(&str, Vec<u8>, Malformed); 8] = [
        ("empty", vec![], Malformed::Truncated),
        ("19 bytes", PLAIN[..19].to_vec(), Malformed::Truncated),
        (
            "version 6",
            changed(&PLAIN, 0, &[0x65]),
            Malformed::BadHeader,
        ),
        (
            "header of 16",
            changed(&PLAIN, 0, &[0x44]),
            Malformed::BadHeader,
        ),
        // D5 of the earlier system: total length below the header's.
        (
            "total of 19",
            changed(&PLAIN, 2, &[0, 19]),
            Malformed::BadHeader,
        ),
        (
            "total of 25",
            changed(&PLAIN, 2, &[0, 25]),
            Malformed::Truncated,
        ),
        (
            "options beyond the end",
            changed(&changed(&PLAIN, 2, &[0, 60]), 0, &[0x4f]),
            Malformed::Truncated,
        ),
        // D32 of the earlier system.
        (
            "wrong checksum",
            [&PLAIN[..10], &[0xad, 0xae], &PLAIN[12..]].concat(),
            Malformed::BadChecksum,
        ),
    ];
    for (what, bytes, reason) in cases {
        assert_eq!(Packet::parse(&bytes), Err(reason), "{what}");
    }
}

#[test]
fn a_packet_that_would_be_too_long_is_not_made() {
    let make = |len| Header::new([10, 0, 0, 1].into(), [239, 1, 1, 1].into(), 17, 1, len);
    assert!(make(65515).is_some());
    assert!(make(65516).is_none());
    assert!(make(usize::MAX).is_none());
}

fn outgoing(router_alert: bool) -> Outgoing<'static> {
    Outgoing {
        source: [10, 0, 0, 1].into(),
        destination: [224, 0, 0, 1].into(),
        protocol: 2,
        ttl: 1,
        tos: 0xc0,
        router_alert,
        payload: &[0x11, 100, 0xee, 0x9b, 0, 0, 0, 0],
    }
}

/// RFC 2113 §2.1, RFC 9776 §4.
#[test]
fn a_packet_is_sent_with_the_router_alert_option_where_it_is_asked_for() {
    let bytes = outgoing(true).emit().unwrap();
    assert_eq!(bytes.get(20..24), Some(&[0x94, 4, 0, 0][..]));
    let packet = Packet::parse(&bytes).unwrap();
    assert!(packet.router_alert());
    assert_eq!(packet.header().dscp_ecn, 0xc0);
    assert_eq!(packet.header().ttl, 1);
    assert_eq!(packet.payload(), outgoing(true).payload);
    let bytes = outgoing(false).emit().unwrap();
    assert_eq!(bytes.len(), 28);
    assert!(!Packet::parse(&bytes).unwrap().router_alert());
}

#[test]
fn the_router_alert_option_is_found_among_others() {
    let has = |options: &'static [u8]| {
        let header = outgoing(false).emit().unwrap();
        let header = Header::ref_from_prefix(&header).unwrap().0;
        let packet = Packet {
            header,
            options,
            payload: &[],
        };
        packet.router_alert()
    };
    assert!(has(&[0x94, 4, 0, 0]));
    assert!(has(&[1, 1, 0x94, 4, 0, 0, 0, 0]));
    assert!(has(&[7, 3, 0, 0x94, 4, 0, 0, 0]));
    assert!(!has(&[0, 0x94, 4, 0]), "nothing counts after the end");
    assert!(!has(&[0x94, 4, 0]), "it is cut off");
    assert!(!has(&[7, 0, 0x94, 4, 0, 0]), "a length that leads nowhere");
    assert!(!has(&[7, 200, 0x94, 4, 0, 0]));
    assert!(!has(&[]));
    assert!(!has(&[0x94]));
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        source: [u8; 4], destination: [u8; 4], protocol: u8, ttl: u8,
        payload in prop::collection::vec(any::<u8>(), 0..1500),
        padding in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let header = Header::new(
            source.into(), destination.into(), protocol, ttl, payload.len(),
        ).unwrap();
        let bytes = [header.as_bytes(), &payload, &padding].concat();
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(*packet.header(), header);
        prop_assert_eq!(packet.payload(), &payload[..]);
        prop_assert_eq!(packet.header().source().octets(), source);
        prop_assert_eq!(packet.header().destination().octets(), destination);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
        if let Ok(packet) = Packet::parse(&bytes) {
            prop_assert!(packet.payload().len() < bytes.len());
        }
    }

    /// Random bytes seldom get past the version, so the start is given.
    #[test]
    fn no_header_causes_a_panic(
        ihl in 0..16u8, total in 0..100u16, mut bytes in prop::collection::vec(any::<u8>(), 0..90),
        fix: bool,
    ) {
        if bytes.len() >= 20 {
            bytes[0] = 0x40 | ihl;
            bytes[2..4].copy_from_slice(&total.to_be_bytes());
            if fix {
                bytes = changed(&bytes, 0, &[0x40 | ihl]);
            }
        }
        if let Ok(packet) = Packet::parse(&bytes) {
            let parts = 20 + packet.options().len() + packet.payload().len();
            prop_assert_eq!(parts, usize::from(total));
        }
    }
}
