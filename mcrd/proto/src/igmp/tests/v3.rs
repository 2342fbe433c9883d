//! The tables of RFC 9776 §6 and the queries of §6.6.3.

use super::*;
use RecordType::{Allow, Block, IsExclude, IsInclude, ToExclude, ToInclude};

fn g() -> GroupAddr {
    group("239.1.1.1")
}

/// INCLUDE ({1,2}), 60 s old.
fn include() -> Rig {
    let mut rig = Rig::settled();
    rig.report_v3(Allow, g(), &[1, 2]);
    rig.pass(secs(60));
    rig.events();
    rig
}

/// EXCLUDE ({1,2},{3,4}), 60 s old.
fn exclude() -> Rig {
    let mut rig = Rig::settled();
    rig.report_v3(IsExclude, g(), &[3, 4]);
    rig.report_v3(Allow, g(), &[1, 2]);
    rig.pass(secs(60));
    rig.events();
    rig
}

/// What a row of the tables leaves behind.
#[derive(Debug, PartialEq)]
struct After {
    mode: FilterMode,
    /// Sources and what is left of their timers, in seconds.
    forward: Vec<(u8, u64)>,
    blocked: Vec<u8>,
    group_timer: Option<u64>,
    /// The sources of the queries sent; none in a group-specific one.
    queries: Vec<Vec<u8>>,
}

fn last_octet(source: UnicastAddr) -> u8 {
    source.get().octets()[3]
}

fn after(rig: &mut Rig) -> After {
    let queries = rig.specific();
    assert!(queries.iter().all(|(_, suppress)| !suppress));
    let group = rig.group(g());
    let forward = group.forward().map(last_octet).map(|number| {
        let left = rig.source_timer(g(), number).unwrap();
        (number, left.as_secs())
    });
    After {
        mode: group.mode(),
        forward: forward.collect(),
        blocked: group.blocked().iter().copied().map(last_octet).collect(),
        group_timer: rig.group_timer(g()).map(|left| left.as_secs()),
        queries: queries
            .into_iter()
            .map(|(sources, _)| sources.into_iter().map(last_octet).collect())
            .collect(),
    }
}

/// RFC 9776 §6.4.1, §6.4.2: the rows of INCLUDE (A), with A = {1,2}, B = {2,3}.
#[test]
fn reports_in_include_mode() {
    let include_mode = |forward: &[(u8, u64)], queries: &[&[u8]]| After {
        mode: FilterMode::Include,
        forward: forward.to_vec(),
        blocked: vec![],
        group_timer: None,
        queries: queries.iter().map(|query| query.to_vec()).collect(),
    };
    let exclude_mode = |left: u64, queries: &[&[u8]]| After {
        mode: FilterMode::Exclude,
        forward: vec![(2, left)],
        blocked: vec![3],
        group_timer: Some(260),
        queries: queries.iter().map(|query| query.to_vec()).collect(),
    };
    for (record, want) in [
        (
            IsInclude,
            include_mode(&[(1, 200), (2, 260), (3, 260)], &[]),
        ),
        (Allow, include_mode(&[(1, 200), (2, 260), (3, 260)], &[])),
        (IsExclude, exclude_mode(200, &[])),
        (Block, include_mode(&[(1, 200), (2, 2)], &[&[2]])),
        (ToExclude, exclude_mode(2, &[&[2]])),
        (
            ToInclude,
            include_mode(&[(1, 2), (2, 260), (3, 260)], &[&[1]]),
        ),
    ] {
        let mut rig = include();
        rig.report_v3(record, g(), &[2, 3]);
        assert_eq!(after(&mut rig), want, "{record:?}");
    }
}

