//! What a worker makes of bad traffic and broken outputs, over real cables, by
//! io_uring and by system calls.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod worker_rig;

use mcr_dataplane::channel::ToWorker;
use mcr_dataplane::counters::{DropReason, Slot};
use mcr_proto::fib::{Egress, FibDigest, TtlRewrite, Unavailable};
use mcr_proto::id::{IpProtocol, Port};
use mcr_sys::vnet::{self, Checksum, Gso};
use worker_rig::frame::{ETHERNET, ethernet, fix, ip, payload, udp, udp_ip};
use worker_rig::{Options, Rig, isolated, keep};

const GROUP: [u8; 4] = [239, 1, 1, 1];
const OTHER: [u8; 4] = [239, 2, 2, 2];
/// Frames to this group mark the end of what was injected.
const MARKER: [u8; 4] = [239, 255, 0, 1];

/// Runs a scenario with each way to move packets, each in its own namespace.
fn both(name: &str, mtu: u32, scenario: fn(&mut Rig)) {
    isolated(name, || {
        for io_uring in [true, false] {
            let mut rig = Rig::new(Options {
                outputs: 2,
                mtu,
                io_uring,
            });
            let marker = rig.entry(&[0, 1], keep());
            rig.set(rig.key(MARKER, Some(1)), marker, 1000);
            scenario(&mut rig);
            assert!(rig.alive());
            drop(rig);
            for cable in ["in0", "out0", "out1"] {
                // One may have been taken away by the scenario.
                if nix::net::if_::if_nametoindex(cable).is_ok() {
                    worker_rig::ip(&format!("link del {cable}"));
                }
            }
        }
    });
}

/// All payloads that came out of an output before the marker's.
fn until_marker(rig: &Rig, output: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    loop {
        let frame = rig.capture(output, 1).pop().unwrap();
        let port = u16::from_be_bytes([frame[ETHERNET + 22], frame[ETHERNET + 23]]);
        if frame[30..34] == MARKER && port == 1 {
            rig.commit();
            return payloads;
        }
        payloads.push(payload(&frame));
    }
}

fn mark(rig: &Rig) {
    rig.inject(&udp(MARKER, 1, b"end"));
}

/// Injects one frame, and tells for what reason it was dropped.
fn fate(rig: &Rig, frame: &[u8]) -> Option<DropReason> {
    let before = DropReason::ALL.map(|reason| rig.dropped(reason));
    let received = rig.counters.totals().received;
    rig.inject(frame);
    mark(rig);
    for output in 0..2 {
        assert_eq!(until_marker(rig, output), Vec::<Vec<u8>>::new());
    }
    assert_eq!(rig.counters.totals().received, received + 2);
    let mut grown = DropReason::ALL.into_iter().zip(before);
    grown
        .find(|(reason, before)| rig.dropped(*reason) > *before)
        .map(|(reason, _)| reason)
}

type Case = (&'static str, Vec<u8>, DropReason);

/// A good packet after a change, as a frame.
fn with(change: fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut packet = udp_ip(GROUP, 5000, 16, b"payload");
    change(&mut packet);
    ethernet(&packet)
}

/// As `with`, and the header checksum is right.
fn fixed(change: fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = with(change);
    fix(&mut frame[ETHERNET..]);
    frame
}

fn bad_headers() -> Vec<Case> {
    use DropReason::{BadChecksum, BadHeader, NotForwardable, Truncated, TtlExpired};
    let mut short_esp = ip(50, GROUP, 16, &[0; 30]);
    short_esp[2..4].copy_from_slice(&15u16.to_be_bytes());
    fix(&mut short_esp);
    let local = ethernet(&udp_ip([224, 0, 0, 251], 5000, 9, b"x"));
    vec![
        ("D5: ESP, total length 15", ethernet(&short_esp), BadHeader),
        ("version 5", fixed(|p| p[0] = 0x55), BadHeader),
        ("header of 16 bytes", fixed(|p| p[0] = 0x44), BadHeader),
        ("D32: IP checksum", with(|p| p[10] ^= 1), BadChecksum),
        ("total length too long", fixed(|p| p[3] = 200), Truncated),
        ("cut off", with(|p| p.truncate(34)), Truncated),
        ("time to live 0", fixed(|p| p[8] = 0), TtlExpired),
        ("224.0.0.251", local, NotForwardable),
        ("source 127.0.0.1", fixed(|p| p[12] = 127), NotForwardable),
        ("source 239.0.0.1", fixed(|p| p[12] = 239), NotForwardable),
    ]
}

fn bad_datagrams() -> Vec<Case> {
    use DropReason::{BadUdpLength, Fragment, NoRule, Truncated};
    let stub = ethernet(&ip(17, GROUP, 9, &[1; 7]));
    vec![
        ("D32: UDP length 7", with(|p| p[25] = 7), BadUdpLength),
        ("D32: UDP length beyond", with(|p| p[25] = 16), BadUdpLength),
        ("no UDP header", stub, Truncated),
        ("first fragment", fixed(|p| p[6] = 0x20), Fragment),
        ("later fragment", fixed(|p| p[7] = 9), Fragment),
        ("another port", udp(GROUP, 5001, b"x"), NoRule),
        ("another group", udp(OTHER, 5000, b"x"), NoRule),
    ]
}

/// D5, D32, and the packets that no router forwards: each is a named drop.
#[test]
fn bad_packets_are_named_drops() {
    both("bad_packets_are_named_drops", 1500, |rig| {
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0, 1], keep()), 0);
        let mut esp = rig.key(GROUP, None);
        esp.protocol = IpProtocol(50);
        rig.set(esp, rig.entry(&[0, 1], keep()), 10);
        rig.commit();
        for (what, frame, want) in bad_headers().into_iter().chain(bad_datagrams()) {
            assert_eq!(fate(rig, &frame), Some(want), "{what}");
        }
        let mut own = udp(GROUP, 5000, b"x");
        own[6..12].copy_from_slice(&rig.outputs[1].mac.0);
        assert_eq!(fate(rig, &own), Some(DropReason::Looped));
        assert_eq!(rig.counters.cell(Slot(0)).packets, 0);
    });
}

