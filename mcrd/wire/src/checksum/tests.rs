//! Known sums, and differences against whole computations.

use proptest::prelude::*;

use super::*;

/// RFC 1071 §1, word by word, as slow and plain as it can be.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        sum += u32::from(word);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

#[test]
fn the_example_of_rfc_1071() {
    // §3: the sum is ddf2.
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(internet(&bytes), !0xddf2);
    assert_eq!(internet(&[]), 0xffff);
    assert_eq!(internet(&[0xab]), !0xab00, "an odd byte is the high one");
}

#[test]
fn the_examples_of_rfc_1624() {
    // §4: HC = dd2f, m = 5555, m' = 3285; the right new checksum is 0000,
    // where the formula of RFC 1141 gives ffff.
    assert_eq!(Adjust::new().word(0x5555, 0x3285).apply(0xdd2f), 0x0000);
}

#[test]
fn carries_are_added_in_until_there_is_none() {
    // ffff is the same as nothing; with 1 more the sum carries twice.
    let adjust = Adjust::new().word(0, 0xffff).word(0, 1);
    let plain = Adjust::new().word(0, 1);
    assert_eq!(adjust.apply(0x1234), plain.apply(0x1234));
    assert_eq!(adjust.apply(0x1234), 0x1233);
}

#[test]
fn a_udp_checksum_that_is_none_stays_none() {
    let adjust = Adjust::new().word(1, 2);
    assert_eq!(adjust.apply_udp(0), 0);
    // The sum that comes to 0 is sent as all ones.
    let to_zero = Adjust::new().word(0x5555, 0x3285);
    assert_eq!(to_zero.apply_udp(0xdd2f), 0xffff);
}

#[test]
fn a_udp_datagram_by_hand() {
    // 10.0.0.1 -> 239.1.1.1, ports 5000 -> 5000, "hi!": an odd length.
    let (source, destination) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(239, 1, 1, 1));
    let mut datagram = [0x13, 0x88, 0x13, 0x88, 0x00, 0x0b, 0, 0, b'h', b'i', b'!'];
    // 0a00+0001+ef01+0101+0011+000b = fa1f, and with
    // 1388+1388+000b+6869+2100 it is aaa4 after one carry.
    assert_eq!(pseudo_header(source, destination, 17, 11), 0xfa1f);
    let checksum = udp(source, destination, &datagram);
    assert_eq!(checksum, !0xaaa4);
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    assert!(udp_is_right(source, destination, &datagram));
    datagram[8] ^= 1;
    assert!(!udp_is_right(source, destination, &datagram));
}

#[test]
fn a_datagram_that_sums_to_zero_gets_all_ones() {
    // The payload is chosen so that the sum is ffff.
    let (source, destination) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(239, 1, 1, 1));
    let mut datagram = vec![0, 1, 0, 1, 0, 10, 0, 0, 0, 0];
    let sum = !over_datagram(source, destination, &datagram);
    datagram[8..10].copy_from_slice(&(!sum).to_be_bytes());
    assert_eq!(over_datagram(source, destination, &datagram), 0);
    assert_eq!(udp(source, destination, &datagram), 0xffff);
}

proptest! {
    #[test]
    fn whole_is_naive(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(internet(&bytes), naive(&bytes));
    }

    /// Whatever words change, the difference gives what the whole computation
    /// gives.
    #[test]
    fn by_difference_is_whole(
        mut bytes in prop::collection::vec(any::<u8>(), 20..60),
        changes in prop::collection::vec((0..10usize, any::<u16>()), 0..12),
    ) {
        bytes.truncate(bytes.len() / 2 * 2);
        // A header whose other words are all zero has no unique checksum.
        bytes[0] = 0x45;
        bytes[10..12].fill(0);
        let checksum = internet(&bytes);
        let mut adjust = Adjust::new();
        for (place, new) in changes {
            if place == 0 || place == 5 {
                continue;
            }
            let at = place * 2..place * 2 + 2;
            let old = u16::from_be_bytes([bytes[at.start], bytes[at.start + 1]]);
            bytes[at].copy_from_slice(&new.to_be_bytes());
            adjust = adjust.word(old, new);
        }
        prop_assert_eq!(adjust.apply(checksum), internet(&bytes));
    }

    #[test]
    fn addresses_and_ports_of_a_datagram(
        old: ([u8; 4], [u8; 4], u16, u16),
        new: ([u8; 4], [u8; 4], u16, u16),
        payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let datagram = |ports: (u16, u16)| {
            let length = u16::try_from(payload.len() + 8).unwrap();
            let mut bytes = Vec::new();
            for word in [ports.0, ports.1, length, 0] {
                bytes.extend(word.to_be_bytes());
            }
            bytes.extend(&payload);
            bytes
        };
        let before = udp(old.0.into(), old.1.into(), &datagram((old.2, old.3)));
        let after = udp(new.0.into(), new.1.into(), &datagram((new.2, new.3)));
        let addresses = Adjust::new()
            .address(old.0.into(), new.0.into())
            .address(old.1.into(), new.1.into());
        let ports = Adjust::new().word(old.2, new.2).word(old.3, new.3);
        let adjust = addresses.and(ports);
        prop_assert_eq!(adjust.apply_udp(before), after);

        let length = u16::try_from(payload.len() + 8).unwrap();
        let sum = pseudo_header(old.0.into(), old.1.into(), 17, length);
        let moved = addresses.apply_sum(sum);
        let expected = pseudo_header(new.0.into(), new.1.into(), 17, length);
        // 0 and ffff are the same sum.
        prop_assert_eq!(moved % 0xffff, expected % 0xffff);
    }
}
