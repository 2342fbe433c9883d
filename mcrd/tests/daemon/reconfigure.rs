//! Settings of the router that change while it runs, by a reload of the file
//! and by a client.

use std::net::Ipv4Addr;

use mcr_api::client::ClientError;
use mcr_api::router::{IgmpInterface, PimInterface};
use mcr_api::state::ConfigChange;
use mcr_api::{ErrorCode, Method};
use mcr_sys::router::Listen;
use mcr_tests::eventually;
use mcr_wire::igmp::{self, GroupRecord, RecordType, Version};
use mcr_wire::pim::{ALL_PIM_ROUTERS, EncodedSource, Hello, JoinPrune, Message};
use nix::sys::signal::Signal;

use crate::configuration::load;
use crate::inject::{Cable, Ear, Ip};
use crate::mcrd::{Mcrd, SOON, config};
use crate::world::in_world;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 5, 5, 5);
/// Routers on the network `src`.
const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
/// A router and host on the network `dst`.
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

/// Changes the file, and has it read again.
fn reload(mcrd: &Mcrd, text: &str) -> ConfigChange {
    config(text);
    mcrd.call(Method::ConfigReload {})
}

pub(crate) fn hello(cable: &Cable, from: Ipv4Addr) {
    let hello = Hello {
        generation_id: Some(7),
        dr_priority: Some(2),
        ..Hello::default()
    };
    let packet = Ip::pim(from, ALL_PIM_ROUTERS, Message::Hello(hello).emit());
    cable.send(&packet.bytes());
}

pub(crate) fn members(cable: &Cable, groups: &[Ipv4Addr]) {
    let records = groups.iter().map(|group| GroupRecord {
        record_type: RecordType::ToExclude,
        group: *group,
        sources: Vec::new(),
    });
    let report = igmp::Message::ReportV3(records.collect());
    let packet = Ip::igmp(THERE, [224, 0, 0, 22].into(), report.emit());
    cable.send(&packet.bytes());
}

fn pim_interface(mcrd: &Mcrd, name: &str) -> Option<PimInterface> {
    let all: Vec<PimInterface> = mcrd.call(Method::PimInterfaces {});
    all.into_iter().find(|one| one.interface == name)
}

fn said_hello(message: &Message<'_>, priority: u32, holdtime: u16) -> bool {
    matches!(message, Message::Hello(hello)
        if hello.dr_priority == Some(priority) && hello.holdtime == Some(holdtime))
}

#[test]
fn pim_interfaces_come_change_and_go() {
    in_world("reconfigure::pim_interfaces_come_change_and_go", || {
        let mcrd = Mcrd::with_config("{ pim: { interfaces: { in0: {} } } }");
        let ear = Ear::new("dst", Listen::Pim);
        let cable = Cable::new(&mcrd, "dst", "out0");
        assert_eq!(pim_interface(&mcrd, "out0"), None);
        let with = |out0: &str| format!("{{ pim: {{ interfaces: {{ in0: {{}}{out0} }} }} }}");
        let change = reload(
            &mcrd,
            &with(", out0: { dr_priority: 5, hello_interval: 4 }"),
        );
        let said = r#"pim.interfaces.out0: none -> {"hello_interval":4.0,"dr_priority":5}"#;
        assert_eq!(change.settings, [said]);
        assert!(ear.hears_pim(|message| said_hello(message, 5, 14)));
        hello(&cable, THERE);
        assert!(eventually(SOON, || mcrd.neighbors().len() == 1));
        assert!(pim_interface(&mcrd, "out0").unwrap().is_dr);
        // The neighbour has priority 2; it stays one when ours changes.
        let change = reload(
            &mcrd,
            &with(", out0: { dr_priority: 1, hello_interval: 40 }"),
        );
        assert_eq!(change.settings.len(), 2, "{change:?}");
        assert!(ear.hears_pim(|message| said_hello(message, 1, 140)));
        let now = pim_interface(&mcrd, "out0").unwrap();
        assert_eq!(
            (now.is_dr, now.hello_interval, now.neighbors),
            (false, 40.0, 1)
        );
        // RFC 7761 §4.3.1: it says goodbye.
        reload(&mcrd, &with(""));
        assert!(ear.hears_pim(|message| said_hello(message, 1, 0)));
        assert_eq!(
            (pim_interface(&mcrd, "out0"), mcrd.neighbors()),
            (None, vec![])
        );
        let change = reload(&mcrd, &with(""));
        assert_eq!(change, ConfigChange::default());
    });
}

