//! Messages that are wrong or not known: each has its counter, and the state
//! and what comes after is untouched (RFC 7761 §4.9, RFC 9776 §4).

use mcr_wire::pim::{ALL_PIM_ROUTERS, Message};
use mcr_wire::{checksum, igmp};

use super::rig::*;
use crate::id::IpProtocol;
use crate::router::Input;
use crate::router::io::Packet;

/// These bytes arrive on eth3, as PIM or as IGMP.
fn bytes(rig: &mut Rig, protocol: IpProtocol, payload: Vec<u8>) {
    let dst = match protocol {
        IpProtocol::PIM => ALL_PIM_ROUTERS,
        _ => ip("224.0.0.22"),
    };
    rig.give(Input::Packet(Packet {
        iface: index(3),
        src: ip("10.0.3.1"),
        dst,
        ttl: 1,
        router_alert: true,
        protocol,
        payload,
    }));
}

fn summed(mut payload: Vec<u8>) -> Vec<u8> {
    payload[2..4].fill(0);
    let sum = checksum::internet(&payload).to_be_bytes();
    payload[2..4].copy_from_slice(&sum);
    payload
}

/// The router still does what it should.
#[track_caller]
fn assert_sane(rig: &mut Rig) {
    rig.said();
    rig.assert_no_trees();
    assert!(rig.router.igmp().groups().next().is_none());
    assert_eq!(rig.below(G, &["+*"]), ["1 10.0.1.1 239.1.1.1 +*"]);
    assert_eq!(rig.below(G, &["-*"]), ["1 10.0.1.1 239.1.1.1 -*"]);
}

/// RFC 7761 §4.9, RFC 2236 §2, RFC 9776 §4.2.2.
#[test]
fn a_wrong_checksum_is_dropped_and_counted() {
    let mut rig = Rig::new();
    let join = Message::JoinPrune(message(ME, &[(G, &["+*"])])).emit();
    let report = igmp::Message::ReportV2(ip(G)).emit();
    for (protocol, right, counter) in [
        (IpProtocol::PIM, join, "pim.drop.checksum"),
        (IpProtocol::IGMP, report, "igmp.drop.checksum"),
    ] {
        let mut wrong = right;
        *wrong.last_mut().unwrap() ^= 1;
        bytes(&mut rig, protocol, wrong);
        assert_eq!(rig.count(3, counter), 1, "{counter}");
    }
    assert_sane(&mut rig);
}

/// RFC 7761 §4.9, §4.9.1: types, versions, families and lengths.
#[test]
fn what_is_not_known_is_counted_and_harms_nothing() {
    let mut rig = Rig::new();
    let mut join = Message::JoinPrune(message(ME, &[(G, &["+*"])])).emit();
    join[4] = 7;
    let pim = [
        (vec![0x2c, 0, 0, 0, 1, 2, 3], "pim.ignored.unknown-type"),
        (vec![0x26, 0, 0, 0], "pim.ignored.graft"),
        (vec![0x29, 0, 0, 0], "pim.ignored.state-refresh"),
        (vec![0x10, 0, 0, 0], "pim.drop.version"),
        (join, "pim.drop.family"),
        (vec![0x20, 0, 0, 0, 0, 1, 0, 9, 1], "pim.drop.length"),
        (vec![0x23, 0, 0, 0, 1, 0], "pim.drop.truncated"),
    ];
    for (payload, counter) in pim {
        let before = rig.count(3, counter);
        bytes(&mut rig, IpProtocol::PIM, summed(payload));
        assert_eq!(rig.count(3, counter), before + 1, "{counter}");
    }
    let igmp = [
        (vec![0x13, 0, 0, 0, 0, 0, 0, 0], "igmp.drop.unknown-type"),
        (vec![0x11, 1, 0, 0, 0, 0, 0, 0, 0], "igmp.drop.length"),
        (vec![0x22, 0, 0, 0], "igmp.drop.truncated"),
    ];
    for (payload, counter) in igmp {
        bytes(&mut rig, IpProtocol::IGMP, summed(payload));
        assert_eq!(rig.count(3, counter), 1, "{counter}");
    }
    bytes(&mut rig, IpProtocol::PIM, Vec::new());
    bytes(&mut rig, IpProtocol::IGMP, Vec::new());
    assert_sane(&mut rig);
}
