//! Deadlines move, end and come in order.

use super::*;

fn t(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

#[test]
fn timers_run_out_in_the_order_of_their_deadlines() {
    let mut timers = Timers::default();
    timers.set('b', t(2));
    timers.set('a', t(3));
    timers.set('c', t(1));
    timers.set('c', t(4));
    assert_eq!(timers.next(), Some((t(2), 'b')));
    assert_eq!(timers.pop_expired(t(1)), None);
    assert_eq!(timers.pop_expired(t(3)), Some('b'));
    assert_eq!(timers.pop_expired(t(3)), Some('a'));
    assert_eq!(timers.pop_expired(t(3)), None);
    assert_eq!(timers.len(), 1);
}

#[test]
fn a_cancelled_timer_is_forgotten() {
    let mut timers = Timers::default();
    timers.set('a', t(1));
    timers.cancel('a');
    assert_eq!((timers.next(), timers.is_set('a')), (None, false));
    assert!(timers.is_empty());
}

#[test]
fn extend_only_moves_later_and_shorten_only_earlier() {
    let mut timers = Timers::default();
    timers.extend('a', t(5));
    timers.extend('a', t(3));
    assert_eq!(timers.deadline('a'), Some(t(5)));
    timers.extend('a', t(7));
    assert_eq!(timers.deadline('a'), Some(t(7)));
    timers.shorten('a', t(9));
    assert_eq!(timers.deadline('a'), Some(t(7)));
    timers.shorten('a', t(2));
    assert_eq!(timers.iter().collect::<Vec<_>>(), [('a', t(2))]);
}
