//! The walk over answers that nobody gave: a chain where everything is right,
//! and one change each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

use super::{End, Fault, Kind, Snapshot, Told, explain};
use crate::topology;
use crate::topology::model::{LinkId, NodeId, Topology, Wanted};

const FILE: &str = r"
lab: 1
name: chain
pim: { rp: 10.255.0.2 }
nodes:
  src: host
  r1: { kind: mcrd, lo: 10.255.0.1 }
  r2: { kind: mcrd, lo: 10.255.0.2 }
  r3: { kind: mcrd, lo: 10.255.0.3 }
  rcv: host
links:
  - src -- r1: { net: 10.0.0.0/24 }
  - r1 -- r2: { net: 10.0.1.0/24 }
  - r2 -- r3: { net: 10.0.2.0/24 }
  - r3 -- rcv: { net: 10.0.3.0/24 }
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1, rate: 10pps } }
";
const GROUP: &str = "239.1.1.1";
const SOURCE: &str = "10.0.0.1";
const RP: &str = "10.255.0.2";

fn chain() -> Topology {
    let parsed = topology::parse(Path::new("lab.yaml"), FILE, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn pim(interface: &str, address: &str, dr: bool) -> Value {
    json!({
        "interface": interface, "up": true, "address": address, "passive": false,
        "dr": address, "is_dr": dr, "dr_priority": 1, "generation_id": 1,
        "hello_interval": 1.0, "next_hello": 1.0, "neighbors": 1,
        "propagation_delay": 0.5, "override_interval": 2.5, "join_suppression": true,
    })
}

fn neighbor(interface: &str, address: &str) -> Value {
    json!({
        "interface": interface, "address": address, "secondary_addresses": [],
        "uptime": 9.0, "expires": 3.0, "dr_priority": 1, "is_dr": false,
        "generation_id": 1, "lan_prune_delay": null,
    })
}

fn way(to: &str, interface: Option<&str>, hop: Option<&str>) -> (Ipv4Addr, Value) {
    let told = json!({
        "address": to, "interface": interface, "next_hop": hop, "neighbor": hop,
        "connected": interface.is_some() && hop.is_none(), "is_me": interface.is_none(),
        "preference": 1, "metric": 1, "reason": "By a route.",
    });
    (to.parse().unwrap(), told)
}

fn mroute(source: Option<&str>, iif: Option<&str>, oif: &str, register: &str) -> Value {
    json!({
        "source": source, "group": GROUP, "rp": RP, "iif": iif, "rpf_neighbor": null,
        "olist": [oif], "joined": true, "join_timer": 1.0, "spt_bit": false,
        "keepalive": 30.0, "register": register, "register_timer": null,
        "rpt_pruned": false, "interfaces": [], "packets": 1, "bytes": 100,
    })
}

fn read<T: serde::de::DeserializeOwned>(told: Value) -> T {
    serde_json::from_value(told).unwrap()
}

fn told(
    pim: &[Value],
    neighbors: &[Value],
    ways: [(Ipv4Addr, Value); 2],
    routes: &[Value],
) -> Told {
    Told {
        pim: read(json!(pim)),
        neighbors: read(json!(neighbors)),
        rp: read(json!({ "group": GROUP, "rp": RP, "is_me": false, "reason": "It is." })),
        ways: ways.into_iter().map(|(to, way)| (to, read(way))).collect(),
        igmp: Vec::new(),
        members: Vec::new(),
        mroutes: read(json!(routes)),
        counters: Vec::new(),
    }
}

/// Everything is right, and the stream still goes over the RP.
fn right() -> Snapshot {
    let r1 = told(
        &[pim("src", "10.0.0.2", true), pim("r2", "10.0.1.1", false)],
        &[neighbor("r2", "10.0.1.2")],
        [
            way(SOURCE, Some("src"), None),
            way(RP, Some("r2"), Some("10.0.1.2")),
        ],
        &[mroute(Some(SOURCE), Some("src"), "r2", "join")],
    );
    let mut r2 = told(
        &[pim("r1", "10.0.1.2", true), pim("r3", "10.0.2.1", false)],
        &[neighbor("r1", "10.0.1.1"), neighbor("r3", "10.0.2.2")],
        [
            way(SOURCE, Some("r1"), Some("10.0.1.1")),
            way(RP, None, None),
        ],
        &[
            mroute(None, None, "r3", "no-info"),
            mroute(Some(SOURCE), Some("r1"), "r3", "no-info"),
        ],
    );
    count(&mut r2, "r1", "pim.rx.register", 3);
    let mut r3 = told(
        &[pim("r2", "10.0.2.2", true), pim("rcv", "10.0.3.1", true)],
        &[neighbor("r2", "10.0.2.1")],
        [
            way(SOURCE, Some("r2"), Some("10.0.2.1")),
            way(RP, Some("r2"), Some("10.0.2.1")),
        ],
        &[mroute(None, Some("r2"), "rcv", "no-info")],
    );
    r3.igmp = read(json!([{
        "interface": "rcv", "up": true, "version": 3, "querier": "10.0.3.1",
        "is_querier": true, "next_query": 1.0, "other_querier_expires": null,
        "robustness": 2, "query_interval": 125.0, "query_response_interval": 10.0,
        "last_member_query_interval": 1.0, "groups": 1,
    }]));
    r3.members = read(json!([{
        "interface": "rcv", "group": GROUP, "mode": "exclude", "version": 3,
        "uptime": 1.0, "expires": 260.0, "sources": [], "last_reporter": "10.0.3.2",
        "is_static": false,
    }]));
    Snapshot {
        joined: Some(true),
        sent: Some(1000),
        links: (0..4).map(|link| (LinkId(link), 1000)).collect(),
        routers: [r1, r2, r3]
            .into_iter()
            .enumerate()
            .map(|(position, told)| (NodeId(position + 1), Ok(told)))
            .collect(),
    }
}

fn count(told: &mut Told, interface: &str, name: &str, count: u64) {
    let counters = BTreeMap::from([(name.to_owned(), count)]);
    told.counters.push(mcr_api::router::ProtocolCounters {
        interface: Some(interface.to_owned()),
        counters,
    });
}

fn router(snapshot: &mut Snapshot, number: usize) -> &mut Told {
    snapshot
        .routers
        .get_mut(&NodeId(number))
        .unwrap()
        .as_mut()
        .unwrap()
}

fn fault(change: impl FnOnce(&mut Topology, &mut Snapshot)) -> Fault {
    let (mut topology, mut snapshot) = (chain(), right());
    change(&mut topology, &mut snapshot);
    match explain(&topology, 0, 0, &snapshot).unwrap().end {
        End::Fault(fault) => fault,
        end @ (End::Unknown(_) | End::Nothing) => panic!("{end:?}"),
    }
}

fn found(change: impl FnOnce(&mut Topology, &mut Snapshot)) -> (Kind, String) {
    let fault = fault(change);
    (fault.kind, fault.at)
}

#[test]
fn nothing_is_found_where_everything_is_right() {
    let told = explain(&chain(), 0, 0, &right()).unwrap();
    assert_eq!(told.end, End::Nothing, "{:#?}", told.lines());
    assert!(explain(&chain(), 1, 0, &right()).is_none());
    assert!(explain(&chain(), 0, 1, &right()).is_none());
}

#[test]
fn the_ends_come_first() {
    let silent = found(|_, seen| seen.sent = Some(0));
    assert_eq!(silent, (Kind::NotSending, "S".to_owned()));
    let idle = found(|_, seen| seen.joined = Some(false));
    assert_eq!(idle, (Kind::NotJoined, "R".to_owned()));
    let other = found(|lab, _| lab.sources[0].groups = vec![Ipv4Addr::new(239, 9, 9, 9)]);
    assert_eq!(other, (Kind::NotMeant, "R".to_owned()));
    let source = found(|lab, _| lab.receivers[0].wanted = Wanted::Only(vec![[10, 9, 9, 9].into()]));
    assert_eq!(source, (Kind::NotMeant, "R".to_owned()));
    let but =
        found(|lab, _| lab.receivers[0].wanted = Wanted::AllBut(vec![SOURCE.parse().unwrap()]));
    assert_eq!(but, (Kind::NotMeant, "R".to_owned()));
}

#[test]
fn a_member_that_blocks_the_source_is_none() {
    let blocked = found(|_, seen| {
        let group = &mut router(seen, 3).members[0];
        group.sources = read(json!([{ "source": SOURCE, "forward": false, "expires": null }]));
    });
    assert_eq!(blocked, (Kind::NoMembership, "r3:rcv".to_owned()));
    let refused = found(|_, seen| {
        router(seen, 3).members.clear();
        count(router(seen, 3), "rcv", "igmp.drop.group-filter", 2);
    });
    assert_eq!(refused, (Kind::MembershipRefused, "r3:rcv".to_owned()));
}

#[test]
fn hellos_that_one_end_misses_are_a_loss_of_the_link() {
    let loss = fault(|_, seen| {
        router(seen, 3).neighbors.clear();
        count(router(seen, 2), "r3", "pim.tx.hello", 12);
    });
    assert_eq!((loss.kind, loss.at.as_str()), (Kind::LinkLoss, "r2--r3"));
    assert!(loss.what.contains("pim.tx.hello 12"), "{}", loss.what);
    let off = found(|_, seen| {
        router(seen, 3).neighbors.clear();
        router(seen, 2).pim.retain(|one| one.interface != "r3");
    });
    assert_eq!(off, (Kind::NoPim, "r2:r3".to_owned()));
    let down = found(|_, seen| {
        router(seen, 3).neighbors.clear();
        router(seen, 2).pim[1].up = false;
    });
    assert_eq!(down, (Kind::LinkDown, "r2:r3".to_owned()));
}

#[test]
fn joins_that_get_lost_on_the_way_up_are_a_loss_of_the_link() {
    let lost = found(|_, seen| router(seen, 2).mroutes.clear());
    assert_eq!(lost, (Kind::LinkLoss, "r2--r3".to_owned()));
    let range = found(|_, seen| {
        router(seen, 2).mroutes.clear();
        count(router(seen, 2), "r3", "pim.drop.ssm-range", 1);
    });
    assert_eq!(range, (Kind::SsmRange, "r2:r3".to_owned()));
    let rp = found(|_, seen| {
        router(seen, 2).mroutes.clear();
        count(router(seen, 2), "r3", "pim.drop.wrong-rp", 1);
    });
    assert_eq!(rp, (Kind::WrongRp, "r2:r3".to_owned()));
}

#[test]
fn an_assert_that_is_lost_names_the_winner() {
    let lost = fault(|_, seen| {
        let entry = &mut router(seen, 3).mroutes[0];
        entry.olist.clear();
        entry.interfaces = read(json!([{
            "interface": "rcv", "downstream": null, "expires": null, "rpt_pruned": false,
            "local_members": true, "assert": "loser", "assert_winner": "10.0.3.9",
            "assert_timer": 100.0,
        }]));
    });
    assert_eq!(lost.kind, Kind::AssertLost);
    assert!(
        lost.what.contains("10.0.3.9 (no node of the lab)"),
        "{}",
        lost.what
    );
}

#[test]
fn ways_in_circles_end_the_walk() {
    let (topology, mut seen) = (chain(), right());
    let (to, back) = way(RP, Some("r3"), Some("10.0.2.2"));
    router(&mut seen, 2).ways.insert(to, read(back));
    let told = explain(&topology, 0, 0, &seen).unwrap();
    let End::Fault(fault) = told.end else {
        panic!("{:?}", told.end);
    };
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::RpfMismatch, "r2"));
}

#[test]
fn registers_that_never_come_are_blocked() {
    let none = found(|_, seen| router(seen, 2).counters.clear());
    assert_eq!(none, (Kind::RegisterBlocked, "r2".to_owned()));
}

#[test]
fn datagrams_that_become_fewer_are_lost_between_two_links() {
    let lost = fault(|_, seen| {
        seen.links.insert(LinkId(2), 700);
        seen.links.insert(LinkId(3), 700);
    });
    assert_eq!((lost.kind, lost.at.as_str()), (Kind::DataLost, "r2"));
    assert!(
        lost.what.contains("1000 datagrams passed r1--r2"),
        "{}",
        lost.what
    );
}

#[test]
fn a_router_that_gives_no_answer_ends_the_walk_without_a_fault() {
    let mut seen = right();
    seen.routers
        .insert(NodeId(2), Err("it runs frr".to_owned()));
    let told = explain(&chain(), 0, 0, &seen).unwrap();
    assert_eq!(told.end, End::Unknown("r2: it runs frr".to_owned()));
    assert_eq!(told.sentence(), None);
}
