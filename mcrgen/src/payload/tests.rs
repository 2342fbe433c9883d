//! What is written is read; what is changed is noticed.

use proptest::prelude::*;

use super::*;

fn datagram(template: &Template, header: &Header) -> Vec<u8> {
    let mut octets = template.header(header).to_vec();
    octets.extend_from_slice(template.filler(header.sequence));
    octets
}

#[test]
fn the_layout_is_the_documented_one() {
    let template = Template::new(HEADER_LEN).unwrap();
    let octets = template.header(&Header {
        clock: 0x0102_0304,
        flow: 0x0506_0708,
        run: 0x1112_1314_1516_1718,
        sequence: 0x2122_2324_2526_2728,
        sent_ns: 0x3132_3334_3536_3738,
    });
    assert_eq!(&octets[..8], b"MCRG\x01\x00\x00\x2c");
    assert_eq!(octets[12..20], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        octets[20..28],
        [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]
    );
    assert_eq!(
        octets[28..36],
        [0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28]
    );
    assert_eq!(
        octets[36..44],
        [0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38]
    );
}

#[test]
fn sizes_outside_the_bounds_are_refused() {
    for size in [0, 1, HEADER_LEN - 1, MAX_LEN + 1, 1 << 20] {
        let Err(error) = Template::new(size) else {
            panic!("{size} was accepted");
        };
        assert_eq!(error, BadSize(size));
        assert!(error.to_string().contains("44 to 65507"), "{error}");
    }
    for size in [HEADER_LEN, HEADER_LEN + 1, 1400, MAX_LEN] {
        let template = Template::new(size).unwrap();
        let header = Header {
            sequence: 255,
            ..Header::default()
        };
        let octets = datagram(&template, &header);
        assert_eq!(octets.len(), size);
        assert_eq!(parse(&octets), Payload::Ours(header));
    }
}

#[test]
fn fillers_differ_with_the_sequence() {
    let template = Template::new(200).unwrap();
    assert_ne!(template.filler(0), template.filler(1));
    assert_eq!(template.filler(3), template.filler(259));
}

#[test]
fn other_payloads_are_foreign() {
    for payload in [&b""[..], b"abc", b"abcd", &[0; 44], &[0xFF; 1500]] {
        assert_eq!(parse(payload), Payload::Foreign, "{payload:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        size in HEADER_LEN..2000, clock: u32, flow: u32, run: u64, sequence: u64, sent_ns: u64,
    ) {
        let header = Header { clock, flow, run, sequence, sent_ns };
        let template = Template::new(size).unwrap();
        prop_assert_eq!(parse(&datagram(&template, &header)), Payload::Ours(header));
    }

    #[test]
    fn a_changed_bit_is_noticed(size in HEADER_LEN..300, sequence: u64, at: prop::sample::Index, bit in 0..8) {
        let template = Template::new(size).unwrap();
        let header = Header { sequence, ..Header::default() };
        let mut octets = datagram(&template, &header);
        octets[at.index(size)] ^= 1_u8 << bit;
        prop_assert_eq!(parse(&octets), Payload::Corrupted);
    }

    #[test]
    fn the_header_of_a_cut_datagram_can_be_read(
        size in HEADER_LEN..2000, cut: prop::sample::Index, run: u64, sequence: u64,
    ) {
        let header = Header { run, sequence, ..Header::default() };
        let octets = datagram(&Template::new(size).unwrap(), &header);
        let length = cut.index(size + 1);
        let expected = (length >= HEADER_LEN).then_some(header);
        prop_assert_eq!(peek(&octets[..length]), expected);
    }

    #[test]
    fn a_cut_datagram_is_noticed(size in HEADER_LEN..300, at: prop::sample::Index) {
        let template = Template::new(size).unwrap();
        let octets = datagram(&template, &Header::default());
        let length = at.index(size);
        let expected = if length < 4 { Payload::Foreign } else { Payload::Corrupted };
        prop_assert_eq!(parse(&octets[..length]), expected);
    }

    #[test]
    fn any_octets_are_read_without_a_panic(octets: Vec<u8>) {
        parse(&octets);
    }
}
