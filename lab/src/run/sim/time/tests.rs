//! Who sleeps is woken in the order of time, and a wait for nothing ends.

use std::path::Path;
use std::rc::Rc;

use futures_util::future::{join_all, pending, select};

use super::*;
use crate::run::sim::hosting::host;

fn clock() -> Clock {
    let text = "{lab: 1, name: t, nodes: {a: host, b: host}, links: [a -- b]}";
    let lab = crate::topology::parse(Path::new("t.yaml"), text, &[], &|_| None)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let hosted = host(&lab).unwrap_or_else(|reason| panic!("{reason}"));
    let machine = Machine::start(&hosted, 1, Rc::default());
    Clock::new(Rc::new(RefCell::new(machine)))
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn sleepers_wake_in_the_order_of_time() {
    let clock = clock();
    let woken = RefCell::new(Vec::new());
    // More than are polled together each time.
    let sleepers = (0..60).rev().map(async |number| {
        clock.sleep_until(at(100 * number)).await;
        assert_eq!(clock.now(), at(100 * number));
        woken.borrow_mut().push(number);
    });
    let done = block_on(&clock, join_all(sleepers));
    assert!(done.is_some());
    assert_eq!(woken.into_inner(), (0..60).collect::<Vec<_>>());
}

#[test]
fn a_sleep_that_nobody_waits_for_holds_nobody_up() {
    let clock = clock();
    let done = block_on(&clock, async {
        let long = std::pin::pin!(clock.sleep_until(at(3_600_000)));
        let short = std::pin::pin!(clock.sleep_until(at(20)));
        select(long, short).await;
    });
    assert!(done.is_some());
    assert_eq!(clock.now(), at(20));
    assert!(clock.sleepers.borrow().is_empty());
}

#[test]
fn a_wait_for_what_time_does_not_bring_ends() {
    assert_eq!(block_on(&clock(), pending::<()>()), None);
}
