//! Events as people read them.

use super::*;

fn line(missed: u64, event: &str) -> String {
    let line = format!(r#"{{"time":12.3456,"missed":{missed},{event}}}"#);
    render(&serde_json::from_str(&line).unwrap())
}

#[test]
fn every_event_is_a_line() {
    for (event, text) in [
        (
            r#""event":"neighbor","interface":"eth1","address":"10.0.1.9","change":"up""#,
            "neighbor 10.0.1.9 on eth1: up",
        ),
        (
            r#""event":"dr","interface":"eth1","address":"10.0.1.9","is_me":false"#,
            "DR of eth1: 10.0.1.9",
        ),
        (
            r#""event":"dr","interface":"eth1","address":null,"is_me":false"#,
            "DR of eth1: none",
        ),
        (
            r#""event":"querier","interface":"eth1","address":"10.0.1.1","is_me":true"#,
            "querier of eth1: 10.0.1.1, this router",
        ),
        (
            r#""event":"membership","interface":"eth1","group":"239.1.1.1","source":null,
               "change":"expired""#,
            "membership (*, 239.1.1.1) on eth1: expired",
        ),
        (
            r#""event":"route","source":"10.9.0.7","group":"239.1.1.1","change":"added",
               "iif":"eth0","olist":["eth1","eth2"]"#,
            "route (10.9.0.7, 239.1.1.1) added: in eth0, out eth1 eth2",
        ),
        (
            r#""event":"route","source":null,"group":"239.1.1.1","change":"removed",
               "iif":null,"olist":[]"#,
            "route (*, 239.1.1.1) removed: in none, out none",
        ),
        (
            r#""event":"rp","group":"239.1.1.1","rp":"10.255.0.1""#,
            "RP of 239.1.1.1: 10.255.0.1",
        ),
        (
            r#""event":"register","source":"10.9.0.7","group":"239.1.1.1","state":"prune""#,
            "register (10.9.0.7, 239.1.1.1): stopped by the RP",
        ),
        (
            r#""event":"assert","source":null,"group":"239.1.1.1","interface":"eth1",
               "state":"loser","winner":"10.0.1.9""#,
            "assert (*, 239.1.1.1) on eth1: lost to 10.0.1.9",
        ),
        (
            r#""event":"refused","table":"neighbors""#,
            "the table of neighbors is full",
        ),
    ] {
        assert_eq!(line(0, event), format!("   12.346s  {text}\n"));
    }
}

#[test]
fn missed_events_are_told_first() {
    let event = r#""event":"refused","table":"groups""#;
    let text = line(2, event);
    let missed = "... 2 events missed\n   12.346s  the table of groups is full\n";
    assert_eq!(text, missed);
}
