//! Restart waits: growing for a crash loop, forgotten after a good run.

use super::*;

#[test]
fn a_crash_after_start_makes_the_wait_grow_to_its_limit() {
    let mut backoff = Backoff::new();
    let waits: Vec<u128> = (0..12)
        .map(|_| backoff.after(Duration::from_millis(300)).as_millis())
        .collect();
    assert_eq!(
        waits,
        [
            10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_000, 10_000
        ]
    );
}

#[test]
fn only_a_good_run_resets_the_wait() {
    let mut backoff = Backoff::new();
    for _ in 0..5 {
        backoff.after(Duration::from_millis(9_999));
    }
    assert_eq!(backoff.after(Duration::from_secs(9)).as_millis(), 320);
    assert_eq!(backoff.after(Duration::from_secs(10)).as_millis(), 10);
    assert_eq!(backoff.after(Duration::ZERO).as_millis(), 20);
}
