//! Conditions on messages, with what is said of those that are not met.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_sim::packet_expr::Expression;
use mcr_wire::igmp;
use mcr_wire::pim::{self, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup};

use super::*;
use crate::topology::model::{Bound, LinkId};

const MS: u64 = 1_000_000;

fn pattern(text: &str) -> Pattern {
    let nobody = |_: &str| None::<BTreeSet<Ipv4Addr>>;
    Pattern {
        text: text.to_owned(),
        expression: Expression::parse(text, &nobody).unwrap(),
    }
}

fn message(at_ms: u64, protocol: u8, payload: Vec<u8>) -> Control {
    Control {
        at_ns: at_ms * MS,
        link: LinkId(0),
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(224, 0, 0, 13),
        ttl: 1,
        protocol,
        payload: payload.into(),
    }
}

fn hello(at_ms: u64) -> Control {
    let hello = pim::Message::Hello(Hello::default());
    message(at_ms, pim::PROTOCOL, hello.emit())
}

fn report(at_ms: u64) -> Control {
    let report = igmp::Message::ReportV2(Ipv4Addr::new(239, 1, 1, 1));
    message(at_ms, igmp::PROTOCOL, report.emit())
}

fn join(at_ms: u64) -> Control {
    let join = pim::Message::JoinPrune(JoinPrune {
        upstream_neighbor: Ipv4Addr::new(10, 0, 0, 2),
        holdtime: 210,
        groups: vec![JoinPruneGroup {
            group: EncodedGroup::host(Ipv4Addr::new(239, 1, 1, 1)),
            joins: vec![EncodedSource::star_g(Ipv4Addr::new(10, 255, 0, 1))],
            prunes: vec![],
        }],
    });
    message(at_ms, pim::PROTOCOL, join.emit())
}

fn first(first: &str, of: Option<&str>) -> Messages {
    Messages::First {
        first: pattern(first),
        of: of.map(pattern),
    }
}

fn count(of: &str, min: Option<f64>, max: Option<f64>, window_ms: Option<u64>) -> Messages {
    Messages::Count {
        of: pattern(of),
        count: Bound { min, max },
        window: window_ms.map(Duration::from_millis),
    }
}

/// The span is from 100 ms to 1100 ms, latencies are from 150 ms.
fn judged(asked: &Messages, messages: &[Control]) -> Observed {
    let mut seen = Seen::default();
    for message in messages {
        seen.add(asked, message);
    }
    let span = Span {
        from_ns: 100 * MS,
        to_ns: 1100 * MS,
        zero_ns: 150 * MS,
    };
    judge(asked, &seen, span, "r1--r2")
}

#[test]
fn the_first_is_found_with_its_time() {
    let asked = first("pim.join(*, 239.1.1.1)", None);
    // The one before the span does not count; the later one was read first.
    let seen = judged(&asked, &[hello(200), join(400), join(300), join(50)]);
    assert_eq!(seen.truth, Truth::True);
    assert_eq!(seen.since_ns, Some(300 * MS));
    assert_eq!(
        seen.measured,
        "after 150ms: pim.join (*, 239.1.1.1) to 10.0.0.2"
    );
    assert_eq!(seen.figure.unwrap().value, 0.15);

    let seen = judged(&asked, &[hello(200), hello(300), report(310)]);
    assert_eq!(seen.truth, Truth::False);
    let told = [
        "no pim.join(*, 239.1.1.1)",
        "r1--r2: seen were 2 pim.hello, 1 igmp.report",
    ];
    assert_eq!(seen.missed, told);
    let seen = judged(&asked, &[]);
    assert_eq!(seen.missed[1], "r1--r2: no message of IGMP or PIM was seen");
}

#[test]
fn the_first_of_others_must_be_the_right_one() {
    let asked = first("pim.hello", Some("pim"));
    assert_eq!(judged(&asked, &[hello(200), join(300)]).truth, Truth::True);
    let seen = judged(&asked, &[report(150), join(200), hello(300)]);
    assert_eq!(seen.truth, Truth::False);
    let told = "the first pim is no pim.hello: pim.join (*, 239.1.1.1) to 10.0.0.2";
    assert_eq!(seen.missed, [told]);
    assert_eq!(judged(&asked, &[report(150)]).truth, Truth::False);
}

