//! What is not learned: filters, full tables, messages out of place (RFC 9776
//! §9); and what is there without a host, by configuration.

use super::*;
use crate::router::event::Table;

fn g() -> GroupAddr {
    group("239.1.1.1")
}

fn config() -> IgmpInterfaceConfig {
    IgmpInterfaceConfig::default()
}

fn refused(rig: &mut Rig) -> Vec<Table> {
    let of = |event| {
        if let Event::Refused { table } = event {
            Some(table)
        } else {
            None
        }
    };
    rig.events().into_iter().filter_map(of).collect()
}

/// RFC 9776 §9: groups beyond the limit are refused and counted; the others go
/// on.
#[test]
fn groups_beyond_the_limit_are_refused() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        max_groups: 2,
        ..config()
    });
    for last in 1..=5 {
        let address = Ipv4Addr::new(239, 1, 1, last);
        rig.receive(HOST, address, Message::ReportV2(address));
    }
    rig.report_v3(RecordType::Allow, group("239.1.1.6"), &[1]);
    assert_eq!(rig.igmp.groups().count(), 2);
    assert_eq!(rig.count("igmp.drop.max-groups"), 4);
    assert_eq!(refused(&mut rig), [Table::Groups]);
    assert_eq!(
        rig.cx.timers.len(),
        1 + 2 * 2,
        "no timer of what was refused"
    );
    // What is there is still renewed, and told of again after a second.
    rig.pass(secs(1));
    rig.report_v2(g());
    assert_eq!(rig.group_timer(g()), Some(secs(260)));
    rig.report_v2(group("239.1.1.9"));
    assert_eq!(refused(&mut rig), [Table::Groups]);
    // What was left makes room.
    rig.leave(g());
    rig.pass(secs(2));
    rig.report_v2(group("239.1.1.9"));
    assert_eq!(rig.membership(group("239.1.1.9")), everybody().as_ref());
}

/// RFC 9776 §9: sources beyond the limit are refused and counted.
#[test]
fn sources_beyond_the_limit_are_refused() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        max_sources: 3,
        ..config()
    });
    rig.report_v3(RecordType::Allow, g(), &[5, 6]);
    rig.report_v3(RecordType::Allow, g(), &[1, 2, 3, 5]);
    let want = Membership::Include(sources(&[1, 5, 6]));
    assert_eq!(rig.membership(g()), Some(&want));
    assert_eq!(rig.count("igmp.drop.max-sources"), 2);
    assert_eq!(refused(&mut rig), [Table::Sources]);
    // Fewer blocked than were asked for means more than was asked for, and
    // never less.
    rig.report_v3(RecordType::ToExclude, group("239.1.1.2"), &[1, 2, 3, 4]);
    let want = Membership::Exclude(sources(&[1, 2, 3]));
    assert_eq!(rig.membership(group("239.1.1.2")), Some(&want));
}

/// RFC 9776 §9: all sources of an interface together are bounded too.
#[test]
fn all_sources_together_are_bounded() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        max_sources: 2,
        max_groups: 100,
        ..config()
    });
    rig.configure(|igmp| igmp.as_mut().unwrap().max_groups = 10);
    for last in 0..10 {
        rig.report_v3(
            RecordType::Allow,
            group(&format!("239.1.1.{last}")),
            &[1, 2],
        );
    }
    assert_eq!(rig.count("igmp.drop.max-sources"), 0);
    rig.configure(|igmp| igmp.as_mut().unwrap().max_sources = 100);
    let many: Vec<u8> = (1..=100).collect();
    for last in 0..10 {
        rig.report_v3(RecordType::Allow, group(&format!("239.1.1.{last}")), &many);
    }
    let held: usize = (0..10)
        .map(|last| rig.group(group(&format!("239.1.1.{last}"))).sources())
        .sum();
    assert_eq!(held, 800);
    assert_eq!(rig.count("igmp.drop.max-sources"), 200);
}

#[test]
fn the_group_filter_is_obeyed_and_followed() {
    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        groups: Some(vec!["239.1.0.0/16".parse().unwrap()]),
        ..config()
    });
    rig.report_v2(g());
    rig.report_v2(group("239.2.1.1"));
    rig.report_v3(RecordType::Allow, group("239.2.1.1"), &[1]);
    assert_eq!(rig.igmp.groups().collect::<Vec<_>>(), [g()]);
    assert_eq!(rig.count("igmp.drop.group-filter"), 2);
    rig.changes();
    rig.configure(|igmp| igmp.as_mut().unwrap().groups = Some(Vec::new()));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.changes(), [(g(), None, MembershipChange::Removed)]);
    assert_eq!(rig.cx.timers.len(), 1);
}

/// RFC 9776 §4.1: Router Alert is not asked for unless configured.
#[test]
fn router_alert_is_required_where_configured() {
    let mut rig = Rig::settled();
    let report = Message::ReportV2(g().get());
    rig.receive_packet(HOST, g().get(), false, report.clone());
    assert_eq!(rig.membership(g()), everybody().as_ref());

    let mut rig = Rig::settled_with(IgmpInterfaceConfig {
        require_router_alert: true,
        ..config()
    });
    rig.receive_packet(HOST, g().get(), false, report.clone());
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.count("igmp.drop.router-alert"), 1);
    rig.receive_packet(HOST, g().get(), true, report);
    assert_eq!(rig.membership(g()), everybody().as_ref());
}

