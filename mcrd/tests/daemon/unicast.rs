//! Outputs to one host.

use std::net::UdpSocket;

use mcr_api::Method;
use mcr_api::state::RuleStatus;
use mcr_tests::eventually;

use crate::mcrd::{Mcrd, SOON, Start, output, rule};
use crate::traffic::{send, sender, take};
use crate::world::{in_world, inside, ip};

fn waiting(mcrd: &Mcrd) -> Vec<String> {
    let status: RuleStatus = mcrd.call(Method::RulesShow {
        name: "a".to_owned(),
    });
    status.waiting
}

fn host(address: &'static str) -> UdpSocket {
    inside("dst", move || {
        let socket = UdpSocket::bind((address, 6000))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    })
}

fn to_host(address: [u8; 4]) -> mcr_api::rule::Rule {
    let mut rule = rule("a", 1);
    rule.outputs = vec![output("out0", address)];
    rule
}

fn wait_active(mcrd: &Mcrd) {
    assert!(
        eventually(SOON, || waiting(mcrd).is_empty()),
        "{:?}",
        waiting(mcrd)
    );
    mcrd.wait_workers(1);
}

#[test]
fn a_host_is_found_and_its_refusals_do_not_matter() {
    in_world(
        "unicast::a_host_is_found_and_its_refusals_do_not_matter",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[to_host([10, 0, 1, 2])]);
            wait_active(&mcrd);
            let sender = sender();
            // D31: each ICMP port unreachable made a later send fail.
            send(&sender, 1, 0..20);
            assert!(eventually(SOON, || mcrd.stats("a").packets == 20));
            let host = host("10.0.1.2");
            send(&sender, 1, 20..40);
            assert_eq!(take(&host, 20, SOON), Vec::from_iter(20..40));
            let stats = mcrd.stats("a");
            assert_eq!(
                (stats.outputs[0].packets, stats.outputs[0].dropped),
                (40, 0)
            );
        },
    );
}

#[test]
fn a_gateway_and_a_new_route_are_followed() {
    in_world("unicast::a_gateway_and_a_new_route_are_followed", || {
        ip("-n dst addr add 192.0.2.1/32 dev lo");
        let mcrd = Start::new().ready();
        mcrd.add(&[to_host([192, 0, 2, 1])]);
        let said = eventually(SOON, || {
            waiting(&mcrd).iter().any(|one| one.contains("no route"))
        });
        assert!(said, "{:?}", waiting(&mcrd));
        ip("-n r route add 192.0.2.0/24 via 10.0.1.2 dev out0");
        wait_active(&mcrd);
        let host = host("192.0.2.1");
        send(&sender(), 1, 0..10);
        assert_eq!(take(&host, 10, SOON).len(), 10);
    });
}

#[test]
fn a_host_that_comes_later_and_changes_its_mac_is_followed() {
    in_world(
        "unicast::a_host_that_comes_later_and_changes_its_mac_is_followed",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[to_host([10, 0, 1, 9])]);
            let said = eventually(SOON, || {
                waiting(&mcrd).iter().any(|one| one.contains("neighbour"))
            });
            assert!(said, "{:?}", waiting(&mcrd));
            ip("-n dst addr add 10.0.1.9/24 dev e0");
            wait_active(&mcrd);
            let host = host("10.0.1.9");
            send(&sender(), 1, 0..1);
            assert_eq!(take(&host, 1, SOON), [0]);
            // The kernel learns the new address from the host's own packets.
            ip("-n dst link set e0 address 02:00:00:00:00:99");
            ip("-n r neigh replace 10.0.1.9 lladdr 02:00:00:00:00:99 dev out0 nud reachable");
            let mut number = 1;
            let followed = eventually(SOON, || {
                send(&sender(), 1, number..number + 1);
                number += 1;
                !take(&host, 1, std::time::Duration::from_millis(20)).is_empty()
            });
            assert!(followed);
        },
    );
}
