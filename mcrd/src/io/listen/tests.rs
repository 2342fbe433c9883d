//! What is made of the bytes of a packet.

use std::net::Ipv4Addr;

use mcr_wire::ipv4::Outgoing;

use super::*;

fn query() -> Vec<u8> {
    let packet = Outgoing {
        source: [10, 0, 0, 1].into(),
        destination: [224, 0, 0, 1].into(),
        protocol: 2,
        ttl: 1,
        tos: 0xc0,
        router_alert: true,
        payload: &[0x11, 100, 0xee, 0x9b, 0, 0, 0, 0],
    };
    packet.emit().unwrap()
}

fn of(bytes: &[u8]) -> Result<Packet, &'static str> {
    parse(IfIndex::new(7).unwrap(), bytes)
}

#[test]
fn a_packet_is_handed_on_with_what_its_header_says() {
    let packet = of(&query()).unwrap();
    assert_eq!(packet.iface.get(), 7);
    assert_eq!(packet.src, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(packet.dst, Ipv4Addr::new(224, 0, 0, 1));
    assert_eq!((packet.ttl, packet.router_alert), (1, true));
    assert_eq!(packet.protocol, IpProtocol::IGMP);
    assert_eq!(packet.payload.len(), 8);
}

/// RFC 7761 §4.9, RFC 9776 §4.
#[test]
fn each_kind_of_bad_header_has_its_counter() {
    let good = query();
    let mut checksum = good.clone();
    checksum[8] = 2;
    assert_eq!(of(&checksum), Err("ip.drop.checksum"));
    assert_eq!(of(&good[..10]), Err("ip.drop.truncated"));
    assert_eq!(of(&good[..30]), Err("ip.drop.truncated"));
    assert_eq!(of(&[]), Err("ip.drop.truncated"));
    let mut version = good.clone();
    version[0] = 0x66;
    assert_eq!(of(&version), Err("ip.drop.header"));
    let mut fragment = good;
    fragment[6] = 0x20;
    // The checksum with the flag added.
    let sum = u16::from_be_bytes([fragment[10], fragment[11]]);
    let fixed = mcr_wire::checksum::Adjust::new().word(0, 0x2000).apply(sum);
    fragment[10..12].copy_from_slice(&fixed.to_be_bytes());
    assert_eq!(of(&fragment), Err("ip.drop.fragment"));
}
