//! Frames byte by byte.

use super::*;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 129, 2, 3);

/// RFC 9776 §4: TTL 1, Router Alert, TOS 0xc0.
#[test]
fn a_report_has_the_headers_of_the_rfc() {
    let frame = build(HOST, GROUP, &Message::ReportV2(GROUP));
    let want = [
        0x01, 0x00, 0x5e, 0x01, 0x02, 0x03, 0x02, 0x00, 10, 0, 0, 10, 0x08, 0x00, // Ethernet
        0x46, 0xc0, 0, 32, 0, 0, 0, 0, 1, 2, 0x28, 0x8a, 10, 0, 0, 10, 239, 129, 2, 3, // IP
        0x94, 4, 0, 0, // Router Alert
        0x16, 0, 0xf8, 0x7a, 239, 129, 2, 3,
    ];
    assert_eq!(frame, want);
    assert_eq!(parse(&frame), Heard::Message(Message::ReportV2(GROUP)));
}

/// RFC 1112 knows no options.
#[test]
fn a_v1_report_has_no_router_alert() {
    let frame = build(HOST, GROUP, &Message::ReportV1(GROUP));
    assert_eq!((frame.len(), frame[14]), (14 + 20 + 8, 0x45));
    assert_eq!(parse(&frame), Heard::Message(Message::ReportV1(GROUP)));
}

#[test]
fn what_is_no_igmp_is_told_apart_from_what_is_broken() {
    let mut frame = build(HOST, GROUP, &Message::Leave(GROUP));
    assert_eq!(parse(&frame[..10]), Heard::Other);
    assert_eq!(parse(&frame[..40]), Heard::Malformed);
    *frame.last_mut().unwrap() ^= 1;
    assert_eq!(parse(&frame), Heard::Malformed);
    frame[13] = 6;
    assert_eq!(parse(&frame), Heard::Other);
}
