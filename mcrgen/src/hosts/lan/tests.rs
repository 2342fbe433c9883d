//! The host side of RFC 2236 and RFC 9776, by messages and time.

use mcr_wire::igmp::RecordType;

use super::*;

const SECOND: u64 = 1_000_000_000;
const G: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const H: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 2);

fn lan(version: Version, hosts: usize) -> Lan {
    let settings = Settings {
        version,
        robustness: 2,
        unsolicited_report_interval: Duration::from_secs(1),
        mtu: 1500,
        seed: 7,
    };
    Lan::new(settings, hosts)
}

fn query(version: Version, group: Option<Ipv4Addr>) -> Query {
    Query {
        version,
        group,
        max_response_time: Duration::from_secs(10),
        suppress: false,
        robustness: 2,
        query_interval: Duration::from_secs(125),
        sources: Vec::new(),
    }
}

fn source(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

fn only(numbers: &[u8]) -> Filter {
    Filter {
        exclude: false,
        sources: numbers.iter().map(|number| source(*number)).collect(),
    }
}

/// What is sent up to a moment, with its time.
fn play(lan: &mut Lan, until: u64) -> Vec<(u64, Sent)> {
    let mut all: Vec<(u64, Sent)> = std::iter::from_fn(|| lan.pop())
        .map(|sent| (0, sent))
        .collect();
    while let Some(at) = lan.next().filter(|at| *at <= until) {
        lan.timeout(at);
        all.extend(std::iter::from_fn(|| lan.pop()).map(|sent| (at, sent)));
    }
    all
}

fn records(sent: &[(u64, Sent)]) -> Vec<(RecordType, Ipv4Addr, usize)> {
    let mut all = Vec::new();
    for (_, sent) in sent {
        assert_eq!(sent.group, ALL_V3_ROUTERS);
        let Message::ReportV3(records) = &sent.message else {
            panic!("{sent:?}");
        };
        let each = records.iter();
        all.extend(each.map(|of| (of.record_type, of.group, of.sources.len())));
    }
    all
}

/// RFC 9776 §5.1: a change is told of Robustness times, the second time within
/// the Unsolicited Report Interval.
#[test]
fn a_join_and_a_leave_are_told_of_twice() {
    let mut lan = lan(Version::V3, 1);
    lan.want(0, 0, G, Filter::any());
    let sent = play(&mut lan, 5 * SECOND);
    assert_eq!(records(&sent), [(RecordType::ToExclude, G, 0); 2]);
    assert!(sent[1].0 > 0 && sent[1].0 <= SECOND);
    lan.want(5 * SECOND, 0, G, Filter::default());
    assert!(lan.is_telling());
    let sent = play(&mut lan, 10 * SECOND);
    assert_eq!(records(&sent), [(RecordType::ToInclude, G, 0); 2]);
    let figures = lan.figures();
    assert_eq!(
        (figures.joins, figures.leaves, figures.memberships),
        (1, 1, 0)
    );
    assert!(lan.hosts[0].memberships.is_empty() && !lan.is_telling());
}

/// RFC 9776 §5.1: sources that come and go are ALLOW and BLOCK.
#[test]
fn sources_are_allowed_and_blocked() {
    let mut lan = lan(Version::V3, 1);
    lan.want(0, 0, G, only(&[1, 2]));
    let sent = play(&mut lan, 2 * SECOND);
    assert_eq!(records(&sent), [(RecordType::Allow, G, 2); 2]);
    lan.want(2 * SECOND, 0, G, only(&[2, 3]));
    let sent = play(&mut lan, 4 * SECOND);
    let both = [(RecordType::Allow, G, 1), (RecordType::Block, G, 1)];
    assert_eq!(records(&sent), [both, both].concat());
    lan.want(4 * SECOND, 0, G, Filter::default());
    let sent = play(&mut lan, 6 * SECOND);
    assert_eq!(records(&sent), [(RecordType::Block, G, 2); 2]);
}

/// RFC 9776 §5.2: every host answers a General Query once, at a time of its own
/// within the Max Response Time, with all its groups.
#[test]
fn hosts_answer_a_general_query_at_times_of_their_own() {
    let mut lan = lan(Version::V3, 100);
    for host in 0..100 {
        lan.want(0, host, G, Filter::any());
        lan.want(0, host, H, only(&[1]));
    }
    play(&mut lan, 20 * SECOND);
    lan.query(20 * SECOND, &query(Version::V3, None));
    let sent = play(&mut lan, 60 * SECOND);
    assert_eq!(sent.len(), 100);
    let hosts: BTreeSet<usize> = sent.iter().map(|(_, sent)| sent.host).collect();
    assert_eq!(hosts.len(), 100);
    let times: BTreeSet<u64> = sent.iter().map(|(at, _)| *at).collect();
    assert!(times.len() > 90);
    assert!(
        times
            .iter()
            .all(|at| (20 * SECOND..=30 * SECOND).contains(at))
    );
    let state = [(RecordType::IsExclude, G, 0), (RecordType::IsInclude, H, 1)];
    assert_eq!(records(&sent[..1]), state);
}

/// RFC 9776 §5.2: a query for sources is answered with those that are wanted.
#[test]
fn a_query_for_sources_is_answered_with_those_that_are_wanted() {
    let ask = |numbers: &[u8]| Query {
        sources: numbers.iter().map(|number| source(*number)).collect(),
        ..query(Version::V3, Some(G))
    };
    let mut lan = lan(Version::V3, 1);
    lan.want(0, 0, G, only(&[1, 2]));
    play(&mut lan, 2 * SECOND);
    lan.query(2 * SECOND, &ask(&[2, 3]));
    let sent = play(&mut lan, 20 * SECOND);
    assert_eq!(records(&sent), [(RecordType::IsInclude, G, 1)]);
    lan.query(20 * SECOND, &ask(&[3]));
    assert_eq!(play(&mut lan, 40 * SECOND), []);
    lan.query(40 * SECOND, &query(Version::V3, Some(H)));
    assert_eq!(play(&mut lan, 60 * SECOND), []);
    lan.query(60 * SECOND, &query(Version::V3, Some(G)));
    let sent = play(&mut lan, 80 * SECOND);
    assert_eq!(records(&sent), [(RecordType::IsInclude, G, 2)]);
    assert_eq!(lan.figures().source_queries, 2);
    assert_eq!(lan.figures().group_queries, 2);
}

/// RFC 9776 §4.2.16: what does not fit one report goes into several.
#[test]
fn many_groups_are_reported_in_packets_of_the_mtu() {
    let mut lan = lan(Version::V3, 1);
    for n in 0..1000_u32 {
        lan.want(0, 0, Ipv4Addr::from_bits(0xef01_0000 + n), Filter::any());
    }
    play(&mut lan, 20 * SECOND);
    lan.query(20 * SECOND, &query(Version::V3, None));
    let sent = play(&mut lan, 40 * SECOND);
    assert_eq!(records(&sent).len(), 1000);
    assert_eq!(sent.len(), 6, "183 records fit 1468 bytes");
    let fits = |sent: &Sent| sent.message.emit().len() + IP_HEADER_LEN <= 1500;
    assert!(sent.iter().all(|(_, sent)| fits(sent)));
}

/// RFC 2236 §3: one report for a group is enough, of these hosts or of others.
#[test]
fn reports_of_version_2_are_suppressed() {
    let mut lan = lan(Version::V2, 50);
    for host in 0..50 {
        lan.want(0, host, G, Filter::any());
    }
    play(&mut lan, 20 * SECOND);
    lan.query(20 * SECOND, &query(Version::V2, None));
    let sent = play(&mut lan, 40 * SECOND);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.message, Message::ReportV2(G));
    assert_eq!(sent[0].1.group, G);
    assert_eq!(lan.figures().suppressed, 49);

    lan.query(40 * SECOND, &query(Version::V2, Some(G)));
    lan.foreign_report(G);
    assert_eq!(play(&mut lan, 60 * SECOND), []);
    assert_eq!(lan.figures().suppressed, 99);
    assert!(lan.waiting.is_empty());
}

