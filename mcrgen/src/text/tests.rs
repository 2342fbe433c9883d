//! What people see fits 80 columns and says what was counted.

use std::net::Ipv4Addr;

use super::*;
use crate::report::SentFlow;

fn widest_flow() -> ReceivedFlow {
    ReceivedFlow {
        source: Some(Ipv4Addr::new(192, 168, 100, 100)),
        group: Some(Ipv4Addr::new(239, 255, 255, 255)),
        flow: 65_535,
        received: 1_234_567_890,
        lost: 1_234_567,
        duplicated: 123_456,
        reordered: 123_456,
        join_to_first_ns: 1_234_000_000,
        longest_gap_ns: 999_000,
        latency: Some(Latency {
            max_ns: 45_600_000,
            ..Latency::default()
        }),
        ttl: Some(255),
        ..ReceivedFlow::default()
    }
}

fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.len());
    }
}

#[test]
fn a_receivers_report_fits_and_shows_its_figures() {
    let report = Report::Recv(RecvReport {
        last: true,
        foreign: 3,
        checksum_errors: 4,
        flows: vec![widest_flow()],
        ..RecvReport::default()
    });
    let text = render(&report);
    assert_fits(&text);
    for part in [
        "192.168.100.100",
        "239.255.255.255",
        "1234567890",
        "1234567",
        "1.23 s",
        "999 us",
        "45.6 ms",
        "255",
        "3 foreign datagrams",
        "4 wrong UDP checksums",
    ] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn many_flows_are_cut_and_counted() {
    let report = Report::Recv(RecvReport {
        last: true,
        flows: vec![widest_flow(); ROWS + 5],
        ..RecvReport::default()
    });
    let text = render(&report);
    assert_fits(&text);
    assert!(text.contains("and 5 flows more"), "{text}");
}

#[test]
fn a_senders_report_fits_and_shows_its_figures() {
    let report = SendReport {
        last: true,
        run: u64::MAX,
        elapsed_ns: 2_000_000_000,
        due: 2_000_000,
        sent: 1_999_990,
        bytes: 1_999_990_000,
        errors: 10,
        last_error: Some("No buffer space available (os error 105)".to_owned()),
        pps: 999_995.0,
        flows: vec![SentFlow {
            flow: 65_535,
            destination: Ipv4Addr::new(239, 255, 255, 255),
            port: 65_535,
            sent: 1_999_990,
        }],
        ..SendReport::default()
    };
    let text = render(&Report::Send(report.clone()));
    assert_fits(&text);
    for part in [
        "1999990 of 2000000 sent",
        "999995 pps",
        "8000.0 Mbit/s",
        "10 errors",
        "No buffer space",
    ] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
    let running = render(&Report::Send(SendReport {
        last: false,
        ..report
    }));
    assert_eq!(running.lines().count(), 1);
}
