//! What each value takes and refuses, and how it is written.

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, Invalid>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_interface_number_is_never_zero() {
    assert_eq!(IfIndex::new(0), None);
    assert_eq!(IfIndex::new(7).unwrap().get(), 7);
    assert_eq!(IfIndex::new(7).unwrap().to_string(), "7");
}

#[test]
fn an_interface_name_is_what_the_kernel_accepts() {
    for name in ["eth0", "a", "br-lan.100", "fifteen-bytes-x", "été0", "@"] {
        assert_eq!(name.parse::<InterfaceName>().unwrap().as_str(), name);
    }
    let cases = [
        ("", "an interface name cannot be empty"),
        (
            "sixteen-bytes-xx",
            "interface name 'sixteen-bytes-xx' is longer than 15 bytes",
        ),
        (".", "'.' is not an interface name"),
        ("..", "'..' is not an interface name"),
        ("a/b", "interface name 'a/b' contains '/'"),
        ("a:1", "interface name 'a:1' contains ':'"),
        ("a b", "interface name 'a b' contains ' '"),
        ("a\u{1b}", "interface name 'a\\u{1b}' contains '\\u{1b}'"),
    ];
    for (name, reason) in cases {
        assert_eq!(refused(name.parse::<InterfaceName>()), reason);
        assert!(InterfaceName::try_from(name.to_owned()).is_err());
    }
    let name: InterfaceName = "eth0".parse().unwrap();
    assert_eq!(format!("{name:>6}"), "  eth0");
    assert_eq!(String::from(name), "eth0");
}

#[test]
fn a_group_is_one_that_may_be_forwarded() {
    for group in ["224.0.1.0", "232.1.1.1", "239.255.255.255"] {
        let group = GroupAddr::try_from(address(group)).unwrap();
        assert_eq!(Ipv4Addr::from(group), group.get());
        assert_eq!(group.to_string(), group.get().to_string());
    }
    for (other, reason) in [
        (
            "223.255.255.255",
            "223.255.255.255 is not a multicast group (224.0.0.0/4)",
        ),
        (
            "240.0.0.0",
            "240.0.0.0 is not a multicast group (224.0.0.0/4)",
        ),
        (
            "224.0.0.0",
            "224.0.0.0 is in 224.0.0.0/24, which is never forwarded",
        ),
        (
            "224.0.0.255",
            "224.0.0.255 is in 224.0.0.0/24, which is never forwarded",
        ),
    ] {
        assert_eq!(refused(GroupAddr::try_from(address(other))), reason);
    }
}

#[test]
fn a_host_has_an_address_of_its_own() {
    for host in [
        "1.0.0.0",
        "10.0.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "223.255.255.255",
    ] {
        let host = UnicastAddr::try_from(address(host)).unwrap();
        assert_eq!(Ipv4Addr::from(host), host.get());
        assert_eq!(host.to_string(), host.get().to_string());
    }
    for (other, reason) in [
        ("0.0.0.0", "0.0.0.0 is in 0.0.0.0/8, not a host's address"),
        (
            "127.0.0.1",
            "127.0.0.1 is a loopback address, which cannot be on a network",
        ),
        (
            "224.0.0.1",
            "224.0.0.1 is a multicast group, not a host's address",
        ),
        (
            "240.0.0.1",
            "240.0.0.1 is reserved or broadcast, not a host's address",
        ),
        (
            "255.255.255.255",
            "255.255.255.255 is reserved or broadcast, not a host's address",
        ),
    ] {
        assert_eq!(refused(UnicastAddr::try_from(address(other))), reason);
    }
}

#[test]
fn a_destination_is_a_group_or_a_host() {
    let group = Destination::try_from(address("239.1.1.1")).unwrap();
    assert!(matches!(group, Destination::Group(_)));
    assert_eq!(group.address(), address("239.1.1.1"));
    let host = Destination::try_from(address("10.0.0.1")).unwrap();
    assert!(matches!(host, Destination::Unicast(_)));
    assert_eq!(host.address(), address("10.0.0.1"));
    assert!(Destination::try_from(address("224.0.0.1")).is_err());
    assert!(Destination::try_from(address("255.255.255.255")).is_err());
}

/// RFC 9776 §4, RFC 7761 §4.9: IGMP is 2 and PIM is 103.
#[test]
fn protocols_have_names_where_they_are_known() {
    let names = [17, 50, 2, 103, 89].map(|number| IpProtocol(number).to_string());
    assert_eq!(names, ["udp", "esp", "igmp", "pim", "89"]);
}

#[test]
fn a_code_point_has_six_bits() {
    assert_eq!(u8::from(Dscp::try_from(63).unwrap()), 63);
    assert_eq!(Dscp::try_from(46).unwrap().get(), 46);
    assert_eq!(refused(Dscp::try_from(64)), "DSCP 64 is above 63");
}

/// RFC 1112 §6.4: the high bit of the second byte is lost.
#[test]
fn the_link_layer_address_of_a_group() {
    let mac = MacAddr::of_group(address("239.129.2.3"));
    assert_eq!(mac.to_string(), "01:00:5e:01:02:03");
    assert_eq!(mac, MacAddr::of_group(address("224.1.2.3")));
}

#[test]
fn a_rule_name_is_one_word() {
    for name in ["a", "eth0:239.1.1.1:5000", "Übertragung", &"x".repeat(63)] {
        let rule: RuleName = name.parse().unwrap();
        assert_eq!((rule.as_str(), rule.to_string().as_str()), (name, name));
        assert_eq!(String::from(rule), name);
    }
    let cases = [
        (String::new(), "a rule name has 1 to 63 bytes, this has 0"),
        ("x".repeat(64), "a rule name has 1 to 63 bytes, this has 64"),
        ("a\tb".to_owned(), "rule name 'a\\tb' contains '\\t'"),
        (
            "a\u{7f}".to_owned(),
            "rule name 'a\\u{7f}' contains '\\u{7f}'",
        ),
    ];
    for (name, reason) in cases {
        assert_eq!(refused(RuleName::try_from(name)), reason);
    }
}

proptest! {
    #[test]
    fn every_address_is_a_group_or_a_host_or_refused(bytes: [u8; 4]) {
        let address = Ipv4Addr::from(bytes);
        let group = GroupAddr::try_from(address).is_ok();
        let host = UnicastAddr::try_from(address).is_ok();
        prop_assert!(!(group && host));
        prop_assert_eq!(Destination::try_from(address).is_ok(), group || host);
        prop_assert!(!host || !address.is_multicast());
    }

    #[test]
    fn names_are_kept_as_they_are(text in "\\PC{0,70}") {
        if let Ok(name) = text.parse::<InterfaceName>() {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!(text.len() <= 15);
        }
        if let Ok(name) = text.parse::<RuleName>() {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!((1..=63).contains(&text.len()));
        }
    }
}
