//! What people type for a rule, and what they are told when it is wrong.

use super::*;

fn output(text: &str) -> Result<Output, String> {
    text.parse().map(|OutputArg(output)| output)
}

#[test]
fn inputs_are_read() {
    let InputArg(input) = "eth0.100:239.1.1.1:5000".parse().unwrap();
    assert_eq!(input.interface, "eth0.100");
    assert_eq!(input.group, Ipv4Addr::new(239, 1, 1, 1));
    assert_eq!(input.port, Some(5000));
    let InputArg(input) = "br-lan:232.0.0.1".parse().unwrap();
    assert_eq!((input.interface.as_str(), input.port), ("br-lan", None));
}

#[test]
fn outputs_are_read() {
    let plain = output("eth1").unwrap();
    assert_eq!((plain.destination, plain.port), (None, None));
    let full = output("eth1:239.2.2.2:6000,ttl=8,source=keep,source-port=7000,dscp=ef").unwrap();
    assert_eq!(
        full,
        Output {
            interface: "eth1".to_owned(),
            destination: Some(Ipv4Addr::new(239, 2, 2, 2)),
            port: Some(6000),
            ttl: Some(8),
            source: Some(Source::Name("keep".to_owned())),
            source_port: Some(7000),
            dscp: Some(46),
        }
    );
    let port_only = output("eth1::6000").unwrap();
    assert_eq!((port_only.destination, port_only.port), (None, Some(6000)));
    let from = output("eth1,source=10.0.0.9").unwrap();
    assert_eq!(from.source, Some(Source::Address([10, 0, 0, 9].into())));
}

#[test]
fn code_points_have_names() {
    for (text, number) in [
        ("0", 0),
        ("63", 63),
        ("cs0", 0),
        ("cs7", 56),
        ("af11", 10),
        ("af41", 34),
        ("af43", 38),
        ("ef", 46),
        ("va", 44),
    ] {
        assert_eq!(dscp(text), Ok(number), "{text}");
    }
    for text in [
        "64", "-1", "cs8", "af14", "af51", "af4", "ef1", "é", "", "x",
    ] {
        assert!(dscp(text).is_err(), "{text}");
    }
}

#[test]
fn mistakes_are_named() {
    for (text, word) in [
        ("eth0", "INTERFACE:GROUP"),
        (":239.1.1.1", "interface is missing"),
        ("eth0:239.1.1", "\"239.1.1\" is no IPv4 address"),
        ("eth0:239.1.1.1:0", "\"0\" is no port"),
        ("eth0:239.1.1.1:70000", "\"70000\" is no port"),
        ("eth0:239.1.1.1:5000:1", "INTERFACE:GROUP:PORT"),
        ("eth0:ff02::1", "INTERFACE:GROUP"),
    ] {
        let error = text.parse::<InputArg>().unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
    for (text, word) in [
        ("", "interface is missing"),
        ("eth1:10.0.0.256", "no IPv4 address"),
        ("eth1,ttl=0", "no time to live"),
        ("eth1,ttl=256", "no time to live"),
        ("eth1,ttl=4,ttl=5", "ttl is given twice"),
        ("eth1,hops=4", "no option \"hops\""),
        ("eth1,ttl", "no OPTION=VALUE"),
        ("eth1,source=eth0", "neither interface, keep nor"),
        ("eth1,dscp=af99", "no DSCP"),
        ("eth1:1.2.3.4:5:6", "INTERFACE:ADDRESS:PORT"),
    ] {
        let error = output(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn protocols_are_names_or_numbers() {
    assert_eq!(protocol("esp"), Ok(Protocol::Name("esp".to_owned())));
    assert_eq!(protocol("47"), Ok(Protocol::Number(47)));
    assert!(protocol("gre").is_err());
    assert!(protocol("256").is_err());
}
