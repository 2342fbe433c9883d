//! Reports and leaves of version 2 (RFC 2236).

use super::*;
use crate::config::IgmpVersion;
use crate::router::Touched;

fn g() -> GroupAddr {
    group("239.1.1.1")
}

fn v2() -> IgmpInterfaceConfig {
    IgmpInterfaceConfig {
        version: IgmpVersion::V2,
        ..IgmpInterfaceConfig::default()
    }
}

/// RFC 2236 §3, §8.4: a report makes a member for 260 s, and renews it.
#[test]
fn a_report_lasts_for_the_group_membership_interval() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.changes(), [(g(), None, MembershipChange::Joined)]);
    assert_eq!(rig.cx.pop_dirty(), Some((g(), Touched::All)));
    rig.pass(secs(200));
    rig.report_v2(g());
    assert_eq!(rig.cx.pop_dirty(), None);
    rig.pass(secs(259));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.changes(), []);
    rig.pass(secs(1));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.changes(), [(g(), None, MembershipChange::Expired)]);
    assert_eq!(rig.cx.pop_dirty(), Some((g(), Touched::All)));
}

/// RFC 2236 §3: a report tells of one group only, and on one interface.
#[test]
fn a_report_is_kept_with_its_reporter() {
    let mut rig = Rig::settled();
    rig.pass(secs(7));
    let joined = rig.now;
    rig.report_v2(g());
    rig.pass(secs(10));
    let other = Ipv4Addr::new(10, 0, 0, 101);
    rig.receive(other, g().get(), Message::ReportV2(g().get()));
    assert_eq!(rig.group(g()).last_reporter(), Some(other));
    assert_eq!(rig.group(g()).since(), joined);
}

/// RFC 2236 §3, RFC 9776 §6.6.3.1: Last Member Query Count queries to the group,
/// Last Member Query Interval apart, and the end after LMQT.
#[test]
fn a_leave_ends_the_group_after_the_last_member_query_time() {
    for config in [v2(), IgmpInterfaceConfig::default()] {
        let version = config.version;
        let mut rig = Rig::settled_with(config);
        rig.report_v2(g());
        rig.changes();
        let left = rig.now;
        rig.leave(g());
        rig.pass(Duration::from_micros(1_999_999));
        assert_eq!(rig.membership(g()), everybody().as_ref());
        let sent = rig.sent();
        let at: Vec<Duration> = sent.iter().map(|(at, _)| *at - left).collect();
        assert_eq!(at, [secs(0), secs(1)]);
        for (_, packet) in &sent {
            assert_eq!(
                (packet.dst, packet.ttl, packet.router_alert),
                (g().get(), 1, true)
            );
            let of = match version {
                IgmpVersion::V2 => Version::V2,
                IgmpVersion::V3 => Version::V3,
            };
            let message = Message::parse(&packet.payload).unwrap();
            assert_eq!(message, Message::Query(query(of, Some(g()))));
        }
        rig.pass(Duration::from_micros(1));
        assert_eq!(rig.membership(g()), None);
        assert_eq!(rig.changes(), [(g(), None, MembershipChange::Left)]);
        assert_eq!(rig.count("igmp.tx.group-query"), 2);
        rig.pass(secs(60));
        assert_eq!(rig.specific(), []);
    }
}

/// RFC 2236 §8.8, §8.9: count and interval can be configured.
#[test]
fn last_member_query_count_and_interval_can_be_configured() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        last_member_query_count: Some(3),
        last_member_query_interval: Duration::from_millis(200),
        ..v2()
    });
    rig.report_v2(g());
    rig.leave(g());
    rig.pass(Duration::from_millis(599));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.specific().len(), 3);
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.membership(g()), None);
}

/// RFC 2236 §3: another member that answers keeps the group.
#[test]
fn an_answer_keeps_the_group() {
    let mut rig = Rig::settled_with(v2());
    rig.report_v2(g());
    rig.leave(g());
    rig.pass(Duration::from_millis(500));
    rig.report_v2(g());
    rig.pass(secs(200));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    // A later leave is checked anew.
    rig.queries();
    rig.leave(g());
    rig.pass(secs(2));
    assert_eq!(rig.specific().len(), 2);
    assert_eq!(rig.membership(g()), None);
}

/// RFC 9776 §6.6.3.1: a query that is repeated after an answer has the S flag.
#[test]
fn a_repetition_after_an_answer_suppresses_the_timers_of_others() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.leave(g());
    rig.pass(Duration::from_millis(500));
    rig.report_v2(g());
    rig.pass(secs(1));
    let none = BTreeSet::new();
    assert_eq!(rig.specific(), [(none.clone(), false), (none, true)]);
}

/// RFC 2236 §3: a second leave while the first is checked asks no more.
/// RFC 9776 §6.6.3.1.
#[test]
fn a_second_leave_adds_no_queries() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.leave(g());
    rig.pass(Duration::from_millis(1500));
    rig.leave(g());
    rig.leave(g());
    assert_eq!(rig.specific().len(), 2);
    rig.pass(Duration::from_millis(500));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.specific(), []);
}

/// RFC 2236 §3: a leave is the querier's to act on.
#[test]
fn a_non_querier_ignores_leaves() {
    let mut rig = Rig::settled();
    rig.query_from(LOWER, query(Version::V3, None));
    rig.report_v2(g());
    rig.leave(g());
    rig.report_v3(RecordType::ToInclude, g(), &[]);
    rig.pass(secs(100));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.specific(), []);
    assert_eq!(rig.count("igmp.drop.leave-not-querier"), 1);
}

