//! What a worker makes of routed groups, over real cables, by io_uring and by
//! system calls.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod worker_rig;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use mcr_dataplane::channel::ToWorker;
use mcr_dataplane::counters::{DropReason, Slot};
use mcr_dataplane::gate::{Arrival, Fingerprint, GateCell};
use mcr_proto::fib::{Accept, RouteEntry, RouteKey, RouteOutput};
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::router::DataPlaneEvent;
use mcr_tests::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use worker_rig::frame::{self, ETHERNET, SOURCE, ethernet, ip, udp_ip};
use worker_rig::{Options, Rig, isolated, keep};

const GROUP: [u8; 4] = [239, 1, 1, 1];
/// Frames to this group mark the end of what was injected.
const MARKER: [u8; 4] = [239, 255, 0, 1];

fn both(name: &str, scenario: fn(&mut Rig)) {
    isolated(name, || {
        for io_uring in [true, false] {
            let mut rig = Rig::new(Options {
                outputs: 2,
                mtu: 1500,
                io_uring,
            });
            rig.tell(&ToWorker::Listen(true));
            rig.set(rig.key(MARKER, Some(1)), rig.entry(&[0, 1], keep()), 1000);
            scenario(&mut rig);
            assert!(rig.alive());
            drop(rig);
            for cable in ["in0", "out0", "out1"] {
                worker_rig::ip(&format!("link del {cable}"));
            }
        }
    });
}

fn key(rig: &Rig, source: bool) -> RouteKey {
    RouteKey {
        iif: rig.iif,
        group: GroupAddr::try_from(Ipv4Addr::from(GROUP)).unwrap(),
        source: source.then(|| UnicastAddr::try_from(Ipv4Addr::from(SOURCE)).unwrap()),
    }
}

fn entry(rig: &Rig, accept: Accept, outputs: &[usize]) -> RouteEntry {
    RouteEntry {
        accept,
        register: false,
        new_sources: false,
        outputs: outputs
            .iter()
            .map(|n| RouteOutput {
                oif: rig.outputs[*n].index,
                source_mac: rig.outputs[*n].mac,
                mtu: 1500,
            })
            .collect(),
    }
}

fn route(rig: &Rig, source: bool, entry: RouteEntry, gate: Option<GateCell>) {
    rig.tell(&ToWorker::SetRoute {
        key: key(rig, source),
        entry,
        slot: Slot(0),
        gate,
    });
}

/// What came out of an output before the marker.
fn until_marker(rig: &Rig, output: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        let frame = rig.capture(output, 1).pop().unwrap();
        if frame[30..34] == MARKER {
            rig.commit();
            return frames;
        }
        frames.push(frame);
    }
}

/// What the router was told, but for the marker, which only a rule knows.
fn events(rig: &Rig) -> Vec<DataPlaneEvent> {
    let mut events = rig.events();
    events.retain(|event| {
        !matches!(event, DataPlaneEvent::NoEntry { packet, .. } if packet[16..20] == MARKER)
    });
    events
}

fn mark(rig: &Rig) {
    rig.inject(&frame::udp(MARKER, 1, b"end"));
}

fn numbered(n: u32) -> Vec<u8> {
    let mut payload = n.to_be_bytes().to_vec();
    payload.resize(500, n as u8);
    udp_ip(GROUP, 5000, 16, &payload)
}

/// RFC 1812 §5.3.1, RFC 7761 §4.2: all but the time to live stays; other
/// protocols, options and fragments are routed too; what has no time left,
/// IGMP and PIM are not.
fn forwards(rig: &mut Rig) {
    route(rig, false, entry(rig, Accept::Forward, &[0, 1]), None);
    rig.commit();
    let mut options = ip(50, GROUP, 9, &[0; 40]);
    options[0] = 0x47;
    frame::fix(&mut options);
    let mut fragment = ip(17, GROUP, 9, &[7; 80]);
    fragment[6..8].copy_from_slice(&[0x20, 0x05]);
    frame::fix(&mut fragment);
    let good = [
        numbered(1),
        ip(50, GROUP, 2, &[5; 99]),
        ip(132, GROUP, 255, &[6; 99]),
        options,
        fragment,
    ];
    let bad = [
        udp_ip(GROUP, 5000, 1, b"no time"),
        ip(2, GROUP, 9, &[0x16, 0, 0, 0, 239, 1, 1, 1]),
        ip(103, GROUP, 9, &[0x20; 8]),
    ];
    for packet in good.iter().chain(&bad) {
        rig.inject(&ethernet(packet));
    }
    mark(rig);
    for output in 0..2 {
        let frames = until_marker(rig, output);
        assert_eq!(frames.len(), good.len());
        for (frame, packet) in frames.iter().zip(&good) {
            assert_eq!(frame[..6], [1, 0, 0x5e, 1, 1, 1]);
            assert_eq!(frame[6..12], rig.outputs[output].mac.0);
            let mut want = packet.clone();
            want[8] -= 1;
            frame::fix(&mut want);
            assert_eq!(frame[ETHERNET..], want);
        }
    }
    assert_eq!(rig.dropped(DropReason::TtlExpired), 1);
    assert_eq!(rig.dropped(DropReason::Control), 2);
    for slot in 0..3 {
        assert_eq!(rig.counters.cell(Slot(slot)).packets, good.len() as u64);
    }
    assert_eq!(events(rig), []);
}

