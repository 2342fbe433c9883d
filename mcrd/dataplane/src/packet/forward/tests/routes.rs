//! What routes make of packets.

use std::time::Duration;

use mcr_proto::fib::{Accept, RouteOutput};
use mcr_proto::id::UnicastAddr;

use super::*;

const SOURCE: [u8; 4] = [10, 0, 0, 1];

fn index(n: u32) -> IfIndex {
    IfIndex::new(n).unwrap()
}

fn key(source: bool) -> RouteKey {
    RouteKey {
        iif: index(1),
        group: GroupAddr::try_from(std::net::Ipv4Addr::from(GROUP)).unwrap(),
        source: source.then(|| UnicastAddr::try_from(std::net::Ipv4Addr::from(SOURCE)).unwrap()),
    }
}

fn entry(accept: Accept, oifs: &[u32]) -> RouteEntry {
    RouteEntry {
        accept,
        register: false,
        new_sources: false,
        outputs: oifs
            .iter()
            .map(|oif| RouteOutput {
                oif: index(*oif),
                source_mac: MacAddr([2; 6]),
                mtu: 1500,
            })
            .collect(),
    }
}

/// Without relay rules; listening.
fn router() -> (Forwarder, CounterFile) {
    router_with(GateFile::create().unwrap())
}