/// Padding behind the packet and a time to live of 1 do no harm to a relay, and
/// a UDP checksum of 0 stays 0.
/// RFC 5771 §4: a rule sends anew what a router would not forward.
#[test]
fn odd_packets_are_relayed() {
    both("odd_packets_are_relayed", 1500, |rig| {
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0, 1], keep()), 0);
        rig.commit();
        let mut padded = udp(GROUP, 5000, b"padded");
        padded.resize(60, 0xee);
        let mut unsummed = udp(GROUP, 5000, b"no sum");
        unsummed[40..42].fill(0);
        let mut options = udp_ip(GROUP, 5000, 16, b"options");
        options.splice(20..20, [0x94, 4, 0, 0]);
        options[0] = 0x46;
        options[3] += 4;
        fix(&mut options);
        rig.inject(&padded);
        rig.inject(&unsummed);
        rig.inject(&ethernet(&options));
        rig.inject(&ethernet(&udp_ip(GROUP, 5000, 1, b"last hop")));
        for output in 0..2 {
            let frames = rig.capture(output, 4);
            assert_eq!(payload(&frames[0]), b"padded");
            assert_eq!(frames[0].len(), ETHERNET + 28 + 6);
            assert_eq!(frames[1][40..42], [0, 0]);
            assert_eq!(payload(&frames[2]), b"options");
            assert_eq!(frames[2][34..38], [0x94, 4, 0, 0]);
            assert_eq!(payload(&frames[3]), b"last hop");
            assert!(frames.iter().all(|frame| frame[22] == 9));
        }
    });
}

/// A datagram that was damaged on its way is never given a right checksum, also
/// where those around it are joined.
#[test]
fn damage_stays_visible() {
    both("damage_stays_visible", 1500, |rig| {
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0, 1], keep()), 0);
        rig.commit();
        for n in 0..40u8 {
            let mut frame = udp(GROUP, 5000, &[n; 500]);
            if n % 10 == 5 {
                frame[300] ^= 0x10;
            }
            rig.inject(&frame);
        }
        let frames = rig.capture(0, 40);
        for (n, frame) in frames.iter().enumerate() {
            assert_eq!(frame[500], n as u8, "order");
            let right = std::panic::catch_unwind(|| payload(frame)).is_ok();
            assert_eq!(right, n % 10 != 5, "datagram {n}");
        }
    });
}

/// Fragments go by addresses alone, the first one too, and stay whole.
#[test]
fn fragments_follow_rules_without_a_port() {
    both("fragments_follow_rules_without_a_port", 1500, |rig| {
        rig.set(rig.key(GROUP, None), rig.entry(&[0, 1], keep()), 0);
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0, 0], keep()), 10);
        rig.commit();
        let mut first = udp_ip(GROUP, 5000, 16, &[7; 24]);
        first[25] = 64;
        first[6] = 0x20;
        fix(&mut first);
        let mut second = ip(17, GROUP, 16, &[8; 32]);
        second[6..8].copy_from_slice(&[0, 4]);
        fix(&mut second);
        rig.inject(&ethernet(&first));
        rig.inject(&ethernet(&second));
        mark(rig);
        for output in 0..2 {
            let frames = rig.capture(output, 3);
            assert_eq!(frames[0][42..], [7; 24]);
            assert_eq!(frames[1][34..], [8; 32]);
        }
        rig.commit();
        assert_eq!(rig.counters.cell(Slot(0)).packets, 2);
        assert_eq!(rig.counters.cell(Slot(10)).packets, 0);
    });
}

