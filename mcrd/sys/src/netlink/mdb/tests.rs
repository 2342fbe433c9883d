//! A bridge's answer, read and cut off anywhere.

use std::net::Ipv4Addr;

use super::{Learned, list, parse};

fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + payload.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn entry(port: u32, group: [u8; 4], protocol: [u8; 2]) -> Vec<u8> {
    let mut info = Vec::from(port.to_ne_bytes());
    info.extend([0, 0, 0, 0]);
    info.extend(group);
    info.extend([0; 12]);
    info.extend(protocol);
    info.extend([0; 2]);
    // A timer, as the kernel puts one behind.
    info.extend(attribute(1, &[9, 0, 0, 0]));
    attribute(1, &attribute(1, &info))
}

/// Two groups, one of them IPv6's, and a router's port.
fn answer() -> Vec<u8> {
    let ipv4 = entry(102, [239, 1, 1, 1], [0x08, 0x00]);
    let ipv6 = entry(103, [0xff, 2, 0, 0], [0x86, 0xdd]);
    let groups = attribute(1, &[ipv4, ipv6].concat());
    let routers = attribute(2, &attribute(1, &104_u32.to_ne_bytes()));
    let body = [vec![7, 0, 0, 0, 101, 0, 0, 0], groups, routers].concat();
    let length = u32::try_from(16 + body.len()).unwrap();
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(84_u16.to_ne_bytes());
    message.extend([0; 10]);
    message.extend(body);
    message
}

#[test]
fn groups_and_routers_are_read() {
    let group = Learned::Group {
        port: 102,
        group: Ipv4Addr::new(239, 1, 1, 1),
    };
    let mut learned = Vec::new();
    assert!(!parse(&[answer(), answer()].concat(), &mut learned).unwrap());
    let router = Learned::Router(104);
    assert_eq!(learned, [group, router, group, router]);
}

#[test]
fn the_end_and_a_refusal_are_known() {
    let done = [20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(parse(&done, &mut Vec::new()).unwrap());
    let mut refused = done;
    refused[4] = 2;
    refused[16..].copy_from_slice(&(-1_i32).to_ne_bytes());
    let error = parse(&refused, &mut Vec::new()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(1));
}

#[test]
fn what_is_cut_off_is_not_read_and_breaks_nothing() {
    let whole = answer();
    for length in 0..whole.len() {
        let mut learned = Vec::new();
        assert!(!parse(&whole[..length], &mut learned).unwrap());
        assert_eq!(learned, [], "{length}");
    }
}

#[test]
fn a_namespace_without_bridges_has_learned_nothing_or_something() {
    assert!(list().is_ok());
}
