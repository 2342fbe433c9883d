//! Rules there and back, and rules that did not come from a file.

use proptest::prelude::*;

use super::*;

fn plain() -> Rule {
    Rule {
        name: None,
        input: Input {
            interface: "in0".to_owned(),
            group: Ipv4Addr::new(239, 1, 1, 1),
            port: None,
            source: None,
            protocol: None,
        },
        outputs: vec![Output {
            interface: "out0".to_owned(),
            destination: None,
            port: None,
            ttl: None,
            source: None,
            source_port: None,
            dscp: None,
        }],
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let rule = rule(&plain()).unwrap();
    assert_eq!(rule.name.as_str(), "in0:239.1.1.1");
    assert_eq!(rule.input.protocol, IpProtocol::UDP);
    assert_eq!(rule.outputs[0].ttl.get(), 16);
    assert_eq!(rule.outputs[0].source, SourceAddress::Interface);
}

#[test]
fn what_is_so_anyway_is_not_written() {
    let mut written = plain();
    written.outputs[0].ttl = Some(16);
    written.outputs[0].source = Some(Source::Name("interface".to_owned()));
    written.input.protocol = Some(Protocol::Number(17));
    let mut expected = plain();
    expected.name = Some("in0:239.1.1.1".to_owned());
    assert_eq!(to_api(&rule(&written).unwrap()), expected);
    written.input.protocol = Some(Protocol::Number(50));
    expected.input.protocol = Some(Protocol::Name("esp".to_owned()));
    expected.name = Some("in0:239.1.1.1/esp".to_owned());
    assert_eq!(to_api(&rule(&written).unwrap()), expected);
}

#[test]
fn every_mistake_of_a_rule_is_named_with_its_key() {
    let mut wrong = plain();
    wrong.name = Some("a b".to_owned());
    wrong.input.interface = "a/b".to_owned();
    wrong.input.port = Some(0);
    wrong.input.protocol = Some(Protocol::Name("upd".to_owned()));
    wrong.outputs[0].ttl = Some(0);
    wrong.outputs[0].source = Some(Source::Address(Ipv4Addr::BROADCAST));
    wrong.outputs.push(Output {
        interface: String::new(),
        destination: Some(Ipv4Addr::new(224, 0, 0, 1)),
        port: Some(0),
        source_port: Some(0),
        dscp: Some(64),
        ..plain().outputs.remove(0)
    });
    let problems = rule(&wrong).unwrap_err();
    let keys: Vec<&str> = problems
        .iter()
        .map(|problem| problem.key.as_str())
        .collect();
    let expected = [
        "name",
        "input.interface",
        "input.port",
        "input.protocol",
        "outputs[0].ttl",
        "outputs[0].source",
        "outputs[1].interface",
        "outputs[1].destination",
        "outputs[1].port",
        "outputs[1].source_port",
        "outputs[1].dscp",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn a_loop_is_found_beside_other_mistakes() {
    let mut wrong = plain();
    wrong.input.group = Ipv4Addr::new(10, 0, 0, 1);
    wrong.outputs[0].interface = "in0".to_owned();
    wrong.outputs[0].ttl = Some(0);
    let problems = rule(&wrong).unwrap_err();
    let keys: Vec<&str> = problems
        .iter()
        .map(|problem| problem.key.as_str())
        .collect();
    let expected = ["input.group", "outputs[0].ttl", "outputs[0].interface"];
    assert_eq!(keys, expected);
}

#[test]
fn a_rule_that_was_refused_was_refused_for_a_reason() {
    let mut none = plain();
    none.outputs.clear();
    let problems = rule(&none).unwrap_err();
    assert_eq!(problems[0].key, "outputs");
    assert_eq!(problems[0].message, "the rule has no outputs");
}

fn rules() -> impl Strategy<Value = Rule> {
    let text = prop_oneof!["[a-z]{1,4}", "\\PC{0,20}"];
    let group = prop_oneof![
        3 => (224u8..=239, any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d)),
        1 => any::<[u8; 4]>().prop_map(Ipv4Addr::from),
    ];
    let address = || prop::option::of(any::<[u8; 4]>().prop_map(Ipv4Addr::from));
    let protocol = prop::option::of(prop_oneof![
        any::<u8>().prop_map(Protocol::Number),
        prop_oneof!["udp", "esp", "[a-z]{3}"].prop_map(Protocol::Name),
    ]);
    let source = prop::option::of(prop_oneof![
        any::<[u8; 4]>().prop_map(|address| Source::Address(address.into())),
        prop_oneof!["interface", "keep", "[a-z]{4}"].prop_map(Source::Name),
    ]);
    let port = || prop::option::of(any::<u16>());
    let input = ("[a-z]{1,4}", group, port(), address(), protocol).prop_map(
        |(interface, group, port, source, protocol)| Input {
            interface,
            group,
            port,
            source,
            protocol,
        },
    );
    let byte = || prop::option::of(any::<u8>());
    let output = (text, address(), port(), byte(), source, port(), byte()).prop_map(
        |(interface, destination, port, ttl, source, source_port, dscp)| Output {
            interface,
            destination,
            port,
            ttl,
            source,
            source_port,
            dscp: dscp.map(|dscp| dscp % 70),
        },
    );
    let name = prop::option::of("[a-z]{1,8}");
    (name, input, prop::collection::vec(output, 0..3)).prop_map(|(name, input, outputs)| Rule {
        name,
        input,
        outputs,
    })
}

proptest! {
    #[test]
    fn a_rule_survives_being_written(written in rules()) {
        match rule(&written) {
            Ok(made) => {
                let again = to_api(&made);
                prop_assert_eq!(rule(&again).unwrap(), made.clone());
                prop_assert_eq!(to_api(&rule(&again).unwrap()), again);
                if let Some(name) = written.name {
                    prop_assert_eq!(made.name.as_str(), name);
                }
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
