//! PIM.

use std::net::Ipv4Addr;

use mcr_tests::eventually;
use mcr_wire::pim::{
    ALL_PIM_ROUTERS, Assert, AssertMetric, Bootstrap, BootstrapGroup, BootstrapRp, CandidateRp,
    EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup, LanPruneDelay, Message,
    Register, RegisterStop,
};

use super::{Case, KNOWN, OFF_LINK, ROUTER, STRANGER, case, cuts, nothing_changes, router};
use crate::inject::{Cable, Ip, summed};
use crate::mcrd::{Mcrd, SOON};
use crate::world::in_world;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ASM: Ipv4Addr = Ipv4Addr::new(239, 9, 9, 9);
const SSM: Ipv4Addr = Ipv4Addr::new(232, 9, 9, 9);

/// Bytes from the PIM header on.
const JP_FAMILY: usize = 4;
const JP_ENCODING: usize = 5;
const JP_GROUPS: usize = 11;
const JP_GROUP: usize = 14;
const JP_JOINS: usize = 22;
const JP_SOURCE: usize = 26;

/// What would change the neighbour, if it were taken.
fn hello() -> Hello {
    Hello {
        holdtime: Some(105),
        lan_prune_delay: Some(LanPruneDelay {
            tracking: true,
            propagation_delay: 900,
            override_interval: 9000,
        }),
        dr_priority: Some(9),
        generation_id: Some(9),
        address_list: vec![Ipv4Addr::new(10, 0, 1, 3)],
        unknown_options: 0,
    }
}

fn join_prune(group: Ipv4Addr, joins: Vec<EncodedSource>) -> JoinPrune {
    JoinPrune {
        upstream_neighbor: ROUTER,
        holdtime: 210,
        groups: vec![JoinPruneGroup {
            group: EncodedGroup::host(group),
            joins,
            prunes: Vec::new(),
        }],
    }
}

fn join() -> Vec<u8> {
    let joins = vec![EncodedSource::sg(SOURCE), EncodedSource::sg(OFF_LINK)];
    Message::JoinPrune(join_prune(SSM, joins)).emit()
}

fn assert_message() -> Vec<u8> {
    let message = Assert {
        group: EncodedGroup::host(SSM),
        source: SOURCE,
        metric: AssertMetric {
            rpt: false,
            preference: 0,
            metric: 0,
        },
    };
    Message::Assert(message).emit()
}

fn bootstrap() -> Vec<u8> {
    let group = BootstrapGroup {
        group: EncodedGroup::host(ASM),
        rp_count: 1,
        rps: vec![BootstrapRp {
            address: STRANGER,
            holdtime: 150,
            priority: 0,
        }],
    };
    let message = Bootstrap {
        no_forward: false,
        fragment_tag: 1,
        hash_mask_len: 30,
        bsr_priority: 0,
        bsr: STRANGER,
        groups: vec![group],
    };
    Message::Bootstrap(message).emit()
}

fn candidate() -> Vec<u8> {
    let message = CandidateRp {
        priority: 0,
        holdtime: 150,
        rp: STRANGER,
        groups: vec![EncodedGroup::host(ASM)],
    };
    Message::CandidateRp(message).emit()
}

/// A Register of a packet from `source` to `group`.
fn register(source: Ipv4Addr, group: Ipv4Addr) -> Vec<u8> {
    let mut inner = Ip::pim(source, group, vec![0; 20]);
    (inner.protocol, inner.ttl) = (17, 9);
    let packet = inner.bytes();
    let message = Register {
        border: false,
        null: false,
        packet: &packet,
    };
    Message::Register(message).emit()
}

fn register_stop() -> Vec<u8> {
    let message = RegisterStop {
        group: EncodedGroup::host(ASM),
        source: SOURCE,
    };
    Message::RegisterStop(message).emit()
}

fn to_all(src: Ipv4Addr, payload: Vec<u8>) -> Ip {
    Ip::pim(src, ALL_PIM_ROUTERS, payload)
}

fn to_router(payload: Vec<u8>) -> Ip {
    let mut packet = Ip::pim(KNOWN, ROUTER, payload);
    packet.ttl = 64;
    packet
}

/// The message with other bytes at a place, and the checksum for that.
fn with(message: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[at..at + bytes.len()].copy_from_slice(bytes);
    summed(message)
}

/// Every message that is taken, and those that are only recognised.
fn all() -> Vec<Ip> {
    vec![
        to_all(KNOWN, Message::Hello(hello()).emit()),
        to_all(KNOWN, join()),
        to_all(KNOWN, assert_message()),
        to_all(KNOWN, bootstrap()),
        to_router(candidate()),
        to_router(register(SOURCE, ASM)),
        to_router(register_stop()),
    ]
}