/// RFC 9776 §6.4.1, §6.4.2: the rows of EXCLUDE (X,Y), with X = {1,2},
/// Y = {3,4}, A = {2,3,5}.
#[test]
fn reports_in_exclude_mode() {
    let row = |forward: &[(u8, u64)], blocked: &[u8], timer, queries: &[&[u8]]| After {
        mode: FilterMode::Exclude,
        forward: forward.to_vec(),
        blocked: blocked.to_vec(),
        group_timer: Some(timer),
        queries: queries.iter().map(|query| query.to_vec()).collect(),
    };
    let allowed = &[(1, 200), (2, 260), (3, 260), (5, 260)];
    for (record, want) in [
        (IsInclude, row(allowed, &[4], 200, &[])),
        (Allow, row(allowed, &[4], 200, &[])),
        (IsExclude, row(&[(2, 200), (5, 260)], &[3], 260, &[])),
        (
            Block,
            row(&[(1, 200), (2, 2), (5, 2)], &[3, 4], 200, &[&[2, 5]]),
        ),
        (ToExclude, row(&[(2, 2), (5, 2)], &[3], 260, &[&[2, 5]])),
        (
            ToInclude,
            row(
                &[(1, 2), (2, 260), (3, 260), (5, 260)],
                &[4],
                2,
                &[&[1], &[]],
            ),
        ),
    ] {
        let mut rig = exclude();
        rig.report_v3(record, g(), &[2, 3, 5]);
        assert_eq!(after(&mut rig), want, "{record:?}");
    }
}

/// RFC 9776 §6.4.2: a source that is new to EXCLUDE mode gets what is left of
/// the group timer.
#[test]
fn a_source_new_to_exclude_mode_gets_the_group_timer() {
    let mut rig = Rig::settled();
    rig.report_v3(IsExclude, g(), &[]);
    rig.query_from(LOWER, query(Version::V3, None));
    rig.pass(secs(60));
    // A non-querier does not ask, so the timer can be seen.
    rig.report_v3(Block, g(), &[1]);
    assert_eq!(rig.source_timer(g(), 1), Some(secs(200)));
    rig.pass(secs(10));
    rig.report_v3(ToExclude, g(), &[1, 2]);
    assert_eq!(rig.source_timer(g(), 1), Some(secs(190)));
    assert_eq!(rig.source_timer(g(), 2), Some(secs(190)));
    assert_eq!(rig.group_timer(g()), Some(secs(260)));
}

/// RFC 9776 §6.3: a source whose timer runs out is deleted in INCLUDE mode, and
/// the group with its last.
#[test]
fn sources_end_in_include_mode() {
    let mut rig = include();
    rig.report_v3(IsInclude, g(), &[2]);
    rig.pass(secs(200));
    let want = Membership::Include(sources(&[2]));
    assert_eq!(rig.membership(g()), Some(&want));
    let gone = |number| (g(), Some(source(number)), MembershipChange::Expired);
    assert_eq!(rig.changes(), [gone(1)]);
    rig.pass(secs(60));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.changes(), [gone(2)]);
    assert_eq!(rig.cx.timers.len(), 1);
}

/// RFC 9776 §6.3: in EXCLUDE mode it is blocked.
#[test]
fn sources_are_blocked_in_exclude_mode() {
    let mut rig = exclude();
    rig.report_v3(IsExclude, g(), &[1, 2, 3, 4]);
    rig.pass(secs(200));
    let want = Membership::Exclude(sources(&[1, 2, 3, 4]));
    assert_eq!(rig.membership(g()), Some(&want));
    assert_eq!(rig.group(g()).forward().count(), 0);
}

/// RFC 9776 §6.5: the group timer ends EXCLUDE mode; sources that are asked for
/// stay, the blocked ones are deleted.
#[test]
fn the_group_timer_ends_exclude_mode() {
    let mut rig = exclude();
    rig.report_v3(IsInclude, g(), &[1]);
    rig.pass(secs(200));
    let want = Membership::Include(sources(&[1]));
    assert_eq!(rig.membership(g()), Some(&want));
    let changes = rig.changes();
    assert!(changes.contains(&(g(), None, MembershipChange::Expired)));
    assert!(changes.contains(&(g(), Some(source(1)), MembershipChange::Joined)));
    rig.pass(secs(60));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.cx.timers.len(), 1);
}

