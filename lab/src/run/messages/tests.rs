//! The ring's bounds, and what is told of it.

use std::net::Ipv4Addr;

use mcr_wire::igmp;
use mcr_wire::ipv4::Outgoing;

use super::*;

const LAN: Source = Source {
    link: LinkId(0),
    repeats: true,
    held: false,
};
const LINK: Source = Source {
    link: LinkId(1),
    repeats: false,
    held: false,
};

/// A report of a host about a group.
fn report(at_ns: u64, host: u8, padding: usize) -> Frame {
    let mut payload = igmp::Message::ReportV2(Ipv4Addr::new(239, 1, 1, 1)).emit();
    payload.resize(payload.len() + padding, 0);
    let packet = Outgoing {
        source: Ipv4Addr::new(10, 0, 0, host),
        destination: Ipv4Addr::new(239, 1, 1, 1),
        protocol: igmp::PROTOCOL,
        ttl: 1,
        tos: 0,
        router_alert: true,
        payload: &payload,
    };
    let mut bytes = vec![0; 12];
    bytes.extend([8, 0]);
    bytes.extend(packet.emit().unwrap());
    Frame {
        at_ns,
        length: 60,
        bytes: bytes.into(),
    }
}

fn times(told: &Told) -> Vec<u64> {
    told.messages.iter().map(|message| message.at_ns).collect()
}

#[test]
fn each_message_is_told_once_by_its_number() {
    let mut ring = Ring::default();
    ring.push(1, report(10, 1, 0));
    ring.push(1, report(20, 1, 0));
    let first = ring.told(0, &[LAN, LINK]);
    assert_eq!(
        (times(&first), first.next, first.missed),
        (vec![10, 20], 2, 0)
    );
    let message = &first.messages[0];
    assert_eq!(message.link, LinkId(1));
    assert_eq!(message.source, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(message.said().unwrap().kind, "igmp.report");
    ring.push(1, report(15, 2, 0));
    let next = ring.told(first.next, &[LAN, LINK]);
    assert_eq!((times(&next), next.next), (vec![15], 3));
    assert_eq!(times(&ring.told(0, &[LAN, LINK])), [10, 15, 20]);
    assert_eq!(times(&ring.told(99, &[LAN, LINK])), Vec::<u64>::new());
}

#[test]
fn what_the_members_of_a_segment_show_is_told_once() {
    // Two points of one segment, and a link on which the same came twice.
    let sources = [LAN, LAN, LINK];
    let mut ring = Ring::default();
    ring.push(0, report(1_000, 1, 0));
    ring.push(2, report(1_000, 1, 0));
    let asked = ring.told(0, &sources).next;
    ring.push(1, report(1_500, 1, 0));
    ring.push(2, report(1_500, 1, 0));
    assert_eq!(times(&ring.told(asked, &sources)), [1_500]);
    assert_eq!(times(&ring.told(0, &sources)), [1_000, 1_000, 1_500]);
    ring.push(1, report(1_500 + SAME_NS, 1, 0));
    assert_eq!(ring.told(0, &sources).messages.len(), 4, "another one");
}

/// A member behind a wire shows a message 20 ms later, and the same message comes
/// again a second later: two were sent.
#[test]
fn what_a_wire_holds_back_is_told_once() {
    const MS: u64 = 1_000_000;
    let held = Source { held: true, ..LAN };
    let mut ring = Ring::default();
    for at_ns in [0, 1_000 * MS] {
        ring.push(0, report(at_ns, 1, 0));
        ring.push(1, report(at_ns + MS, 1, 0));
        ring.push(2, report(at_ns + 20 * MS, 1, 0));
    }
    assert_eq!(times(&ring.told(0, &[held; 3])), [0, 1_000 * MS]);
    // From the middle on, the ones before are still known.
    assert_eq!(times(&ring.told(2, &[held; 3])), [1_000 * MS]);
    assert_eq!(ring.told(0, &[LAN; 3]).messages.len(), 4, "no wire");
}

#[test]
fn the_ring_is_bounded_and_counts_what_it_forgot() {
    let mut ring = Ring::default();
    let one = report(0, 1, 900);
    let cost = one.bytes.len() + OVERHEAD;
    let fit = RING_BYTES / cost;
    for at_ns in 0..(fit + 100) as u64 {
        ring.push(
            1,
            Frame {
                at_ns,
                ..one.clone()
            },
        );
        assert!(ring.bytes <= RING_BYTES);
    }
    let kept: usize = ring
        .frames()
        .map(|(_, frame)| frame.bytes.len() + OVERHEAD)
        .sum();
    assert_eq!(ring.bytes, kept);
    let told = ring.told(40, &[LAN, LINK]);
    assert_eq!((told.missed, told.messages.len()), (60, fit));
    assert_eq!(told.messages[0].at_ns, 100);
}
