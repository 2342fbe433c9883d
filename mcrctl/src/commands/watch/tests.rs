//! Events as people read them.

use super::*;

fn line(missed: u64, event: &str) -> String {
    let line = format!(r#"{{"time":12.3456,"missed":{missed},{event}}}"#);
    render(&serde_json::from_str(&line).unwrap())
}

#[test]
fn an_event_is_a_line_with_its_time() {
    let event = r#""event":"rp","group":"239.1.1.1","rp":"10.255.0.1""#;
    let text = "   12.346s  RP of 239.1.1.1 is 10.255.0.1\n";
    assert_eq!(line(0, event), text);
}

#[test]
fn missed_events_are_told_first() {
    let event = r#""event":"refused","table":"groups""#;
    let text = line(2, event);
    let missed = "... 2 events missed\n   12.346s  the table of groups is full: one was refused\n";
    assert_eq!(text, missed);
}