/// D24: what fits a 9000-byte path is relayed; what does not fit an output is
/// dropped for that output alone, and named.
#[test]
fn jumbo_frames_pass() {
    both("jumbo_frames_pass", 9000, |rig| {
        let mut entry = rig.entry(&[0, 1], keep());
        if let Egress::Ready { mtu, .. } = &mut entry.outputs[1].egress {
            *mtu = 1500;
        }
        rig.set(rig.key(GROUP, Some(5000)), entry, 0);
        rig.commit();
        let sizes = [2007, 8972, 1472, 1473, 8972, 8972, 100];
        for size in sizes {
            rig.inject(&udp(GROUP, 5000, &vec![size as u8; size]));
        }
        mark(rig);
        let lengths =
            |output| -> Vec<usize> { until_marker(rig, output).iter().map(Vec::len).collect() };
        assert_eq!(lengths(0), sizes);
        assert_eq!(lengths(1), [1472, 100]);
        assert_eq!(rig.dropped(DropReason::TooBig), 5);
        assert_eq!(rig.counters.cell(Slot(2)).dropped, 5);
        assert_eq!(rig.counters.cell(Slot(1)).packets, 7);
    });
}

/// D6: an output that cannot be sent to costs no other output a packet, neither
/// one that is known to be unavailable nor one that breaks under the worker.
#[test]
fn a_broken_output_costs_no_other_a_packet() {
    both("a_broken_output_costs_no_other_a_packet", 1500, |rig| {
        let mut entry = rig.entry(&[0, 1, 0, 0], keep());
        entry.outputs[2].egress = Egress::Unavailable(Unavailable::NoAddress);
        entry.outputs[3].rewrite.ttl = TtlRewrite::Decrement;
        rig.set(rig.key(GROUP, Some(5000)), entry, 0);
        rig.commit();
        let send = |from: u8| {
            for n in from..from + 100 {
                rig.inject(&ethernet(&udp_ip(GROUP, 5000, 1, &[n; 200])));
            }
            mark(rig);
            let got = until_marker(rig, 0);
            let want: Vec<Vec<u8>> = (from..from + 100).map(|n| vec![n; 200]).collect();
            assert_eq!(got, want);
        };
        worker_rig::ip("link set out1 down");
        send(0);
        assert_eq!(rig.dropped(DropReason::InterfaceDown), 101);
        assert_eq!(rig.dropped(DropReason::NoAddress), 100);
        assert_eq!(rig.dropped(DropReason::TtlExpired), 100);
        worker_rig::ip("link del out1");
        send(100);
        assert_eq!(rig.dropped(DropReason::NoInterface), 101);
        rig.tell(&ToWorker::CloseOutput(rig.outputs[1].index));
        send(150);
        assert_eq!(rig.dropped(DropReason::NoInterface), 202);
        assert_eq!(rig.counters.cell(Slot(1)).packets, 300);
        assert_eq!(rig.counters.cell(Slot(2)).dropped, 300);
    });
}

/// The input may go down and come back; the worker outlives it.
#[test]
fn an_input_that_goes_down_comes_back() {
    both("an_input_that_goes_down_comes_back", 1500, |rig| {
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0], keep()), 0);
        rig.commit();
        worker_rig::ip("link set in0 down");
        rig.commit();
        worker_rig::ip("link set in0 up");
        rig.commit();
        let frame = rig.inject_until_captured(&udp(GROUP, 5000, b"again"), 0);
        assert_eq!(payload(&frame), b"again");
    });
}

/// What a local sender leaves to its network card is finished, and a run of
/// datagrams that arrives as one is rewritten as one.
/// RFC 768.
#[test]
fn unfinished_checksums_and_runs_are_relayed() {
    both("unfinished_checksums_and_runs_are_relayed", 1500, |rig| {
        let mut entry = rig.entry(&[0, 1], keep());
        entry.outputs[1].rewrite.port = Port::new(7777);
        entry.outputs[1].rewrite.source = Some([192, 0, 2, 1].into());
        rig.set(rig.key(GROUP, Some(5000)), entry, 0);
        rig.commit();
        let partial = Checksum::Partial {
            start: 34,
            offset: 6,
        };
        let unfinished = |len: usize| {
            let mut frame = udp(GROUP, 5000, &vec![3; len]);
            let sum = mcr_wire::checksum::pseudo_header(
                worker_rig::frame::SOURCE.into(),
                GROUP.into(),
                17,
                len as u16 + 8,
            );
            frame[40..42].copy_from_slice(&sum.to_be_bytes());
            frame
        };
        let header = vnet::Header {
            checksum: partial,
            ..vnet::Header::PLAIN
        };
        rig.inject_with(header, &unfinished(500));
        let gso = Gso::UdpL4 { size: 1000 };
        let header = vnet::Header {
            checksum: partial,
            gso,
            header_len: 42,
        };
        rig.inject_with(header, &unfinished(30_500));
        mark(rig);
        for output in 0..2 {
            let lengths: Vec<usize> = until_marker(rig, output).iter().map(Vec::len).collect();
            let mut want = vec![1000; 32];
            (want[0], want[31]) = (500, 500);
            assert_eq!(lengths, want);
        }
        assert_eq!(rig.counters.totals().received, 33);
        assert_eq!(rig.counters.cell(Slot(0)).bytes, (31_000 + 32 * 28) as u64);
        assert_eq!(rig.counters.cell(Slot(2)).packets, 32);
    });
}

