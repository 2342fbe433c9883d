//! Which part of the waiting belongs to which time.

use super::*;

const MS: u64 = 1_000_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn waiting_counts_as_far_as_it_is_in_the_time() {
    let mut waited = Waited::default();
    waited.woken(100 * MS, ms(50));
    waited.woken(200 * MS, ms(9));
    waited.woken(300 * MS, ms(20));
    assert_eq!(waited.within(0..1000 * MS), ms(70), "9 ms are not noticed");
    assert_eq!(waited.within(80 * MS..1000 * MS), ms(40));
    assert_eq!(waited.within(0..70 * MS), ms(20));
    assert_eq!(waited.within(100 * MS..280 * MS), ms(0));
    assert_eq!(waited.within(400 * MS..500 * MS), ms(0));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut waited = Waited::default();
    for turn in 0..10_000_u64 {
        waited.woken(turn * 100 * MS, ms(10));
    }
    assert_eq!(waited.0.len(), KEPT);
    let newest = 9_999 * 100 * MS;
    assert_eq!(waited.within(newest - 10 * MS..newest), ms(10));
}

#[test]
fn it_measures_and_ends() {
    let lateness = Lateness::start();
    let from = now_ns();
    // More than there was cannot have been waited for.
    assert!(lateness.within(from..now_ns()) < ms(1000));
    drop(lateness);
}