/// A neighbour and its join, which every test wants to keep.
fn acquainted() -> (Mcrd, Cable) {
    let mcrd = router();
    let cable = Cable::new(&mcrd, "dst", "out0");
    let first = Hello {
        generation_id: Some(1),
        dr_priority: Some(1),
        ..Hello::default()
    };
    cable.send(&to_all(KNOWN, Message::Hello(first).emit()).bytes());
    let kept = join_prune([232, 1, 1, 1].into(), vec![EncodedSource::sg(SOURCE)]);
    cable.send(&to_all(KNOWN, Message::JoinPrune(kept).emit()).bytes());
    assert!(eventually(SOON, || mcrd.routes().len() == 1));
    (mcrd, cable)
}

/// Each message, good, is taken from anybody who may send it, whatever its TTL
/// (RFC 7761 does not ask for 1).
fn good_ones_work(mcrd: &Mcrd, cable: &Cable) {
    let mut packet = to_all(KNOWN, join());
    packet.ttl = 255;
    cable.send(&packet.bytes());
    let joined = eventually(SOON, || {
        let routes = mcrd.routes();
        let found = routes
            .iter()
            .find(|one| one.group == SSM && one.source == Some(SOURCE));
        found.is_some_and(|one| one.olist == ["out0"])
    });
    assert!(joined, "{:?}", mcrd.routes());
    cable.send(&to_router(register(SOURCE, ASM)).bytes());
    let registered = eventually(SOON, || mcrd.routes().iter().any(|one| one.group == ASM));
    assert!(registered, "{:?}", mcrd.routes());
    cable.send(&to_all(KNOWN, Message::Hello(hello()).emit()).bytes());
    let heard = eventually(SOON, || mcrd.neighbors()[0].generation_id == Some(9));
    assert!(heard, "{:?}", mcrd.neighbors());
    let before = mcrd.counter("out0", "pim.rx.assert");
    cable.send(&to_all(KNOWN, assert_message()).bytes());
    let asserted = || mcrd.counter("out0", "pim.rx.assert") > before;
    assert!(eventually(SOON, asserted));
}

/// RFC 7761 §4.9: whatever a message is cut to.
#[test]
fn truncated_at_each_length() {
    in_world("malformed::pim::truncated_at_each_length", || {
        let (mcrd, cable) = acquainted();
        let mut cases = Vec::new();
        for packet in all() {
            let cut = cuts(&packet, "pim", |payload| {
                Message::parse(payload).map(|_| ())
            });
            // Also with the checksum of the whole, which a zero is not part of.
            let mut short = packet.clone();
            if short.payload.pop() != Some(0) && short.payload[0] != 0x21 {
                cases.push(case(&short, "pim.drop.checksum"));
            }
            assert!(cut.len() >= 4, "{}", cut.len());
            cases.extend(cut);
        }
        assert!(cases.len() > 150, "{}", cases.len());
        nothing_changes(&mcrd, &cable, "out0", &cases);
        good_ones_work(&mcrd, &cable);
    });
}

/// A Register carries a packet that can be malformed itself.
fn registers() -> Vec<Case> {
    let good = register(SOURCE, ASM);
    let mut cases = Vec::new();
    for length in 8..good.len() {
        let packet = to_router(good[..length].to_vec());
        cases.push(case(&packet, "pim.drop.register-malformed"));
    }
    let mut null = good.clone();
    null[4] = 0x40;
    for (payload, counter) in [
        (with(&good, 8, &[0x65]), "register-malformed"),
        (with(&good, 8, &[0x44]), "register-malformed"),
        // The header's own checksum.
        (with(&good, 18, &[0xde, 0xad]), "register-malformed"),
        (with(&null, 18, &[0xde, 0xad]), "register-malformed"),
        (summed(null[..20].to_vec()), "register-malformed"),
        (register(SOURCE, STRANGER), "register-malformed"),
        (register(SOURCE, [224, 0, 0, 5].into()), "register-address"),
        (register([224, 1, 1, 1].into(), ASM), "register-address"),
        (register(Ipv4Addr::UNSPECIFIED, ASM), "register-address"),
        (register(SOURCE, SSM), "register-ssm"),
        (register(SOURCE, [238, 1, 1, 1].into()), "register-not-rp"),
        (register(SOURCE, [225, 1, 1, 1].into()), "register-not-rp"),
    ] {
        cases.push(case(&to_router(payload), &format!("pim.drop.{counter}")));
    }
    let lost = to_all(KNOWN, good);
    cases.push(case(&lost, "pim.drop.register-destination"));
    cases
}