/// RFC 9776 §6.6.3.2: Last Member Query Count queries name the sources, Last
/// Member Query Interval apart; after LMQT they are gone.
#[test]
fn sources_that_are_left_are_asked_for() {
    let mut rig = include();
    let left = rig.now;
    rig.report_v3(Block, g(), &[1, 2]);
    rig.pass(Duration::from_micros(1_999_999));
    let want = Membership::Include(sources(&[1, 2]));
    assert_eq!(rig.membership(g()), Some(&want));
    let sent = rig.sent();
    let at: Vec<Duration> = sent.iter().map(|(at, _)| *at - left).collect();
    assert_eq!(at, [secs(0), secs(1)]);
    assert!(sent.iter().all(|(_, packet)| packet.dst == g().get()));
    rig.pass(Duration::from_micros(1));
    assert_eq!(rig.membership(g()), None);
    let gone = |number| (g(), Some(source(number)), MembershipChange::Left);
    assert_eq!(rig.changes(), [gone(1), gone(2)]);
    assert_eq!(rig.count("igmp.tx.source-query"), 2);
}

/// RFC 9776 §6.6.3.2: of a repetition, the sources that were answered for come
/// with the S flag, in a query of their own.
#[test]
fn a_repetition_is_split_by_what_was_answered() {
    let mut rig = include();
    rig.report_v3(ToInclude, g(), &[]);
    rig.pass(Duration::from_millis(500));
    rig.report_v3(IsInclude, g(), &[2]);
    rig.pass(Duration::from_millis(1499));
    assert_eq!(
        rig.specific(),
        [
            (sources(&[1, 2]), false),
            (sources(&[2]), true),
            (sources(&[1]), false)
        ]
    );
    rig.pass(Duration::from_millis(1));
    let want = Membership::Include(sources(&[2]));
    assert_eq!(rig.membership(g()), Some(&want));
    assert_eq!(
        rig.source_timer(g(), 2),
        Some(Duration::from_millis(258_500))
    );
}

/// RFC 9776 §6.6.3.2: sources that are left at different times keep their own
/// intervals, and one that is being asked for is not asked for again.
#[test]
fn each_source_has_its_own_repetitions() {
    let mut rig = include();
    let start = rig.now;
    rig.report_v3(Block, g(), &[1]);
    rig.pass(Duration::from_millis(400));
    rig.report_v3(Block, g(), &[1, 2]);
    rig.pass(secs(3));
    let asked: Vec<(u128, usize)> = rig
        .queries()
        .iter()
        .filter(|(_, query)| query.group.is_some())
        .map(|(at, query)| ((*at - start).as_millis(), query.sources.len()))
        .collect();
    assert_eq!(asked, [(0, 1), (400, 1), (1000, 1), (1400, 1)]);
    assert_eq!(rig.membership(g()), None);
}

/// RFC 9776 §4.1.8: a query fits the MTU; with 1500 bytes it has room for 366
/// sources.
#[test]
fn a_query_with_many_sources_is_split() {
    let mut rig = Rig::settled();
    let all: Vec<Ipv4Addr> = (0..1000)
        .map(|number| Ipv4Addr::new(198, 18, (number / 250) as u8, (number % 250) as u8))
        .collect();
    let mut allow = record(Allow, g(), &[]);
    allow.sources.clone_from(&all);
    rig.receive(HOST, V3_ROUTERS, Message::ReportV3(vec![allow]));
    rig.report_v3(ToInclude, g(), &[]);
    let sent = rig.sent();
    assert!(
        sent.iter()
            .all(|(_, packet)| packet.payload.len() + 24 <= 1500)
    );
    rig.sent = sent;
    let queries = rig.queries();
    let sizes: Vec<usize> = queries
        .iter()
        .map(|(_, query)| query.sources.len())
        .collect();
    assert_eq!(sizes, [366, 366, 268]);
    let asked: BTreeSet<Ipv4Addr> = queries.into_iter().flat_map(|(_, q)| q.sources).collect();
    assert_eq!(asked, all.into_iter().collect());
}

