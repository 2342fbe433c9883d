//! Who may run beside whom.

use super::Queue;

#[test]
fn those_alone_come_last_and_one_by_one() {
    let mut queue = Queue::new([true, false, false, true]);
    assert_eq!(queue.next(0), Some(1));
    assert_eq!(queue.next(1), Some(2));
    assert_eq!(queue.next(2), None, "the first one has to be alone");
    assert_eq!(queue.next(1), None, "another one still runs");
    assert_eq!(queue.next(0), Some(0));
    assert_eq!(queue.next(1), None, "nothing runs beside it");
    assert!(!queue.is_empty());
    assert_eq!(queue.next(0), Some(3));
    assert!(queue.is_empty());
    assert_eq!(queue.next(0), None);
}

#[test]
fn what_is_left_is_told_in_order() {
    let mut queue = Queue::new([true, false, false]);
    assert_eq!(queue.next(0), Some(1));
    assert_eq!(queue.clear(), [0, 2]);
    assert!(queue.is_empty());
}