#[test]
fn igmp_changes_its_version_limits_and_filter() {
    in_world(
        "reconfigure::igmp_changes_its_version_limits_and_filter",
        || {
            let mcrd = Mcrd::with_config("{ igmp: { interfaces: { out0: {} } } }");
            let ear = Ear::new("dst", Listen::Igmp);
            let cable = Cable::new(&mcrd, "dst", "out0");
            members(&cable, &[GROUP]);
            let groups = || {
                mcrd.groups()
                    .iter()
                    .map(|one| one.group)
                    .collect::<Vec<_>>()
            };
            assert!(eventually(SOON, || groups() == [GROUP]));
            // At once, and without losing a member.
            reload(&mcrd, "{ igmp: { interfaces: { out0: { version: 2 } } } }");
            let asked = |version| {
                ear.hears_igmp(|message| {
                    matches!(message, igmp::Message::Query(query) if query.version == version)
                })
            };
            assert!(asked(Version::V2));
            assert_eq!(groups(), [GROUP]);
            reload(
                &mcrd,
                "{ igmp: { interfaces: { out0: { max_groups: 2 } } } }",
            );
            assert!(asked(Version::V3));
            let second = Ipv4Addr::new(239, 5, 5, 6);
            members(&cable, &[second, [239, 5, 5, 7].into()]);
            let refused = || mcrd.counter("out0", "igmp.drop.max-groups") == 1;
            assert!(eventually(SOON, refused), "{:?}", mcrd.counters("out0"));
            assert_eq!(groups(), [GROUP, second]);
            // What is not permitted any more goes.
            reload(
                &mcrd,
                "{ igmp: { interfaces: { out0: { groups: ['239.5.5.6/32'] } } } }",
            );
            assert_eq!(groups(), [second]);
            let routes = mcrd.routes();
            assert!(routes.iter().all(|one| one.group == second), "{routes:?}");
            let none = reload(&mcrd, "{}");
            assert_eq!(none.settings.len(), 1, "{none:?}");
            assert_eq!(groups(), [] as [Ipv4Addr; 0]);
            let left: Vec<IgmpInterface> = mcrd.call(Method::IgmpInterfaces {});
            assert_eq!(left, []);
        },
    );
}

fn joins_or_prunes(message: &Message<'_>, rp: Ipv4Addr) -> (bool, bool) {
    let Message::JoinPrune(JoinPrune { groups, .. }) = message else {
        return (false, false);
    };
    let star_g = EncodedSource::star_g(rp);
    let mut of_group = groups.iter().filter(|one| one.group.group == GROUP);
    of_group.next().map_or((false, false), |one| {
        (one.joins.contains(&star_g), one.prunes.contains(&star_g))
    })
}

/// RFC 7761 §4.5.1: a new RP(G) is joined at once, and the old one's tree left.
/// D30: the range of an RP is as long as it is said to be.
#[test]
fn groups_move_to_another_rp() {
    in_world("reconfigure::groups_move_to_another_rp", || {
        let with = |rps: &str| {
            format!(
                "{{ pim: {{ interfaces: {{ in0: {{}}, out0: {{}} }}, rp: {{ static: [{rps}] }} }},
                    igmp: {{ interfaces: {{ out0: {{}} }} }} }}"
            )
        };
        let mcrd = Mcrd::with_config(&with("{ address: '10.0.0.2' }"));
        let ear = Ear::new("src", Listen::Pim);
        let cable = Cable::new(&mcrd, "src", "in0");
        hello(&cable, ONE);
        hello(&cable, OTHER);
        members(&Cable::new(&mcrd, "dst", "out0"), &[GROUP]);
        assert!(ear.hears_pim(|message| joins_or_prunes(message, ONE).0));
        let rp = || mcrd.routes().first().and_then(|one| one.rp);
        assert_eq!(rp(), Some(ONE));
        reload(
            &mcrd,
            &with("{ address: '10.0.0.2' }, { address: '10.0.0.3', groups: ['239.5.0.0/16'] }"),
        );
        assert_eq!(rp(), Some(OTHER));
        let (mut joined, mut pruned) = (false, false);
        let moved = eventually(SOON, || {
            while let Some(payload) = ear.next() {
                let message = Message::parse(&payload).unwrap();
                joined |= joins_or_prunes(&message, OTHER).0;
                pruned |= joins_or_prunes(&message, ONE).1;
            }
            joined && pruned
        });
        assert!(
            moved,
            "joined the new one {joined}, left the old one {pruned}"
        );
        // A range beside the group does not concern it.
        reload(
            &mcrd,
            &with("{ address: '10.0.0.2' }, { address: '10.0.0.3', groups: ['239.6.0.0/16'] }"),
        );
        assert_eq!(rp(), Some(ONE));
        // Without an RP there is nothing to join.
        reload(&mcrd, &with(""));
        assert_eq!(rp(), None);
        assert_eq!(mcrd.groups().len(), 1);
        // The SSM range takes groups out of ASM.
        let mut ssm = with("{ address: '10.0.0.2' }");
        ssm = ssm.replace("rp:", "ssm_range: ['239.5.0.0/16'], rp:");
        reload(&mcrd, &ssm);
        assert_eq!((mcrd.groups(), mcrd.routes()), (vec![], vec![]));
    });
}

