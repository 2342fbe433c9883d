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
    let [long, short] = [until(210), until(50)].map(Event::Join);
    let [ever, zero] = [Hold::Forever, Hold::Nothing].map(Event::Join);
    let (prune, ppt_over, et_over) = (Event::Prune, Event::PrunePendingOver, Event::ExpiryOver);
    let (none, et, both) = ((None, None), (Some(ET), None), (Some(ET), Some(PPT)));
    let rows = [
        (NoInfo, long, Join, Nothing, (Some(210), None)),
        (NoInfo, ever, Join, Nothing, none),
        (NoInfo, zero, NoInfo, Nothing, none),
        (NoInfo, prune, NoInfo, Nothing, none),
        (NoInfo, ppt_over, NoInfo, Nothing, none),
        (NoInfo, et_over, NoInfo, Nothing, none),
        (Join, long, Join, Nothing, (Some(210), None)),
        (Join, short, Join, Nothing, et),
        (Join, ever, Join, Nothing, none),
        (Join, zero, NoInfo, Nothing, none),
        (Join, prune, PrunePending, Nothing, (Some(ET), Some(3))),
        (Join, ppt_over, Join, Nothing, et),
        (Join, et_over, NoInfo, Nothing, none),
        (PrunePending, long, Join, Nothing, (Some(210), None)),
        (PrunePending, short, Join, Nothing, et),
        (PrunePending, ever, Join, Nothing, none),
        (PrunePending, zero, NoInfo, Nothing, none),
        (PrunePending, prune, PrunePending, Nothing, both),
        (PrunePending, ppt_over, NoInfo, SendPruneEcho, none),
        (PrunePending, et_over, NoInfo, Nothing, none),
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
    let [prune, short] = [until(210), until(50)].map(RptEvent::Prune);
    let [ever, zero] = [Hold::Forever, Hold::Nothing].map(RptEvent::Prune);
    let (none, et, both) = ((None, None), (Some(ET), None), (Some(ET), Some(PPT)));
    let rows = [
        (NoInfo, JoinStarG, NoInfo, none),
        (NoInfo, Join, NoInfo, none),
        (NoInfo, prune, PrunePending, (Some(210), Some(3))),
        (NoInfo, ever, PrunePending, (None, Some(3))),
        (NoInfo, zero, NoInfo, none),
        (NoInfo, EndOfMessage, NoInfo, none),
        (NoInfo, PrunePendingOver, NoInfo, none),
        (NoInfo, ExpiryOver, NoInfo, none),
        (Prune, JoinStarG, PruneTmp, et),
        (Prune, Join, NoInfo, none),
        (Prune, prune, Prune, (Some(210), None)),
        (Prune, short, Prune, et),
        (Prune, ever, Prune, none),
        (Prune, zero, NoInfo, none),
        (Prune, EndOfMessage, Prune, et),
        (Prune, PrunePendingOver, Prune, et),
        (Prune, ExpiryOver, NoInfo, none),
        (PrunePending, JoinStarG, PrunePendingTmp, both),
        (PrunePending, Join, NoInfo, none),
        (PrunePending, prune, PrunePending, (Some(210), Some(PPT))),
        (PrunePending, zero, NoInfo, none),
        (PrunePending, EndOfMessage, PrunePending, both),
        (PrunePending, PrunePendingOver, Prune, et),
        (PrunePending, ExpiryOver, NoInfo, none),
        (PruneTmp, JoinStarG, PruneTmp, et),
        (PruneTmp, Join, NoInfo, none),
        (PruneTmp, prune, Prune, (Some(210), None)),
        (PruneTmp, zero, NoInfo, none),
        (PruneTmp, EndOfMessage, NoInfo, none),
        (PruneTmp, PrunePendingOver, PruneTmp, et),
        (PruneTmp, ExpiryOver, NoInfo, none),
        (PrunePendingTmp, JoinStarG, PrunePendingTmp, both),
        (PrunePendingTmp, Join, NoInfo, none),
        (PrunePendingTmp, prune, PrunePending, (Some(210), Some(PPT))),
        (PrunePendingTmp, zero, NoInfo, none),
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
