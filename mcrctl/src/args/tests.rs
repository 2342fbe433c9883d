//! The command line's own rules.

use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn spans_are_read() {
    for (text, millis) in [("500ms", 500), ("2s", 2000), ("1.5", 1500), ("1m", 60_000)] {
        assert_eq!(text.parse(), Ok(Span(Duration::from_millis(millis))));
    }
    for text in ["", "s", "1h", "-1s", "0", "NaN", "inf", "1e9s", "61m"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}

#[test]
fn log_settings_are_read() {
    let setting = |text: &str| text.parse::<LogSetting>();
    let expected = LogSetting {
        facility: None,
        level: Some(LogLevel::Debug),
    };
    assert_eq!(setting("debug"), Ok(expected));
    let expected = LogSetting {
        facility: Some(Facility::Workers),
        level: Some(LogLevel::Trace),
    };
    assert_eq!(setting("workers=trace"), Ok(expected));
    let expected = LogSetting {
        facility: Some(Facility::Workers),
        level: None,
    };
    assert_eq!(setting("workers=default"), Ok(expected));
    for (text, word) in [
        ("loud", "error, warn, info"),
        ("default", "no level"),
        ("workers=loud", "no level"),
        ("kitchen=info", "supervisor, config"),
    ] {
        let error = setting(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn a_rule_is_by_flags_or_by_file() {
    let parse = |words: &[&str]| {
        let head = ["mcrctl", "rules", "add"];
        Args::try_parse_from(head.iter().chain(words)).is_ok()
    };
    assert!(parse(&["--input", "a:239.1.1.1", "--output", "b"]));
    assert!(parse(&["--file", "-"]));
    assert!(!parse(&[]));
    assert!(!parse(&["--input", "a:239.1.1.1"]));
    assert!(!parse(&["--output", "b"]));
    assert!(!parse(&["--file", "-", "--output", "b"]));
    assert!(!parse(&["--file", "-", "--source", "10.0.0.1"]));
}
