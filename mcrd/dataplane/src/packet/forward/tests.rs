//! Properties of everything between receiving and sending: whatever comes in,
//! nothing panics, every packet is counted, and what goes out is well formed.

use std::os::fd::AsFd;

use mcr_proto::fib::{Egress, FibOutput, Rewrite, TtlRewrite};
use mcr_proto::id::{GroupAddr, IpProtocol, MacAddr, Port, Ttl};
use mcr_sys::frames::{Outgoing, Piece, Source};
use mcr_sys::vnet::{self, Checksum, Gso};
use mcr_wire::checksum;
use mcr_wire::ipv4::Packet;
use mcr_wire::udp::Datagram;
use proptest::prelude::*;

use super::*;
use crate::counters::CounterFile;
use crate::packet::parse::ETHERNET;

mod routes;

const GROUP: [u8; 4] = [239, 1, 1, 1];

fn forwarder(gso: bool) -> (Forwarder, CounterFile) {
    let counters = CounterFile::create().unwrap();
    let writer = CounterWriter::open(counters.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let (iif, oif) = (IfIndex::new(1).unwrap(), IfIndex::new(2).unwrap());
    let gates = GateFile::create().unwrap();
    let mut forwarder = Forwarder::new(iif, writer, gates, gso);
    let output = |mtu, ttl| FibOutput {
        egress: Egress::Ready {
            oif,
            source_mac: MacAddr([2; 6]),
            destination_mac: MacAddr([1; 6]),
            mtu,
        },
        rewrite: Rewrite {
            source: Some([192, 0, 2, 1].into()),
            source_port: None,
            destination: Some([239, 7, 7, 7].into()),
            port: Port::new(7000),
            ttl,
            dscp: None,
        },
    };
    let outputs = vec![
        output(1500, TtlRewrite::Set(Ttl::new(7).unwrap())),
        output(400, TtlRewrite::Decrement),
    ];
    for (slot, protocol) in [(0, IpProtocol::UDP), (10, IpProtocol(50))] {
        let key = FibKey {
            iif,
            group: GroupAddr::try_from(std::net::Ipv4Addr::from(GROUP)).unwrap(),
            source: None,
            protocol,
            port: None,
        };
        let entry = FibEntry {
            rule: "r".parse().unwrap(),
            outputs: outputs.clone(),
        };
        forwarder.set(key, entry, Slot(slot)).unwrap();
    }
    let socket = counters.as_fd().try_clone_to_owned().unwrap();
    forwarder.set_socket(oif, Some(socket));
    (forwarder, counters)
}

fn frame(protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let mut udp = [4000u16, 5000, len, 0].map(u16::to_be_bytes).concat();
    udp.extend_from_slice(payload);
    let sum = checksum::udp([10, 0, 0, 1].into(), GROUP.into(), &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 5, protocol, 0, 0, 10, 0, 0, 1];
    ip.extend(GROUP);
    ip[2..4].copy_from_slice(&(20 + len).to_be_bytes());
    ip[4..6].copy_from_slice(&id.to_be_bytes());
    let sum = checksum::internet(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut frame = vec![0; vnet::LEN];
    frame.extend([1, 0, 0x5e, 1, 1, 1, 9, 9, 9, 9, 9, 9, 8, 0]);
    frame.extend(ip);
    frame.extend(udp);
    frame
}

/// The bytes of all messages, as the kernel would see them.
fn messages(forwarder: &Forwarder, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let batch = forwarder.batch();
    let bytes = |piece: &Piece| {
        let from = match piece.source {
            Source::Headers => &batch.headers,
            Source::Frame(number) => &frames[usize::from(number)],
        };
        from[piece.offset as usize..][..piece.len as usize].to_vec()
    };
    let pieces = |message: &Outgoing| {
        let pieces = &batch.pieces[message.first..][..message.pieces];
        pieces.iter().flat_map(bytes).collect()
    };
    batch.messages.iter().map(pieces).collect()
}

fn forward(forwarder: &mut Forwarder, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    forwarder.accept(Instant::now(), frames.len(), |n| n as u16, |n| &frames[n]);
    forwarder.assemble();
    let sent = messages(forwarder, frames);
    assert!(!forwarder.settle(&vec![0; sent.len()]));
    sent
}

#[test]
fn datagrams_of_one_flow_leave_as_one_message() {
    let (mut forwarder, counters) = forwarder(true);
    let frames: Vec<_> = (0..10).map(|n| frame(17, n, &[n as u8; 100])).collect();
    let sent = forward(&mut forwarder, &frames);
    assert_eq!(sent.len(), 2);
    let header = vnet::Header::parse(&sent[0]).unwrap();
    assert_eq!(header.gso, Gso::UdpL4 { size: 100 });
    assert_eq!(sent[0].len(), vnet::LEN + ETHERNET + 28 + 1000);
    assert_eq!(counters.cell(Slot(1)).packets, 10);
    assert_eq!(counters.cell(Slot(1)).bytes, 1280);
}

#[test]
fn other_identifications_are_not_renumbered() {
    let (mut forwarder, _counters) = forwarder(true);
    let frames: Vec<_> = [7, 8, 20, 21].map(|n| frame(17, n, &[0; 100])).into();
    let sent = forward(&mut forwarder, &frames);
    assert_eq!(sent.len(), 4, "two runs for each of two outputs");
}

#[test]
fn what_the_kernel_does_not_cut_is_sent_one_by_one() {
    let (mut forwarder, counters) = forwarder(true);
    let frames: Vec<_> = (0..3).map(|n| frame(17, n, &[n as u8; 100])).collect();
    forwarder.accept(Instant::now(), 3, |n| n as u16, |n| &frames[n]);
    forwarder.assemble();
    assert!(forwarder.settle(&[libc::EINVAL, libc::EINVAL]));
    assert_eq!(messages(&forwarder, &frames).len(), 6);
    assert!(!forwarder.settle(&[0; 6]));
    assert_eq!(counters.cell(Slot(2)).packets, 3);
    assert_eq!(forward(&mut forwarder, &frames).len(), 6);
}

#[test]
fn each_error_has_its_reason() {
    for (errno, want) in [
        (libc::ENETDOWN, DropReason::InterfaceDown),
        (libc::ENXIO, DropReason::NoInterface),
        (libc::ENOBUFS, DropReason::QueueFull),
        (libc::EAGAIN, DropReason::QueueFull),
        (libc::EMSGSIZE, DropReason::TooBig),
        (libc::ENOMEM, DropReason::SendError),
    ] {
        let (mut forwarder, counters) = forwarder(true);
        let frames = [frame(17, 0, &[0; 100])];
        forwarder.accept(Instant::now(), 1, |_| 0, |_| &frames[0]);
        forwarder.assemble();
        assert!(!forwarder.settle(&[errno, 0]));
        assert_eq!(counters.dropped(want), 1, "{errno}");
        assert_eq!(counters.cell(Slot(2)).packets, 1, "the other is sent");
    }
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let sound = (
        prop_oneof![Just(17u8), Just(50), any::<u8>()],
        any::<u16>(),
        0usize..700,
    )
        .prop_map(|(protocol, id, len)| frame(protocol, id, &vec![0xa5; len]));
    let change = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5);
    let fix = any::<bool>();
    (
        sound,
        change,
        fix,
        prop::option::of(any::<prop::sample::Index>()),
    )
        .prop_map(|(mut frame, changes, fix, cut)| {
            for (place, byte) in changes {
                let at = place.index(frame.len().min(60));
                frame[at] = byte;
            }
            let len = usize::from(frame[24] & 15) * 4;
            if fix && (20..=60).contains(&len) && frame.len() >= 24 + len {
                frame[34..36].fill(0);
                let sum = checksum::internet(&frame[24..24 + len]);
                frame[34..36].copy_from_slice(&sum.to_be_bytes());
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len() + 1));
            }
            frame
        })
}

