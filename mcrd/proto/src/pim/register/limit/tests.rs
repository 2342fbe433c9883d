//! Bounds in rate and in size.

use super::*;

fn key(number: u32) -> Key {
    let source = UnicastAddr::try_from(Ipv4Addr::from(0x0a00_0001 + number)).unwrap();
    let group = GroupAddr::try_from(Ipv4Addr::new(239, 1, 1, 1)).unwrap();
    (source, group, Ipv4Addr::new(10, 0, 0, 9))
}

#[test]
fn a_second_has_so_many() {
    let mut limit = RateLimit::default();
    let admitted = (0..100).filter(|_| limit.admit(Instant::ZERO, key(0), 10));
    assert_eq!(admitted.count(), 10);
    assert!(limit.admit(Instant::ZERO, key(1), 10), "another source");
    assert!(limit.admit(Instant::ZERO + WINDOW, key(0), 10), "later");
}

#[test]
fn the_table_is_bounded_and_recovers() {
    let mut limit = RateLimit::default();
    for number in 0..100_000 {
        limit.admit(Instant::ZERO, key(number), 10);
    }
    assert_eq!(limit.sent.len(), CAPACITY);
    assert!(!limit.admit(Instant::ZERO, key(200_000), 10));
    assert!(limit.admit(Instant::ZERO + WINDOW, key(200_000), 10));
    assert_eq!((limit.sent.len(), limit.since.len()), (1, 1));
}
