//! What becomes of trees as neighbours restart, expire and have several
//! addresses (RFC 7761 §4.3).

use mcr_wire::pim::{Hello, Message};

use super::rig::*;
use crate::tib::Downstream;

fn hello(holdtime: u16, addresses: &[&str]) -> Message<'static> {
    Message::Hello(Hello {
        holdtime: Some(holdtime),
        dr_priority: Some(1),
        generation_id: Some(1),
        address_list: addresses.iter().map(|address| ip(address)).collect(),
        ..Hello::default()
    })
}

/// RFC 7761 §4.3.1: another Generation ID of a downstream neighbour ends none
/// of its Joins, which the Holdtime does.
#[test]
fn what_a_neighbour_joined_outlives_its_restart() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    rig.hello(3, "10.0.3.1", 99);
    assert_eq!(rig.said(), [""; 0]);
    let downstream = &rig.router.tib().star_g(group(G)).unwrap().downstream;
    assert_eq!(downstream[&index(3)], Downstream::Join);
    let said = rig.wait(211.0);
    let prune = (210.0, "1 10.0.1.1 239.1.1.1 -*".to_owned());
    assert_eq!(said.last(), Some(&prune));
}

/// RFC 7761 §4.3.4: the route names a secondary address, and the Join the
/// primary one.
#[test]
fn a_next_hop_may_be_a_secondary_address() {
    let mut rig = Rig::new();
    rig.route("10.8.0.0/16", 2, "10.77.0.1");
    assert_eq!(rig.below(SSM, &["+10.8.0.1"]), [""; 0]);
    rig.packet(2, "10.0.2.1", &hello(0xffff, &["10.77.0.1"]));
    assert_eq!(rig.said(), ["2 10.0.2.1 232.1.1.1 +10.8.0.1"]);
}

/// RFC 7761 §4.3.2, §4.5.4: without its neighbour the entry stays joined and
/// says nothing, until there is one again.
#[test]
fn a_neighbour_that_expired_is_joined_when_it_returns() {
    let mut rig = Rig::new();
    let join = "1 10.0.1.1 239.1.1.1 +*".to_owned();
    rig.packet(1, "10.0.1.1", &hello(10, &[]));
    assert_eq!(rig.below(G, &["+*"]), std::slice::from_ref(&join));
    assert_eq!(rig.wait(150.0), []);
    assert!(rig.router.tib().star_g(group(G)).unwrap().upstream.joined);
    rig.packet(1, "10.0.1.1", &hello(10, &[]));
    assert_eq!(rig.said(), [join]);
}
