//! Answers as FRR 8.4.4 gives them, cut to what is read.

use serde_json::json;

use super::*;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

#[test]
fn igmp_runs_where_it_is_for_more_than_mtrace() {
    let told = json!({
        "lo": { "state": "up", "version": 3, "querierIp": "10.255.0.1", "mtraceOnly": true },
        "rcv": { "state": "up", "version": 2, "querier": true },
    });
    let want = Igmp {
        name: "rcv".to_owned(),
        up: true,
        version: Some(2),
    };
    assert_eq!(igmp_in(told), Ok(vec![want]));
}

#[test]
fn joins_are_those_that_hold() {
    let told = json!({ "r3": { "name": "r3", "index": 102, "239.1.1.1": {
        "*": { "channelJoinName": "JOIN", "protocolPim": 1 },
        "10.0.0.1": { "channelJoinName": "NOINFO" },
    }, "239.1.1.2": { "*": { "channelJoinName": "JOIN" } } } });
    let want = Joined {
        interface: "r3".to_owned(),
        source: None,
    };
    assert_eq!(joins_in(told.clone(), GROUP), Ok(vec![want]));
    let none = Ipv4Addr::new(239, 9, 9, 9);
    assert_eq!(joins_in(told, none), Ok(Vec::new()));
}

#[test]
fn asserts_are_read_from_a_table() {
    let told = "\
Interface        Address         Source          Group           State  Winner          Uptime   Timer
lan              10.0.3.1        10.0.0.1        239.1.1.1       LOSER  10.0.3.2        00:00:04 02:56
lan              10.0.3.1        *               239.1.1.2       WINNER 10.0.3.1        00:00:04 02:56
";
    let want = Assert {
        interface: "lan".to_owned(),
        source: Some(SOURCE),
        state: AssertState::Loser,
        winner: Some(Ipv4Addr::new(10, 0, 3, 2)),
    };
    assert_eq!(asserts_in(told, GROUP), [want]);
}

#[test]
fn messages_are_counted_by_the_names_of_mcrd() {
    let told = json!({ "r2": {
        "name": "r2", "helloRx": 9, "helloTx": 11, "joinRx": 0, "joinTx": 4,
        "registerRx": 0, "registerTx": 8, "registerStopRx": 7,
    } });
    let all = traffic_in(told).unwrap();
    let counters: Vec<(&str, u64)> = all[0]
        .counters
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!(all[0].interface.as_deref(), Some("r2"));
    let want = [
        ("pim.rx.hello", 9),
        ("pim.rx.register-stop", 7),
        ("pim.tx.hello", 11),
        ("pim.tx.join-prune", 4),
        ("pim.tx.register", 8),
    ];
    assert_eq!(counters, want);
}

#[test]
fn members_take_what_is_forwarded_of_any_or_of_the_source() {
    // As FRR 8.4.4 told it of a host that excludes 10.0.0.1 and one that does not.
    let told = json!({
        "lan": { "name": "lan", "239.1.1.1": { "group": "239.1.1.1", "sources": [
            { "source": "10.0.0.1", "timer": "--:--", "forwarded": false },
        ] } },
        "rcv": { "name": "rcv", "239.1.1.1": { "group": "239.1.1.1", "sources": [
            { "source": "*", "timer": "00:10", "forwarded": true },
        ] } },
        "ssm": { "name": "ssm", "239.1.1.1": { "group": "239.1.1.1", "sources": [
            { "source": "10.0.0.2", "timer": "00:10", "forwarded": true },
        ] } },
        "idle": { "name": "idle" },
    });
    let of = |source: &str| {
        let taking = taking_in(told.clone(), GROUP, source.parse().unwrap()).unwrap();
        taking.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("10.0.0.1"), "rcv");
    assert_eq!(of("10.0.0.2"), "rcv ssm");
    assert!(taking_in(json!({ "rcv": 1 }), GROUP, SOURCE).is_err());
}
