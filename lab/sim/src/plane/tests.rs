//! What becomes of packets under each kind of entry.

use std::time::Duration;

use mcr_proto::fib::{Accept, RouteEntry, RouteKey, RouteOutput, RouteUpdate};
use mcr_proto::id::{IfIndex, MacAddr};
use mcr_proto::router::DataPlaneEvent;
use mcr_proto::router::io::Forward;
use mcr_proto::time::Instant;

use super::Plane;
use crate::network::FlowId;
use crate::packet::Data;

const EVERY: Duration = Duration::from_secs(10);

fn iface(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn data() -> Data {
    Data {
        source: std::net::Ipv4Addr::new(10, 0, 0, 9).try_into().unwrap(),
        group: std::net::Ipv4Addr::new(239, 1, 1, 1).try_into().unwrap(),
        ttl: 9,
        flow: FlowId(3),
        sequence: 77,
    }
}

fn set(plane: &mut Plane, iif: u32, with_source: bool, accept: Accept, oif: u32) {
    let key = RouteKey {
        iif: iface(iif),
        group: data().group,
        source: with_source.then_some(data().source),
    };
    let entry = RouteEntry {
        accept,
        register: false,
        new_sources: !with_source,
        outputs: vec![RouteOutput {
            oif: iface(oif),
            source_mac: MacAddr([0; 6]),
            mtu: 1500,
        }],
    };
    plane.apply(RouteUpdate::Set(key, entry));
}

fn listening() -> Plane {
    let mut plane = Plane::default();
    for number in 2..6 {
        plane.listen(iface(number), true);
    }
    plane
}

/// Where the copies go, and how many events there are.
fn receive(plane: &mut Plane, seconds: u64, iif: u32) -> (Vec<u32>, usize) {
    let now = Instant::ZERO + Duration::from_secs(seconds);
    let taken = plane.receive(now, iface(iif), data(), EVERY);
    let outputs = taken.copies.iter().map(|(oif, copy)| {
        assert_eq!(copy.ttl, data().ttl - 1);
        oif.get()
    });
    (outputs.collect(), taken.events.len())
}

#[test]
fn packets_are_what_they_were() {
    assert_eq!(Data::parse(&data().emit()), Some(data()));
    assert_eq!(Data::parse(&data().emit()[..30]), None);
}

#[test]
fn no_entry_and_no_ear() {
    let mut plane = listening();
    assert_eq!(receive(&mut plane, 0, 2), (vec![], 1));
    assert_eq!(receive(&mut plane, 0, 9), (vec![], 0));
}

/// RFC 7761 §4.2: the entry with the source comes before the one without.
#[test]
fn the_source_first() {
    let mut plane = listening();
    set(&mut plane, 2, false, Accept::Forward, 3);
    assert_eq!(receive(&mut plane, 0, 2), (vec![3], 1), "a new source");
    assert_eq!(receive(&mut plane, 0, 2), (vec![3], 0), "told a moment ago");
    set(&mut plane, 2, true, Accept::WrongInterface, 4);
    assert_eq!(receive(&mut plane, 0, 2), (vec![], 1));
    assert_eq!(receive(&mut plane, 0, 2), (vec![], 0), "once a second");
    assert_eq!(receive(&mut plane, 1, 2), (vec![], 1));
    set(&mut plane, 2, true, Accept::Discard, 4);
    assert_eq!(receive(&mut plane, 5, 2), (vec![], 0));
}

/// The first packet of the source's own tree ends what the RP's delivers.
#[test]
fn the_switch() {
    let mut plane = listening();
    set(&mut plane, 2, true, Accept::UntilSwitch, 4);
    set(&mut plane, 3, true, Accept::Switch, 4);
    let late = Forward {
        packet: data().emit(),
        outputs: vec![iface(5)],
        until_switch: true,
    };
    assert_eq!(receive(&mut plane, 0, 2).0, [4]);
    assert_eq!(plane.forward(&late).len(), 1);
    let taken = plane.receive(Instant::ZERO, iface(3), data(), EVERY);
    assert_eq!(taken.copies.len(), 1);
    let switched = |event: &DataPlaneEvent| matches!(event, DataPlaneEvent::Switched { .. });
    assert!(taken.events.iter().any(switched));
    assert_eq!(receive(&mut plane, 0, 2).0, [0; 0]);
    assert!(plane.forward(&late).is_empty());
    // The router knows, and later goes back.
    set(&mut plane, 3, true, Accept::Forward, 4);
    set(&mut plane, 2, true, Accept::UntilSwitch, 4);
    assert_eq!(receive(&mut plane, 0, 2).0, [4]);
}

#[test]
fn packets_in_circles_are_counted() {
    let mut plane = listening();
    set(&mut plane, 2, true, Accept::Forward, 3);
    let spent = Data { ttl: 1, ..data() };
    let taken = plane.receive(Instant::ZERO, iface(2), spent, EVERY);
    assert!(taken.copies.is_empty() && taken.events.is_empty());
    assert_eq!(plane.expired, 1);
}
