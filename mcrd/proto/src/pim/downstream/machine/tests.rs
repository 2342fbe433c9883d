//! A row for each state and event of RFC 7761 §4.5.1 to §4.5.3: the state after
//! it, the action, and when ET and PPT run out then.

use std::time::Duration;

use super::*;

const NOW: Instant = Instant::from_micros(1_000_000_000);
/// J/P_Override_Interval.
const WAIT: Duration = Duration::from_secs(3);
/// When PPT runs out in states that have it.
const PPT: u64 = 2;
/// When ET runs out in states that have it.
const ET: u64 = 100;

fn key() -> TreeKey {
    TreeKey::SgRpt(
        "10.0.0.1"
            .parse::<std::net::Ipv4Addr>()
            .unwrap()
            .try_into()
            .unwrap(),
        "239.1.1.1"
            .parse::<std::net::Ipv4Addr>()
            .unwrap()
            .try_into()
            .unwrap(),
    )
}

fn iface() -> IfIndex {
    IfIndex::new(7).unwrap()
}

fn at(seconds: u64) -> Instant {
    NOW + Duration::from_secs(seconds)
}

fn until(seconds: u64) -> Hold {
    Hold::Until(at(seconds))
}

/// Timers as the state has them.
fn timers(et: bool, ppt: bool) -> Timers<TimerId> {
    let mut timers = Timers::default();
    if et {
        timers.set(TimerId::Expiry(key(), iface()), at(ET));
    }
    if ppt {
        timers.set(TimerId::PrunePending(key(), iface()), at(PPT));
    }
    timers
}

fn clock(timers: &mut Timers<TimerId>) -> Clock<'_> {
    Clock {
        timers,
        key: key(),
        iface: iface(),
        now: NOW,
        override_interval: WAIT,
    }
}

/// Seconds until ET and PPT run out.
fn left(timers: &Timers<TimerId>) -> (Option<u64>, Option<u64>) {
    let left = |id| timers.deadline(id).map(|at| (at - NOW).as_secs());
    let et = left(TimerId::Expiry(key(), iface()));
    let ppt = left(TimerId::PrunePending(key(), iface()));
    (et, ppt)
}

/// RFC 7761 §4.5.1, §4.5.2, §4.9.5: Receive Join and Prune, PPT and ET.
#[test]
fn a_join_or_prune_makes_the_transition_of_the_table() {
    use Action::{Nothing, SendPruneEcho};
    use Downstream::{Join, NoInfo, PrunePending};
    let rows = [
        (
            NoInfo,
            Event::Join(until(210)),
            Join,
            Nothing,
            (Some(210), None),
        ),
        (
            NoInfo,
            Event::Join(Hold::Forever),
            Join,
            Nothing,
            (None, None),
        ),
        (
            NoInfo,
            Event::Join(Hold::Nothing),
            NoInfo,
            Nothing,
            (None, None),
        ),
        (NoInfo, Event::Prune, NoInfo, Nothing, (None, None)),
        (
            NoInfo,
            Event::PrunePendingOver,
            NoInfo,
            Nothing,
            (None, None),
        ),
        (NoInfo, Event::ExpiryOver, NoInfo, Nothing, (None, None)),
        (
            Join,
            Event::Join(until(210)),
            Join,
            Nothing,
            (Some(210), None),
        ),
        (
            Join,
            Event::Join(until(50)),
            Join,
            Nothing,
            (Some(ET), None),
        ),
        (
            Join,
            Event::Join(Hold::Forever),
            Join,
            Nothing,
            (None, None),
        ),
        (
            Join,
            Event::Join(Hold::Nothing),
            NoInfo,
            Nothing,
            (None, None),
        ),
        (
            Join,
            Event::Prune,
            PrunePending,
            Nothing,
            (Some(ET), Some(3)),
        ),
        (
            Join,
            Event::PrunePendingOver,
            Join,
            Nothing,
            (Some(ET), None),
        ),
        (Join, Event::ExpiryOver, NoInfo, Nothing, (None, None)),
        (
            PrunePending,
            Event::Join(until(210)),
            Join,
            Nothing,
            (Some(210), None),
        ),
        (
            PrunePending,
            Event::Join(until(50)),
            Join,
            Nothing,
            (Some(ET), None),
        ),
        (
            PrunePending,
            Event::Join(Hold::Forever),
            Join,
            Nothing,
            (None, None),
        ),
        (
            PrunePending,
            Event::Join(Hold::Nothing),
            NoInfo,
            Nothing,
            (None, None),
        ),
        (
            PrunePending,
            Event::Prune,
            PrunePending,
            Nothing,
            (Some(ET), Some(PPT)),
        ),
        (
            PrunePending,
            Event::PrunePendingOver,
            NoInfo,
            SendPruneEcho,
            (None, None),
        ),
        (
            PrunePending,
            Event::ExpiryOver,
            NoInfo,
            Nothing,
            (None, None),
        ),
    ];
    for (state, event, want, action, want_left) in rows {
        let mut timers = timers(state != NoInfo, state == PrunePending);
        let got = step(state, event, &mut clock(&mut timers));
        assert_eq!(got, (want, action), "{state:?} on {event:?}");
        assert_eq!(left(&timers), want_left, "timers of {state:?} on {event:?}");
    }
}

