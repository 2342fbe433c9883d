//! Tests of the virtio header.

use super::*;

#[test]
fn what_is_emitted_is_parsed_again() {
    for checksum in [
        Checksum::Unknown,
        Checksum::Partial {
            start: 34,
            offset: 6,
        },
    ] {
        for gso in [Gso::None, Gso::UdpL4 { size: 1316 }] {
            let header = Header {
                checksum,
                gso,
                header_len: 42,
            };
            assert_eq!(Header::parse(&header.emit()), Some(header));
        }
    }
}

#[test]
fn a_plain_header_is_all_zero() {
    assert_eq!(Header::PLAIN.emit(), [0; LEN]);
}

#[test]
fn odd_headers_are_told_apart() {
    assert_eq!(Header::parse(&[0; LEN - 1]), None);
    let gso = |kind, size| Header::parse(&[0, kind, 0, 0, size, 0, 0, 0, 0, 0]).map(|h| h.gso);
    assert_eq!(gso(1, 9), Some(Gso::Other), "TCP");
    assert_eq!(gso(5, 0), Some(Gso::Other), "no size");
    assert_eq!(gso(0x85, 9), Some(Gso::Other), "ECN bit");
    let valid = Header::parse(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]).map(|h| h.checksum);
    assert_eq!(valid, Some(Checksum::Valid));
}
