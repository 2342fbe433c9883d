//! Election and General Queries (RFC 2236 §3, RFC 9776 §6.6).

use super::*;
use crate::config::IgmpVersion;

fn querier(rig: &Rig) -> Option<Ipv4Addr> {
    rig.igmp.querier(iface())
}

/// RFC 9776 §8.6, §8.7: Robustness queries, a quarter of the Query Interval
/// apart, and then one each Query Interval.
#[test]
fn a_querier_starts_with_more_queries() {
    let mut rig = Rig::new(IgmpInterfaceConfig::default());
    rig.pass(secs(300));
    let at: Vec<u64> = rig.queries().iter().map(|(at, _)| at.as_micros()).collect();
    assert_eq!(at, [0, 31_250_000, 156_250_000, 281_250_000]);
}

/// RFC 9776 §8: robustness and all intervals can be configured.
#[test]
fn intervals_can_be_configured() {
    let mut rig = Rig::new(IgmpInterfaceConfig {
        robustness: 3,
        query_interval: secs(20),
        startup_query_interval: Some(secs(1)),
        query_response_interval: secs(4),
        ..IgmpInterfaceConfig::default()
    });
    rig.pass(secs(45));
    let queries = rig.queries();
    let at: Vec<u64> = queries.iter().map(|(at, _)| at.as_micros()).collect();
    assert_eq!(at, [0, 1_000_000, 2_000_000, 22_000_000, 42_000_000]);
    let query = &queries[0].1;
    assert_eq!((query.robustness, query.query_interval), (3, secs(20)));
    assert_eq!(query.max_response_time, secs(4));
    let group = group("239.1.1.1");
    rig.report_v2(group);
    assert_eq!(rig.group_timer(group), Some(secs(64)));
}

/// RFC 9776 §4: TTL 1, Router Alert, CS6, from the interface's address; RFC 2236
/// §3: a General Query goes to 224.0.0.1.
#[test]
fn a_query_has_the_headers_of_the_rfc() {
    let mut rig = Rig::new(IgmpInterfaceConfig::default());
    let (_, packet) = rig.sent().remove(0);
    assert_eq!((packet.src, packet.dst), (ME, Ipv4Addr::new(224, 0, 0, 1)));
    assert_eq!(
        (packet.ttl, packet.router_alert, packet.tos),
        (1, true, 0xc0)
    );
    assert_eq!(packet.iface, Some(iface()));
    assert_eq!(packet.protocol, IpProtocol::IGMP);
    let message = Message::parse(&packet.payload).unwrap();
    assert_eq!(message, Message::Query(query(Version::V3, None)));
}

/// RFC 9776 §4.1.6: a Robustness Variable above 7 is told as 0.
#[test]
fn a_robustness_without_room_is_not_told() {
    let mut rig = Rig::new(IgmpInterfaceConfig {
        robustness: 8,
        ..IgmpInterfaceConfig::default()
    });
    assert_eq!(rig.queries()[0].1.robustness, 0);
}

/// RFC 2236 §2: a router of version 2 asks in version 2.
#[test]
fn a_v2_router_sends_v2_queries() {
    let mut rig = Rig::new(IgmpInterfaceConfig {
        version: IgmpVersion::V2,
        ..IgmpInterfaceConfig::default()
    });
    assert_eq!(rig.queries()[0].1, query(Version::V2, None));
}

/// RFC 2236 §3, RFC 9776 §6.6.2: the lowest address is querier, for the Other
/// Querier Present Interval; RFC 2236 §8.5: 255 s.
#[test]
fn a_lower_address_is_querier_until_nothing_is_heard_of_it() {
    let mut rig = Rig::settled();
    assert_eq!(querier(&rig), Some(ME));
    rig.query_from(LOWER, query(Version::V3, None));
    assert_eq!(querier(&rig), Some(LOWER));
    let told = Event::Querier {
        iface: iface(),
        address: LOWER,
        me: false,
    };
    assert_eq!(rig.events(), [told]);
    let present = IgmpTimer::OtherQuerierPresent(iface());
    assert_eq!(rig.remaining(present), Some(secs(255)));
    rig.pass(secs(254));
    assert_eq!(rig.queries(), []);
    rig.query_from(LOWER, query(Version::V3, None));
    assert_eq!(rig.remaining(present), Some(secs(255)));
    assert_eq!(rig.events(), []);

    rig.pass(secs(255));
    assert_eq!(querier(&rig), Some(ME));
    assert_eq!(rig.queries().len(), 1);
    let told = Event::Querier {
        iface: iface(),
        address: ME,
        me: true,
    };
    assert_eq!(rig.events(), [told]);
    rig.pass(secs(125));
    assert_eq!(rig.queries().len(), 1);
}

/// RFC 2236 §3: a query from a higher address changes nothing.
#[test]
fn a_higher_address_is_not_querier() {
    let mut rig = Rig::settled();
    rig.query_from(HIGHER, query(Version::V3, None));
    assert_eq!(querier(&rig), Some(ME));
    rig.pass(secs(125));
    assert_eq!(rig.queries().len(), 1);
}

