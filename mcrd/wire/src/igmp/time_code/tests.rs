//! RFC 9776 §4.1.1, §4.1.7: the codes and what they stand for.

use super::{decode, encode};

#[test]
fn codes_stand_for_what_the_formula_says() {
    for (code, value) in [
        (0, 0),
        (100, 100),
        (127, 127),
        (0x80, 128),
        (0x8f, 31 << 3),
        (0x90, 256),
        (0xab, (0x0b | 0x10) << 5),
        (0xff, 31_744),
    ] {
        assert_eq!(decode(code), value, "{code:#x}");
    }
}

#[test]
fn every_code_comes_back() {
    for code in 0..=u8::MAX {
        assert_eq!(encode(decode(code)), code);
    }
}

#[test]
fn what_lies_between_is_rounded_down() {
    assert_eq!(decode(encode(135)), 128);
    assert_eq!(decode(encode(300)), 288);
    assert_eq!(decode(encode(31_743)), 30_720);
    assert_eq!(decode(encode(u32::MAX)), 31_744);
}
