//! The lines as they are on the socket: a change here is a change of protocol.

use serde_json::json;

use super::*;
use crate::rule::{Input, Output, Protocol, Source};

/// A rule that says everything.
fn full_rule() -> Rule {
    Rule {
        name: Some("cam1".to_owned()),
        input: Input {
            interface: "eth0".to_owned(),
            group: [239, 1, 1, 1].into(),
            port: Some(5000),
            source: Some([10, 0, 0, 1].into()),
            protocol: Some(Protocol::Name("udp".to_owned())),
        },
        outputs: vec![Output {
            interface: "eth1".to_owned(),
            destination: Some([239, 2, 2, 2].into()),
            port: Some(6000),
            ttl: Some(8),
            source: Some(Source::Name("keep".to_owned())),
            source_port: Some(7000),
            dscp: Some(46),
        }],
    }
}

#[test]
fn requests_are_these_lines() {
    for (method, line) in [
        (
            Method::Version {},
            json!({"method": "version", "params": {}}),
        ),
        (
            Method::RulesList {
                cursor: Some("b".to_owned()),
            },
            json!({"method": "rules.list", "params": {"cursor": "b"}}),
        ),
        (
            Method::RulesAdd {
                rules: vec![full_rule()],
            },
            json!({"method": "rules.add", "params": {"rules": [{
                "name": "cam1",
                "input": {"interface": "eth0", "group": "239.1.1.1", "port": 5000,
                          "source": "10.0.0.1", "protocol": "udp"},
                "outputs": [{"interface": "eth1", "destination": "239.2.2.2",
                             "port": 6000, "ttl": 8, "source": "keep",
                             "source_port": 7000, "dscp": 46}],
            }]}}),
        ),
        (
            Method::ConfigLoad { merge: true },
            json!({"method": "config.load", "params": {"merge": true}}),
        ),
        (
            Method::LogSet {
                facility: Some(Facility::Workers),
                level: None,
            },
            json!({"method": "log.set", "params": {"facility": "workers"}}),
        ),
    ] {
        let request = Request { id: 4, method };
        let mut expected = line;
        expected["id"] = json!(4);
        assert_eq!(serde_json::to_value(&request).unwrap(), expected);
        let back: Request = serde_json::from_value(expected).unwrap();
        assert_eq!(back, request);
    }
}

#[test]
fn what_is_left_out_is_not_on_the_line() {
    let rule = Rule {
        name: None,
        input: Input {
            port: None,
            source: None,
            protocol: None,
            ..full_rule().input
        },
        outputs: vec![],
    };
    assert_eq!(
        serde_json::to_string(&rule).unwrap(),
        r#"{"input":{"interface":"eth0","group":"239.1.1.1"},"outputs":[]}"#
    );
}

#[test]
fn requests_of_another_shape_are_refused() {
    for (line, word) in [
        (r#"{"id":1,"method":"fly","params":{}}"#, "fly"),
        (r#"{"method":"version","params":{}}"#, "id"),
        (r#"{"id":1,"params":{}}"#, "method"),
        (
            r#"{"id":1,"method":"rules.show","params":{"name":"a","x":1}}"#,
            "x",
        ),
        (r#"{"id":1,"method":"rules.show","params":{}}"#, "name"),
        (r#"{"id":-1,"method":"version","params":{}}"#, "-1"),
    ] {
        let error = serde_json::from_str::<Request>(line).unwrap_err();
        assert!(error.to_string().contains(word), "{line}: {error}");
    }
}

#[test]
fn failures_are_these_lines() {
    let failure = Failure {
        code: ErrorCode::NotFound,
        message: "there is no rule cam1".to_owned(),
        problems: vec![],
    };
    let line = r#"{"code":"not-found","message":"there is no rule cam1"}"#;
    assert_eq!(serde_json::to_string(&failure).unwrap(), line);
    assert_eq!(serde_json::from_str::<Failure>(line).unwrap(), failure);
}
