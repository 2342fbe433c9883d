//! The window against sets of numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The plain way: remember everything.
#[derive(Default)]
struct Model {
    seen: BTreeSet<u64>,
}

impl Model {
    fn record(&mut self, sequence: u64) -> Seen {
        let highest = self.seen.last().copied();
        match highest {
            None => {
                self.seen.insert(sequence);
                Seen::New { gap: 0 }
            }
            Some(highest) if sequence > highest => {
                self.seen.insert(sequence);
                Seen::New {
                    gap: sequence - highest - 1,
                }
            }
            Some(highest) if highest - sequence >= WINDOW => Seen::TooOld,
            Some(_) if self.seen.insert(sequence) => Seen::Late,
            Some(_) => Seen::Duplicate,
        }
    }

    fn missing(&self) -> u64 {
        match (self.seen.first(), self.seen.last()) {
            (Some(first), Some(last)) => last - first + 1 - self.seen.len() as u64,
            _ => 0,
        }
    }
}

fn compare(sequences: &[u64]) {
    let mut model = Model::default();
    model.record(sequences[0]);
    let mut window = SequenceWindow::new(sequences[0]);
    for (index, sequence) in sequences.iter().enumerate().skip(1) {
        let expected = model.record(*sequence);
        assert_eq!(
            window.record(*sequence),
            expected,
            "arrival {index}: {sequence}"
        );
        assert_eq!(
            window.missing(),
            model.missing(),
            "after arrival {index}: {sequence}"
        );
    }
    assert_eq!(Some(&window.lowest()), model.seen.first());
    assert_eq!(Some(&window.highest()), model.seen.last());
    assert_eq!(window.distinct(), model.seen.len() as u64);
}

#[test]
fn named_orders() {
    let w = WINDOW;
    for sequences in [
        &[0, 1, 2, 3][..],
        &[5, 6, 8, 7, 8, 5],
        &[5, 3, 4, 3],
        &[0, w - 1, 0, w, 0, 1, 1],
        &[0, w, 0],
        &[10, 10 + 3 * w, 10, 11 + 2 * w, 12 + 2 * w],
        &[w - 1, w, w + 1, 2 * w - 1, w, w - 1],
        &[7, 7, 7],
        &[u64::MAX - 1, u64::MAX, u64::MAX - 1],
    ] {
        compare(sequences);
    }
}

#[test]
fn a_jump_over_all_numbers_does_not_overflow() {
    let mut window = SequenceWindow::new(0);
    assert_eq!(window.record(u64::MAX), Seen::New { gap: u64::MAX - 1 });
    assert_eq!(window.missing(), u64::MAX - 2);
    assert_eq!(window.record(0), Seen::TooOld);
}

/// Steps forwards and back, near and far, across words and windows.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => Just(1_i64),
        4 => -3..4_i64,
        2 => -200..200_i64,
        1 => -80_000..80_000_i64,
        1 => (0..4_i64).prop_map(|n| n * 65_536 - 1),
    ]
}

proptest! {
    #[test]
    fn it_equals_the_plain_way(first in 0..200_000_u64, steps in prop::collection::vec(step(), 0..400)) {
        let mut at = first;
        let mut sequences = vec![first];
        for step in steps {
            at = at.saturating_add_signed(step);
            sequences.push(at);
        }
        compare(&sequences);
    }
}