#[test]
fn a_sequence_is_in_order_of_time_with_others_between() {
    let asked = Messages::Sequence(vec![
        pattern("igmp.report"),
        pattern("pim"),
        pattern("pim.join"),
    ]);
    let seen = judged(&asked, &[join(400), hello(300), report(200), hello(150)]);
    assert_eq!(seen.truth, Truth::True);
    assert_eq!(seen.since_ns, Some(400 * MS));
    assert_eq!(seen.measured, "after 50ms, 150ms, 250ms");
    // One message is not two steps of it.
    let seen = judged(&asked, &[report(200), join(300)]);
    assert_eq!(seen.truth, Truth::False);
    let told = [
        "igmp.report after 50ms",
        "pim after 150ms",
        "then no pim.join",
        "only before that, after 150ms",
    ];
    assert_eq!(seen.missed, told);
    let seen = judged(&asked, &[join(300)]);
    assert_eq!(
        seen.missed,
        ["no igmp.report", "r1--r2: seen were 1 pim.join"]
    );
}

#[test]
fn messages_are_counted_in_the_span() {
    let some = [hello(50), hello(200), hello(300), join(350), hello(1200)];
    let exact = |of: &str, number| judged(&count(of, Some(number), Some(number), None), &some);
    assert_eq!(exact("pim.hello", 2.0).truth, Truth::True);
    let seen = exact("pim.hello", 3.0);
    assert_eq!(seen.missed, ["messages 2, expected 3"]);
    assert_eq!(seen.figure.unwrap().value, 2.0);
    assert_eq!(exact("pim.assert", 0.0).truth, Truth::True);
    let seen = exact("pim.assert", 1.0);
    assert_eq!(seen.missed[1], "r1--r2: seen were 4 pim.hello, 1 pim.join");
}

#[test]
fn a_window_slides_over_the_span() {
    // At 100, 400, 450 and 900 of the span from 100 to 1100.
    let some = [hello(100), hello(400), hello(450), hello(900)];
    let within = |window, min, max| {
        let asked = count("pim.hello", Some(min), Some(max), Some(window));
        judged(&asked, &some)
    };
    assert_eq!(
        within(300, 0.0, 2.0).truth,
        Truth::True,
        "450 to 900 is empty"
    );
    assert_eq!(
        within(300, 1.0, 2.0).missed,
        ["messages in 300ms 0, expected 1 to 2"]
    );
    assert_eq!(
        within(51, 0.0, 1.0).missed,
        ["messages in 51ms 2, expected 0 to 1"]
    );
    assert_eq!(within(50, 0.0, 1.0).truth, Truth::True);
    assert_eq!(within(500, 1.0, 3.0).truth, Truth::True);
    let seen = within(600, 3.0, 3.0);
    assert_eq!(seen.measured, "4 seen, 1 to 3 in any 600ms");
    // A window that does not fit is the whole span.
    assert_eq!(within(5000, 4.0, 4.0).truth, Truth::True);
}

#[test]
fn datagrams_stand_among_messages_in_the_order_of_time() {
    let data = |at_ms| message(at_ms, 17, vec![0, 1, 0, 2, 0, 8, 0, 0]);
    let sequence = |texts: &[&str]| Messages::Sequence(texts.iter().map(|t| pattern(t)).collect());
    // They are looked at after the messages.
    let some = [hello(105), join(109), data(103), data(107)];
    for texts in [
        ["data", "pim.hello", "data"],
        ["pim.hello", "data", "pim.join"],
    ] {
        assert_eq!(judged(&sequence(&texts), &some).truth, Truth::True);
    }
    let seen = judged(&sequence(&["pim.join", "data"]), &some);
    let last = seen.missed.last().unwrap();
    assert!(last.starts_with("only before that"), "{last}");
    let seen = judged(&first("pim.assert", None), &some);
    assert!(seen.missed[1].contains("2 data"), "{:?}", seen.missed);
}

#[test]
fn what_was_forgotten_makes_it_unknowable_unless_it_is_found() {
    let judged = |asked: &Messages, messages: &[Control]| {
        let mut seen = Seen::default();
        seen.missed(7);
        for message in messages {
            seen.add(asked, message);
        }
        let span = Span {
            from_ns: 0,
            to_ns: 1000 * MS,
            zero_ns: 0,
        };
        judge(asked, &seen, span, "r1--r2").truth
    };
    let asked = first("pim.hello", None);
    assert_eq!(judged(&asked, &[hello(1)]), Truth::True);
    assert_eq!(judged(&asked, &[]), Truth::Unknowable);
    let asked = count("pim.hello", None, Some(3.0), None);
    assert_eq!(judged(&asked, &[hello(1)]), Truth::Unknowable);
}
