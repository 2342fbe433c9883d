//! What a file of a run has.

use std::net::Ipv4Addr;

use super::*;

const S: u64 = 1_000_000_000;

/// A frame of a protocol, as long as its header.
fn frame(protocol: u8, at_s: u64) -> Frame {
    let mut bytes = vec![0; 14];
    bytes[12..].copy_from_slice(&[8, 0]);
    let mut header = [0; 20];
    header[0] = 0x45;
    header[3] = 20;
    header[9] = protocol;
    header[16..].copy_from_slice(&Ipv4Addr::new(239, 1, 1, 1).octets());
    bytes.extend(header);
    Frame {
        at_ns: at_s * S,
        length: 34,
        bytes: bytes.into(),
    }
}

/// The seconds from 0 to 29 at which there are messages, and data.
fn seconds(chosen: &Chosen) -> [Vec<u64>; 2] {
    [103, 17].map(|protocol| {
        let all = 0..30;
        all.filter(|at| chosen.has(&frame(protocol, *at))).collect()
    })
}

fn kept(control: Extent, data: Extent) -> Kept {
    Kept { control, data }
}

#[test]
fn a_steps_file_has_what_was_around_it() {
    let of = |kept| Chosen::of_step(kept, (10 * S, 12 * S));
    let usual = of(Kept::default());
    let around: Vec<u64> = (8..=14).collect();
    assert_eq!(seconds(&usual), [around.clone(), around]);
    assert_eq!(usual.since_ns(), 8 * S);
    let one = Extent::Around(Duration::from_secs(1));
    let near: Vec<u64> = (9..=13).collect();
    let all = of(kept(Extent::All, one));
    assert_eq!(seconds(&all), [(0..30).collect(), near.clone()]);
    assert_eq!(all.since_ns(), 0);
    let none = of(kept(one, Extent::None));
    assert_eq!(seconds(&none), [near, vec![]]);
    assert_eq!(none.since_ns(), 9 * S);
}

#[test]
fn the_runs_file_has_all_or_what_was_around_failed_steps() {
    let failed = [(5 * S, 6 * S), (20 * S, 20 * S)];
    let all: Vec<u64> = (0..30).collect();
    let usual = Chosen::of_run(Kept::default(), &failed);
    assert_eq!(seconds(&usual), [all.clone(), all.clone()]);
    let one = Extent::Around(Duration::from_secs(1));
    let chosen = Chosen::of_run(kept(Extent::All, one), &failed);
    assert_eq!(
        seconds(&chosen),
        [all.clone(), vec![4, 5, 6, 7, 19, 20, 21]]
    );
    let good = Chosen::of_run(kept(Extent::All, one), &[]);
    assert_eq!(seconds(&good), [all, vec![]]);
}
