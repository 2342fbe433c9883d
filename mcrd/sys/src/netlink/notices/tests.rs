//! Tests of reading what the kernel tells.

use super::*;

/// As a kernel tells of the entry (10.0.0.1, 239.1.1.1) from interface 2 to
/// interfaces 3 and 4: a netlink header, an rtmsg, and attributes.
fn mroute() -> Vec<u8> {
    let mut attributes: Vec<u8> = Vec::new();
    let mut attribute = |kind: u16, value: &[u8]| {
        let length = u16::try_from(value.len() + 4).unwrap();
        attributes.extend(length.to_ne_bytes());
        attributes.extend(kind.to_ne_bytes());
        attributes.extend(value);
    };
    attribute(15, &253_u32.to_ne_bytes());
    attribute(2, &[10, 0, 0, 1]);
    attribute(1, &[239, 1, 1, 1]);
    attribute(3, &2_u32.to_ne_bytes());
    let hop = |index: u32| [&[8, 0, 0, 1], &index.to_ne_bytes()[..]].concat();
    attribute(9, &[hop(3), hop(4)].concat());
    attribute(17, &[[7, 0, 0, 0, 0, 0, 0, 0], [0; 8], [0; 8]].concat());
    attribute(23, &[0; 8]);
    let rtmsg = [128, 32, 32, 0, 253, 17, 0, 5, 0, 0, 0, 0];
    let length = u32::try_from(16 + rtmsg.len() + attributes.len()).unwrap();
    let mut message = Vec::from(length.to_ne_bytes());
    message.extend(24_u16.to_ne_bytes());
    message.extend([0; 10]);
    message.extend(rtmsg);
    message.extend(attributes);
    message
}

#[test]
fn an_entry_is_read_with_its_interfaces() {
    let expected = Notice::Mroute {
        source: Ipv4Addr::new(10, 0, 0, 1),
        group: Ipv4Addr::new(239, 1, 1, 1),
        iif: Some(2),
        oifs: vec![3, 4],
        packets: Some(7),
        gone: false,
    };
    let mut told = Vec::new();
    let twice = [mroute(), mroute()].concat();
    assert!(!parse(&twice, &mut told));
    assert_eq!(told, [expected.clone(), expected]);
}

#[test]
fn what_is_cut_off_is_not_read_and_breaks_nothing() {
    let whole = mroute();
    for length in 0..whole.len() {
        let mut told = Vec::new();
        parse(&whole[..length], &mut told);
        assert_eq!(told, [], "{length}");
    }
}

#[test]
fn the_links_of_this_namespace_are_listed() {
    let (socket, now) = open().unwrap();
    let loopback = now
        .iter()
        .any(|notice| matches!(notice, Notice::Link { name, .. } if name == "lo"));
    assert!(loopback, "{now:?}");
    assert!(read(&socket).is_ok());
}
