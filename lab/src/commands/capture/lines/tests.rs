//! Which frames get a line, and what it says.

use super::*;

/// A frame with a UDP datagram of ten bytes to 239.1.1.1.
fn datagram(at_ns: u64, last: u8) -> Frame {
    let mut bytes = vec![0; 14 + 20 + 8 + 10];
    bytes[12..14].copy_from_slice(&[0x08, 0x00]);
    bytes[14] = 0x45;
    bytes[16..18].copy_from_slice(&38_u16.to_be_bytes());
    bytes[14 + 9] = 17;
    bytes[14 + 12..14 + 16].copy_from_slice(&[10, 0, 0, 1]);
    bytes[14 + 16..14 + 20].copy_from_slice(&[239, 1, 1, 1]);
    if let Some(end) = bytes.last_mut() {
        *end = last;
    }
    Frame {
        at_ns,
        length: 52,
        bytes: bytes.into(),
    }
}

fn lines() -> Lines {
    let point = |link: &str, node: &str| PointState {
        link: link.to_owned(),
        name: format!("{link} ({node})"),
        node: node.to_owned(),
        interface: "lan".to_owned(),
    };
    Lines::of(&[
        point("lan", "r1"),
        point("lan", "r2"),
        point("r1--r3", "r1"),
    ])
}

#[test]
fn members_of_a_segment_show_a_frame_once() {
    let mut lines = lines();
    let first = lines.line(0, &datagram(1_000, 1)).unwrap();
    assert!(
        first.ends_with("lan     10.0.0.1 > 239.1.1.1  udp 10 bytes"),
        "{first}"
    );
    assert_eq!(lines.line(1, &datagram(1_100, 1)), None, "the other member");
    assert!(lines.line(2, &datagram(1_200, 1)).is_some(), "another link");
    assert!(
        lines.line(1, &datagram(1_300, 2)).is_some(),
        "another frame"
    );
    assert!(lines.line(1, &datagram(1_400, 2)).is_some(), "sent again");
    let later = 1_400 + SAME_NS;
    assert!(lines.line(0, &datagram(later, 2)).is_some(), "much later");
}

#[test]
fn other_frames_are_told_by_their_type() {
    let mut lines = lines();
    let mut told = |start: &[u8]| {
        let mut bytes = vec![0; 60];
        bytes[12..14].copy_from_slice(start);
        let frame = Frame {
            at_ns: 0,
            length: 60,
            bytes: bytes.into(),
        };
        lines.line(2, &frame).unwrap()
    };
    assert!(told(&[0x08, 0x06]).ends_with("arp"));
    assert!(told(&[0x86, 0xdd]).ends_with("ethertype 86dd 60 bytes"));
}
