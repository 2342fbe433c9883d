//! What a rule may be made of.

use std::net::Ipv4Addr;

use super::*;

pub(crate) fn name(text: &str) -> RuleName {
    text.parse().unwrap()
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn input(interface: &str, group: &str) -> RelayInput {
    RelayInput {
        interface: interface.parse().unwrap(),
        group: address(group).try_into().unwrap(),
        source: None,
        protocol: IpProtocol::UDP,
        port: None,
    }
}

pub(crate) fn output(interface: &str) -> RelayOutput {
    RelayOutput {
        interface: interface.parse().unwrap(),
        destination: None,
        port: None,
        ttl: Ttl::new(16).unwrap(),
        source: SourceAddress::Interface,
        source_port: None,
        dscp: None,
    }
}

#[test]
fn a_plain_rule_is_taken() {
    let rule = RelayRule::new(name("a"), input("in0", "239.1.1.1"), vec![output("out0")]);
    assert_eq!(rule.unwrap().outputs.len(), 1);
}

#[test]
fn protocols_between_neighbours_are_refused() {
    for protocol in [IpProtocol::IGMP, IpProtocol::PIM] {
        let input = RelayInput {
            protocol,
            ..input("in0", "239.1.1.1")
        };
        assert_eq!(
            RelayRule::new(name("a"), input, vec![output("out0")]),
            Err(vec![RuleError::ProtocolNotRelayed(protocol)])
        );
    }
}

#[test]
fn a_port_needs_udp() {
    let protocol = IpProtocol(50);
    let input = RelayInput {
        protocol,
        port: Port::new(5000),
        ..input("in0", "239.1.1.1")
    };
    let output = RelayOutput {
        port: Port::new(5000),
        source_port: Port::new(5000),
        ..output("out0")
    };
    let errors = RelayRule::new(name("a"), input, vec![output]).unwrap_err();
    assert_eq!(
        errors,
        [
            RuleError::InputPortWithoutUdp(protocol),
            RuleError::OutputPortWithoutUdp {
                output: 0,
                protocol
            },
            RuleError::OutputSourcePortWithoutUdp {
                output: 0,
                protocol
            },
        ]
    );
    assert_eq!(
        errors[0].to_string(),
        "a port is matched for UDP only, and this rule is for protocol esp"
    );
}

#[test]
fn outputs_are_one_to_256_and_differ() {
    let make = |outputs| RelayRule::new(name("a"), input("in0", "239.1.1.1"), outputs);
    assert_eq!(make(Vec::new()), Err(vec![RuleError::NoOutputs]));

    let many = |count: u16| -> Vec<RelayOutput> {
        (1..=count)
            .map(|port| RelayOutput {
                port: Port::new(port),
                ..output("out0")
            })
            .collect()
    };
    assert!(make(many(256)).is_ok());
    assert_eq!(make(many(257)), Err(vec![RuleError::TooManyOutputs(257)]));

    let twice = make(vec![output("out0"), output("out1"), output("out0")]);
    assert_eq!(
        twice,
        Err(vec![RuleError::SameOutput {
            output: 2,
            earlier: 0
        }])
    );
}

/// RFC 7761 §4.2: nothing goes back where it came from, by a rule neither.
#[test]
fn an_output_on_the_input_interface_is_refused() {
    let outputs = vec![output("out0"), output("in0")];
    assert_eq!(
        RelayRule::new(name("a"), input("in0", "239.1.1.1"), outputs),
        Err(vec![RuleError::OutputOnInput {
            output: 1,
            interface: "in0".parse().unwrap()
        }])
    );
}

#[test]
fn a_derived_name_tells_the_input_and_is_never_too_long() {
    let plain = input("eth0", "239.1.1.1");
    assert_eq!(plain.derived_name(), name("eth0:239.1.1.1"));
    let longest = RelayInput {
        port: Port::new(65535),
        source: Some(address("200.200.200.200").try_into().unwrap()),
        ..input("fifteen-bytes-x", "239.255.255.255")
    };
    assert_eq!(
        longest.derived_name(),
        name("fifteen-bytes-x:239.255.255.255:65535,200.200.200.200")
    );
    let esp = RelayInput {
        protocol: IpProtocol(50),
        ..input("eth0", "239.1.1.1")
    };
    assert_eq!(esp.derived_name(), name("eth0:239.1.1.1/esp"));
}
