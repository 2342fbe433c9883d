//! The work of learning and holding many routes, counted and not timed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const OUTPUTS: u8 = 10;
const ALL: usize = 10_000;

/// What the router did between two moments.
#[derive(Debug, PartialEq, Eq)]
struct Work {
    looked_at: usize,
    sent: u64,
    routes: u64,
}

fn work(rig: &mut Rig, act: impl FnOnce(&mut Rig)) -> Work {
    let before = (rig.router.looked_at(), rig.sent, rig.routes);
    act(rig);
    Work {
        looked_at: rig.router.looked_at() - before.0,
        sent: rig.sent - before.1,
        routes: rig.routes - before.2,
    }
}

fn join_all(rig: &mut Rig, channels: Channels) {
    for iface in 1..=OUTPUTS {
        rig.hear(iface, join_prunes(iface, channels, Sign::Join))
            .unwrap();
    }
}

/// 10 000 (S,G) joined on ten interfaces and refreshed: each output is
/// one change of the route, and what changes nothing costs nothing.
#[test]
fn work_grows_with_outputs_and_not_with_routes() {
    let channels = Channels {
        groups: 100,
        sources: 100,
    };
    let mut rig = Rig::new(OUTPUTS).unwrap();
    let messages = join_prunes(1, channels, Sign::Join).len();
    let most = u64::try_from(messages).unwrap();
    let outputs = ALL * usize::from(OUTPUTS);

    let joined = work(&mut rig, |rig| join_all(rig, channels));
    assert_eq!(rig.router.tib().entries(), ALL);
    // And one entry for packets that arrive on the output's interface.
    assert_eq!(joined.routes, 2 * u64::try_from(outputs).unwrap());
    // One round for each change, another for those that were the first of
    // their source, and (*,G) of each group with each message.
    assert!(joined.looked_at <= 5 * outputs / 4, "{joined:?}");
    // A Hello goes before the first.
    assert!((1..=most + 1).contains(&joined.sent), "{joined:?}");

    let refreshed = work(&mut rig, |rig| join_all(rig, channels));
    let nothing = Work {
        looked_at: 0,
        sent: 0,
        routes: 0,
    };
    assert_eq!(refreshed, nothing, "a refresh changes nothing");
    let timers = rig.router.timers().len();

    let own = work(&mut rig, |rig| rig.pass(Duration::from_secs(60)));
    assert_eq!((own.looked_at, own.routes), (0, 0), "nor does our own");
    // With Hellos and queries, of which there are few.
    let hellos_and_queries = 10 * (u64::from(OUTPUTS) + 1);
    assert!(own.sent <= 2 * most + hellos_and_queries, "{own:?}");
    assert_eq!(rig.router.timers().len(), timers);

    let way = work(&mut rig, |rig| rig.way(UPSTREAM[1]).unwrap());
    assert!(way.looked_at <= 5 * ALL / 2, "{way:?}");
    assert!(way.sent <= 2 * most, "{way:?}");
    assert_eq!(way.routes, 0, "the same interface, another neighbour");
}
