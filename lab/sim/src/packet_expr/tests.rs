//! What expressions mean, and what is said of those that are wrong.

use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{self, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup};

use super::*;

const G: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const H: Ipv4Addr = Ipv4Addr::new(239, 2, 2, 2);
const S: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 9);
const RP: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 2);
const R1: Ipv4Addr = Ipv4Addr::new(10, 12, 0, 1);
const R2: Ipv4Addr = Ipv4Addr::new(10, 12, 0, 2);
const ALL_PIM: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 13);

fn nodes(name: &str) -> Option<BTreeSet<Ipv4Addr>> {
    match name {
        "r1" => Some(BTreeSet::from([R1])),
        "r2" => Some(BTreeSet::from([R2, RP])),
        _ => None,
    }
}

fn expression(text: &str) -> Expression {
    match Expression::parse(text, &nodes) {
        Ok(expression) => expression,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

fn mistake(text: &str) -> BadExpression {
    match Expression::parse(text, &nodes) {
        Ok(_) => panic!("{text} is taken"),
        Err(error) => error,
    }
}

/// A message of PIM from r1.
fn pim(message: &pim::Message<'_>, destination: Ipv4Addr) -> Vec<u8> {
    let payload = message.emit();
    [&destination.octets()[..], &[pim::PROTOCOL], &payload].concat()
}

fn igmp(message: &igmp::Message, destination: Ipv4Addr) -> Vec<u8> {
    let payload = message.emit();
    [&destination.octets()[..], &[igmp::PROTOCOL], &payload].concat()
}

fn is(text: &str, sent: &[u8]) -> bool {
    let (destination, rest) = sent.split_at(4);
    let destination: [u8; 4] = destination.try_into().unwrap();
    expression(text).matches(&Packet {
        source: R1,
        destination: destination.into(),
        ttl: 1,
        protocol: rest[0],
        payload: &rest[1..],
    })
}

fn join_prune(joins: Vec<EncodedSource>, prunes: Vec<EncodedSource>) -> Vec<u8> {
    let message = pim::Message::JoinPrune(JoinPrune {
        upstream_neighbor: R2,
        holdtime: 210,
        groups: vec![JoinPruneGroup {
            group: EncodedGroup::host(G),
            joins,
            prunes,
        }],
    });
    pim(&message, ALL_PIM)
}

fn report(record_type: RecordType, sources: Vec<Ipv4Addr>) -> Vec<u8> {
    let message = igmp::Message::ReportV3(vec![GroupRecord {
        record_type,
        group: G,
        sources,
    }]);
    igmp(&message, Ipv4Addr::new(224, 0, 0, 22))
}

#[test]
fn a_join_is_known_by_its_trees() {
    let star = join_prune(vec![EncodedSource::star_g(RP)], vec![]);
    for text in [
        "pim.join",
        "pim",
        "pim.join(*, 239.1.1.1)",
        "pim.join(any, 239.1.1.1)",
        "pim.join(239.0.0.0/8)",
        "pim.join(*, any)",
        "pim.prune or pim.join(*,239.1.1.1)",
    ] {
        assert!(is(text, &star), "{text}");
    }
    for text in [
        "pim.prune",
        "igmp",
        "pim.join(*, 239.2.2.2)",
        "pim.join(10.1.0.9, 239.1.1.1)",
        "pim.join(10.255.0.2, 239.1.1.1)",
        "pim.join(any, 239.1.1.1, rpt)",
    ] {
        assert!(!is(text, &star), "{text}");
    }
    let both = join_prune(vec![EncodedSource::sg(S)], vec![EncodedSource::sg_rpt(S)]);
    for text in [
        "pim.join(10.1.0.9, 239.1.1.1)",
        "pim.join(10.1.0.0/24, any)",
        "pim.prune(10.1.0.9, 239.1.1.1, rpt)",
        "pim.prune(any, any, rpt)",
        "pim(any, 239.1.1.1, rpt)",
    ] {
        assert!(is(text, &both), "{text}");
    }
    for text in [
        "pim.prune(10.1.0.9, 239.1.1.1)",
        "pim.join(10.1.0.9, 239.1.1.1, rpt)",
        "pim.join(*, 239.1.1.1)",
    ] {
        assert!(!is(text, &both), "{text}");
    }
}

#[test]
fn a_join_is_for_its_upstream_neighbour_and_its_rp() {
    let star = join_prune(vec![EncodedSource::star_g(RP)], vec![]);
    for text in [
        "pim.join r1>r2",
        "pim.join from r1 to r2",
        "pim.join to 10.12.0.2",
        "pim.join(*, 239.1.1.1) to 10.255.0.2",
        "pim.join to 224.0.0.13",
    ] {
        assert!(is(text, &star), "{text}");
    }
    assert!(!is("pim.join r2>r1", &star));
    let source = join_prune(vec![EncodedSource::sg(S)], vec![]);
    assert!(!is("pim.join to 10.255.0.2", &source));
}

#[test]
fn registers_carry_their_flow() {
    let null = pim::Register::null_header(S, G);
    let message = pim::Message::Register(pim::Register::null(&null));
    let sent = pim(&message, RP);
    assert!(is("pim.null-register(10.1.0.9, 239.1.1.1) r1>r2", &sent));
    assert!(!is("pim.register(10.1.0.9, 239.1.1.1)", &sent));
    let message = pim::Message::Register(pim::Register {
        border: false,
        null: false,
        packet: &null,
    });
    let sent = pim(&message, RP);
    assert!(is("pim.register(10.1.0.9, 239.1.1.1) to r2", &sent));
    assert!(!is("pim.register(10.1.0.8, 239.1.1.1)", &sent));
    let message = pim::Message::RegisterStop(pim::RegisterStop {
        group: EncodedGroup::host(H),
        source: S,
    });
    let sent = pim(&message, R2);
    assert!(is("pim.register-stop(10.1.0.9, 239.2.2.2) r1>r2", &sent));
    assert!(!is("pim.register", &sent));
}

#[test]
fn fields_are_compared() {
    let hello = pim::Message::Hello(Hello {
        holdtime: Some(105),
        dr_priority: Some(7),
        ..Hello::default()
    });
    let sent = pim(&hello, ALL_PIM);
    for text in [
        "pim.hello holdtime=105 dr_priority>6",
        "pim.hello holdtime <= 105 holdtime >= 105 from r1",
        "pim.hello holdtime != 0 ttl = 1",
    ] {
        assert!(is(text, &sent), "{text}");
    }
    for text in [
        "pim.hello holdtime=0",
        "pim.hello dr_priority<7",
        // A message without the field is not meant.
        "pim.hello generation_id != 1",
        "pim.hello metric=0",
    ] {
        assert!(!is(text, &sent), "{text}");
    }
}

#[test]
fn reports_say_what_hosts_want_or_do_not() {
    let cases = [
        (RecordType::ToExclude, vec![], "igmp.report(*, 239.1.1.1)"),
        (RecordType::IsExclude, vec![S], "igmp.report(239.1.1.1)"),
        (
            RecordType::Allow,
            vec![S],
            "igmp.report(10.1.0.9, 239.1.1.1)",
        ),
        (
            RecordType::ToInclude,
            vec![S],
            "igmp.report(10.1.0.9, 239.1.1.1)",
        ),
        (RecordType::ToInclude, vec![], "igmp.leave(*, 239.1.1.1)"),
        (
            RecordType::Block,
            vec![S],
            "igmp.leave(10.1.0.9, 239.1.1.1)",
        ),
    ];
    for (record_type, sources, text) in cases {
        let sent = report(record_type, sources);
        assert!(is(text, &sent), "{text}");
        assert!(is("igmp version=3", &sent), "{text}");
        let other = match text.starts_with("igmp.report") {
            true => "igmp.leave",
            false => "igmp.report",
        };
        assert!(!is(other, &sent), "{other}");
    }
    let old = igmp(&igmp::Message::ReportV2(G), G);
    assert!(is("igmp.report(239.1.1.1) version=2", &old));
    assert!(is("igmp.leave", &igmp(&igmp::Message::Leave(G), G)));
}

#[test]
fn what_cannot_be_read_is_no_message() {
    let mut bad = join_prune(vec![EncodedSource::star_g(RP)], vec![]);
    if let Some(last) = bad.last_mut() {
        *last ^= 1;
    }
    assert!(!is("pim", &bad));
    let udp = [&G.octets()[..], &[17], &[0; 8]].concat();
    assert!(!is("pim or igmp", &udp));
}

#[test]
fn datagrams_are_asked_for_by_their_flow() {
    // Of 9 bytes with the header, cut behind it.
    let udp = [&G.octets()[..], &[17, 0, 1, 0, 2, 0, 9, 0, 0]].concat();
    for text in [
        "data",
        "data(239.1.1.1)",
        "data(any, 239.1.0.0/16) ttl = 1",
        "data(10.12.0.1, 239.1.1.1) length = 9",
        "data from r1",
        "pim.hello or data",
    ] {
        assert!(is(text, &udp), "{text}");
        assert!(expression(text).names_data(), "{text}");
    }
    for text in [
        "data(*, 239.1.1.1)",
        "data(239.2.2.2)",
        "data(10.1.0.9, any)",
        "data from r2",
        "data ttl > 1",
        "data length = 10",
        "data holdtime = 0",
        "pim",
    ] {
        assert!(!is(text, &udp), "{text}");
    }
    assert!(!expression("pim or igmp").names_data());
    // To a host, it is of no group.
    let unicast = [&R2.octets()[..], &[17], &[0; 8]].concat();
    assert!(is("data to r2", &unicast));
    assert!(!is("data(any, any)", &unicast));
    assert!(!is(
        "data",
        &join_prune(vec![EncodedSource::star_g(RP)], vec![])
    ));
}

#[test]
fn records_are_asked_for_by_their_type() {
    let kinds = [
        ("is-in", RecordType::IsInclude),
        ("is-ex", RecordType::IsExclude),
        ("to-in", RecordType::ToInclude),
        ("to-ex", RecordType::ToExclude),
        ("allow", RecordType::Allow),
        ("block", RecordType::Block),
    ];
    for (_, of) in kinds {
        let sent = report(of, vec![S]);
        for (name, wanted) in kinds {
            let found = is(&format!("igmp.{name}({S}, {G})"), &sent);
            assert_eq!(found, of == wanted, "{name} in {of:?}");
        }
    }
    let all = report(RecordType::ToExclude, vec![]);
    assert!(is("igmp.to-ex(*, 239.1.1.1)", &all));
    assert!(!is("igmp.to-ex(*, 239.2.2.2)", &all));
    assert!(!is("igmp.to-ex(10.1.0.9, 239.1.1.1)", &all));
}

#[test]
fn queries_are_asked_for_by_their_times() {
    let query = |version| {
        let query = igmp::Query {
            version,
            group: Some(G),
            max_response_time: std::time::Duration::from_millis(2500),
            suppress: false,
            robustness: 3,
            query_interval: std::time::Duration::from_secs(60),
            sources: Vec::new(),
        };
        igmp(&igmp::Message::Query(query), G)
    };
    let newest = query(igmp::Version::V3);
    assert!(is(
        "igmp.query max_resp_time = 25 qrv = 3 qqi = 60",
        &newest
    ));
    assert!(!is("igmp.query max_resp_time > 25", &newest));
    let older = query(igmp::Version::V2);
    assert!(is("igmp.query max_resp_time = 25 version = 2", &older));
    for unknown in ["igmp.query qrv >= 0", "igmp.query qqi >= 0"] {
        assert!(!is(unknown, &older), "{unknown}");
    }
    let oldest = query(igmp::Version::V1);
    assert!(!is("igmp.query max_resp_time >= 0", &oldest));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        ("", 0, "expected a message, like `pim.join` at the end"),
        ("pim.jion", 0, "there is no message `pim.jion`"),
        ("pim.join r9>r1", 9, "there is no node `r9`"),
        ("pim.join to r9", 12, "there is no node `r9`"),
        ("pim.join(*, 10.1.1.1)", 12, "10.1.1.1 is no group"),
        ("pim.join(10.1.1.1)", 9, "10.1.1.1 is no group"),
        ("pim.join(*, 239.1.1)", 12, "`239.1.1` is no address"),
        ("pim.join(*, 239.1.1.1", 21, "expected `)` at the end"),
        ("pim.join(*)", 10, "expected `,`, found `)`"),
        (
            "pim.join(*, any, rpt)",
            17,
            "a (*,G) has no `rpt` state of its own",
        ),
        ("pim.join(any, any, x)", 19, "expected `rpt`, found `x`"),
        ("pim.hello holdtim=3", 10, "there is no condition `holdtim`"),
        (
            "pim.hello holdtime 3",
            19,
            "expected one of = != < <= > >=, found `3`",
        ),
        ("pim.hello holdtime=3s", 19, "`3s` is no number"),
        (
            "pim.join or",
            11,
            "expected a message, like `pim.join` at the end",
        ),
        ("pim.join ) x", 9, "`)` is not expected here"),
        ("pim.join; x", 8, "`;` has no meaning here"),
        (
            "pim.join from r1 r1>r2",
            17,
            "who it is from, or to, is said twice",
        ),
        (
            "pim.hello r1>r2",
            13,
            "this message is for all on its link, so it has no receiver to ask for",
        ),
    ];
    for (text, at, message) in cases {
        let found = mistake(text);
        assert_eq!((found.at, found.message.as_str()), (at, message), "{text}");
    }
    let known = mistake("pim.jion").known.unwrap();
    assert!(known.words.contains(&"pim.join"));
    assert!(mistake(&"x".repeat(LONG)).message.contains("at most"));
    let many = vec!["pim"; 40].join(" or ");
    assert!(mistake(&many).message.contains("at most"));
}

const LONG: usize = 2000;

#[test]
fn no_text_breaks_the_parser() {
    // Every cut, and every letter replaced by each of these.
    let text = "pim.join(*, 239.1.1.1, rpt) r1>r2 holdtime>=3 or igmp.report(10.0.0.0/8, any)";
    for cut in 0..=text.len() {
        Expression::parse(&text[..cut], &nodes).ok();
        for other in ["(", ">", "é", " ", "*", "9"] {
            let mut changed = text[..cut].to_owned();
            changed.push_str(other);
            changed.push_str(text.get(cut + 1..).unwrap_or_default());
            Expression::parse(&changed, &nodes).ok();
        }
    }
}
