//! Events as people read them.

use super::*;

#[test]
fn every_event_has_its_words() {
    for (event, text) in [
        (
            r#""event":"neighbor","interface":"eth1","address":"10.0.1.9","change":"up""#,
            "neighbor 10.0.1.9 on eth1 up",
        ),
        (
            r#""event":"dr","interface":"eth1","address":"10.0.1.9","is_me":false"#,
            "DR on eth1 is 10.0.1.9",
        ),
        (
            r#""event":"dr","interface":"eth1","address":null,"is_me":false"#,
            "no DR on eth1",
        ),
        (
            r#""event":"querier","interface":"eth1","address":"10.0.1.1","is_me":true"#,
            "querier on eth1 is 10.0.1.1 (itself)",
        ),
        (
            r#""event":"membership","interface":"eth1","group":"239.1.1.1","source":null,
               "change":"expired""#,
            "member of 239.1.1.1 on eth1 expired",
        ),
        (
            r#""event":"route","source":"10.9.0.7","group":"239.1.1.1","change":"added",
               "iif":"eth0","olist":["eth1","eth2"]"#,
            "route (10.9.0.7,239.1.1.1) added: iif eth0, oif eth1 eth2",
        ),
        (
            r#""event":"route","source":null,"group":"239.1.1.1","change":"removed",
               "iif":null,"olist":[]"#,
            "route (*,239.1.1.1) removed",
        ),
        (
            r#""event":"rp","group":"239.1.1.1","rp":"10.255.0.1""#,
            "RP of 239.1.1.1 is 10.255.0.1",
        ),
        (
            r#""event":"register","source":"10.9.0.7","group":"239.1.1.1","state":"prune""#,
            "(10.9.0.7,239.1.1.1) was stopped from registering by the RP",
        ),
        (
            r#""event":"assert","source":null,"group":"239.1.1.1","interface":"eth1",
               "state":"loser","winner":"10.0.1.9""#,
            "assert for (*,239.1.1.1) on eth1 lost to 10.0.1.9",
        ),
        (
            r#""event":"refused","table":"neighbors""#,
            "the table of neighbors is full: one was refused",
        ),
    ] {
        let event: Event = serde_json::from_str(&format!("{{{event}}}")).unwrap();
        assert_eq!(event.to_string(), text);
    }
}