/// RFC 2236 §3: a non-querier lowers its timer to Last Member Query Count times
/// the Max Response Time of a group-specific query.
#[test]
fn a_non_querier_follows_a_group_specific_query() {
    let mut rig = Rig::settled();
    rig.query_from(LOWER, query(Version::V2, None));
    rig.report_v2(g());
    rig.changes();
    let asked = Query {
        max_response_time: secs(3),
        ..query(Version::V2, Some(g()))
    };
    rig.query_from(LOWER, asked.clone());
    assert_eq!(rig.group_timer(g()), Some(secs(6)));
    rig.pass(secs(3));
    // The second query does not lengthen what is left.
    rig.query_from(LOWER, asked);
    assert_eq!(rig.group_timer(g()), Some(secs(3)));
    rig.pass(secs(3));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.changes(), [(g(), None, MembershipChange::Left)]);
    assert_eq!(rig.specific(), []);
}

/// RFC 2236 §3: the querier does not follow others' group-specific queries.
#[test]
fn a_querier_does_not_follow_group_specific_queries() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.query_from(HIGHER, query(Version::V2, Some(g())));
    rig.query_from(Ipv4Addr::UNSPECIFIED, query(Version::V2, Some(g())));
    assert_eq!(rig.group_timer(g()), Some(secs(260)));
}

/// RFC 2236 §3: while a membership is checked, the router that checks it goes on
/// as querier for that group.
#[test]
fn a_check_goes_on_when_another_router_becomes_querier() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.leave(g());
    rig.query_from(LOWER, query(Version::V3, None));
    rig.pass(secs(2));
    assert_eq!(rig.specific().len(), 2);
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.igmp.querier(iface()), Some(LOWER));
}

/// RFC 2236 §9: to 224.0.0.2, or to the group as some hosts do, and to no
/// unicast address.
#[test]
fn a_leave_to_a_wrong_destination_is_dropped() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    for wrong in [ME, HOST, Ipv4Addr::new(224, 0, 0, 1), Ipv4Addr::BROADCAST] {
        rig.receive(HOST, wrong, Message::Leave(g().get()));
    }
    assert_eq!(rig.count("igmp.drop.destination"), 4);
    assert_eq!(rig.group_timer(g()), Some(secs(260)));
    rig.receive(HOST, g().get(), Message::Leave(g().get()));
    assert_eq!(rig.group_timer(g()), Some(secs(2)));
}

/// RFC 2236 §9: a report goes to the group it reports.
#[test]
fn a_report_to_another_group_is_dropped() {
    let mut rig = Rig::settled();
    rig.receive(HOST, group("239.9.9.9").get(), Message::ReportV2(g().get()));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.count("igmp.drop.destination"), 1);
}

/// RFC 2236 §3: a leave of a group without members does nothing.
#[test]
fn a_leave_of_nothing_does_nothing() {
    let mut rig = Rig::settled();
    rig.leave(g());
    assert_eq!(rig.specific(), []);
    assert_eq!(rig.changes(), []);
}

/// RFC 2236 §3: with immediate leave the group ends with the leave.
#[test]
fn an_immediate_leave_asks_nobody() {
    for config in [v2(), IgmpInterfaceConfig::default()] {
        let mut rig = Rig::settled_with(IgmpInterfaceConfig {
            immediate_leave: true,
            ..config
        });
        rig.report_v2(g());
        rig.changes();
        rig.leave(g());
        assert_eq!(rig.membership(g()), None);
        assert_eq!(rig.changes(), [(g(), None, MembershipChange::Left)]);
        assert_eq!(rig.specific(), []);
        assert_eq!(rig.group_timer(g()), None);
    }
}

/// RFC 2236 §6: 224.0.0.0/24 is never learned.
#[test]
fn groups_of_the_link_are_not_learned() {
    let mut rig = Rig::settled();
    for text in ["224.0.0.1", "224.0.0.22", "224.0.0.251"] {
        let address: Ipv4Addr = text.parse().unwrap();
        rig.receive(HOST, address, Message::ReportV2(address));
        rig.receive(HOST, ALL_ROUTERS, Message::Leave(address));
        let mut record = record(RecordType::ToExclude, g(), &[]);
        record.group = address;
        rig.receive(HOST, V3_ROUTERS, Message::ReportV3(vec![record]));
    }
    assert_eq!(rig.igmp.groups().count(), 0);
    assert_eq!(rig.count("igmp.drop.link-local-group"), 9);
    assert_eq!(rig.specific(), []);
}

/// RFC 2236 §2: a router of version 2 knows no v3 reports.
#[test]
fn a_v2_router_ignores_v3_reports() {
    let mut rig = Rig::settled_with(v2());
    rig.report_v3(RecordType::ToExclude, g(), &[]);
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.count("igmp.drop.version"), 1);
}

/// RFC 2236 §2.1: a message of unknown type is ignored.
#[test]
fn an_unknown_message_is_ignored() {
    let mut rig = Rig::settled();
    rig.receive(HOST, g().get(), Message::Unknown(0x30));
    assert_eq!(rig.count("igmp.drop.unknown-type"), 1);
    assert_eq!(rig.count("igmp.rx.unknown"), 1);
}

/// RFC 2236 §3: after the querier has died in the middle of a leave, the group
/// still ends: the timer was lowered.
#[test]
fn a_querier_that_dies_in_a_leave_leaves_no_group_behind() {
    let mut rig = Rig::settled();
    rig.query_from(LOWER, query(Version::V3, None));
    rig.report_v2(g());
    rig.leave(g());
    rig.query_from(LOWER, query(Version::V3, Some(g())));
    rig.pass(secs(2));
    assert_eq!(rig.membership(g()), None);
}