/// RFC 2236 §3: who reported last says that it leaves, to all routers.
#[test]
fn the_last_reporter_sends_the_leave() {
    let mut lan = lan(Version::V2, 2);
    lan.want(0, 0, G, Filter::any());
    lan.want(0, 1, G, Filter::any());
    let sent = play(&mut lan, 20 * SECOND);
    let last = sent.last().unwrap().1.host;
    lan.want(20 * SECOND, 1 - last, G, Filter::default());
    assert_eq!(play(&mut lan, 30 * SECOND), []);
    lan.want(30 * SECOND, last, G, Filter::default());
    let sent = play(&mut lan, 40 * SECOND);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].1.host, sent[0].1.group), (last, ALL_ROUTERS));
    assert_eq!(sent[0].1.message, Message::Leave(G));
}

/// RFC 1112 appendix I: version 1 knows no leave.
#[test]
fn a_v1_host_leaves_in_silence() {
    let mut lan = lan(Version::V1, 1);
    lan.want(0, 0, G, Filter::any());
    let sent = play(&mut lan, 20 * SECOND);
    assert!(
        sent.iter()
            .all(|(_, sent)| sent.message == Message::ReportV1(G))
    );
    lan.want(20 * SECOND, 0, G, Filter::default());
    assert_eq!(play(&mut lan, 40 * SECOND), []);
    assert_eq!(lan.figures().leave_messages, 0);
}

/// RFC 9776 §7.2.1: hosts speak the version of the querier for 260 s.
#[test]
fn hosts_follow_an_older_querier() {
    let mut lan = lan(Version::V3, 1);
    lan.want(0, 0, G, Filter::any());
    play(&mut lan, 5 * SECOND);
    lan.query(5 * SECOND, &query(Version::V2, None));
    let sent = play(&mut lan, 20 * SECOND);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.message, Message::ReportV2(G));
    lan.query(20 * SECOND, &query(Version::V1, None));
    let sent = play(&mut lan, 40 * SECOND);
    assert_eq!(sent[0].1.message, Message::ReportV1(G));
    lan.query(300 * SECOND, &query(Version::V3, None));
    let sent = play(&mut lan, 320 * SECOND);
    assert_eq!(records(&sent), [(RecordType::IsExclude, G, 0)]);
}

/// The same seed gives the same run.
#[test]
fn a_seed_repeats_a_run() {
    let run = || {
        let mut lan = lan(Version::V3, 20);
        for host in 0..20 {
            lan.want(0, host, G, Filter::any());
        }
        lan.query(SECOND, &query(Version::V3, None));
        play(&mut lan, 30 * SECOND)
    };
    assert_eq!(run(), run());
}
