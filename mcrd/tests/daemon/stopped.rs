//! A daemon that stood still for a while, as under a debugger or in a virtual
//! machine that was paused.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use mcr_tests::eventually;
use mcr_wire::pim::{ALL_PIM_ROUTERS, Hello, Message};
use nix::sys::signal::Signal;

use crate::inject::{Cable, Ip};
use crate::mcrd::{Mcrd, SOON};
use crate::routing::{member, send};
use crate::traffic::{sender, take};
use crate::world::in_world;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 5, 5, 5);
const SPEAKS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 8);
const SILENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

fn hello(cable: &Cable, from: Ipv4Addr, holdtime: u16) {
    let hello = Hello {
        holdtime: Some(holdtime),
        generation_id: Some(7),
        ..Hello::default()
    };
    let packet = Ip::pim(from, ALL_PIM_ROUTERS, Message::Hello(hello).emit());
    cable.send(&packet.bytes());
}

/// Three times as long as the neighbours' holdtime: those who spoke meanwhile
/// stay, who did not is lost, and workers forward without the daemon.
#[test]
fn a_pause_loses_no_packet_and_no_neighbor_that_spoke() {
    in_world(
        "stopped::a_pause_loses_no_packet_and_no_neighbor_that_spoke",
        || {
            let mcrd = Mcrd::with_config(
                "{ pim: { interfaces: { in0: { hello_interval: 1 }, out0: {} },
                     rp: { static: [{ address: '10.0.0.1' }] } },
                   igmp: { interfaces: { out0: { query_interval: 2,
                     query_response_interval: 1 } } } }",
            );
            let receiver = member(&mcrd, GROUP, None);
            let sender = sender();
            let routed = eventually(SOON, || {
                send(&sender, GROUP, 0);
                take(&receiver, 1, SOON);
                mcrd.input("in0").matched > 0
            });
            assert!(routed);
            let cable = Cable::new(&mcrd, "src", "in0");
            hello(&cable, SPEAKS, 4);
            hello(&cable, SILENT, 4);
            assert!(eventually(SOON, || mcrd.neighbors().len() == 2));
            mcrd.signal(Signal::SIGSTOP);
            let end = Instant::now() + Duration::from_secs(12);
            let mut number = 0;
            while Instant::now() < end {
                if number % 20 == 0 {
                    hello(&cable, SPEAKS, 4);
                }
                number += 1;
                send(&sender, GROUP, number);
                assert_eq!(take(&receiver, 1, SOON), [number]);
                std::thread::park_timeout(Duration::from_millis(50));
            }
            mcrd.signal(Signal::SIGCONT);
            // The host answers queries, so it is a member as before.
            let left = || {
                mcrd.neighbors()
                    .iter()
                    .map(|one| one.address)
                    .collect::<Vec<_>>()
            };
            let caught_up = eventually(SOON, || {
                hello(&cable, SPEAKS, 4);
                left() == [SPEAKS]
            });
            assert!(caught_up, "{:?}", left());
            let log = mcrd.log();
            let lost = log
                .lines()
                .filter(|line| line.contains("address=10.0.0.8") && line.contains("neighbour"));
            assert_eq!(lost.count(), 1, "it came, and never went");
            assert!(mcrd.workers().iter().all(|worker| worker.restarts == 0));
            send(&sender, GROUP, 1_000_000);
            assert_eq!(take(&receiver, 1, SOON), [1_000_000]);
        },
    );
}
