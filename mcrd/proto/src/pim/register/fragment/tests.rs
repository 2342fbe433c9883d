//! Parts fit, are right, and together are the packet.

use std::net::Ipv4Addr;

use super::*;

fn packet(payload: usize, flags: u16, options: &[u8]) -> Vec<u8> {
    let source = Ipv4Addr::new(10, 0, 0, 2);
    let group = Ipv4Addr::new(239, 1, 1, 1);
    let mut header = Header::new(source, group, 17, 16, payload).unwrap();
    header.identification = 7.into();
    let data: Vec<u8> = (0..payload).map(|byte| byte as u8).collect();
    build(header, options, &data, flags).unwrap()
}

fn reassembled(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let part = Packet::parse(part).expect("a right header");
        assert_eq!(part.header().fragment_offset(), data.len());
        assert_eq!(part.header().identification.get(), 7);
        assert_eq!(part.header().ttl, 15);
        let more = part.header().flags_fragment.get() & MORE_FRAGMENTS != 0;
        assert_eq!(more, number + 1 < parts.len());
        data.extend(part.payload());
    }
    data
}

/// RFC 7761 §4.4.1: the DR takes one off the TTL before it encapsulates.
#[test]
fn what_fits_goes_whole_with_one_ttl_less() {
    let parts = for_register(&packet(1452, 0, &[]), 1472).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].len(), 1472);
    assert_eq!(reassembled(&parts).len(), 1452);
}

/// RFC 791 §3.2.
/// RFC 7761 §4.4.1: before it is encapsulated.
#[test]
fn what_does_not_fit_is_cut() {
    for size in [1453, 1480, 2904, 8980] {
        let whole = packet(size, 0, &[]);
        let parts = for_register(&whole, 1472).unwrap();
        assert!(parts.len() > 1);
        assert!(parts.iter().all(|part| part.len() <= 1472));
        assert_eq!(reassembled(&parts), whole[20..], "{size}");
    }
}

#[test]
fn a_part_is_cut_where_it_stands() {
    let parts = for_register(&packet(2000, MORE_FRAGMENTS | 100, &[]), 1472).unwrap();
    let flags: Vec<u16> = parts
        .iter()
        .map(|part| Packet::parse(part).unwrap().header().flags_fragment.get())
        .collect();
    assert_eq!(flags, [MORE_FRAGMENTS | 100, MORE_FRAGMENTS | (100 + 181)]);
}

/// RFC 7761 §4.4.1.
#[test]
fn what_must_not_be_cut_is_not() {
    let large = packet(1453, DONT_FRAGMENT, &[]);
    assert_eq!(for_register(&large, 1472), Err(NotSent::DontFragment));
    assert!(for_register(&packet(1452, DONT_FRAGMENT, &[]), 1472).is_ok());
}

#[test]
fn a_ttl_that_ends_is_not_sent() {
    let header = Header::new(
        Ipv4Addr::new(10, 0, 0, 2),
        Ipv4Addr::new(239, 1, 1, 1),
        17,
        1,
        0,
    );
    let bytes = build(header.unwrap(), &[], &[], 0).unwrap();
    assert_eq!(for_register(&bytes, 1472), Err(NotSent::TimeToLive));
    assert_eq!(for_register(&bytes[..10], 1472), Err(NotSent::Malformed));
}

/// RFC 791 §3.1: Router Alert (148) is copied, Record Route (7) is not.
#[test]
fn only_copied_options_are_in_every_part() {
    let options = [7, 3, 4, 1, 148, 4, 0, 0];
    let parts = for_register(&packet(2000, 0, &options), 1472).unwrap();
    let options: Vec<&[u8]> = parts
        .iter()
        .map(|part| Packet::parse(part).unwrap().options())
        .collect();
    assert_eq!(options, [&[7, 3, 4, 1, 148, 4, 0, 0][..], &[148, 4, 0, 0]]);
}
