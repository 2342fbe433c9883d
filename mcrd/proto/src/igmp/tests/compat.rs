//! Hosts of older versions among newer ones (RFC 9776 §7.3.2, RFC 2236 §5).

use super::*;

fn g() -> GroupAddr {
    group("239.1.1.1")
}

fn oldest(rig: &Rig) -> Version {
    oldest_host(&rig.cx.timers, iface(), g())
}

/// RFC 2236 §5: while a version 1 host is present leaves are ignored; it is, for
/// as long as a group is a member (RFC 9776 §8.13).
#[test]
fn leaves_are_ignored_while_a_v1_host_is_present() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.report_v1(g());
    assert_eq!(oldest(&rig), Version::V1);
    rig.leave(g());
    rig.report_v3(RecordType::ToInclude, g(), &[]);
    assert_eq!(rig.specific(), []);
    assert_eq!(rig.group_timer(g()), Some(secs(260)));
    rig.pass(secs(200));
    rig.report_v2(g());
    rig.pass(secs(59));
    rig.leave(g());
    assert_eq!(rig.specific(), []);
    rig.pass(secs(1));
    assert_eq!(oldest(&rig), Version::V2);
    rig.leave(g());
    assert_eq!(rig.specific().len(), 1);
}

/// RFC 9776 §7.3.2: with a version 2 host BLOCK is ignored and the sources of
/// TO_EX are; a leave is TO_IN({}).
#[test]
fn a_v2_host_makes_sources_meaningless() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    assert_eq!(oldest(&rig), Version::V2);
    rig.report_v3(RecordType::Block, g(), &[1]);
    assert_eq!(rig.group(g()).sources(), 0);
    rig.report_v3(RecordType::ToExclude, g(), &[1, 2]);
    assert_eq!(rig.membership(g()), everybody().as_ref());
    assert_eq!(rig.group(g()).sources(), 0);
    assert_eq!(rig.specific(), []);
    rig.report_v3(RecordType::ToInclude, g(), &[]);
    assert_eq!(rig.specific(), [(BTreeSet::new(), false)]);
}

/// RFC 9776 §8.13: a host of an older version is present for 260 s after its
/// last report.
#[test]
fn a_v2_host_is_present_for_the_older_host_present_interval() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.pass(secs(100));
    rig.report_v3(RecordType::IsExclude, g(), &[]);
    rig.pass(secs(159));
    assert_eq!(oldest(&rig), Version::V2);
    rig.pass(secs(1));
    assert_eq!(oldest(&rig), Version::V3);
    rig.report_v3(RecordType::Block, g(), &[1]);
    assert_eq!(rig.group(g()).sources(), 1);
}

/// RFC 9776 §7.3.2: a version 1 host has BLOCK, TO_IN and leaves ignored, and
/// reads TO_EX without its sources.
#[test]
fn a_v1_host_leaves_exclude_mode_only() {
    let mut rig = Rig::settled();
    rig.report_v1(g());
    for kind in [RecordType::Block, RecordType::ToInclude] {
        rig.report_v3(kind, g(), &[1]);
        assert_eq!(rig.group(g()).sources(), 0, "{kind:?}");
    }
    rig.report_v3(RecordType::ToExclude, g(), &[1]);
    assert_eq!(rig.membership(g()), everybody().as_ref());
    rig.report_v3(RecordType::Allow, g(), &[1]);
    assert_eq!(rig.group(g()).sources(), 1);
}

/// RFC 9776 §7.3.2: the mode is each group's own.
#[test]
fn an_older_host_concerns_its_group_only() {
    let mut rig = Rig::settled();
    rig.report_v1(group("239.2.2.2"));
    rig.report_v3(RecordType::ToExclude, g(), &[1]);
    assert_eq!(
        rig.membership(g()),
        Some(&Membership::Exclude(sources(&[1])))
    );
}

/// RFC 9776 §7.3.2: what is over, older hosts included, is forgotten.
#[test]
fn a_group_that_is_over_leaves_no_timers() {
    let mut rig = Rig::settled();
    rig.report_v2(g());
    rig.leave(g());
    rig.pass(secs(2));
    assert_eq!(oldest(&rig), Version::V3);
    assert_eq!(rig.cx.timers.len(), 1, "the General Query's");
}
