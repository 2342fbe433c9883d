//! Frames for the worker's tests, made and judged.

use mcr_sys::vnet::Checksum;
use mcr_wire::checksum;
use mcr_wire::ipv4::Packet;
use mcr_wire::udp::Datagram;

pub const SOURCE: [u8; 4] = [10, 0, 0, 1];
pub const ETHERNET: usize = 14;

/// An Ethernet frame around an IP packet.
pub fn ethernet(ip: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 0, 0x5e, 1, 1, 1, 2, 0, 0, 0, 9, 9, 8, 0];
    frame.extend_from_slice(ip);
    frame
}

/// An IP packet with a right header checksum.
pub fn ip(protocol: u8, group: [u8; 4], ttl: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut ip = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, ttl, protocol, 0, 0];
    ip[2..4].copy_from_slice(&total.to_be_bytes());
    ip.extend_from_slice(&SOURCE);
    ip.extend_from_slice(&group);
    ip.extend_from_slice(payload);
    fix(&mut ip);
    ip
}

/// Makes the header checksum right.
pub fn fix(ip: &mut [u8]) {
    let len = usize::from(ip[0] & 15) * 4;
    ip[10..12].fill(0);
    let sum = checksum::internet(&ip[..len]);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A datagram with a right checksum, as a whole IP packet.
pub fn udp_ip(group: [u8; 4], port: u16, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    let mut udp = [4000u16, port, len, 0].map(u16::to_be_bytes).concat();
    udp.extend_from_slice(payload);
    let sum = checksum::udp(SOURCE.into(), group.into(), &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    ip(17, group, ttl, &udp)
}

/// A datagram as a frame.
pub fn udp(group: [u8; 4], port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(&udp_ip(group, port, 16, payload))
}

/// The UDP payload of a frame, all of whose checksums are right.
pub fn payload(frame: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(&frame[ETHERNET..]).unwrap();
    let header = packet.header();
    let datagram = Datagram::parse(packet.payload()).unwrap();
    let right = datagram.checksum_is_right(header.source(), header.destination());
    assert!(right, "a wrong UDP checksum: {frame:02x?}");
    datagram.payload().to_vec()
}

/// The destination and its port.
pub fn destination(frame: &[u8]) -> ([u8; 4], u16) {
    let packet = Packet::parse(&frame[ETHERNET..]).unwrap();
    let datagram = Datagram::parse(packet.payload()).unwrap();
    let port = datagram.header().destination_port.get();
    (packet.header().destination().octets(), port)
}

/// As the receiver's network card would: the checksum is computed.
pub fn complete(frame: &[u8], state: Checksum) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if let Checksum::Partial { start, offset } = state {
        let (start, at) = (usize::from(start), usize::from(start + offset));
        // The field holds the sum of the pseudo header, which is part of it.
        let sum = checksum::internet(&frame[start..]);
        let sum = if sum == 0 { 0xffff } else { sum };
        frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    frame
}

/// Cuts a run of datagrams, as the kernel would.
pub fn cut(frame: &[u8], size: u16) -> Vec<Vec<u8>> {
    let (headers, payload) = frame.split_at(ETHERNET + 28);
    let id = u16::from_be_bytes([headers[18], headers[19]]);
    let parts = payload.chunks(usize::from(size)).zip(id..);
    parts
        .map(|(part, id)| {
            let mut frame = headers.to_vec();
            frame.extend_from_slice(part);
            let len = (8 + part.len()) as u16;
            frame[16..18].copy_from_slice(&(len + 20).to_be_bytes());
            frame[18..20].copy_from_slice(&id.to_be_bytes());
            frame[38..40].copy_from_slice(&len.to_be_bytes());
            fix(&mut frame[ETHERNET..]);
            let address = |at: usize| [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]];
            let (source, group) = (address(26), address(30));
            frame[40..42].fill(0);
            let sum = checksum::udp(source.into(), group.into(), &frame[34..]);
            frame[40..42].copy_from_slice(&sum.to_be_bytes());
            frame
        })
        .collect()
}