/// RFC 4541 §2.1.1: a query from 0.0.0.0 takes no part in the election.
#[test]
fn a_query_from_no_address_takes_no_part() {
    let mut rig = Rig::settled();
    rig.query_from(Ipv4Addr::UNSPECIFIED, query(Version::V2, None));
    assert_eq!(querier(&rig), Some(ME));
}

/// RFC 9776 §9.1: a query from off the link is no neighbour's.
#[test]
fn a_query_from_off_the_link_is_dropped() {
    let mut rig = Rig::settled();
    rig.query_from(Ipv4Addr::new(9, 9, 9, 9), query(Version::V3, None));
    assert_eq!(querier(&rig), Some(ME));
    assert_eq!(rig.count("igmp.drop.off-link"), 1);
}

/// RFC 9776 §4.1.12: a General Query goes to 224.0.0.1 or to the router itself.
#[test]
fn a_query_to_a_wrong_destination_is_dropped() {
    let mut rig = Rig::settled();
    let general = Message::Query(query(Version::V3, None));
    rig.receive(LOWER, group("239.1.1.1").get(), general.clone());
    assert_eq!(querier(&rig), Some(ME));
    assert_eq!(rig.count("igmp.drop.destination"), 1);
    rig.receive(LOWER, ME, general);
    assert_eq!(querier(&rig), Some(LOWER));
}

/// RFC 9776 §4.1.6, §4.1.7: the querier's variables are in force, unless it
/// tells 0.
#[test]
fn a_non_querier_adopts_the_variables_of_the_querier() {
    let mut rig = Rig::settled();
    let group = group("239.1.1.1");
    let told = Query {
        robustness: 3,
        query_interval: secs(30),
        ..query(Version::V3, None)
    };
    rig.query_from(LOWER, told);
    rig.report_v2(group);
    assert_eq!(rig.group_timer(group), Some(secs(100)));
    let present = IgmpTimer::OtherQuerierPresent(iface());
    assert_eq!(rig.remaining(present), Some(secs(95)));

    let silent = Query {
        robustness: 0,
        query_interval: secs(0),
        ..query(Version::V3, None)
    };
    rig.query_from(LOWER, silent);
    rig.report_v2(group);
    assert_eq!(rig.group_timer(group), Some(secs(260)));

    rig.pass(secs(255));
    assert_eq!(querier(&rig), Some(ME));
    rig.report_v2(group);
    assert_eq!(rig.group_timer(group), Some(secs(260)));
}

/// RFC 9776 §7.3.1: an older querier is told of, not more than once a minute.
#[test]
fn an_older_querier_is_told_of() {
    let mut rig = Rig::settled();
    for _ in 0..3 {
        rig.query_from(HIGHER, query(Version::V2, None));
        rig.pass(secs(1));
    }
    let told = Event::OlderQuerier {
        iface: iface(),
        address: HIGHER,
        version: 2,
    };
    assert_eq!(rig.events(), std::slice::from_ref(&told));
    assert_eq!(rig.count("igmp.rx.older-querier"), 3);
    rig.pass(secs(60));
    rig.query_from(HIGHER, query(Version::V2, None));
    assert_eq!(rig.events(), [told]);
    // The queries stay those of version 3.
    rig.pass(secs(125));
    assert_eq!(rig.queries()[0].1.version, Version::V3);
}

/// RFC 2236 §3: a new address is a new election.
#[test]
fn another_address_starts_the_election_anew() {
    let mut rig = Rig::settled();
    rig.query_from(LOWER, query(Version::V3, None));
    rig.queries();
    rig.present_as(true, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(querier(&rig), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(rig.sent()[0].1.src, Ipv4Addr::new(10, 0, 0, 1));
    rig.query_from(LOWER, query(Version::V3, None));
    assert_eq!(querier(&rig), Some(Ipv4Addr::new(10, 0, 0, 1)));
}

#[test]
fn a_shorter_interval_is_followed_at_once() {
    let mut rig = Rig::settled();
    rig.configure(|igmp| igmp.as_mut().unwrap().query_interval = secs(10));
    rig.pass(secs(10));
    assert_eq!(rig.queries().len(), 1);
}

#[test]
fn nothing_runs_where_igmp_does_not() {
    let mut rig = Rig::settled();
    rig.report_v2(group("239.1.1.1"));
    rig.present(false);
    assert_eq!(querier(&rig), None);
    assert!(rig.cx.timers.is_empty());
    assert_eq!(rig.membership(group("239.1.1.1")), None);
    let removed = (group("239.1.1.1"), None, MembershipChange::Removed);
    assert!(rig.changes().contains(&removed));
    rig.present(true);
    assert_eq!(querier(&rig), Some(ME));
    rig.report_v2(group("239.1.1.1"));
    rig.gone();
    assert!(rig.cx.timers.is_empty());
    assert_eq!(rig.igmp.groups().count(), 0);
}