fn well_formed(message: &[u8], frames_were_right: bool) {
    let header = vnet::Header::parse(message).unwrap();
    let frame = &message[vnet::LEN..];
    let packet = Packet::parse(&frame[ETHERNET..]).unwrap();
    assert_eq!(
        packet.payload().len() + packet.header().header_len(),
        frame.len() - ETHERNET
    );
    if packet.header().protocol != 17 || packet.header().is_fragment() {
        return;
    }
    let datagram = Datagram::parse(packet.payload()).unwrap();
    if header.checksum == Checksum::Unknown && frames_were_right {
        let (from, to) = (packet.header().source(), packet.header().destination());
        assert!(datagram.checksum_is_right(from, to) || datagram.header().checksum.get() == 0);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_counted_and_none_panics(
        frames in prop::collection::vec(damaged(), 1..20),
        gso in any::<bool>(),
    ) {
        let (mut forwarder, counters) = forwarder(gso);
        let sent = forward(&mut forwarder, &frames);
        for message in &sent {
            well_formed(message, false);
        }
        let early = DropReason::ALL.into_iter().take_while(|r| *r != DropReason::TooBig);
        let dropped: u64 = early.map(|reason| counters.dropped(reason)).sum();
        let totals = counters.totals();
        // A copy whose time to live ends is counted as the packets are.
        let copies = counters.cell(Slot(2)).dropped + counters.cell(Slot(12)).dropped;
        prop_assert!(totals.received >= frames.len() as u64);
        prop_assert!(totals.matched + dropped >= totals.received);
        prop_assert!(totals.matched + dropped <= totals.received + copies);
    }

    #[test]
    fn good_packets_leave_with_right_checksums_in_order(
        sizes in prop::collection::vec(1usize..300, 1..40),
        gso in any::<bool>(),
    ) {
        let (mut forwarder, counters) = forwarder(gso);
        let frames: Vec<_> = (0u16..)
            .zip(&sizes)
            .map(|(n, len)| frame(17, n, &vec![n as u8; *len]))
            .collect();
        let sent = forward(&mut forwarder, &frames);
        let mut payload = Vec::new();
        for message in &sent {
            well_formed(message, true);
            // The first output's copies have the time to live that was set.
            if message[vnet::LEN + 22] == 7 {
                payload.extend_from_slice(&message[vnet::LEN + 42..]);
            }
        }
        let want: Vec<u8> = frames.iter().flat_map(|f| f[vnet::LEN + 42..].to_vec()).collect();
        prop_assert_eq!(payload, want);
        prop_assert_eq!(counters.cell(Slot(1)).packets, sizes.len() as u64);
    }
}