#[test]
fn a_client_merges_one_setting_into_the_others() {
    in_world(
        "reconfigure::a_client_merges_one_setting_into_the_others",
        || {
            let text = "{ pim: { interfaces: { out0: { hello_interval: 20 }, in0: {} } },
                igmp: { interfaces: { out0: { query_interval: 30 } } } }";
            let mcrd = Mcrd::with_config(text);
            let cable = Cable::new(&mcrd, "dst", "out0");
            hello(&cable, THERE);
            assert!(eventually(SOON, || mcrd.neighbors().len() == 1));
            let part = "{ pim: { interfaces: { out0: { dr_priority: 9 } } } }";
            let change = load(&mcrd, part, true);
            let said = "pim.interfaces.out0.dr_priority: default -> 9";
            assert_eq!(change.settings, [said]);
            let now = pim_interface(&mcrd, "out0").unwrap();
            assert_eq!((now.dr_priority, now.hello_interval), (9, 20.0));
            assert_eq!((now.is_dr, now.neighbors), (true, 1));
            // What is right alone is wrong with the rest, and said to be.
            let part = "{ igmp: { interfaces: { out0: { query_response_interval: 40 } } } }";
            let before = mcrd.known();
            let mut client = mcrd.client();
            client.put_config("part.json5", part).unwrap();
            match client.call::<ConfigChange>(Method::ConfigLoad { merge: true }) {
                Err(ClientError::Refused(failure)) => {
                    assert_eq!(failure.code, ErrorCode::Invalid);
                    let key = "igmp.interfaces.out0.query_response_interval";
                    assert_eq!(failure.problems[0].key, key);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(mcrd.known(), before);
            // And without merging, all else goes.
            load(&mcrd, "{ pim: { interfaces: { out0: {} } } }", false);
            let all: Vec<PimInterface> = mcrd.call(Method::PimInterfaces {});
            assert_eq!(all.len(), 1);
            assert_eq!((all[0].dr_priority, all[0].hello_interval), (1, 30.0));
        },
    );
}

#[test]
fn a_wrong_file_changes_nothing_and_is_told_with_its_place() {
    in_world(
        "reconfigure::a_wrong_file_changes_nothing_and_is_told_with_its_place",
        || {
            let text = "{ pim: { interfaces: { out0: {} } }, igmp: { interfaces: { out0: {} } } }";
            let mcrd = Mcrd::with_config(text);
            hello(&Cable::new(&mcrd, "dst", "out0"), THERE);
            assert!(eventually(SOON, || mcrd.neighbors().len() == 1));
            let before = mcrd.known();
            let path = config(
                "{\n  pim: { interfaces: { out0: { dr_priority: 9,\n    hello_intervall: 5 } },\n\
                 \x20   rp: { static: [{ address: '239.1.1.1' }] } },\n\
                 \x20 igmp: { interfaces: { out0: { version: 4 } } }\n}\n",
            );
            let failure = mcrd.refusal(Method::ConfigReload {});
            assert_eq!(failure.code, ErrorCode::Invalid);
            let told: Vec<_> = failure
                .problems
                .iter()
                .map(|one| (one.line.unwrap(), one.column.unwrap(), one.key.as_str()))
                .collect();
            assert_eq!(
                told,
                [
                    (3, 5, "pim.interfaces.out0.hello_intervall"),
                    (4, 31, "pim.rp.static[0].address"),
                    (5, 42, "igmp.interfaces.out0.version"),
                ]
            );
            let file = path.display().to_string();
            assert!(
                failure
                    .problems
                    .iter()
                    .all(|one| one.file.as_ref() == Some(&file))
            );
            assert_eq!(mcrd.known(), before);
            mcrd.signal(Signal::SIGHUP);
            mcrd.assert_logged(&format!("{file}:4:31"));
            assert_eq!(mcrd.known(), before);
        },
    );
}