/// RFC 9776 §4.2.13: a report from 0.0.0.0 is accepted, one from an address that
/// is not on the link is not.
#[test]
fn reports_come_from_the_link() {
    let mut rig = Rig::settled();
    let report = || Message::ReportV3(vec![record(RecordType::ToExclude, g(), &[])]);
    rig.receive(Ipv4Addr::new(10, 0, 1, 1), V3_ROUTERS, report());
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.count("igmp.drop.off-link"), 1);
    rig.receive(Ipv4Addr::UNSPECIFIED, V3_ROUTERS, report());
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.group(g()).last_reporter(), Some(Ipv4Addr::UNSPECIFIED));
}

/// RFC 9776 §4.2.14: to 224.0.0.22, or to the router itself.
#[test]
fn v3_reports_come_to_the_routers() {
    let mut rig = Rig::settled();
    let report = || Message::ReportV3(vec![record(RecordType::ToExclude, g(), &[])]);
    rig.receive(HOST, g().get(), report());
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.count("igmp.drop.destination"), 1);
    rig.receive(HOST, ME, report());
    assert_eq!(rig.membership(g()), everybody().as_ref());
}

/// RFC 9776 §4.2.9: what cannot be a host is no source.
#[test]
fn a_source_that_is_no_host_is_left_out() {
    let mut rig = Rig::settled();
    let mut allow = record(RecordType::Allow, g(), &[1]);
    allow.sources.push(Ipv4Addr::new(239, 1, 1, 1));
    allow.sources.push(Ipv4Addr::UNSPECIFIED);
    rig.receive(HOST, V3_ROUTERS, Message::ReportV3(vec![allow]));
    let want = Membership::Include(sources(&[1]));
    assert_eq!(rig.membership(g()), Some(&want));
    assert_eq!(rig.count("igmp.drop.source-address"), 2);
}

/// RFC 4604 §2.2.1: in the SSM range EXCLUDE records, reports and leaves of older
/// versions are ignored; a source is joined at once.
/// RFC 4607 §6.
#[test]
fn ssm_groups_are_joined_by_source_only() {
    let mut rig = Rig::settled();
    let ssm = group("232.1.1.1");
    rig.report_v1(ssm);
    rig.report_v2(ssm);
    rig.report_v3(RecordType::IsExclude, ssm, &[]);
    rig.report_v3(RecordType::ToExclude, ssm, &[1]);
    assert_eq!(rig.igmp.groups().count(), 0);
    rig.report_v3(RecordType::Allow, ssm, &[1]);
    let want = Membership::Include(sources(&[1]));
    assert_eq!(rig.membership(ssm), Some(&want));
    rig.leave(ssm);
    rig.report_v3(RecordType::ToExclude, ssm, &[]);
    assert_eq!(rig.membership(ssm), Some(&want));
    assert_eq!(rig.count("igmp.drop.ssm"), 6);
    assert_eq!(rig.specific(), []);
    assert_eq!(oldest_host(&rig.cx.timers, iface(), ssm), Version::V3);
}

/// RFC 4604 §2.2.1: the range is the configuration's.
/// RFC 4607 §1.
#[test]
fn another_ssm_range_takes_effect_at_once() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.report_v3(RecordType::Allow, group("239.1.1.2"), &[1]);
    rig.changes();
    rig.configure_pim(|pim| pim.ssm_ranges = vec!["239.0.0.0/8".parse().unwrap()]);
    assert_eq!(rig.igmp.groups().collect::<Vec<_>>(), [group("239.1.1.2")]);
    assert_eq!(rig.changes(), [(g(), None, MembershipChange::Removed)]);
    rig.report_v2(group("232.1.1.1"));
    assert_eq!(rig.membership(group("232.1.1.1")), everybody().as_ref());
}

#[test]
fn static_groups_need_no_host() {
    let with = |entries: &[(GroupAddr, Option<UnicastAddr>)]| IgmpInterfaceConfig {
        static_groups: entries.iter().copied().collect(),
        ..config()
    };
    let other = group("239.1.1.2");
    let mut rig = Rig::new(with(&[(g(), None), (other, Some(source(1)))]));
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(
        rig.changes(),
        [
            (g(), None, MembershipChange::Joined),
            (other, Some(source(1)), MembershipChange::Joined)
        ]
    );
    // Hosts add to them, and their leaving takes nothing away.
    rig.report_v3(RecordType::Allow, other, &[2]);
    let both = Membership::Include(sources(&[1, 2]));
    assert_eq!(rig.membership(other), Some(&both));
    rig.report_v3(RecordType::ToExclude, other, &[1, 3]);
    let all_but = Membership::Exclude(sources(&[3]));
    assert_eq!(rig.membership(other), Some(&all_but));
    rig.pass(secs(300));
    let alone = Membership::Include(sources(&[1]));
    assert_eq!(rig.membership(other), Some(&alone));
    rig.changes();

    rig.configure(|igmp| *igmp = Some(with(&[(other, None)])));
    assert_eq!(rig.membership(g()), None);
    assert_eq!(rig.membership(other), everybody().as_ref());
    assert_eq!(
        rig.changes(),
        [
            (g(), None, MembershipChange::Removed),
            (other, None, MembershipChange::Joined),
            (other, Some(source(1)), MembershipChange::Removed)
        ]
    );
}

/// RFC 4604 §2.2.1: nor has an SSM group members without sources by
/// configuration.
#[test]
fn a_static_ssm_group_needs_a_source() {
    let ssm = group("232.1.1.1");
    let rig = Rig::new(IgmpInterfaceConfig {
        static_groups: BTreeSet::from([(ssm, None)]),
        ..config()
    });
    // The range is known before any interface is.
    assert_eq!(rig.membership(ssm), None);
}
