//! Whatever is received in whatever order, the tables agree with each other and
//! nothing is left behind.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Report(Message),
    Query(Ipv4Addr, Query),
    Pass(u64),
    Up(bool),
}

fn groups() -> impl Strategy<Value = Ipv4Addr> {
    prop::sample::select(vec![
        Ipv4Addr::new(239, 0, 0, 1),
        Ipv4Addr::new(239, 0, 0, 2),
        Ipv4Addr::new(239, 0, 0, 3),
        Ipv4Addr::new(232, 0, 0, 1),
        Ipv4Addr::new(224, 0, 0, 5),
    ])
}

fn hosts() -> impl Strategy<Value = Vec<Ipv4Addr>> {
    prop::collection::vec((1..8_u8).prop_map(|n| Ipv4Addr::new(192, 0, 2, n)), 0..5)
}

fn message() -> impl Strategy<Value = Message> {
    let kinds = prop::sample::select(vec![
        RecordType::IsInclude,
        RecordType::IsExclude,
        RecordType::ToInclude,
        RecordType::ToExclude,
        RecordType::Allow,
        RecordType::Block,
    ]);
    let records =
        (kinds, groups(), hosts()).prop_map(|(record_type, group, sources)| GroupRecord {
            record_type,
            group,
            sources,
        });
    prop_oneof![
        1 => groups().prop_map(Message::ReportV1),
        2 => groups().prop_map(Message::ReportV2),
        2 => groups().prop_map(Message::Leave),
        6 => prop::collection::vec(records, 1..4).prop_map(Message::ReportV3),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let asked = (groups(), hosts(), prop::bool::ANY).prop_map(|(group, sources, suppress)| Query {
        group: Some(group),
        sources,
        suppress,
        ..query(Version::V3, None)
    });
    let queriers = prop::sample::select(vec![LOWER, HIGHER, Ipv4Addr::UNSPECIFIED]);
    prop_oneof![
        8 => message().prop_map(Step::Report),
        1 => (queriers, asked).prop_map(|(src, query)| Step::Query(src, query)),
        4 => (0..150_000_u64).prop_map(Step::Pass),
        1 => prop::bool::weighted(0.7).prop_map(Step::Up),
    ]
}

fn take(rig: &mut Rig, step: Step) {
    match step {
        Step::Report(message) => {
            let dst = match &message {
                Message::ReportV1(group) | Message::ReportV2(group) => *group,
                Message::Leave(_) => ALL_ROUTERS,
                Message::ReportV3(_) | Message::Query(_) | Message::Unknown(_) => V3_ROUTERS,
            };
            rig.receive(HOST, dst, message);
        }
        Step::Query(src, query) => rig.query_from(src, query),
        Step::Pass(millis) => rig.pass(Duration::from_millis(millis)),
        Step::Up(up) => rig.present(up),
    }
}

/// Every timer belongs to state, every state has its timers, and what is told
/// is what is there.
fn check(rig: &Rig, told: &BTreeSet<(GroupAddr, Option<UnicastAddr>)>) {
    let mut wanted = BTreeSet::new();
    let mut joined = BTreeSet::new();
    for (_, lan) in rig.igmp.interfaces() {
        for (address, group) in lan.groups() {
            assert!(!group.is_over(), "{address} has no member");
            if group.mode() == FilterMode::Exclude {
                wanted.insert(group.group_timer(iface()));
                joined.insert((address, None));
            } else {
                assert!(group.blocked().is_empty());
                joined.extend(group.forward().map(|source| (address, Some(source))));
            }
            wanted.extend(group.forward().map(|of| group.source_timer(iface(), of)));
            assert!(group.forward().all(|of| !group.blocked().contains(&of)));
        }
        let held: usize = lan.groups().map(|(_, group)| group.sources()).sum();
        assert_eq!(lan.sources, held);
    }
    let running = rig.cx.timers.iter().filter_map(|(id, _)| {
        if let TimerId::Igmp(id @ (IgmpTimer::GroupMembership(..) | IgmpTimer::Source(..))) = id {
            Some(id)
        } else {
            None
        }
    });
    assert_eq!(running.collect::<BTreeSet<_>>(), wanted);
    let members: BTreeSet<GroupAddr> = rig.igmp.groups().collect();
    assert_eq!(members, joined.iter().map(|(group, _)| *group).collect());
    assert_eq!(*told, joined);
}

proptest! {
    /// RFC 9776 §6: no order of messages and timers breaks the state; and after
    /// the Group Membership Interval nothing is left of it.
    #[test]
    fn state_timers_and_events_agree(steps in prop::collection::vec(step(), 1..60)) {
        let mut rig = Rig::settled();
        let mut told = BTreeSet::new();
        let mut follow = |rig: &mut Rig| {
            for (group, source, change) in rig.changes() {
                if change == MembershipChange::Joined {
                    assert!(told.insert((group, source)), "{group} joined twice");
                } else {
                    assert!(told.remove(&(group, source)), "{group} was not joined");
                }
            }
            check(rig, &told);
        };
        for step in steps {
            take(&mut rig, step);
            follow(&mut rig);
        }
        rig.pass(secs(300));
        follow(&mut rig);
        assert_eq!(rig.igmp.groups().count(), 0);
    }
}
