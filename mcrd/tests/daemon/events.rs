//! D2: events reach those who watch, in their order, whatever others who watch
//! do.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, channel};

use mcr_api::client::Watch;
use mcr_api::router::WatchLine;

use crate::inject::Cable;
use crate::mcrd::{Mcrd, SOON};
use crate::reconfigure::members;
use crate::world::in_world;

/// Groups that are joined, far more than the daemon keeps events for one who
/// does not read; each join is two events.
const GROUPS: u32 = 6000;
const AT_ONCE: u32 = 50;

/// Reads from now on.
fn read(mut watch: Watch) -> Receiver<WatchLine> {
    let (heard, lines) = channel();
    std::thread::spawn(move || {
        while let Ok(line) = watch.next_event() {
            if heard.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[test]
fn readers_that_are_stuck_or_leave_disturb_nobody() {
    in_world(
        "events::readers_that_are_stuck_or_leave_disturb_nobody",
        || {
            let mcrd = Mcrd::with_config(
                "{ pim: { interfaces: { in0: {}, out0: {} },
                     rp: { static: [{ address: '10.0.0.1' }] } },
                   igmp: { interfaces: { out0: {} } } }",
            );
            let cable = Cable::new(&mcrd, "dst", "out0");
            let good = read(mcrd.client().watch().unwrap());
            let stuck = mcrd.client().watch().unwrap();
            let mut leaves = Some(mcrd.client().watch().unwrap());
            let mut all = Vec::new();
            for first in (0..GROUPS).step_by(usize::try_from(AT_ONCE).unwrap()) {
                let group = |number| Ipv4Addr::from(0xef01_0000 + number);
                let groups = Vec::from_iter((first..first + AT_ONCE).map(group));
                members(&cable, &groups);
                for _ in 0..2 * AT_ONCE {
                    let line = good.recv_timeout(SOON).unwrap();
                    assert_eq!(line.missed, 0);
                    all.push(line);
                }
                if first > GROUPS / 2 {
                    leaves = None;
                }
            }
            assert!(leaves.is_none());
            assert!(all.is_sorted_by(|one, next| one.time <= next.time));
            // The one that begins to read is told what it has, how many it has
            // not, and the rest.
            let late = read(stuck);
            let (mut next, mut missed) = (0, 0);
            while next < all.len() {
                let line = late.recv_timeout(SOON).unwrap();
                missed += line.missed;
                next += usize::try_from(line.missed).unwrap();
                assert_eq!(line.event, all[next].event);
                next += 1;
            }
            assert!(missed > 1000, "{missed}");
            mcrd.status();
        },
    );
}
