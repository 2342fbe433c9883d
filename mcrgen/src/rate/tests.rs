//! What is a rate and what is not.

use super::*;

#[test]
fn units_are_understood() {
    for (text, rate) in [
        ("1000pps", Rate::Pps(1000.0)),
        ("0.5 pps", Rate::Pps(0.5)),
        ("300kpps", Rate::Pps(300_000.0)),
        ("1.5Mpps", Rate::Pps(1_500_000.0)),
        ("800bit/s", Rate::Bps(800.0)),
        ("64kbit/s", Rate::Bps(64_000.0)),
        ("10Mbit/s", Rate::Bps(10_000_000.0)),
        ("10mbps", Rate::Bps(10_000_000.0)),
        ("1Gbit/s", Rate::Bps(1e9)),
    ] {
        assert_eq!(text.parse(), Ok(rate), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "pps",
        "10",
        "0pps",
        "-1pps",
        "1e3pps",
        "1..2pps",
        "10 parsecs",
        "NaNpps",
        "9999999999Gbit/s",
    ] {
        assert_eq!(text.parse::<Rate>(), Err(BadRate), "{text}");
    }
}

#[test]
fn bits_count_the_udp_payload() {
    assert_eq!(Rate::Bps(8_000_000.0).pps(1000), 1000.0);
    assert_eq!(Rate::Pps(5.0).pps(1000), 5.0);
}