/// Fields that lie.
fn fields() -> Vec<Case> {
    let (hello, join) = (Message::Hello(hello()).emit(), join());
    let source = |at: usize| JP_SOURCE + at;
    let rpt = |flags: u8| with(&join, source(2), &[flags]);
    let many = [0xff, 0xff];
    let mut cases = Vec::new();
    for (payload, counter) in [
        // Hello: the option's length, its family, its encoding.
        (with(&hello, 6, &[0, 3]), "drop.length"),
        (with(&hello, 6, &[0, 0]), "drop.length"),
        (with(&hello, 6, &many), "drop.length"),
        (with(&hello, hello.len() - 6, &[3]), "drop.family"),
        (with(&hello, hello.len() - 5, &[1]), "drop.family"),
        // Join/Prune: counts, families, encodings, masks, addresses, flags.
        (with(&join, JP_FAMILY, &[2]), "drop.family"),
        (with(&join, JP_ENCODING, &[1]), "drop.family"),
        (with(&join, JP_GROUPS, &[2]), "drop.length"),
        (with(&join, JP_GROUPS, &[255]), "drop.length"),
        (with(&join, JP_GROUP, &[2]), "drop.family"),
        (with(&join, JP_GROUP + 3, &[33]), "drop.length"),
        (with(&join, JP_GROUP + 3, &[24]), "drop.bad-mask"),
        (with(&join, JP_GROUP + 4, &[10]), "drop.address"),
        (with(&join, JP_GROUP + 4, &[224, 0, 0, 5]), "drop.bad-group"),
        (with(&join, JP_JOINS, &[0, 3]), "drop.length"),
        (with(&join, JP_JOINS, &many), "drop.length"),
        (with(&join, JP_JOINS + 2, &[0, 1]), "drop.length"),
        (with(&join, JP_JOINS + 2, &many), "drop.length"),
        (with(&join, source(0), &[2]), "drop.family"),
        (with(&join, source(1), &[1]), "drop.family"),
        (with(&join, source(3), &[33]), "drop.length"),
        (
            with(&join, JP_FAMILY + 2, &[10, 0, 1, 200]),
            "ignored.unknown-upstream",
        ),
        // Assert, Register-Stop, Bootstrap and candidate.
        (with(&assert_message(), 4, &[2]), "drop.family"),
        (with(&assert_message(), 7, &[33]), "drop.length"),
        (with(&assert_message(), 7, &[24]), "drop.assert-address"),
        (with(&assert_message(), 8, &[10]), "drop.address"),
        (with(&assert_message(), 12, &[2]), "drop.family"),
        (with(&assert_message(), 14, &[224]), "drop.assert-address"),
        (with(&assert_message(), 14, &[0; 4]), "drop.assert-address"),
        (with(&bootstrap(), 6, &[33]), "drop.length"),
        (with(&bootstrap(), 8, &[7]), "drop.family"),
        (with(&bootstrap(), 23, &[9]), "drop.length"),
        (bootstrap(), "ignored.bootstrap"),
        (with(&candidate(), 4, &[9]), "drop.length"),
    ] {
        cases.push(case(&to_all(KNOWN, payload), &format!("pim.{counter}")));
    }
    // One bad entry costs itself, not its message: here both are bad.
    for (flags, counter) in [
        (5, "pim.drop.ssm-range"),
        (7, "pim.drop.ssm-range"),
        (6, "pim.drop.bad-source-flags"),
    ] {
        let mut payload = rpt(flags);
        payload[source(8) + 2] = flags;
        let mut both = case(&to_all(KNOWN, summed(payload)), counter);
        both.twice = true;
        cases.push(both);
    }
    cases
}

/// RFC 7761 §4.9.
#[test]
fn fields_that_lie() {
    in_world("malformed::pim::fields_that_lie", || {
        let (mcrd, cable) = acquainted();
        let mut cases = fields();
        cases.extend(registers());
        // RFC 7761 §4.5.1: a Join(*,G) names our RP.
        for (group, rp) in [(ASM, STRANGER), ([225, 1, 1, 1].into(), ROUTER)] {
            let wrong = join_prune(group, vec![EncodedSource::star_g(rp)]);
            let packet = to_all(KNOWN, Message::JoinPrune(wrong).emit());
            cases.push(case(&packet, "pim.drop.wrong-rp"));
        }
        for wrong in [[224, 1, 1, 1], [0, 0, 0, 0], [255, 255, 255, 255]] {
            let wrong = join_prune(ASM, vec![EncodedSource::sg(wrong.into())]);
            let packet = to_all(KNOWN, Message::JoinPrune(wrong).emit());
            cases.push(case(&packet, "pim.drop.bad-source"));
        }
        let mut masked = EncodedSource::sg(SOURCE);
        masked.mask_len = 24;
        let masked = Message::JoinPrune(join_prune(ASM, vec![masked])).emit();
        cases.push(case(&to_all(KNOWN, masked), "pim.drop.bad-mask"));
        let masked = with(&register_stop(), 7, &[24]);
        cases.push(case(&to_router(masked), "pim.drop.register-stop-group"));
        nothing_changes(&mcrd, &cable, "out0", &cases);
        good_ones_work(&mcrd, &cable);
    });
}