/// RFC 1812 §5.3.1.
#[test]
fn a_route_forwards() {
    both("a_route_forwards", forwards);
}

/// A Join that goes out after the change to the table may bring packets before
/// the worker has run once: they find the new table (RFC 7761 §4.2).
fn obeys_before_it_forwards(rig: &mut Rig) {
    route(rig, false, entry(rig, Accept::Forward, &[]), None);
    rig.commit();
    let pid = Pid::from_raw(i32::try_from(rig.pid()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    assert!(eventually(Duration::from_secs(5), || stopped(rig.pid())));
    route(rig, false, entry(rig, Accept::Forward, &[0]), None);
    rig.inject(&ethernet(&numbered(1)));
    kill(pid, Signal::SIGCONT).unwrap();
    mark(rig);
    assert_eq!(until_marker(rig, 0).len(), 1);
    assert_eq!(rig.dropped(DropReason::Discarded), 0);
}

fn stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

#[test]
fn a_change_comes_before_the_packets_behind_it() {
    both(
        "a_change_comes_before_the_packets_behind_it",
        obeys_before_it_forwards,
    );
}

/// The union of a rule and a route (D19).
fn unites(rig: &mut Rig) {
    rig.set(rig.key(GROUP, Some(5000)), rig.entry(&[0], keep()), 10);
    route(rig, false, entry(rig, Accept::Forward, &[0, 1]), None);
    rig.commit();
    for n in 0..100 {
        rig.inject(&ethernet(&numbered(n)));
    }
    mark(rig);
    for output in 0..2 {
        let frames = until_marker(rig, output);
        let ttl = if output == 0 { 9 } else { 15 };
        assert!(frames.iter().all(|frame| frame[22] == ttl));
        let numbers = frames.iter().map(|frame| frame::payload(frame)[3]);
        assert_eq!(Vec::from_iter(numbers), Vec::from_iter(0..100));
    }
    assert_eq!(rig.counters.totals().matched, 102 - 1);
}

/// RFC 7761 §4.2.
#[test]
fn a_rule_and_a_route_send_each_packet_once() {
    both("a_rule_and_a_route_send_each_packet_once", unites);
}

/// The events carry the packets, and no more of them than are wanted.
fn tells(rig: &mut Rig) {
    rig.commit();
    let told = |rig: &Rig| {
        mark(rig);
        let out: usize = (0..2).map(|output| until_marker(rig, output).len()).sum();
        (out, events(rig))
    };
    for n in 0..50 {
        rig.inject(&ethernet(&numbered(n)));
    }
    let missed: Vec<_> = (0..16)
        .map(|n| DataPlaneEvent::NoEntry {
            iif: rig.iif,
            packet: numbered(n),
        })
        .collect();
    assert_eq!(told(rig), (0, missed));
    // The longest that the cable takes.
    let mut shared = entry(rig, Accept::Forward, &[0]);
    (shared.new_sources, shared.register) = (true, true);
    route(rig, false, shared, None);
    let whole = udp_ip(GROUP, 5000, 16, &[9; 1472]);
    rig.inject(&ethernet(&whole));
    let (iif, packet) = (rig.iif, whole.clone());
    let source = DataPlaneEvent::NewSource { iif, packet };
    let register = DataPlaneEvent::Register {
        iif,
        forwarded: vec![rig.outputs[0].index],
        packet: whole,
    };
    assert_eq!(told(rig), (1, vec![source, register]));
    let wrong = entry(rig, Accept::WrongInterface, &[]);
    route(rig, true, wrong, None);
    let start = Instant::now();
    for n in 0..500 {
        rig.inject(&ethernet(&numbered(n)));
    }
    let (out, seen) = told(rig);
    let event = DataPlaneEvent::WrongInterface {
        iif,
        source: key(rig, true).source.unwrap(),
        group: key(rig, true).group,
    };
    let seconds = start.elapsed().as_secs() as usize;
    assert_eq!((out, seen.first()), (0, Some(&event)));
    assert!(seen.len() <= 1 + seconds, "{seen:?}");
    assert_eq!(rig.dropped(DropReason::WrongInterface), 500);
}

#[test]
fn the_router_is_told() {
    both("the_router_is_told", tells);
}

/// A worker with one of the two ways; the test is the other.
fn switches(rig: &mut Rig) {
    let gate = GateCell(5);
    route(rig, true, entry(rig, Accept::UntilSwitch, &[0]), Some(gate));
    rig.commit();
    for n in 0..10 {
        rig.inject(&ethernet(&numbered(n)));
    }
    mark(rig);
    assert_eq!(until_marker(rig, 0).len(), 10);
    let print = |n| Fingerprint::of(&numbered(n));
    assert_eq!(rig.gates.pass_own(gate, || print(9)), Arrival::FirstAgain);
    for n in 10..20 {
        rig.inject(&ethernet(&numbered(n)));
    }
    mark(rig);
    assert_eq!(until_marker(rig, 0).len(), 0);
    assert_eq!(rig.dropped(DropReason::SptSwitch), 10);
    until_marker(rig, 1);
    until_marker(rig, 1);
    // The other way round: the worker has the source's own tree.
    rig.gates.clear(gate);
    route(rig, true, entry(rig, Accept::Switch, &[0]), Some(gate));
    rig.commit();
    assert!(rig.gates.pass_shared(gate, print(20).unwrap()));
    for n in 20..30 {
        rig.inject(&ethernet(&numbered(n)));
    }
    mark(rig);
    let numbers = until_marker(rig, 0);
    let numbers = numbers.iter().map(|frame| frame::payload(frame)[3]);
    assert_eq!(Vec::from_iter(numbers), Vec::from_iter(21..30));
    assert!(!rig.gates.pass_shared(gate, print(30).unwrap()));
    let switched = DataPlaneEvent::Switched {
        iif: rig.iif,
        source: key(rig, true).source.unwrap(),
        group: key(rig, true).group,
    };
    assert_eq!(events(rig).first(), Some(&switched));
}

/// RFC 7761 §4.2.2.
#[test]
fn two_ways_share_a_gate() {
    both("two_ways_share_a_gate", switches);
}

/// 100 000 sources that nobody knows: memory and events stay bounded, and a
/// route goes on.
fn storm(rig: &mut Rig) {
    route(rig, false, entry(rig, Accept::Forward, &[0]), None);
    rig.commit();
    let memory = resident(rig.pid());
    let start = Instant::now();
    let mut stray = udp_ip([239, 2, 0, 0], 5000, 16, &[1; 100]);
    let mut told = 0;
    for n in 0..100_000u32 {
        stray[12..16].copy_from_slice(&(0x0b00_0000 + n).to_be_bytes());
        stray[16..20].copy_from_slice(&(0xef02_0000 + n % 1000).to_be_bytes());
        frame::fix(&mut stray);
        rig.inject(&ethernet(&stray));
        if n % 1000 == 999 {
            rig.inject(&ethernet(&numbered(n / 1000)));
            // What arrives faster than it is taken would be the kernel's loss.
            let frame = rig.capture(0, 1).pop().unwrap();
            assert_eq!(frame::payload(&frame)[3], (n / 1000) as u8);
            rig.commit();
            told += events(rig).len();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(rig.dropped(DropReason::NoEntry), 100_000);
    let most = 1000.0 + 5000.0 * (seconds + 1.0);
    assert!(told > 0 && (told as f64) < most, "{told} in {seconds} s");
    let lost = rig.dropped(DropReason::EventLimit) + rig.dropped(DropReason::EventQueueFull);
    assert_eq!(told as u64 + lost, 100_000);
    let grown = resident(rig.pid()).saturating_sub(memory);
    assert!(grown < 4 << 20, "{grown} bytes more");
}

/// The memory that a process really uses.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn a_storm_of_sources_is_bounded() {
    both("a_storm_of_sources_is_bounded", storm);
}

/// A supervisor that hears nothing does not hold up packets.
fn unheard(rig: &mut Rig) {
    let mut shared = entry(rig, Accept::Forward, &[0]);
    shared.register = true;
    route(rig, false, shared, None);
    rig.commit();
    let end = Instant::now() + Duration::from_secs(20);
    let mut sent = 0;
    while rig.dropped(DropReason::EventQueueFull) == 0 {
        assert!(Instant::now() < end, "{sent} events found room");
        for _ in 0..50 {
            rig.inject(&ethernet(&numbered(sent)));
            sent += 1;
        }
        assert_eq!(rig.capture(0, 50).len(), 50);
    }
    rig.commit();
    let told = events(rig).len() as u64;
    let lost = rig.dropped(DropReason::EventQueueFull) + rig.dropped(DropReason::EventLimit);
    assert_eq!(told + lost, u64::from(sent));
}

#[test]
fn a_full_channel_costs_events_and_no_packets() {
    both("a_full_channel_costs_events_and_no_packets", unheard);
}
