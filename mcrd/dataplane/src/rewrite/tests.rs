//! Tests of the rewrite.

use mcr_proto::id::{Dscp, Port, Ttl};
use mcr_wire::checksum;
use mcr_wire::ipv4::Packet;
use mcr_wire::udp::Datagram;
use proptest::prelude::*;

use super::*;

fn packet(tos: u8, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let (source, group) = ([10, 1, 2, 3], [239, 1, 2, 3]);
    let len = (8 + payload.len()) as u16;
    let mut udp = [4000u16, 5000, len, 0].map(u16::to_be_bytes).concat();
    udp.extend_from_slice(payload);
    let sum = checksum::udp(source.into(), group.into(), &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    let mut ip = vec![0x45, tos, 0, 0, 0x12, 0x34, 0, 0, ttl, 17, 0, 0];
    ip[2..4].copy_from_slice(&(len + 20).to_be_bytes());
    ip.extend(source);
    ip.extend(group);
    let sum = checksum::internet(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(udp);
    ip
}

fn nothing() -> Rewrite {
    Rewrite {
        source: None,
        source_port: None,
        destination: None,
        port: None,
        ttl: TtlRewrite::Decrement,
        dscp: None,
    }
}

fn right(bytes: &[u8]) -> bool {
    let packet = Packet::parse(bytes).unwrap();
    let header = packet.header();
    let datagram = Datagram::parse(packet.payload()).unwrap();
    datagram.checksum_is_right(header.source(), header.destination())
}

#[test]
fn a_router_takes_one_off_and_drops_the_last() {
    let mut bytes = packet(0, 2, b"x");
    let done = rewrite(&mut bytes, 20, Some(UdpChecksum::Complete), &nothing());
    assert_eq!((done, bytes[8]), (Ok(()), 1));
    assert!(right(&bytes));
    let before = bytes.clone();
    let done = rewrite(&mut bytes, 20, Some(UdpChecksum::Complete), &nothing());
    assert_eq!(done, Err(TtlExpired));
    assert_eq!(bytes, before);
}

#[test]
fn congestion_marks_are_kept() {
    let mut bytes = packet(0b1011_1011, 9, b"x");
    let change = Rewrite {
        dscp: Some(Dscp::try_from(10).unwrap()),
        ..nothing()
    };
    rewrite(&mut bytes, 20, Some(UdpChecksum::Complete), &change).unwrap();
    assert_eq!(bytes[1], 10 << 2 | 0b11);
    assert!(right(&bytes));
}

#[test]
fn no_checksum_stays_none() {
    let mut bytes = packet(0, 9, b"x");
    bytes[26..28].fill(0);
    let change = Rewrite {
        port: Port::new(9),
        ..nothing()
    };
    rewrite(&mut bytes, 20, Some(UdpChecksum::Complete), &change).unwrap();
    assert_eq!(bytes[22..28], [0, 9, 0, 9, 0, 0]);
}

#[test]
fn another_protocol_is_not_touched_behind_the_header() {
    let mut bytes = packet(0, 9, b"payload");
    let change = Rewrite {
        source: Some([1, 2, 3, 4].into()),
        source_port: Port::new(7),
        ..nothing()
    };
    let before = bytes[20..].to_vec();
    rewrite(&mut bytes, 20, None, &change).unwrap();
    assert_eq!(bytes[20..], before);
    assert!(Packet::parse(&bytes).is_ok());
}

#[test]
fn damage_is_not_repaired() {
    let mut bytes = packet(0, 9, b"payload");
    bytes[30] ^= 1;
    let change = Rewrite {
        source: Some([1, 2, 3, 4].into()),
        ..nothing()
    };
    rewrite(&mut bytes, 20, Some(UdpChecksum::Complete), &change).unwrap();
    assert!(!right(&bytes));
}

proptest! {
    #[test]
    fn checksums_are_right_afterwards(
        tos in any::<u8>(),
        ttl in 2u8..,
        payload in prop::collection::vec(any::<u8>(), 0..64),
        source in any::<Option<[u8; 4]>>(),
        destination in any::<Option<[u8; 4]>>(),
        ports in any::<(u16, u16)>(),
        set in any::<u8>(),
        dscp in prop::option::of(0u8..64),
        partial in any::<bool>(),
    ) {
        let mut bytes = packet(tos, ttl, &payload);
        let change = Rewrite {
            source: source.map(Into::into),
            source_port: Port::new(ports.0),
            destination: destination.map(Into::into),
            port: Port::new(ports.1),
            ttl: Ttl::new(set).map_or(TtlRewrite::Decrement, TtlRewrite::Set),
            dscp: dscp.map(|dscp| Dscp::try_from(dscp).unwrap()),
        };
        let state = if partial { UdpChecksum::Partial } else { UdpChecksum::Complete };
        rewrite(&mut bytes, 20, Some(state), &change).unwrap();
        if partial {
            // As the network card finishes it.
            let sum = checksum::internet(&bytes[20..]);
            let sum = if sum == 0 { 0xffff } else { sum };
            bytes[26..28].copy_from_slice(&sum.to_be_bytes());
        }
        prop_assert!(right(&bytes));
        prop_assert_eq!(&bytes[28..], &payload[..]);
        prop_assert_eq!(bytes[8], if set == 0 { ttl - 1 } else { set });
    }

    #[test]
    fn a_resized_header_is_right(payload in 0usize..60_000, index in any::<u16>()) {
        let mut bytes = packet(0, 9, b"first");
        resize(&mut bytes, 20, 8 + payload as u16, index);
        bytes.resize(28 + payload, 0);
        let packet = Packet::parse(&bytes).unwrap();
        prop_assert_eq!(packet.payload().len(), 8 + payload);
        prop_assert_eq!(packet.header().identification.get(), 0x1234u16.wrapping_add(index));
    }
}
