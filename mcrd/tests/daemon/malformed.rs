//! Malformed and misplaced messages, of every form: each is counted by its
//! reason, changes nothing, and the good one after it works.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_tests::eventually;
use mcr_wire::BadMessage;

use crate::inject::{Cable, Ip, summed};
use crate::mcrd::{Mcrd, SOON};
use crate::world::ip;

mod igmp;
mod pim;

/// The router on the network `dst`, where lower and higher addresses are.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 100);
/// A neighbour and host there.
const KNOWN: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// An address there that never said Hello.
const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 77);
const OFF_LINK: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

/// Packets that wait to be read, at most; the daemon's sockets hold more.
const AT_ONCE: usize = 100;

/// One packet and the counter that is to have it.
struct Case {
    packet: Vec<u8>,
    counter: String,
    /// Two of its entries are bad, and each counts.
    twice: bool,
}

fn case(packet: &Ip, counter: &str) -> Case {
    Case {
        packet: packet.bytes(),
        counter: counter.to_owned(),
        twice: false,
    }
}

/// The daemon with PIM and IGMP on both interfaces; it is the RP of 239/8.
fn router() -> Mcrd {
    ip("-n r addr flush dev out0");
    ip("-n r addr add 10.0.1.100/24 dev out0");
    Mcrd::with_config(
        "{ pim: { interfaces: { in0: {}, out0: {} }, rp: { static: [
             { address: '10.0.1.100', groups: ['239.0.0.0/8'] },
             { address: '10.0.0.9', groups: ['238.0.0.0/8'] } ] } },
           igmp: { interfaces: { in0: { require_router_alert: true }, out0: {} } } }",
    )
}

/// The message cut after each of its bytes, where that makes it malformed, with
/// a checksum that is right.
fn cuts(packet: &Ip, protocol: &str, check: impl Fn(&[u8]) -> Result<(), BadMessage>) -> Vec<Case> {
    let whole = &packet.payload;
    let mut cases = Vec::new();
    for length in 0..whole.len() {
        let payload = summed(whole[..length].to_vec());
        if let Err(reason) = check(&payload) {
            let cut = Ip {
                payload,
                ..packet.clone()
            };
            let counter = format!("{protocol}.drop.{}", reason.name());
            cases.push(case(&cut, &counter));
        }
    }
    cases
}

/// Sends them all: each counter grows by its cases, no other counter of drops
/// does, and the router knows what it knew.
fn nothing_changes(mcrd: &Mcrd, cable: &Cable, interface: &str, cases: &[Case]) {
    let before = mcrd.known();
    for cases in cases.chunks(AT_ONCE) {
        let mut want = drops(mcrd, interface);
        for case in cases {
            *want.entry(case.counter.clone()).or_default() += 1 + u64::from(case.twice);
            cable.send(&case.packet);
        }
        let counted = eventually(SOON, || drops(mcrd, interface) == want);
        let found = drops(mcrd, interface);
        let differ = want.iter().chain(&found).filter(|(name, count)| {
            want.get(*name) != Some(count) || found.get(*name) != Some(count)
        });
        let differ = Vec::from_iter(differ);
        assert!(counted, "wanted and found: {differ:#?}");
    }
    assert_eq!(mcrd.known(), before);
}

/// All counters of what was not done.
fn drops(mcrd: &Mcrd, interface: &str) -> BTreeMap<String, u64> {
    let mut counters = mcrd.counters(interface);
    counters.retain(|name, _| name.contains("drop") || name.contains("ignored"));
    counters
}
