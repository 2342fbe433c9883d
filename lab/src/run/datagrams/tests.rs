//! Looks at frames that come, go and repeat.

use super::*;
use crate::run::capture::Seen;

const LAN: LinkId = LinkId(3);

/// A datagram to a group with this in its payload.
fn frame(at_ms: u64, group: u8, number: u8) -> Frame {
    let mut bytes = vec![0; 12];
    bytes.extend([0x08, 0x00, 0x45, 0, 0, 29, 0, 0, 0, 0, 16, 17, 0, 0]);
    bytes.extend([10, 0, 0, 1, 239, 1, 1, group]);
    bytes.extend([0, 1, 0, 2, 0, 9, 0, 0, number]);
    Frame {
        at_ns: at_ms * 1_000_000,
        length: 43,
        bytes: bytes.into(),
    }
}

fn source(repeats: bool) -> Source {
    Source {
        link: LAN,
        repeats,
        held: false,
    }
}

fn look(cursor: &mut Cursor, repeats: bool, points: &[&Seen], since_ms: u64) -> (Vec<u64>, u64) {
    let points: Vec<_> = points.iter().map(|seen| (source(repeats), *seen)).collect();
    let asked = Asked {
        links: &[LAN],
        since_ns: since_ms * 1_000_000,
        meant: &|packet| packet.destination.octets()[3] == 1,
    };
    let told = cursor.look(&points, &asked);
    let times = told.datagrams.iter().map(|one| one.at_ns / 1_000_000);
    (times.collect(), told.missed)
}

#[test]
fn each_datagram_that_is_meant_is_told_once() {
    let mut cursor = Cursor::default();
    let mut seen = Seen::of("lan", [frame(1, 1, 0), frame(5, 1, 1), frame(6, 2, 2)]);
    assert_eq!(look(&mut cursor, false, &[&seen], 3), (vec![5], 0));
    assert_eq!(look(&mut cursor, false, &[&seen], 3), (vec![], 0));
    seen.frames.push_back(frame(8, 1, 3));
    assert_eq!(look(&mut cursor, false, &[&seen], 3), (vec![8], 0));
    let other = Asked {
        links: &[LinkId(0)],
        since_ns: 0,
        meant: &|_| true,
    };
    let told = Cursor::default().look(&[(source(false), &seen)], &other);
    assert_eq!(told, Told::default());
}

#[test]
fn members_of_a_segment_show_the_same_datagram() {
    let mut cursor = Cursor::default();
    let mut one = Seen::of("lan (a)", [frame(1, 1, 0), frame(2, 1, 1)]);
    let other = Seen::of("lan (b)", [frame(1, 1, 0), frame(3, 1, 1)]);
    assert_eq!(look(&mut cursor, true, &[&one, &other], 0), (vec![1, 2], 0));
    // The same bytes much later are another datagram.
    one.frames.push_back(frame(100, 1, 1));
    assert_eq!(look(&mut cursor, true, &[&one, &other], 0), (vec![100], 0));
}

#[test]
fn what_is_not_kept_any_more_is_missed() {
    let mut seen = Seen::of("link", [frame(5, 1, 0), frame(6, 1, 1)]);
    seen.evicted = 10;
    // The first one that is kept is earlier than what is asked for.
    let mut cursor = Cursor::default();
    assert_eq!(look(&mut cursor, false, &[&seen], 6), (vec![6], 0));
    assert_eq!(look(&mut Cursor::default(), false, &[&seen], 5).1, 10);
    // Of those that came since the look, two are gone.
    seen.frames = [frame(9, 1, 4)].into();
    seen.evicted = 14;
    seen.missed = 1;
    assert_eq!(look(&mut cursor, false, &[&seen], 6), (vec![9], 3));
}
