//! Tests of the gate.

use super::*;

fn packet(n: u64) -> Fingerprint {
    Fingerprint(n)
}

/// RFC 7761 §4.2.2: the SPTbit of the packet plane.
#[test]
fn a_gate_is_open_until_the_switch() {
    let (gates, cell) = (GateFile::create().unwrap(), GateCell(3));
    assert!(gates.pass_shared(cell, packet(1)));
    assert!(gates.pass_shared(cell, packet(2)));
    assert_eq!(
        gates.pass_own(cell, || Some(packet(2))),
        Arrival::FirstAgain
    );
    assert_eq!(gates.pass_own(cell, || Some(packet(2))), Arrival::Later);
    assert!(!gates.pass_shared(cell, packet(3)));
    gates.clear(cell);
    assert_eq!(gates.pass_own(cell, || Some(packet(0))), Arrival::First);
    assert!(gates.pass_shared(GateCell(4), packet(3)), "its own cell");
    assert!(gates.pass_shared(GateCell(MAX_GATES), packet(3)));
}

/// Two threads with the two ways: each packet passes exactly once where the
/// ways differ by less than a packet.
/// RFC 7761 §4.2.2.
#[test]
fn two_ways_at_the_same_time_pass_each_packet_once() {
    for round in 0..200 {
        let (gates, cell) = (GateFile::create().unwrap(), GateCell(0));
        for n in 1..20u64 {
            let passed = std::thread::scope(|scope| {
                let shared = scope.spawn(|| gates.pass_shared(cell, packet(n)));
                let own = (n > round % 7 + 1)
                    .then(|| gates.pass_own(cell, || Some(packet(n))) != Arrival::FirstAgain);
                u32::from(shared.join().unwrap()) + u32::from(own.unwrap_or(false))
            });
            assert_eq!(passed, 1, "packet {n} of round {round}");
        }
    }
}

#[test]
fn the_ways_may_change_what_routers_change() {
    let mut ip = vec![
        0x45, 0, 0, 30, 0, 9, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 239, 1, 1, 1,
    ];
    ip.extend([15, 160, 19, 136, 0, 10, 0x12, 0x34, 7, 7]);
    let of = |ip: &mut Vec<u8>| {
        ip[10..12].fill(0);
        let sum = mcr_wire::checksum::internet(&ip[..20]);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        Fingerprint::of(ip).unwrap()
    };
    let first = of(&mut ip);
    ip[8] = 3;
    ip[26..28].fill(0);
    assert_eq!(of(&mut ip), first, "time to live and UDP checksum");
    for at in [5, 21, 29] {
        let mut other = ip.clone();
        other[at] ^= 1;
        assert_ne!(of(&mut other), first, "byte {at}");
    }
}
