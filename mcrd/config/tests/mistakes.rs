//! One test for each kind of mistake: what is said, where, and of which key.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::Write;

use mcr_config::{MAX_FILE, Problems, load, parse};

fn problems(text: &str) -> Problems {
    parse("mcrd.json5", text).unwrap_err()
}

/// Line, column, key and message of each problem.
fn said(text: &str) -> Vec<(usize, usize, String, String)> {
    let said = problems(text).to_api().into_iter().map(|problem| {
        assert_eq!(problem.file.as_deref(), Some("mcrd.json5"));
        let (line, column) = (problem.line.unwrap(), problem.column.unwrap());
        (line, column, problem.key, problem.message)
    });
    said.collect()
}

#[track_caller]
fn one(text: &str, line: usize, column: usize, key: &str, message: &str) {
    let expected = (line, column, key.to_owned(), message.to_owned());
    assert_eq!(said(text), [expected]);
}

#[track_caller]
fn helped(text: &str, help: &str) {
    let problems = problems(text).to_api();
    assert_eq!(problems[0].help.as_deref(), Some(help));
}

/// A file with one rule, whose input and output get more members.
fn rule(input: &str, output: &str) -> String {
    format!(
        "{{
  rules: [
    {{
      name: \"a\",
      input: {{ interface: \"in0\", group: \"239.1.1.1\"{input} }},
      outputs: [{{ interface: \"out0\"{output} }}],
    }},
  ],
}}
"
    )
}

fn input(member: &str) -> String {
    rule(&format!(", {member}"), "")
}

fn output(member: &str) -> String {
    rule("", &format!(", {member}"))
}

#[test]
fn the_frame_of_these_tests_is_right() {
    assert_eq!(parse("x", &rule("", "")).unwrap().rules.len(), 1);
    assert!(parse("x", &input("port: 0x1388")).is_ok());
    assert!(parse("x", &output("ttl: +1")).is_ok());
}

#[test]
fn syntax() {
    one("{ rules: [ }", 1, 12, "", "unexpected close brace");
    one("{ rules: []", 1, 1, "", "unterminated object");
    helped("{ rules: []", "a closing } is missing");
    one("{\n  log: {}\n  rules: []\n}", 2, 10, "", "expected comma");
    helped(
        "{ log: {} rules: [] }",
        "put a comma after the value before",
    );
    one(
        "{ rules: [] } x",
        1,
        15,
        "",
        "text cannot contain more than one JSON value",
    );
    one("{ log: { level: info } }", 1, 17, "", "unexpected word");
    helped("{ log: { level: info } }", "put text into quotes");
    one("{ /* ", 1, 3, "", "unterminated comment block");
}

#[test]
fn an_empty_file() {
    one("", 1, 1, "", "the file is empty");
    one("// nothing\n", 2, 1, "", "the file is empty");
    assert!(parse("x", "{}").is_ok());
}

#[test]
fn what_only_looks_like_json5() {
    let expected = [
        (2, 3, "log-level", "there is no key 'log-level' here"),
        (2, 6, "", "this is not JSON5: expected colon"),
    ];
    let expected = expected.map(|(l, c, k, m)| (l, c, k.to_owned(), m.to_owned()));
    assert_eq!(said("{\n  log-level: 1 }"), expected);
    let text = "{\r\n control: {\r\n  socket: \"/a\nb\" } }";
    one(
        text,
        3,
        14,
        "",
        "this is not JSON5: line terminator in string",
    );
    let text = "{ control: { socket: \"/a\nb\" } }";
    one(
        text,
        1,
        25,
        "",
        "this is not JSON5: line terminator in string",
    );
}

#[test]
fn unknown_keys_in_every_object() {
    let cases = [
        ("{ rule: [] }", "rule", "did you mean 'rules'?"),
        (
            "{ control: { sock: 1 } }",
            "control.sock",
            "did you mean 'socket'?",
        ),
        (
            "{ log: { levle: 1 } }",
            "log.levle",
            "did you mean 'level'?",
        ),
        (
            "{ workers: { usr: 1 } }",
            "workers.usr",
            "did you mean 'user'?",
        ),
        (
            "{ workers: { threads: 1 } }",
            "workers.threads",
            "known here: io_uring, user",
        ),
    ];
    for (text, key, help) in cases {
        let problems = problems(text).to_api();
        let name = key.rsplit('.').next().unwrap();
        assert_eq!(problems[0].key, key);
        assert_eq!(
            problems[0].message,
            format!("there is no key '{name}' here")
        );
        assert_eq!(problems[0].help.as_deref(), Some(help), "{text}");
    }
    let message = |key: &str| format!("there is no key '{key}' here");
    one(
        &input("prot: 1"),
        5,
        54,
        "rules[0].input.prot",
        &message("prot"),
    );
    one(
        &output("tll: 1"),
        6,
        38,
        "rules[0].outputs[0].tll",
        &message("tll"),
    );
    let text = "{ rules: [{ enabled: true,\n input: { interface: 'a', group: '239.1.1.1' },\n\
                outputs: [{ interface: 'b' }] }] }";
    one(text, 1, 13, "rules[0].enabled", &message("enabled"));
}

#[test]
fn a_key_that_is_there_twice() {
    let again = |key: &str| format!("the key '{key}' is here a second time");
    one("{ log: {},\n  log: {} }", 2, 3, "log", &again("log"));
    one(
        &input("port: 1, 'port': 2"),
        5,
        63,
        "rules[0].input.port",
        &again("port"),
    );
    let text = "{ pinning: { in0: [1], in0: [2] } }";
    one(text, 1, 24, "pinning.in0", &again("in0"));
    let text = "{ log: { facilities: { relay: 'info', relay: 'info' } } }";
    one(text, 1, 39, "log.facilities.relay", &again("relay"));
    let rendered = problems("{ log: {},\n  log: {} }").render(false);
    assert!(rendered.contains("first here"), "{rendered}");
}

#[test]
fn a_value_of_the_wrong_kind() {
    let cases = [
        ("[]", "", "an object is expected here, not a list"),
        (
            "{ rules: {} }",
            "rules",
            "a list is expected here, not an object",
        ),
        (
            "{ rules: [1] }",
            "rules[0]",
            "an object is expected here, not a number",
        ),
        (
            "{ log: 'info' }",
            "log",
            "an object is expected here, not a string",
        ),
        (
            "{ log: null }",
            "log",
            "an object is expected here, not null",
        ),
        (
            "{ log: { level: 1 } }",
            "log.level",
            "a string is expected here, not a number",
        ),
        (
            "{ workers: { io_uring: 1 } }",
            "workers.io_uring",
            "true or false is expected here, not a number",
        ),
        (
            "{ pinning: { in0: 1 } }",
            "pinning.in0",
            "a list is expected here, not a number",
        ),
        (
            "{ pinning: { in0: ['1'] } }",
            "pinning.in0[0]",
            "a number from 0 to 1023 is expected here, not a string",
        ),
        (
            "{ control: { socket: true } }",
            "control.socket",
            "a string is expected here, not true or false",
        ),
    ];
    for (text, key, message) in cases {
        let found = said(text);
        assert_eq!((found[0].2.as_str(), found[0].3.as_str()), (key, message));
        assert_eq!(found.len(), 1, "{text}");
    }
    let text = input("port: \"5000\"");
    let message = "a number from 1 to 65535 is expected here, not a string";
    one(&text, 5, 60, "rules[0].input.port", message);
    helped(&text, "write it without quotes");
    let message = "a number from 1 to 65535 is expected here, not 5.5";
    one(&input("port: 5.5"), 5, 60, "rules[0].input.port", message);
    let message = "an IPv4 address in quotes is expected here, not a number";
    one(
        &output("destination: 1"),
        6,
        51,
        "rules[0].outputs[0].destination",
        message,
    );
}

#[test]
fn a_number_out_of_range() {
    let input_cases = [
        (
            "port: 65536",
            "port",
            "a number from 1 to 65535 is expected here, not 65536",
        ),
        (
            "port: -1",
            "port",
            "a number from 1 to 65535 is expected here, not -1",
        ),
        ("port: 0", "port", "0 is not a port; ports are 1 to 65535"),
        (
            "protocol: 256",
            "protocol",
            "a number from 0 to 255 is expected here, not 256",
        ),
    ];
    for (member, key, message) in input_cases {
        let column = 54 + key.chars().count() + 2;
        one(
            &input(member),
            5,
            column,
            &format!("rules[0].input.{key}"),
            message,
        );
    }
    let output_cases = [
        ("ttl: 0", "ttl", "a packet with a ttl of 0 cannot leave"),
        (
            "ttl: 256",
            "ttl",
            "a number from 1 to 255 is expected here, not 256",
        ),
        ("port: 0", "port", "0 is not a port; ports are 1 to 65535"),
        (
            "source_port: 0",
            "source_port",
            "0 is not a port; ports are 1 to 65535",
        ),
        (
            "dscp: 64",
            "dscp",
            "a number from 0 to 63 is expected here, not 64",
        ),
        (
            "ttl: 99999999999999999999999999",
            "ttl",
            "a number from 1 to 255 is expected here, not 99999999999999999999999999",
        ),
        (
            "ttl: Infinity",
            "ttl",
            "a number from 1 to 255 is expected here, not Infinity",
        ),
    ];
    for (member, key, message) in output_cases {
        let column = 38 + key.chars().count() + 2;
        one(
            &output(member),
            6,
            column,
            &format!("rules[0].outputs[0].{key}"),
            message,
        );
    }
}

#[test]
fn a_missing_key() {
    let text = "{ rules: [\n  { },\n  { input: {}, outputs: [{}] } ] }";
    let missing = |line, column, key: &str| {
        let name = key.rsplit('.').next().unwrap();
        let message = format!("the key '{name}' is missing in this object");
        (line, column, key.to_owned(), message)
    };
    let expected = [
        missing(2, 3, "rules[0].input"),
        missing(2, 3, "rules[0].outputs"),
        missing(3, 12, "rules[1].input.interface"),
        missing(3, 12, "rules[1].input.group"),
        missing(3, 26, "rules[1].outputs[0].interface"),
    ];
    assert_eq!(said(text), expected);
}

#[test]
fn an_interface_name_that_cannot_be() {
    let text = rule("", "").replace("in0", "an-interface-name");
    let message = "interface name 'an-interface-name' is longer than 15 bytes";
    one(&text, 5, 27, "rules[0].input.interface", message);
    let text = rule("", "").replace("out0", "out 0");
    let message = "interface name 'out 0' contains ' '";
    one(&text, 6, 30, "rules[0].outputs[0].interface", message);
    let text = rule("", "").replace("out0", "");
    let message = "an interface name cannot be empty";
    one(&text, 6, 30, "rules[0].outputs[0].interface", message);
    let text = "{ pinning: { 'a/b': [1] } }";
    one(
        text,
        1,
        14,
        "pinning.a/b",
        "interface name 'a/b' contains '/'",
    );
}

#[test]
fn an_address_that_cannot_be() {
    let group = |group: &str| rule("", "").replace("239.1.1.1", group);
    let key = "rules[0].input.group";
    one(
        &group("239.1.1"),
        5,
        41,
        key,
        "'239.1.1' is not an IPv4 address",
    );
    one(
        &group("ff15::1"),
        5,
        41,
        key,
        "'ff15::1' is not an IPv4 address",
    );
    helped(
        &group("ff15::1"),
        "IPv6 and ports in an address are not supported",
    );
    helped(&group("239.1.1.0/24"), "leave the prefix length out");
    one(
        &group("10.0.0.1"),
        5,
        41,
        key,
        "10.0.0.1 is not a multicast group (224.0.0.0/4)",
    );
    let local = "224.0.0.251 is in 224.0.0.0/24, which is never forwarded";
    one(&group("224.0.0.251"), 5, 41, key, local);
}

#[test]
fn an_address_that_does_not_fit_its_place() {
    let message = "239.1.1.1 is a multicast group, not a host's address";
    one(
        &input("source: '239.1.1.1'"),
        5,
        62,
        "rules[0].input.source",
        message,
    );
    let destination = |address: &str| output(&format!("destination: '{address}'"));
    let key = "rules[0].outputs[0].destination";
    one(
        &destination("224.0.0.1"),
        6,
        51,
        key,
        "224.0.0.1 is in 224.0.0.0/24, which is never forwarded",
    );
    one(
        &destination("255.255.255.255"),
        6,
        51,
        key,
        "255.255.255.255 is reserved or broadcast, not a host's address",
    );
    one(
        &destination("127.0.0.1"),
        6,
        51,
        key,
        "127.0.0.1 is a loopback address, which cannot be on a network",
    );
    let key = "rules[0].outputs[0].source";
    one(
        &output("source: 'kep'"),
        6,
        46,
        key,
        "'kep' is not a source address",
    );
    one(
        &output("source: '0.0.0.0'"),
        6,
        46,
        key,
        "0.0.0.0 is in 0.0.0.0/8, not a host's address",
    );
}

/// D15 of the earlier system.
#[test]
fn a_rule_that_sends_where_it_receives() {
    let text = rule("", "").replace("out0", "in0");
    let message = "the output interface 'in0' is the input interface";
    one(&text, 6, 30, "rules[0].outputs[0].interface", message);
}

/// D17 of the earlier system.
#[test]
fn no_outputs_too_many_and_two_alike() {
    let with = |outputs: &str| rule("", "").replace("{ interface: \"out0\" }", outputs);
    one(
        &with(""),
        6,
        16,
        "rules[0].outputs",
        "the rule has no outputs",
    );
    let many: String = (1..=257)
        .map(|port| format!("{{ interface: 'out0', port: {port} }},"))
        .collect();
    let message = "the rule has 257 outputs, and the limit is 256";
    one(&with(&many), 6, 16, "rules[0].outputs", message);
    let text = with("{ interface: 'b' },\n{ interface: 'c' },\n{ interface: 'b' }");
    one(
        &text,
        8,
        1,
        "rules[0].outputs[2]",
        "the output is the same as outputs[0]",
    );
}

/// D17 of the earlier system: both are named, with both places.
#[test]
fn two_rules_with_one_input() {
    let rule = |name: &str| {
        format!(
            "{{ {name} input: {{ interface: 'a', group: '239.1.1.1' }},\n\
                 outputs: [{{ interface: 'b' }}] }}"
        )
    };
    let text = format!(
        "{{ rules: [\n{},\n{} ] }}",
        rule("name: 'x',"),
        rule("name: 'y',")
    );
    one(
        &text,
        4,
        21,
        "rules[1].input",
        "rules[0] has the same input",
    );
    let rendered = problems(&text).render(false);
    assert!(rendered.contains("mcrd.json5:4:21"), "{rendered}");
    assert!(rendered.contains("mcrd.json5:2:21"), "{rendered}");
    // Without names both derive the same; that is not said on top.
    let text = format!("{{ rules: [\n{},\n{} ] }}", rule(""), rule(""));
    assert_eq!(said(&text).len(), 1);
}

#[test]
fn two_rules_with_one_name() {
    let rule = |name: &str, group: u8| {
        format!(
            "{{ {name} input: {{ interface: 'a', group: '239.1.1.{group}' }},\n\
                 outputs: [{{ interface: 'b' }}] }}"
        )
    };
    let (x, y) = (rule("name: 'x',", 1), rule("name: 'x',", 2));
    let text = format!("{{ rules: [\n{x},\n{y} ] }}");
    one(
        &text,
        4,
        9,
        "rules[1].name",
        "rules[0] has the name 'x' too",
    );
    // A name that another rule would derive.
    let (x, y) = (rule("name: 'a:239.1.1.2',", 1), rule("", 2));
    let text = format!("{{ rules: [\n{x},\n{y} ] }}");
    one(
        &text,
        4,
        1,
        "rules[1].name",
        "rules[0] has the name 'a:239.1.1.2' too",
    );
}

#[test]
fn a_rule_name_that_cannot_be() {
    let name = |name: &str| rule("", "").replace("\"a\"", &format!("\"{name}\""));
    let key = "rules[0].name";
    one(
        &name(""),
        4,
        13,
        key,
        "a rule name has 1 to 63 bytes, this has 0",
    );
    one(
        &name(&"x".repeat(64)),
        4,
        13,
        key,
        "a rule name has 1 to 63 bytes, this has 64",
    );
    one(&name("a b"), 4, 13, key, "rule name 'a b' contains ' '");
}

/// D33 of the earlier system.
#[test]
fn a_protocol_that_is_not_known_or_not_relayed() {
    let key = "rules[0].input.protocol";
    one(
        &input("protocol: 'upd'"),
        5,
        64,
        key,
        "there is no protocol 'upd'",
    );
    helped(
        &input("protocol: 'upd'"),
        "use 'udp', 'esp' or a number from 0 to 255",
    );
    let message = "protocol igmp is between neighbours only and cannot be relayed";
    one(&input("protocol: 2"), 5, 64, key, message);
    let message = "protocol pim is between neighbours only and cannot be relayed";
    one(&input("protocol: 103"), 5, 64, key, message);
    let message = "a port is matched for UDP only, and this rule is for protocol esp";
    one(
        &input("protocol: 'esp', port: 5"),
        5,
        77,
        "rules[0].input.port",
        message,
    );
    let text = rule(", protocol: 89", ", port: 5, source_port: 6");
    let expected = [
        (6, 44, "rules[0].outputs[0].port", "port"),
        (6, 60, "rules[0].outputs[0].source_port", "source port"),
    ];
    let expected = expected.map(|(line, column, key, what)| {
        let message = format!("a {what} is set for UDP only, and this rule is for protocol 89");
        (line, column, key.to_owned(), message)
    });
    assert_eq!(said(&text), expected);
}

#[test]
fn pinning_that_cannot_be() {
    one(
        "{ pinning: { a: [] } }",
        1,
        17,
        "pinning.a",
        "no CPU is listed",
    );
    one(
        "{ pinning: { a: [1, 2, 1] } }",
        1,
        24,
        "pinning.a[2]",
        "CPU 1 is listed twice",
    );
    let message = "a number from 0 to 1023 is expected here, not 1024";
    one("{ pinning: { a: [1024] } }", 1, 18, "pinning.a[0]", message);
}

#[test]
fn log_levels_and_facilities_that_are_not_known() {
    one(
        "{ log: { level: 'inf' } }",
        1,
        17,
        "log.level",
        "there is no log level 'inf'",
    );
    let text = "{ log: { facilities: { routes: 'info' } } }";
    one(
        text,
        1,
        24,
        "log.facilities.routes",
        "there is no log facility 'routes'",
    );
    let text = "{ log: { facilities: { relay: 'loud' } } }";
    one(
        text,
        1,
        31,
        "log.facilities.relay",
        "there is no log level 'loud'",
    );
    helped(text, "known here: error, warn, info, debug, trace");
}

#[test]
fn a_control_socket_that_cannot_be() {
    let text = "{ control: { socket: 'mcrd.sock' } }";
    one(
        text,
        1,
        22,
        "control.socket",
        "the socket's path must be absolute",
    );
    let text = format!("{{ control: {{ socket: '/{}' }} }}", "x".repeat(107));
    let message = "the socket's path has 108 bytes, and the limit is 107";
    one(&text, 1, 22, "control.socket", message);
    let text = "{ control: { group: '' }, workers: { user: '' } }";
    assert_eq!(said(text).len(), 2);
}

#[test]
fn more_rules_than_an_interface_can_have() {
    let rules: String = (1..=10_001)
        .map(|port| {
            format!(
                "{{ input: {{ interface: 'a', group: '239.1.1.1', port: {port} }},\
                 outputs: [{{ interface: 'b' }}] }},\n"
            )
        })
        .collect();
    let text = format!("{{ rules: [\n{rules}] }}");
    let message = "more than 10000 rules have the input interface 'a'";
    let key = "rules[10000].input.interface";
    one(&text, 10_002, 23, key, message);
}

#[test]
fn every_mistake_is_said_in_one_run() {
    let text = "{
  log: { level: 'loud' },
  rules: [
    {
      name: 'a b',
      input: { interface: 'in0', group: '10.0.0.1', port: 0, prot: 1 },
      outputs: [{ interface: 'in0', ttl: 0, dscp: 99 }],
    },
    { input: { interface: 'in0', group: '239.1.1.1' }, outputs: [] },
  ],
}";
    let keys: Vec<String> = said(text).into_iter().map(|(_, _, key, _)| key).collect();
    let expected = [
        "log.level",
        "rules[0].name",
        "rules[0].input.group",
        "rules[0].input.port",
        "rules[0].input.prot",
        "rules[0].outputs[0].interface",
        "rules[0].outputs[0].ttl",
        "rules[0].outputs[0].dscp",
        "rules[1].outputs",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn ten_thousand_wrong_rules_are_counted_and_the_first_are_shown() {
    let text = format!("{{ rules: [{}] }}", "{ },\n".repeat(10_000));
    let problems = problems(&text);
    assert_eq!(problems.total(), 20_000);
    assert_eq!(problems.to_api().len(), 100);
    let rendered = problems.render(false);
    assert!(rendered.ends_with("mcrd.json5 has 20000 errors, the first 100 are shown\n"));
}

#[test]
fn nesting_without_end() {
    for open in ["[", "{ a: ", "{ rules: [{ input: "] {
        let found = said(&open.repeat(100_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].3, "maximum nesting depth exceeded", "{open}");
    }
    // As deep as is allowed, and known to be wrong only at the end.
    let deep = format!("{{ x: {}{} }}", "[".repeat(500), "]".repeat(500));
    one(&deep, 1, 3, "x", "there is no key 'x' here");
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_file_that_is_not_text() {
    let file = file(b"{\n  log: {}, // \xff\n}");
    let problems = load(file.path()).unwrap_err().to_api();
    assert_eq!((problems[0].line, problems[0].column), (Some(2), Some(15)));
    assert_eq!(
        problems[0].message,
        "the file is not UTF-8: the first wrong byte is at 2:15"
    );
}

#[test]
fn a_file_that_is_too_large_or_not_there() {
    let file = file(b"{}");
    file.as_file()
        .set_len(u64::try_from(MAX_FILE + 1).unwrap())
        .unwrap();
    let problems = load(file.path()).unwrap_err().to_api();
    assert_eq!(problems[0].message, "the file is larger than 64 MiB");
    let problems = load(std::path::Path::new("/nonexistent/x")).unwrap_err();
    let message = &problems.to_api()[0].message;
    assert!(
        message.starts_with("cannot read the file: No such file"),
        "{message}"
    );
}

#[test]
fn a_file_of_nothing_but_values() {
    let text = format!("[{}]", "0,".repeat(4_000_000));
    let problems = problems(&text).to_api();
    assert_eq!(problems[0].message, "the file has more than 4000000 values");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    assert!(load(file("\u{feff}{}".as_bytes()).path()).is_ok());
}

#[test]
fn the_place_in_a_long_line_is_shown() {
    let text = format!("{{ {}wrong: 1 }}", " ".repeat(50_000));
    let rendered = problems(&text).render(false);
    let place = rendered.contains("mcrd.json5:1:50003");
    assert!(place && rendered.contains("wrong: 1 }\n"), "{rendered}");
    assert!(rendered.contains("^^^^^\n"), "{rendered}");
}

#[test]
fn places_on_one_line_are_counted_in_characters() {
    let text = "{ 'é': 1, x: 2,\n 'éé': 3, y: 4 }";
    let places: Vec<(usize, usize)> = said(text).iter().map(|p| (p.0, p.1)).collect();
    assert_eq!(places, [(1, 3), (1, 11), (2, 2), (2, 11)]);
}

#[test]
fn what_is_printed_fits_the_terminal_and_commands_none() {
    let spaces = "  ".repeat(9000);
    let long = format!("{{ {spaces}rules: [1], '\x1b[31m': 2, 'x\\u001b[2J': 3 }}");
    let wide = format!("{{ rules: '{}' }}", "é".repeat(20_000));
    let spread = format!("{{ rules: '{}\\\n x' }}", "é".repeat(20_000));
    let late = format!(
        "{{ {} rules: '{}' }}",
        "é".repeat(9_000),
        "é".repeat(20_000)
    );
    let text = [
        long.as_str(),
        &wide,
        &spread,
        &late,
        // A carriage return alone ends no line here.
        "{ log: {},\r rules: [1, 2],\r x: 3 }",
        "{ rules: [{ input: { interface: 'in0', group: '224.0.0.5' }, outputs: [{ \
         interface: 'in0', source_port: 65536, destination: '300.300.300.300' }] }] }",
    ];
    for text in text {
        let problems = problems(text);
        let plain = problems.render(false);
        for line in plain.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains('\u{1b}'), "{line:?}");
        }
        let colored = problems.render(true);
        assert!(colored.contains("\u{1b}["), "{colored}");
    }
}
