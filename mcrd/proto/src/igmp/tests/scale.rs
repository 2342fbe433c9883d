//! Many groups and many reports.

use super::*;

fn nth(number: u32) -> GroupAddr {
    Ipv4Addr::from_bits(0xef10_0000 + number)
        .try_into()
        .unwrap()
}

/// RFC 9776 §6: 5000 groups of one LAN, answered for in every query interval,
/// are there for ten of them.
#[test]
fn five_thousand_groups_are_refreshed_for_ten_query_intervals() {
    let mut rig = Rig::settled();
    let report_all = |rig: &mut Rig, kind| {
        for block in 0..50 {
            let records = (0..100).map(|n| record(kind, nth(block * 100 + n), &[]));
            rig.receive(HOST, V3_ROUTERS, Message::ReportV3(records.collect()));
        }
    };
    report_all(&mut rig, RecordType::ToExclude);
    assert_eq!(rig.changes().len(), 5000);
    for _ in 0..10 {
        rig.pass(secs(125));
        report_all(&mut rig, RecordType::IsExclude);
        assert_eq!(rig.igmp.groups().count(), 5000);
    }
    assert_eq!(rig.changes(), []);
    report_all(&mut rig, RecordType::ToInclude);
    rig.pass(secs(2));
    assert_eq!(rig.igmp.groups().count(), 0);
    assert_eq!(rig.changes().len(), 5000);
    assert_eq!(rig.cx.timers.len(), 1);
}

/// RFC 9776 §9: a storm of reports of ever new groups and sources fills the
/// tables and no more, and the groups that were there go on.
#[test]
fn a_storm_of_reports_is_bounded() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        max_groups: 1000,
        max_sources: 10,
        ..IgmpInterfaceConfig::default()
    });
    let there = group("239.1.1.1");
    rig.report_v2(there);
    for number in 0..50_000 {
        if number % 2 == 0 {
            rig.report_v2(nth(number));
        } else {
            let mut allow = record(RecordType::Allow, there, &[]);
            allow
                .sources
                .push(Ipv4Addr::from_bits(0x0b00_0000 + number));
            rig.receive(HOST, V3_ROUTERS, Message::ReportV3(vec![allow]));
        }
        rig.pass(Duration::from_micros(20));
    }
    assert_eq!(rig.igmp.groups().count(), 1000);
    assert_eq!(rig.group(there).sources(), 10);
    assert_eq!(rig.count("igmp.drop.max-groups"), 25_000 - 999);
    assert_eq!(rig.count("igmp.drop.max-sources"), 25_000 - 10);
    assert_eq!(rig.membership(there), everybody().as_ref());
    // Two for each group, the sources', and the General Query's.
    assert_eq!(rig.cx.timers.len(), 2 * 1000 + 10 + 1);
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    assert_eq!(
        rig.events().iter().filter(|event| refused(event)).count(),
        2
    );
}
