//! Interfaces that go, come back and change while rules use them.

use mcr_api::Method;
use mcr_api::state::{RuleState, RuleStatus};
use mcr_tests::eventually;

use crate::mcrd::{Mcrd, SOON, Start, rule};
use crate::traffic::{receiver, send, sender, take};
use crate::world::{in_world, inside, ip};

fn state(mcrd: &Mcrd) -> RuleState {
    let status: RuleStatus = mcrd.call(Method::RulesShow {
        name: "a".to_owned(),
    });
    status.state
}

fn wait_state(mcrd: &Mcrd, want: RuleState) {
    let came = eventually(SOON, || state(mcrd) == want);
    assert!(came, "not {want:?}: {:?}", state(mcrd));
}

/// Ten packets pass; the entry in the worker is the one of the moment.
fn assert_relays(mcrd: &Mcrd) {
    mcrd.wait_workers(1);
    let (sender, receiver) = (sender(), receiver(1));
    send(&sender, 1, 0..10);
    assert_eq!(take(&receiver, 10, SOON), Vec::from_iter(0..10));
}

#[test]
fn an_input_that_is_made_anew_is_used_anew() {
    in_world(
        "interfaces::an_input_that_is_made_anew_is_used_anew",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            assert_relays(&mcrd);
            ip("-n r link del in0");
            wait_state(&mcrd, RuleState::Waiting);
            assert!(eventually(SOON, || mcrd.workers().is_empty()));
            // D12: the worker stayed on the old number.
            ip("link add in0 netns r type veth peer name e0 netns src");
            ip("-n r addr add 10.0.0.1/24 dev in0");
            ip("-n src addr add 10.0.0.2/24 dev e0");
            ip("-n src link set e0 up");
            ip("-n src route add 224.0.0.0/4 dev e0");
            ip("-n r link set in0 up");
            wait_state(&mcrd, RuleState::Active);
            assert_relays(&mcrd);
            assert_eq!(mcrd.stats("a").packets, 20, "the count goes on");
            assert_eq!(mcrd.input("in0").matched, 20);
        },
    );
}

#[test]
fn an_output_that_is_made_anew_is_used_anew() {
    in_world(
        "interfaces::an_output_that_is_made_anew_is_used_anew",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            assert_relays(&mcrd);
            let pid = mcrd.workers()[0].pid;
            ip("-n r link del out0");
            wait_state(&mcrd, RuleState::Waiting);
            mcrd.wait_workers(1);
            send(&sender(), 1, 0..5);
            assert!(eventually(SOON, || mcrd.stats("a").outputs[0].dropped == 5));
            ip("link add out0 netns r type veth peer name e0 netns dst");
            ip("-n r addr add 10.0.1.1/24 dev out0");
            ip("-n dst addr add 10.0.1.2/24 dev e0");
            ip("-n dst link set e0 up");
            ip("-n r link set out0 up");
            wait_state(&mcrd, RuleState::Active);
            assert_relays(&mcrd);
            assert_eq!(mcrd.workers()[0].pid, pid, "the worker stays");
        },
    );
}

#[test]
fn down_and_up_again_is_followed() {
    in_world("interfaces::down_and_up_again_is_followed", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        assert_relays(&mcrd);
        for interface in ["in0", "out0"] {
            ip(&format!("-n r link set {interface} down"));
            wait_state(&mcrd, RuleState::Waiting);
            ip(&format!("-n r link set {interface} up"));
            wait_state(&mcrd, RuleState::Active);
            assert_relays(&mcrd);
        }
    });
}

#[test]
fn copies_carry_the_address_of_the_moment() {
    in_world("interfaces::copies_carry_the_address_of_the_moment", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        mcrd.wait_workers(1);
        let (sender, receiver) = (sender(), receiver(1));
        let from = |want: [u8; 4]| {
            mcrd.wait_workers(1);
            send(&sender, 1, 0..1);
            let mut seen = None;
            let came = eventually(SOON, || {
                seen = receiver.recv_from(&mut [0; 100]).ok();
                seen.is_some()
            });
            assert!(came);
            let (_, address) = seen.unwrap();
            assert_eq!(address.ip(), std::net::IpAddr::from(want));
        };
        from([10, 0, 1, 1]);
        // D12: the old address was kept for the life of the worker.
        ip("-n r addr del 10.0.1.1/24 dev out0");
        wait_state(&mcrd, RuleState::Waiting);
        ip("-n r addr add 10.0.1.77/24 dev out0");
        wait_state(&mcrd, RuleState::Active);
        from([10, 0, 1, 77]);
    });
}

