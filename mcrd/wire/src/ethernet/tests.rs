//! Frames, byte by byte.

use proptest::prelude::*;

use super::*;

#[test]
fn a_frame_is_read() {
    let frame = [
        0x01, 0x00, 0x5e, 0x01, 0x01, 0x01, 2, 0, 0, 0, 0, 9, 0x08, 0x00, 0x45,
    ];
    let (header, payload) = Header::parse(&frame).unwrap();
    assert_eq!(header.destination, [0x01, 0x00, 0x5e, 0x01, 0x01, 0x01]);
    assert_eq!(header.source, [2, 0, 0, 0, 0, 9]);
    assert_eq!(header.ethertype.get(), ETHERTYPE_IPV4);
    assert_eq!(payload, [0x45]);
}

#[test]
fn thirteen_bytes_are_no_frame() {
    assert_eq!(Header::parse(&[0; 13]), Err(Malformed::Truncated));
    assert_eq!(Header::parse(&[0; HEADER_LEN]).unwrap().1, []);
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        destination: [u8; 6], source: [u8; 6], ethertype: u16, payload: Vec<u8>,
    ) {
        let header = Header { destination, source, ethertype: ethertype.into() };
        let frame = [header.as_bytes(), &payload].concat();
        let (read, rest) = Header::parse(&frame).unwrap();
        prop_assert_eq!(*read, header);
        prop_assert_eq!(rest, &payload[..]);
    }
}
