//! The ring's bounds, and reading of frames that were cut.

use std::net::Ipv4Addr;

use mcr_sys::ring;

use super::{Count, Frame, OVERHEAD, Seen, datagram};

impl Seen {
    /// A point that saw these, for tests of what is made from it.
    pub(crate) fn of(name: &str, frames: impl IntoIterator<Item = Frame>) -> Seen {
        Seen {
            name: name.to_owned(),
            frames: frames.into_iter().collect(),
            ..Seen::default()
        }
    }
}

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

fn frame(payload: &[u8]) -> Frame {
    let total = u16::try_from(20 + 8 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0; 12];
    bytes.extend([
        0x08, 0x00, 0x45, 0, total[0], total[1], 0, 0, 0, 0, 16, 17, 0, 0,
    ]);
    bytes.extend([10, 0, 0, 1]);
    bytes.extend(GROUP.octets());
    bytes.extend([0; 8]);
    bytes.extend(payload);
    Frame {
        at_ns: 1,
        length: u32::try_from(bytes.len()).unwrap(),
        bytes: bytes.into(),
    }
}

#[test]
fn a_datagram_is_read_also_where_it_was_cut() {
    let whole = frame(b"payload");
    let read = datagram(&whole.bytes).unwrap();
    assert_eq!(read.destination, GROUP);
    assert_eq!(read.source, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!((read.payload, read.payload_length), (&b"payload"[..], 7));
    let cut = datagram(&whole.bytes[..44]).unwrap();
    assert_eq!((cut.payload, cut.payload_length), (&b"pa"[..], 7));
    for length in 0..whole.bytes.len() {
        let cut = datagram(&whole.bytes[..length]);
        assert_eq!(cut.is_some(), length >= 34, "{length}");
    }
    assert_eq!(datagram(&whole.bytes[..30]), None);
}

#[test]
fn other_frames_are_none() {
    for (at, value) in [(12, 0x86), (14, 0x65), (14, 0x44), (23, 2), (21, 9)] {
        let mut other = frame(b"x");
        other.bytes[at] = value;
        assert_eq!(datagram(&other.bytes), None, "byte {at} = {value}");
    }
}

#[test]
fn the_ring_forgets_the_oldest_and_counts_all() {
    let one = frame(b"0123456789");
    let mut seen = Seen {
        limit: 3 * (one.bytes.len() + OVERHEAD),
        ..Seen::default()
    };
    for at_ns in 0..10 {
        seen.push(ring::Frame {
            at_ns,
            length: one.length,
            bytes: &one.bytes,
        });
    }
    assert_eq!((seen.frames.len(), seen.evicted), (3, 7));
    assert_eq!(seen.frames[0].at_ns, 7);
    let all = Count {
        datagrams: 10,
        bytes: 100,
    };
    assert_eq!(seen.count(Some(GROUP)), all);
    assert_eq!(seen.count(None), all);
    assert_eq!(seen.count(Some(Ipv4Addr::LOCALHOST)), Count::default());
}