/// RFC 9776 §6.6.1: a non-querier lowers its timers to LMQT when it hears a query
/// without the S flag, and not with it.
#[test]
fn a_non_querier_follows_queries_without_the_s_flag() {
    let mut rig = exclude();
    rig.query_from(LOWER, query(Version::V3, None));
    let asks = |suppress, numbers: &[u8]| Query {
        suppress,
        sources: numbers.iter().map(|number| source(*number).get()).collect(),
        ..query(Version::V3, Some(g()))
    };
    rig.query_from(LOWER, asks(true, &[]));
    rig.query_from(LOWER, asks(true, &[1]));
    assert_eq!(rig.group_timer(g()), Some(secs(200)));
    assert_eq!(rig.source_timer(g(), 1), Some(secs(200)));
    rig.query_from(LOWER, asks(false, &[1, 9]));
    assert_eq!(rig.group_timer(g()), Some(secs(200)));
    assert_eq!(rig.source_timer(g(), 1), Some(secs(2)));
    assert_eq!(rig.source_timer(g(), 2), Some(secs(200)));
    rig.query_from(LOWER, asks(false, &[]));
    assert_eq!(rig.group_timer(g()), Some(secs(2)));
    rig.pass(secs(2));
    let want = Membership::Include(sources(&[2]));
    assert_eq!(rig.membership(g()), Some(&want));
    assert_eq!(rig.specific(), []);
}

/// RFC 9776 §6.4: a record that joins nothing makes no group.
#[test]
fn a_record_of_nothing_makes_no_group() {
    let mut rig = Rig::settled();
    for (kind, numbers) in [
        (IsInclude, &[][..]),
        (Allow, &[]),
        (ToInclude, &[]),
        (Block, &[1, 2]),
    ] {
        rig.report_v3(kind, g(), numbers);
    }
    let lan = rig.igmp.interface(iface()).unwrap();
    assert_eq!(lan.groups().count(), 0);
    assert_eq!(rig.cx.timers.len(), 1);
    assert_eq!(rig.events(), []);
}

/// RFC 9776 §6.4.2: with immediate leave what was left ends at once, source by
/// source.
#[test]
fn an_immediate_leave_is_one_of_sources_too() {
    let config = || IgmpInterfaceConfig {
        immediate_leave: true,
        ..IgmpInterfaceConfig::default()
    };
    let mut rig = Rig::settled_with(config());
    rig.report_v3(Allow, g(), &[1, 2, 3]);
    rig.changes();
    rig.report_v3(Block, g(), &[1]);
    let want = Membership::Include(sources(&[2, 3]));
    assert_eq!(rig.membership(g()), Some(&want));
    let left = |number| (g(), Some(source(number)), MembershipChange::Left);
    assert_eq!(rig.changes(), [left(1)]);
    rig.report_v3(ToInclude, g(), &[]);
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.changes(), [left(2), left(3)]);
    assert_eq!(rig.specific(), []);
    assert_eq!(rig.cx.timers.len(), 1);

    let mut rig = Rig::settled_with(config());
    rig.report_v3(ToExclude, g(), &[4]);
    rig.report_v3(Allow, g(), &[1]);
    rig.report_v3(ToInclude, g(), &[1]);
    let want = Membership::Include(sources(&[1]));
    assert_eq!(rig.membership(g()), Some(&want));
}

/// RFC 9776 §6.4: every record of a report counts (D20).
#[test]
fn all_records_of_a_report_count() {
    let mut rig = Rig::settled();
    let groups: Vec<GroupAddr> = (0..=255).map(|n| group(&format!("239.3.0.{n}"))).collect();
    let records = groups.iter().map(|group| record(ToExclude, *group, &[]));
    rig.receive(HOST, V3_ROUTERS, Message::ReportV3(records.collect()));
    assert_eq!(rig.igmp.groups().collect::<Vec<_>>(), groups);
    assert!(
        groups
            .iter()
            .all(|group| rig.membership(*group) == everybody().as_ref())
    );
}

/// RFC 9776 §6.4.2: a v3 host's leave is checked by queries for the group, and
/// done after LMQT.
#[test]
fn a_v3_leave_ends_the_group_after_the_last_member_query_time() {
    let mut rig = Rig::settled();
    rig.report_v3(ToExclude, g(), &[]);
    rig.report_v3(ToInclude, g(), &[]);
    rig.pass(Duration::from_micros(1_999_999));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.specific().len(), 2);
    rig.pass(Duration::from_micros(1));
    assert_eq!(rig.membership(g()), None);
}