/// Of every message: the checksum, the version, the sender, the receiver.
/// RFC 7761 §4.9.
#[test]
fn headers_and_addresses_that_are_wrong() {
    in_world(
        "malformed::pim::headers_and_addresses_that_are_wrong",
        || {
            let (mcrd, cable) = acquainted();
            let mut cases = Vec::new();
            for packet in all() {
                let altered = |payload: Vec<u8>| Ip {
                    payload,
                    ..packet.clone()
                };
                for byte in [2, 3] {
                    let mut payload = packet.payload.clone();
                    payload[byte] ^= 0x10;
                    cases.push(case(&altered(payload), "pim.drop.checksum"));
                }
                for version in [0x00, 0x10, 0x30, 0xf0] {
                    let kind = packet.payload[0] & 0x0f;
                    let payload = with(&packet.payload, 0, &[version | kind]);
                    cases.push(case(&altered(payload), "pim.drop.version"));
                }
                // The kernel keeps those back that are for this host.
                if packet.dst.is_multicast() {
                    let own = Ip {
                        src: ROUTER,
                        ..packet
                    };
                    cases.push(case(&own, "drop.own-packet"));
                }
            }
            for kind in [6_u8, 7, 9, 10, 11, 12, 13, 14, 15] {
                let payload = summed(vec![0x20 | kind, 0, 0, 0, 1, 2, 3]);
                let counter = match kind {
                    6 | 7 => "pim.ignored.graft",
                    9 => "pim.ignored.state-refresh",
                    _ => "pim.ignored.unknown-type",
                };
                cases.push(case(&to_all(KNOWN, payload), counter));
            }
            cases.extend(misplaced());
            nothing_changes(&mcrd, &cable, "out0", &cases);
            good_ones_work(&mcrd, &cable);
        },
    );
}

fn misplaced() -> Vec<Case> {
    let hello = Message::Hello(hello()).emit();
    let mut cases = Vec::new();
    for (src, counter) in [
        (OFF_LINK, "pim.drop.off-link"),
        (Ipv4Addr::UNSPECIFIED, "pim.drop.bad-source"),
        (ASM, "pim.drop.bad-source"),
    ] {
        cases.push(case(&to_all(src, hello.clone()), counter));
    }
    // RFC 7761 §4.3.1: without a Hello they are not believed.
    for payload in [join(), assert_message()] {
        for src in [STRANGER, OFF_LINK, Ipv4Addr::UNSPECIFIED] {
            let packet = to_all(src, payload.clone());
            cases.push(case(&packet, "pim.drop.not-a-neighbor"));
        }
    }
    for payload in [hello, join(), assert_message()] {
        let elsewhere = Ip::pim(KNOWN, [224, 0, 0, 1].into(), payload.clone());
        cases.push(case(&elsewhere, "pim.drop.wrong-destination"));
        let unicast = Ip::pim(KNOWN, ROUTER, payload);
        cases.push(case(&unicast, "pim.drop.wrong-destination"));
    }
    let stop = "pim.drop.register-stop-not-rp";
    cases.push(case(&to_all(KNOWN, register_stop()), stop));
    cases.push(case(&to_router(register_stop()), stop));
    cases
}

/// What is wrong with the IP header around a message.
#[test]
fn ip_headers_that_are_wrong() {
    in_world("malformed::pim::ip_headers_that_are_wrong", || {
        let (mcrd, cable) = acquainted();
        let good = to_all(KNOWN, Message::Hello(hello()).emit()).bytes();
        let mut cases = Vec::new();
        let mut altered = |at: usize, bytes: &[u8], sum: bool, counter: &str| {
            let mut packet = good.clone();
            packet[at..at + bytes.len()].copy_from_slice(bytes);
            if sum {
                packet[10..12].fill(0);
                let sum = mcr_wire::checksum::internet(&packet[..20]).to_be_bytes();
                packet[10..12].copy_from_slice(&sum);
            }
            cases.push(Case {
                packet,
                counter: counter.to_owned(),
                twice: false,
            });
        };
        altered(8, &[9], false, "ip.drop.checksum");
        altered(0, &[0x44], true, "ip.drop.header");
        altered(0, &[0x65], true, "ip.drop.header");
        altered(2, &[0, 19], true, "ip.drop.header");
        altered(2, &[0xff, 0xff], true, "ip.drop.truncated");
        altered(6, &[0x20, 0], true, "ip.drop.fragment");
        altered(6, &[0, 1], true, "ip.drop.fragment");
        nothing_changes(&mcrd, &cable, "out0", &cases);
        good_ones_work(&mcrd, &cable);
    });
}
