//! Tests of counter file and slot allocator.

use proptest::prelude::*;

use super::*;

#[test]
fn a_worker_adds_and_the_supervisor_reads() {
    let file = CounterFile::create().unwrap();
    let writer = CounterWriter::open(file.as_fd().try_clone_to_owned().unwrap()).unwrap();
    writer.received(5);
    writer.matched(3);
    writer.sent(Slot(0), 3, 300);
    writer.sent(Slot(1), 2, 200);
    writer.unsent(Slot(1), DropReason::QueueFull, 1);
    writer.dropped(DropReason::NoRule, 2);
    let last = Slot(MAX_CELLS - 1);
    writer.sent(last, 1, 9);
    assert_eq!(
        file.totals(),
        Totals {
            received: 5,
            matched: 3
        }
    );
    assert_eq!(file.dropped(DropReason::NoRule), 2);
    assert_eq!(file.dropped(DropReason::QueueFull), 1);
    assert_eq!(file.dropped(DropReason::SendError), 0);
    assert_eq!(
        file.cell(Slot(1)),
        Cell {
            packets: 2,
            bytes: 200,
            dropped: 1
        }
    );
    assert_eq!(file.cell(last).bytes, 9);
    // The next worker goes on where the last one ended.
    drop(writer);
    let writer = CounterWriter::open(file.as_fd().try_clone_to_owned().unwrap()).unwrap();
    writer.sent(Slot(1), 1, 1);
    assert_eq!(file.cell(Slot(1)).packets, 3);
    file.clear(Slot(1), 1);
    assert_eq!(file.cell(Slot(1)), Cell::default());
    assert_eq!(file.cell(Slot(0)).packets, 3);
}

#[test]
fn a_slot_beyond_the_file_is_harmless() {
    let file = CounterFile::create().unwrap();
    let writer = CounterWriter::open(file.as_fd().try_clone_to_owned().unwrap()).unwrap();
    writer.sent(Slot(u32::MAX), 1, 1);
    file.clear(Slot(u32::MAX), 5);
    assert_eq!(file.cell(Slot(u32::MAX)), Cell::default());
}

#[test]
fn reasons_stand_in_the_order_of_their_counters_and_fit() {
    for (index, reason) in DropReason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, index, "{}", reason.name());
    }
    const { assert!(DROPS + DropReason::COUNT <= HEADER_WORDS) };
}

#[test]
fn a_full_file_refuses_and_recovers() {
    let mut slots = SlotAllocator::new();
    assert_eq!(slots.allocate(MAX_CELLS + 1), None);
    assert_eq!(slots.allocate(0), None);
    assert_eq!(slots.allocate(MAX_CELLS), Some(Slot(0)));
    assert_eq!(slots.allocate(1), None);
    assert!(slots.release(Slot(0)));
    assert!(!slots.release(Slot(0)));
    assert_eq!(slots.allocate(MAX_CELLS), Some(Slot(0)));
}

proptest! {
    #[test]
    fn ranges_never_overlap_and_all_come_back(
        steps in prop::collection::vec((1u32..300, any::<bool>()), 1..200)
    ) {
        let mut slots = SlotAllocator::new();
        let mut held: Vec<(Slot, u32)> = Vec::new();
        for (count, release) in steps {
            if release && !held.is_empty() {
                let (slot, _) = held.swap_remove(count as usize % held.len());
                prop_assert!(slots.release(slot));
                continue;
            }
            let slot = slots.allocate(count).unwrap();
            for (other, len) in &held {
                prop_assert!(slot.0 + count <= other.0 || other.0 + len <= slot.0);
            }
            held.push((slot, count));
        }
        for (slot, _) in held {
            prop_assert!(slots.release(slot));
        }
        prop_assert_eq!(slots.allocate(MAX_CELLS), Some(Slot(0)));
    }
}
