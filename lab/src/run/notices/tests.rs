//! Tests of what is made of notices.

use mcr_sys::netlink::notices::Notice as Told;

use super::kernel::Kernel;
use super::*;

fn link(up: bool, carrier: bool) -> Told {
    Told::Link {
        index: 2,
        name: "r2".to_owned(),
        up,
        carrier,
    }
}

fn mroute(oifs: &[u32], gone: bool) -> Told {
    Told::Mroute {
        source: Ipv4Addr::new(10, 0, 0, 1),
        group: Ipv4Addr::new(239, 1, 1, 1),
        iif: Some(2),
        oifs: oifs.to_vec(),
        packets: None,
        gone,
    }
}

#[test]
fn a_kernel_is_told_of_once_for_each_change() {
    let mut kernel = Kernel::new(NodeId(0));
    let mut hear = |told| kernel.hear(told).map(|what| what.text());
    assert_eq!(hear(link(true, true)).unwrap(), "interface r2 up");
    assert_eq!(hear(link(true, true)), None);
    let without = "interface r2 up, without carrier";
    assert_eq!(hear(link(true, false)).unwrap(), without);
    let entry = "kernel mroute (10.0.0.1,239.1.1.1)";
    let set = format!("{entry} iif r2, oif #3");
    assert_eq!(hear(mroute(&[3], false)).unwrap(), set);
    assert_eq!(hear(mroute(&[3], false)), None);
    let pruned = format!("{entry} iif r2, oif none");
    assert_eq!(hear(mroute(&[], false)).unwrap(), pruned);
    assert_eq!(hear(mroute(&[], true)).unwrap(), format!("{entry} gone"));
    assert_eq!(hear(mroute(&[3], false)).unwrap(), set);
    assert_eq!(hear(Told::LinkGone(2)).unwrap(), "interface r2 gone");
    assert_eq!(hear(Told::LinkGone(2)), None);
}

#[test]
fn an_event_is_at_the_moment_at_which_it_happened() {
    let mut began = None;
    // The daemon began at 100 s on our clock; the first event came 5 ms late,
    // the second 1 ms late.
    let late = super::mcrd::moment(101_005_000_000, 1.0, &mut began);
    assert_eq!(late, 101_005_000_000);
    let soon = super::mcrd::moment(102_001_000_000, 2.0, &mut began);
    assert_eq!(soon, 102_001_000_000);
    let late = super::mcrd::moment(103_900_000_000, 3.0, &mut began);
    assert_eq!(late, 103_001_000_000);
}

#[test]
fn the_oldest_notices_go_first_and_are_counted() {
    let mut ring = Ring::default();
    let notice = |at_ns: u64| Notice {
        at_ns,
        node: NodeId(0),
        what: What::Ended,
    };
    let all = KEPT as u64 + 3;
    (0..all).rev().for_each(|at_ns| ring.push(notice(at_ns)));
    let (kept, missed) = ring.take();
    assert_eq!((kept.len(), missed), (KEPT, 3));
    assert_eq!(kept[0].at_ns, 0, "in the order of time");
    assert_eq!(ring.take(), (Vec::new(), 0));
}
