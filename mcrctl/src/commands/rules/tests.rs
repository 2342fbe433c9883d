//! Rules from JSON, and what is said of a file that has none.

use super::*;

const RULE: &str = r#"{"input": {"interface": "a", "group": "239.1.1.1"}, "outputs": []}"#;

#[test]
fn one_rule_a_list_or_an_object() {
    for text in [
        RULE.to_owned(),
        format!("[{RULE}]"),
        format!("{{\"rules\": [{RULE}]}}"),
    ] {
        let rules = parse(&text).unwrap();
        assert_eq!(rules.len(), 1, "{text}");
        assert_eq!(rules[0].input.interface, "a");
    }
}

#[test]
fn mistakes_have_their_place() {
    for (text, word) in [
        ("", "EOF"),
        ("[", "line 1 column 1"),
        ("[]", "no rule"),
        ("{\"rules\": {}}", "not a list"),
        ("{\"rules\": [], \"log\": {}}", "log is not a rule"),
        ("{\"rules\": [{}]}", "rules[0]: missing field `input`"),
        ("3", "invalid type"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
    let text = format!("[{RULE}, {}]", RULE.replace("outputs", "output"));
    assert!(
        parse(&text)
            .unwrap_err()
            .contains("rules[1]: unknown field")
    );
}
