//! Lines in, lines out, without a socket.

use super::*;

#[test]
fn a_request_is_read_or_refused_with_its_id() {
    let good = parse(r#"{"id":3,"method":"status","params":{}}"#).unwrap();
    assert_eq!((good.id, good.method), (3, Method::Status {}));
    for (line, id, code) in [
        ("", None, ErrorCode::BadRequest),
        ("5", None, ErrorCode::BadRequest),
        ("{}", None, ErrorCode::BadRequest),
        (r#"{"id":1}"#, Some(1), ErrorCode::BadRequest),
        (r#"{"id":1,"method":5}"#, Some(1), ErrorCode::BadRequest),
        (
            r#"{"method":"status","params":{}}"#,
            None,
            ErrorCode::BadRequest,
        ),
        (
            r#"{"id":1,"method":"no","params":{}}"#,
            Some(1),
            ErrorCode::UnknownMethod,
        ),
        (
            r#"{"id":1,"method":"rules.show","params":{}}"#,
            Some(1),
            ErrorCode::Invalid,
        ),
        (
            r#"{"id":1,"method":"status","params":{"extra":1}}"#,
            Some(1),
            ErrorCode::Invalid,
        ),
    ] {
        let (found, refusal) = parse(line).unwrap_err();
        assert_eq!((found, refusal.code), (id, code), "{line}: {refusal:?}");
    }
}

#[test]
fn an_answer_always_fits_a_line() {
    let long = Reply {
        id: Some(4),
        result: Some(Value::String("x".repeat(MAX_LINE))),
        error: None,
    };
    let line = encode_reply(long);
    let reply: Reply = serde_json::from_str(&line).unwrap();
    assert_eq!(reply.id, Some(4));
    assert_eq!(reply.error.unwrap().code, ErrorCode::Limit);

    let problem = mcr_api::Problem {
        file: None,
        line: Some(1),
        column: None,
        key: "rules".to_owned(),
        message: "bad".to_owned(),
        help: None,
        rendered: Some("x".repeat(MAX_LINE / 50)),
    };
    let mut failure = failure(ErrorCode::Invalid, "many");
    failure.problems = vec![problem; 100];
    let line = encode_reply(Reply {
        id: Some(5),
        result: None,
        error: Some(failure),
    });
    assert!(line.len() < MAX_LINE);
    let reply: Reply = serde_json::from_str(&line).unwrap();
    let error = reply.error.unwrap();
    assert_eq!((error.message.as_str(), error.problems.len()), ("many", 20));
}
