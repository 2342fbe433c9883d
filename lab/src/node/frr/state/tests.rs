//! Answers as FRR 8.4.4 gives them, cut to what is read.

use serde_json::json;

use super::*;

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn neighbors_are_by_interface() {
    let told = json!({
        "lo": {},
        "r2": { "10.0.1.2": { "interface": "r2", "holdTimeMax": 4 } },
    });
    let want = Neighbors::from([("r2".to_owned(), ip("10.0.1.2"))]);
    assert_eq!(neighbors_in(told), Ok(want));
}

#[test]
fn the_longest_range_gives_the_rp() {
    let told = json!({
        "10.255.0.1": [{ "group": "224.0.0.0/4" }],
        "10.255.0.2": [{ "group": "239.0.0.0/8" }],
    });
    let rp = |group| rp_in(told.clone(), ip(group));
    assert_eq!(rp("239.1.1.1"), Ok(Some(ip("10.255.0.2"))));
    assert_eq!(rp("225.1.1.1"), Ok(Some(ip("10.255.0.1"))));
    assert_eq!(rp_in(json!({}), ip("225.1.1.1")), Ok(None));
}

#[test]
fn an_entry_is_made_of_two_tables() {
    let upstream = json!({"239.1.1.1": {
        "*": { "inboundInterface": "r2", "joinState": "Joined", "regState": "RegNoInfo", "sptBit": 0 },
        "10.0.0.1": { "inboundInterface": "r1", "joinState": "NotJoined", "regState": "RegPrune", "sptBit": 1 },
    }});
    let forwarding = json!({"239.1.1.1": {
        "*": { "iif": "r2", "oil": { "pimreg": {}, "rcv": {} } },
    }});
    let table = mroutes_in(upstream, forwarding).unwrap();
    let star = Mroute {
        source: None,
        group: Some(ip("239.1.1.1")),
        iif: Some("r2".to_owned()),
        oif: BTreeSet::from(["rcv".to_owned()]),
        joined: Some(true),
        spt: Some(false),
        register: Some(RegisterState::NoInfo),
        asserts: None,
    };
    let of_source = Mroute {
        source: Some(ip("10.0.0.1")),
        iif: Some("r1".to_owned()),
        oif: BTreeSet::new(),
        joined: Some(false),
        spt: Some(true),
        register: Some(RegisterState::Prune),
        ..star.clone()
    };
    assert_eq!(table, [star, of_source]);
}

#[test]
fn groups_are_told_with_the_sources_that_are_forwarded() {
    let groups = json!({
        "totalGroups": 1,
        "rcv": { "name": "rcv", "groups": [
            { "group": "232.1.1.1", "mode": "INCLUDE", "version": 3 },
            { "group": "239.1.1.1", "version": 2 },
        ] },
    });
    let sources = json!({ "rcv": { "name": "rcv", "232.1.1.1": { "sources": [
        { "source": "10.0.0.1", "forwarded": true },
        { "source": "10.0.0.2", "forwarded": false },
    ] } } });
    let want = Group {
        interface: "rcv".to_owned(),
        group: ip("232.1.1.1"),
        exclude: false,
        sources: BTreeSet::from([ip("10.0.0.1")]),
        version: Some(3),
    };
    let older = Group {
        group: ip("239.1.1.1"),
        exclude: true,
        sources: BTreeSet::new(),
        version: Some(2),
        ..want.clone()
    };
    assert_eq!(groups_in(groups, &sources), Ok(vec![want, older]));
}

#[test]
fn the_querier_is_that_of_the_interface() {
    let told = json!({
        "lan": { "name": "lan", "querier": false, "querierIp": "10.0.1.1" },
        "lo": { "name": "lo", "querierIp": "0.0.0.0" },
    });
    let querier = |interface| querier_in(told.clone(), interface);
    assert_eq!(querier("lan"), Ok(Some(ip("10.0.1.1"))));
    assert_eq!(querier("lo"), Ok(None));
    assert_eq!(querier("other"), Ok(None));
}

#[test]
fn the_way_is_that_of_the_selected_route() {
    let told = json!({ "10.0.0.0/24": [
        { "selected": false, "nexthops": [{ "ip": "10.9.9.9", "interfaceName": "x" }] },
        { "selected": true, "nexthops": [{ "ip": "10.0.1.1", "interfaceName": "r1" }] },
    ] });
    let want = Rpf {
        interface: Some("r1".to_owned()),
        neighbor: Some(ip("10.0.1.1")),
    };
    assert_eq!(rpf_in(told), Ok(want));
    assert_eq!(rpf_in(json!({})), Ok(Rpf::default()));
}

#[test]
fn another_form_is_an_error_and_no_empty_table() {
    assert!(neighbors_in(json!([1])).is_err());
    assert!(mroutes_in(json!({"239.1.1.1": {"*": {}}}), json!({})).is_err());
}