/// RFC 7761 §4.9.5: Holdtime 0xffff; a later Join with less does not shorten
/// it, as ET is set to the maximum of its value and the message's.
#[test]
fn state_that_never_expires_stays_so() {
    let mut timers = Timers::default();
    let event = Event::Join(until(210));
    let (state, _) = step(Downstream::Join, event, &mut clock(&mut timers));
    assert_eq!(state, Downstream::Join);
    assert_eq!(left(&timers), (None, None));
}

/// RFC 7761 §4.5.3.
#[test]
fn an_rpt_prune_makes_the_transition_of_the_table() {
    use Rpt::{NoInfo, Prune, PrunePending, PrunePendingTmp, PruneTmp};
    use RptEvent::{EndOfMessage, ExpiryOver, Join, JoinStarG, PrunePendingOver};
    let prune = RptEvent::Prune(until(210));
    let (none, et, both) = ((None, None), (Some(ET), None), (Some(ET), Some(PPT)));
    let rows = [
        (NoInfo, JoinStarG, NoInfo, none),
        (NoInfo, Join, NoInfo, none),
        (NoInfo, prune, PrunePending, (Some(210), Some(3))),
        (
            NoInfo,
            RptEvent::Prune(Hold::Forever),
            PrunePending,
            (None, Some(3)),
        ),
        (NoInfo, RptEvent::Prune(Hold::Nothing), NoInfo, none),
        (NoInfo, EndOfMessage, NoInfo, none),
        (NoInfo, PrunePendingOver, NoInfo, none),
        (NoInfo, ExpiryOver, NoInfo, none),
        (Prune, JoinStarG, PruneTmp, et),
        (Prune, Join, NoInfo, none),
        (Prune, prune, Prune, (Some(210), None)),
        (Prune, RptEvent::Prune(until(50)), Prune, et),
        (Prune, RptEvent::Prune(Hold::Forever), Prune, none),
        (Prune, RptEvent::Prune(Hold::Nothing), NoInfo, none),
        (Prune, EndOfMessage, Prune, et),
        (Prune, PrunePendingOver, Prune, et),
        (Prune, ExpiryOver, NoInfo, none),
        (PrunePending, JoinStarG, PrunePendingTmp, both),
        (PrunePending, Join, NoInfo, none),
        (PrunePending, prune, PrunePending, (Some(210), Some(PPT))),
        (PrunePending, RptEvent::Prune(Hold::Nothing), NoInfo, none),
        (PrunePending, EndOfMessage, PrunePending, both),
        (PrunePending, PrunePendingOver, Prune, et),
        (PrunePending, ExpiryOver, NoInfo, none),
        (PruneTmp, JoinStarG, PruneTmp, et),
        (PruneTmp, Join, NoInfo, none),
        (PruneTmp, prune, Prune, (Some(210), None)),
        (PruneTmp, RptEvent::Prune(Hold::Nothing), NoInfo, none),
        (PruneTmp, EndOfMessage, NoInfo, none),
        (PruneTmp, PrunePendingOver, PruneTmp, et),
        (PruneTmp, ExpiryOver, NoInfo, none),
        (PrunePendingTmp, JoinStarG, PrunePendingTmp, both),
        (PrunePendingTmp, Join, NoInfo, none),
        (PrunePendingTmp, prune, PrunePending, (Some(210), Some(PPT))),
        (
            PrunePendingTmp,
            RptEvent::Prune(Hold::Nothing),
            NoInfo,
            none,
        ),
        (PrunePendingTmp, EndOfMessage, NoInfo, none),
        (PrunePendingTmp, PrunePendingOver, Prune, et),
        (PrunePendingTmp, ExpiryOver, NoInfo, none),
    ];
    for (state, event, want, want_left) in rows {
        let pending = matches!(state, PrunePending | PrunePendingTmp);
        let mut timers = timers(state != NoInfo, pending);
        let got = step_rpt(state, event, &mut clock(&mut timers));
        assert_eq!(got, want, "{state:?} on {event:?}");
        assert_eq!(left(&timers), want_left, "timers of {state:?} on {event:?}");
    }
}