/// Noise: the worker lives, counts every frame, and relays what comes after.
#[test]
fn random_frames_do_no_harm() {
    both("random_frames_do_no_harm", 1500, |rig| {
        rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0], keep()), 0);
        rig.set(rig.key(GROUP, None), rig.entry(&[1], keep()), 10);
        rig.commit();
        // xorshift, so that each run is the same.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let good = udp(GROUP, 5000, &[5; 60]);
        for n in 0..3000u32 {
            let mut frame = good.clone();
            for _ in 0..1 + random() % 6 {
                // The destination stays, or the filter would take the frame.
                let at = 14 + (random() % 88) as usize;
                if !(30..34).contains(&at) {
                    frame[at] = random() as u8;
                }
            }
            if n % 3 == 0 {
                fix_if_possible(&mut frame[14..]);
            }
            if n % 7 == 0 {
                frame.truncate(34 + (random() % 60) as usize);
            }
            rig.inject(&frame);
            if n % 200 == 0 {
                // The kernel queues at most net.core.netdev_max_backlog frames.
                arrived(rig, u64::from(n) + 1);
            }
        }
        rig.inject(&udp(GROUP, 5000, b"after"));
        arrived(rig, 3001);
        let dropped: u64 = DropReason::ALL.into_iter().map(|r| rig.dropped(r)).sum();
        assert_eq!(rig.counters.totals().matched + dropped, 3001);
        assert!(rig.counters.totals().matched > 0);
        assert!(dropped > 1000, "{dropped}");
    });
}

fn arrived(rig: &Rig, count: u64) {
    let end = std::time::Duration::from_secs(20);
    let all = mcr_tests::eventually(end, || rig.counters.totals().received == count);
    assert!(all, "{:?} instead of {count}", rig.counters.totals());
    rig.commit();
}

fn fix_if_possible(ip: &mut [u8]) {
    if (5..=15).contains(&(ip[0] & 15)) {
        fix(ip);
    }
}

/// 10 000 entries and their removal; the digest is the supervisor's.
#[test]
fn a_worker_takes_ten_thousand_entries() {
    both("a_worker_takes_ten_thousand_entries", 1500, |rig| {
        let (mut digest, before) = rig.commit();
        assert_eq!(before, 1);
        let key = |n: u32| rig.key([239, 3, (n >> 8) as u8, n as u8], Some(5000));
        let entry = rig.entry(&[0, 1], keep());
        for n in 0..10_000 {
            rig.set(key(n), entry.clone(), 2000 + n * 3);
            digest = digest.with(&key(n), &entry);
        }
        let keys: Vec<_> = (0..10_000).map(key).collect();
        assert_eq!(rig.commit(), (digest, 10_001));
        rig.inject(&udp([239, 3, 0x27, 0x0f], 5000, b"last"));
        for output in 0..2 {
            assert_eq!(payload(&rig.capture(output, 1)[0]), b"last");
        }
        for key in &keys {
            rig.tell(&ToWorker::Remove(*key));
            digest = digest.without(key, &entry);
        }
        assert_eq!(rig.commit(), (digest, 1));
        assert_ne!(digest, FibDigest::default());
        let last = udp([239, 3, 0x27, 0x0f], 5000, b"gone");
        assert_eq!(fate(rig, &last), Some(DropReason::NoRule));
    });
}

/// A worker that dies takes no figure with it (D25).
#[test]
fn counters_outlive_a_worker() {
    both("counters_outlive_a_worker", 1500, |rig| {
        for _ in 0..2 {
            rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0], keep()), 0);
            rig.commit();
            rig.inject(&udp(GROUP, 5000, b"x"));
            rig.capture(0, 1);
            rig.commit();
            rig.replace_worker();
        }
        assert_eq!(rig.counters.cell(Slot(1)).packets, 2);
        assert_eq!(rig.counters.totals().matched, 2);
    });
}