fn router_with(gates: GateFile) -> (Forwarder, CounterFile) {
    let counters = CounterFile::create().unwrap();
    let writer = CounterWriter::open(counters.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let mut forwarder = Forwarder::new(index(1), writer, gates, true);
    for oif in 2..5 {
        let socket = counters.as_fd().try_clone_to_owned().unwrap();
        forwarder.set_socket(index(oif), Some(socket));
    }
    forwarder.set_listening(true);
    (forwarder, counters)
}

fn events(forwarder: &mut Forwarder) -> Vec<DataPlaneEvent> {
    std::iter::from_fn(|| forwarder.next_event()).collect()
}

fn set(forwarder: &mut Forwarder, source: bool, entry: RouteEntry, gate: Option<GateCell>) {
    forwarder
        .set_route(key(source), entry, Slot(0), gate)
        .unwrap();
}

/// RFC 1812 §5.3.1: one off the time to live, the checksum with it, and
/// nothing else.
#[test]
fn a_routed_copy_differs_in_its_time_to_live_alone() {
    let (mut forwarder, counters) = router();
    set(&mut forwarder, false, entry(Accept::Forward, &[2, 3]), None);
    for protocol in [17, 50] {
        let frame = frame(protocol, 77, &[3; 100]);
        let sent = forward(&mut forwarder, std::slice::from_ref(&frame));
        assert_eq!(sent.len(), 2);
        for message in sent {
            assert_eq!(message[vnet::LEN..][..6], [1, 0, 0x5e, 1, 1, 1]);
            assert_eq!(message[vnet::LEN + 6..][..6], [2; 6]);
            let (old, new) = (&frame[24..], &message[24..]);
            let packet = Packet::parse(new).unwrap();
            assert_eq!(packet.header().ttl, 4);
            assert_eq!((&old[..8], old[9]), (&new[..8], new[9]));
            assert_eq!(old[12..], new[12..]);
        }
    }
    assert_eq!(counters.cell(Slot(0)).packets, 2);
    assert_eq!(counters.cell(Slot(1)).packets, 2);
    assert_eq!(counters.cell(Slot(2)).bytes, 256);
    assert!(events(&mut forwarder).is_empty());
}

/// RFC 1812 §5.3.1, RFC 5771 §4, RFC 7761 §4.9: nor what is said between routers.
#[test]
fn neither_an_ended_time_to_live_nor_control_is_routed() {
    let (mut forwarder, counters) = router();
    set(&mut forwarder, false, entry(Accept::Forward, &[2]), None);
    let mut dying = frame(17, 1, &[1; 40]);
    dying[32] = 1;
    dying[34..36].fill(0);
    let sum = checksum::internet(&dying[24..44]);
    dying[34..36].copy_from_slice(&sum.to_be_bytes());
    let frames = [dying, frame(2, 2, &[1; 40]), frame(103, 3, &[1; 40])];
    assert!(forward(&mut forwarder, &frames).is_empty());
    assert_eq!(counters.dropped(DropReason::TtlExpired), 1);
    assert_eq!(counters.dropped(DropReason::Control), 2);
    assert!(events(&mut forwarder).is_empty());
}

/// RFC 7761 §4.2: what matches (S,G) never falls through to (*,G) (D18).
#[test]
fn the_source_s_own_route_comes_first() {
    let (mut forwarder, counters) = router();
    forwarder
        .set_route(key(false), entry(Accept::Forward, &[2]), Slot(10), None)
        .unwrap();
    set(&mut forwarder, true, entry(Accept::Discard, &[]), None);
    let frames = [frame(17, 1, &[1; 40])];
    assert!(forward(&mut forwarder, &frames).is_empty());
    assert_eq!(counters.dropped(DropReason::Discarded), 1);
    assert_eq!(counters.cell(Slot(0)).dropped, 1);
    assert!(forwarder.remove_route(&key(true)));
    assert_eq!(forward(&mut forwarder, &frames).len(), 1);
    assert_eq!(counters.cell(Slot(10)).packets, 1);
}

/// RFC 7761 §4.2: the router sees the first packets of a flow, whole.
#[test]
fn a_miss_hands_up_the_first_packets_whole() {
    let (mut forwarder, counters) = router();
    let now = Instant::now();
    let frames: Vec<_> = (0..20).map(|n| frame(17, n, &[n as u8; 40])).collect();
    let mut step = |at, frames: &[Vec<u8>]| {
        forwarder.accept(at, frames.len(), |n| n as u16, |n| &frames[n]);
        events(&mut forwarder)
    };
    let raised = step(now, &frames);
    let want: Vec<_> = frames[..16]
        .iter()
        .map(|frame| DataPlaneEvent::NoEntry {
            iif: index(1),
            packet: frame[24..].to_vec(),
        })
        .collect();
    assert_eq!(raised, want);
    assert!(step(now + Duration::from_millis(999), &frames).is_empty());
    assert_eq!(step(now + Duration::from_secs(1), &frames).len(), 16);
    assert_eq!(counters.dropped(DropReason::NoEntry), 60);
    assert_eq!(counters.dropped(DropReason::EventLimit), 0);
}

#[test]
fn nothing_is_handed_up_where_nobody_listens() {
    let (mut forwarder, counters) = router();
    forwarder.set_listening(false);
    assert!(forward(&mut forwarder, &[frame(17, 1, &[1; 40])]).is_empty());
    assert_eq!(counters.dropped(DropReason::NoRule), 1);
    assert!(events(&mut forwarder).is_empty());
}

/// A checksum that the sender's card was to compute is computed for what the
/// router gets, and left to the output's card in copies.
/// RFC 768.
#[test]
fn an_unfinished_checksum_is_finished_where_it_must_be() {
    let (mut forwarder, _counters) = router();
    let whole = frame(17, 1, &[9; 60]);
    let mut unfinished = whole.clone();
    let partial = vnet::Header {
        checksum: Checksum::Partial {
            start: 34,
            offset: 6,
        },
        ..vnet::Header::PLAIN
    };
    unfinished[..vnet::LEN].copy_from_slice(&partial.emit());
    let sum = checksum::pseudo_header(SOURCE.into(), GROUP.into(), 17, 68);
    unfinished[vnet::LEN + 40..][..2].copy_from_slice(&sum.to_be_bytes());
    let frames = [unfinished];
    assert!(forward(&mut forwarder, &frames).is_empty());
    let [DataPlaneEvent::NoEntry { packet, .. }] = &events(&mut forwarder)[..] else {
        panic!("one event");
    };
    assert_eq!(packet[..], whole[24..]);
    set(&mut forwarder, false, entry(Accept::Forward, &[2]), None);
    let sent = forward(&mut forwarder, &frames);
    let header = vnet::Header::parse(&sent[0]).unwrap();
    assert_eq!(header.checksum, partial.checksum);
    assert_eq!(sent[0][vnet::LEN + 40..][..2], sum.to_be_bytes());
}

/// RFC 7761 §4.2.1, §4.4.1.
#[test]
fn a_new_source_and_a_register_are_told_beside_the_copies() {
    let (mut forwarder, _counters) = router();
    let mut shared = entry(Accept::Forward, &[2]);
    shared.new_sources = true;
    shared.register = true;
    set(&mut forwarder, false, shared, None);
    let frames: Vec<_> = (0..18).map(|n| frame(17, n, &[n as u8; 40])).collect();
    assert_eq!(forward(&mut forwarder, &frames).len(), 1, "one run");
    let raised = events(&mut forwarder);
    let is_source = |event: &&DataPlaneEvent| matches!(event, DataPlaneEvent::NewSource { .. });
    assert_eq!(raised.iter().filter(is_source).count(), 16);
    assert_eq!(raised.len(), 16 + 18, "each is registered");
}

/// RFC 7761 §4.2: dropped, and a reason for an Assert.
#[test]
fn a_packet_on_the_wrong_interface_is_told_once_a_second() {
    let (mut forwarder, counters) = router();
    set(
        &mut forwarder,
        true,
        entry(Accept::WrongInterface, &[]),
        None,
    );
    let now = Instant::now();
    let frames: Vec<_> = (0..9).map(|n| frame(17, n, &[1; 40])).collect();
    let mut told = Vec::new();
    for millis in [0, 500, 999, 1000, 1900] {
        let at = now + Duration::from_millis(millis);
        forwarder.accept(at, frames.len(), |n| n as u16, |n| &frames[n]);
        told.push(events(&mut forwarder).len());
        // A change of its entry that does not change this.
        set(
            &mut forwarder,
            true,
            entry(Accept::WrongInterface, &[]),
            None,
        );
    }
    assert_eq!(told, [1, 0, 0, 1, 0]);
    assert_eq!(counters.dropped(DropReason::WrongInterface), 45);
}

/// The union of a rule and a route: an interface and destination that both
/// have gets each packet once (D19).
/// RFC 7761 §4.2.
#[test]
fn an_output_of_rule_and_route_is_sent_to_once() {
    let (mut forwarder, counters) = forwarder(true);
    forwarder.set_listening(true);
    for oif in [3, 4] {
        let socket = counters.as_fd().try_clone_to_owned().unwrap();
        forwarder.set_socket(index(oif), Some(socket));
    }
    forwarder
        .set_route(key(false), entry(Accept::Forward, &[2, 3]), Slot(50), None)
        .unwrap();
    let frames = [frame(17, 1, &[1; 40])];
    // The rule's two outputs go to another group, so the route's are others.
    assert_eq!(forward(&mut forwarder, &frames).len(), 4);
    let keep = Rewrite {
        source: None,
        source_port: None,
        destination: None,
        port: Port::new(5000),
        ttl: TtlRewrite::Set(Ttl::new(7).unwrap()),
        dscp: None,
    };
    let relay = |oif| FibOutput {
        egress: Egress::Ready {
            oif: index(oif),
            source_mac: MacAddr([2; 6]),
            destination_mac: MacAddr([1; 6]),
            mtu: 1500,
        },
        rewrite: keep,
    };
    let rule = FibKey {
        iif: index(1),
        group: key(false).group,
        source: None,
        protocol: IpProtocol::UDP,
        port: None,
    };
    let entry = FibEntry {
        rule: "r".parse().unwrap(),
        outputs: vec![relay(2), relay(4)],
    };
    forwarder.set(rule, entry, Slot(0)).unwrap();
    assert_eq!(forward(&mut forwarder, &frames).len(), 3, "2, 4, and 3");
    assert_eq!(counters.cell(Slot(50)).packets, 2);
    assert_eq!(counters.cell(Slot(51)).packets, 1, "only before");
    assert_eq!(counters.cell(Slot(52)).packets, 2);
    assert_eq!(counters.totals().matched, 2, "a packet, not a match");
}

/// RFC 791 §3.2: what is larger than an output takes is cut, unless its sender
/// forbids it; other outputs get it whole.
#[test]
fn a_large_packet_is_cut_where_it_may_be() {
    for (forbidden, unfinished) in [(false, false), (false, true), (true, false)] {
        let (mut forwarder, counters) = router();
        let mut out = entry(Accept::Forward, &[2, 3]);
        out.outputs[1].mtu = 576;
        set(&mut forwarder, false, out, None);
        let payload: Vec<u8> = (0..1200).map(|n| n as u8).collect();
        let mut frame = frame(17, 9, &payload);
        let whole = frame[44..].to_vec();
        if unfinished {
            let partial = vnet::Header {
                checksum: Checksum::Partial {
                    start: 34,
                    offset: 6,
                },
                ..vnet::Header::PLAIN
            };
            frame[..vnet::LEN].copy_from_slice(&partial.emit());
            let sum = checksum::pseudo_header(SOURCE.into(), GROUP.into(), 17, 1208);
            frame[50..52].copy_from_slice(&sum.to_be_bytes());
        }
        if forbidden {
            frame[30] = 0x40;
            frame[34..36].fill(0);
            let sum = checksum::internet(&frame[24..44]);
            frame[34..36].copy_from_slice(&sum.to_be_bytes());
        }
        let sent = forward(&mut forwarder, std::slice::from_ref(&frame));
        assert_eq!(sent[0].len(), frame.len());
        assert_eq!(counters.cell(Slot(1)).packets, 1);
        if forbidden {
            assert_eq!(sent.len(), 1);
            assert_eq!(counters.dropped(DropReason::TooBig), 1);
            assert_eq!(counters.cell(Slot(2)).dropped, 1);
            continue;
        }
        let mut data: Vec<u8> = Vec::new();
        for part in &sent[1..] {
            let part = Packet::parse(&part[24..]).unwrap();
            let header = part.header();
            assert!(header.total_length.get() <= 576 && header.ttl == 4);
            assert_eq!(header.fragment_offset(), data.len());
            data.extend(part.payload());
        }
        assert_eq!(data, whole);
        let cell = counters.cell(Slot(2));
        assert_eq!((sent.len(), cell.packets, cell.dropped), (4, 1, 0));
    }
}

/// Two workers share a gate. Whatever the order of the two ways, each packet is
/// forwarded once as long as they differ by less than a packet's distance.
/// RFC 7761 §4.2.2.
#[test]
fn a_switched_source_is_neither_lost_nor_doubled() {
    for lead in [0, 1] {
        let gates = GateFile::create().unwrap();
        let again = GateFile::open(gates.as_fd().try_clone_to_owned().unwrap()).unwrap();
        let ((mut shared, dropped), (mut own, _own)) = (router_with(gates), router_with(again));
        let gate = Some(GateCell(7));
        set(&mut shared, true, entry(Accept::UntilSwitch, &[2]), gate);
        set(&mut own, true, entry(Accept::Switch, &[2]), gate);
        let mut got = Vec::new();
        let mut step = |forwarder: &mut Forwarder, n: u16, hops: u8| {
            let mut frame = frame(17, n, &[n as u8; 40]);
            frame[32] -= hops;
            frame[34..36].fill(0);
            let sum = checksum::internet(&frame[24..44]);
            frame[34..36].copy_from_slice(&sum.to_be_bytes());
            let sent = forward(forwarder, &[frame]);
            got.extend(sent.iter().map(|message| message[vnet::LEN + 50]));
        };
        for n in 0..10 {
            // From packet 4 on they come down both ways.
            if lead == 0 {
                step(&mut shared, n, 1);
            }
            if n >= 4 {
                step(&mut own, n, 0);
            }
            if lead == 1 {
                step(&mut shared, n, 1);
            }
        }
        assert_eq!(got, Vec::from_iter(0..10), "lead {lead}");
        assert!(dropped.dropped(DropReason::SptSwitch) >= 5);
        let switched = DataPlaneEvent::Switched {
            iif: index(1),
            source: key(true).source.unwrap(),
            group: key(true).group,
        };
        assert_eq!(events(&mut own), [switched], "once a second");
        assert!(events(&mut shared).is_empty());
    }
}

/// 100 000 sources that nobody wants: what is told is bounded, and what is
/// routed is not touched.
/// RFC 7761 §6.
#[test]
fn a_storm_of_sources_is_bounded_and_hurts_nobody() {
    let (mut forwarder, counters) = router();
    let mut wanted = entry(Accept::Forward, &[2]);
    wanted.new_sources = true;
    set(&mut forwarder, false, wanted, None);
    let mut now = Instant::now();
    let start = now;
    let (mut misses, mut sources) = (0, 0);
    for n in 0..100_000u32 {
        let mut stray = frame(17, n as u16, &[1; 8]);
        stray[36..40].copy_from_slice(&(0x0b00_0000 + n).to_be_bytes());
        stray[40..44].copy_from_slice(&(0xef02_0000 + n).to_be_bytes());
        stray[34..36].fill(0);
        let sum = checksum::internet(&stray[24..44]);
        stray[34..36].copy_from_slice(&sum.to_be_bytes());
        let mut frames = vec![stray];
        if n % 1000 == 0 {
            frames.push(frame(17, 0, &[1; 8]));
        }
        now += Duration::from_micros(10);
        forwarder.accept(now, frames.len(), |n| n as u16, |n| &frames[n]);
        for event in events(&mut forwarder) {
            if matches!(event, DataPlaneEvent::NoEntry { .. }) {
                misses += 1;
            } else {
                sources += 1;
            }
        }
    }
    let seconds = now.duration_since(start).as_secs();
    assert_eq!(seconds, 1);
    assert!((5900..=6100).contains(&misses), "{misses}");
    assert_eq!(sources, 16);
    assert_eq!(counters.cell(Slot(0)).packets, 100);
    assert_eq!(counters.dropped(DropReason::NoEntry), 100_000);
    assert_eq!(counters.dropped(DropReason::EventLimit), 100_000 - misses);
}
