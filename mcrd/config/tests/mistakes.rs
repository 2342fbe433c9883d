//! One test for each kind of mistake: what is said, where, and of which key.

use mcr_config::{Problems, parse};

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
    let text = "{ control: { socket: \"/a\nb\" } }";
    one(
        text,
        1,
        25,
        "",
        "this is not JSON5: line terminator in string",
    );
}