#[test]
fn a_mac_and_an_mtu_are_followed() {
    in_world("interfaces::a_mac_and_an_mtu_are_followed", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        assert_relays(&mcrd);
        ip("-n r link set out0 address 02:00:00:00:00:77");
        ip("-n r link set out0 mtu 1000");
        let seen = eventually(SOON, || {
            let all: Vec<mcr_api::state::Interface> = mcrd.call(Method::Interfaces {});
            all.iter().any(|one| {
                one.name == "out0"
                    && one.mtu == Some(1000)
                    && one.mac.as_deref() == Some("02:00:00:00:00:77")
            })
        });
        assert!(seen);
        assert_relays(&mcrd);
        let sender = inside("src", || std::net::UdpSocket::bind("10.0.0.2:0"));
        sender.send_to(&[0; 1200], "239.1.1.1:5000").unwrap();
        assert!(eventually(SOON, || mcrd.input("in0").drops["too-big"] == 1));
    });
}

#[test]
fn inputs_are_joined_and_left() {
    in_world("interfaces::inputs_are_joined_and_left", || {
        let mcrd = Start::new().ready();
        let mut one_source = rule("ssm", 2);
        one_source.input.source = Some([10, 0, 0, 2].into());
        mcrd.add(&[rule("a", 1), one_source]);
        let joined = |group: &str| {
            inside("r", || {
                let output = std::process::Command::new("ip")
                    .args(["maddress", "show", "dev", "in0"])
                    .output()?;
                Ok(String::from_utf8_lossy(&output.stdout).contains(group))
            })
        };
        assert!(eventually(SOON, || joined("239.1.1.1") && joined("239.1.1.2")));
        mcrd.remove("a");
        mcrd.remove("ssm");
        assert!(eventually(SOON, || !joined("239.1.1.1") && !joined("239.1.1.2")));
    });
}

#[test]
fn a_rule_follows_the_name_and_not_the_number() {
    in_world(
        "interfaces::a_rule_follows_the_name_and_not_the_number",
        || {
            let mcrd = Start::new().ready();
            let mut other = rule("b", 2);
            other.input.interface = "other0".to_owned();
            mcrd.add(&[rule("a", 1), other]);
            assert_relays(&mcrd);
            ip("-n r link set in0 down");
            ip("-n r link set in0 name other0");
            ip("-n r link set other0 up");
            wait_state(&mcrd, RuleState::Waiting);
            let other = eventually(SOON, || {
                let workers = mcrd.workers();
                workers.len() == 1 && workers[0].interface == "other0" && workers[0].in_sync
            });
            assert!(other, "{:?}", mcrd.workers());
            let (sender, receiver) = (sender(), receiver(2));
            send(&sender, 2, 0..10);
            assert_eq!(take(&receiver, 10, SOON).len(), 10);
            send(&sender, 1, 0..10);
            assert_eq!((mcrd.stats("a").packets, mcrd.stats("b").packets), (10, 10));
            ip("-n r link set other0 down");
            ip("-n r link set other0 name in0");
            ip("-n r link set in0 up");
            wait_state(&mcrd, RuleState::Active);
            assert_relays(&mcrd);
            assert_eq!(mcrd.stats("a").packets, 20);
        },
    );
}

/// The sources that the kernel lets in for 239.1.1.2, sorted.
fn sources() -> Vec<String> {
    let table = inside("r", || {
        std::fs::read_to_string("/proc/thread-self/net/mcfilter")
    });
    let mut sources: Vec<String> = table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(2);
            let (group, source) = (fields.next()?, fields.next()?);
            (group == "0xef010102").then(|| source.to_owned())
        })
        .collect();
    sources.sort();
    sources
}

#[test]
fn sources_are_joined_until_any_source_is() {
    in_world("interfaces::sources_are_joined_until_any_source_is", || {
        let mcrd = Start::new().ready();
        // More than one socket takes (net.ipv4.igmp_max_msf is 10).
        let rules: Vec<_> = (0..25)
            .map(|number| {
                let mut one = rule(&format!("from-{number}"), 2);
                one.input.source = Some([10, 0, 0, 2 + number].into());
                one
            })
            .collect();
        mcrd.add(&rules);
        assert!(
            eventually(SOON, || sources().len() == 25),
            "{:?}",
            sources()
        );
        mcrd.add(&[rule("any", 2)]);
        assert!(eventually(SOON, || sources().is_empty()), "{:?}", sources());
        let groups = || {
            let all: Vec<mcr_api::state::Interface> = mcrd.call(Method::Interfaces {});
            all.iter().find(|one| one.name == "in0").unwrap().groups
        };
        assert_eq!(groups(), 1);
        mcrd.remove("any");
        assert!(
            eventually(SOON, || sources().len() == 25),
            "{:?}",
            sources()
        );
        assert!(
            mcrd.status()
                .notes
                .iter()
                .all(|note| !note.contains("membership"))
        );
        // The rule of the source comes before the one of any.
        mcrd.add(&[rule("any", 2)]);
        mcrd.wait_workers(1);
        send(&sender(), 2, 0..3);
        assert!(eventually(SOON, || mcrd.stats("from-0").packets == 3));
        assert_eq!(mcrd.stats("any").packets, 0);
    });
}
