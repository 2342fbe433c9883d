//! What is remembered, how long, and how much.

use super::*;

fn group(last: u8) -> GroupAddr {
    GroupAddr::try_from(std::net::Ipv4Addr::new(239, 1, 1, last)).unwrap()
}

fn source(number: u32) -> UnicastAddr {
    UnicastAddr::try_from(std::net::Ipv4Addr::from(0x0a00_0001 + number)).unwrap()
}

#[test]
fn it_is_forgotten_after_its_time() {
    let iif = IfIndex::new(1).unwrap();
    let mut unwanted = Unwanted::default();
    assert!(unwanted.add(Instant::ZERO, group(1), source(1), iif));
    let later = Instant::ZERO + Duration::from_secs(30);
    assert!(unwanted.add(later, group(1), source(2), iif));
    assert_eq!(unwanted.of(group(1), &Touched::All).len(), 2);
    let due = unwanted.next().unwrap();
    assert_eq!(due, Instant::ZERO + TIME);
    assert_eq!(
        unwanted.expire(due),
        BTreeSet::from([(group(1), source(1))])
    );
    let left = unwanted.of(group(1), &Touched::All);
    assert_eq!(left, [(source(2), iif)]);
    assert_eq!(unwanted.clear(), [group(1)]);
    assert_eq!(unwanted.next(), None);
}

#[test]
fn it_is_bounded() {
    let iif = IfIndex::new(1).unwrap();
    let mut unwanted = Unwanted::default();
    let taken = (0..100_000)
        .filter(|number| unwanted.add(Instant::ZERO, group(1), source(*number), iif))
        .count();
    assert_eq!(taken, CAPACITY);
}
