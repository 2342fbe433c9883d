//! A router with pimd between two others, and what can be seen of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use super::super::heard::{Join, Report};
use super::*;
use crate::topology;
use crate::topology::model::LinkId;

const FILE: &str = r"
lab: 1
name: seen
pim: { rp: 10.255.0.9 }
nodes: { r1: mcrd, r2: { kind: pimd, lo: 10.255.0.2 }, rcv: host }
links:
  - r1 -- r2: { net: 10.0.1.0/24 }
  - r2 -- rcv: { net: 10.0.2.0/24 }
";
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ABOVE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

fn router() -> Node {
    let parsed = topology::parse(Path::new("lab.yaml"), FILE, &[], &|_| None);
    parsed.unwrap().nodes.remove(1)
}

fn told_of(heard: &Heard, forwarding: Vec<Forwarding>) -> Told {
    told(&router(), (GROUP, SOURCE), heard, forwarding)
}

#[test]
fn neighbors_and_the_dr_are_those_of_the_hellos() {
    let mut heard = Heard::default();
    heard.hellos.insert((LinkId(0), ABOVE), Some(1));
    assert!(
        told_of(&heard, Vec::new()).neighbors.is_empty(),
        "it is silent"
    );
    heard.hellos.insert((LinkId(0), OWN), Some(1));
    let told = told_of(&heard, Vec::new());
    assert_eq!(told.neighbors, [("r1".to_owned(), ABOVE)].into());
    assert!(told.pim_on("r1").unwrap().is_dr);
    assert!(told.pim_on("rcv").is_none());
}

#[test]
fn members_are_those_of_the_reports_where_it_runs() {
    let mut heard = Heard::default();
    let report = Report {
        wants: true,
        version: 3,
    };
    heard.reports.insert((LinkId(1), HOST), report);
    assert_eq!(told_of(&heard, Vec::new()).members, []);
    let own = Ipv4Addr::new(10, 0, 2, 1);
    heard.queries.insert((LinkId(1), own), 2);
    let told = told_of(&heard, Vec::new());
    assert_eq!(told.members[0].last_reporter, Some(HOST));
    assert_eq!(told.igmp_on("rcv").unwrap().version, Some(2));
}

#[test]
fn entries_are_the_kernels_and_joins_those_that_it_sent() {
    let mut heard = Heard::default();
    let join = Join {
        link: LinkId(0),
        to: ABOVE,
        source: None,
        from: OWN,
    };
    heard.joins.insert(join, u64::MAX);
    let kernel = Forwarding {
        source: Some(SOURCE),
        group: GROUP,
        iif: Some("r1".to_owned()),
        oif: ["rcv".to_owned(), "pimreg".to_owned()].into(),
        packets: 1,
    };
    let told = told_of(&heard, vec![kernel]);
    let star = told.mroute(None).unwrap();
    assert_eq!(star.olist.as_deref(), Some(&["rcv".to_owned()][..]));
    assert_eq!(star.joined, Some(true));
    assert_eq!(told.mroute(Some(SOURCE)).unwrap().joined, None);
    assert_eq!(
        told_of(&heard, Vec::new()).mroute(None).unwrap().olist,
        None
    );
}

#[test]
fn the_rp_is_the_one_it_names_before_the_one_it_was_given() {
    let mut heard = Heard::default();
    let given = told_of(&heard, Vec::new()).rp.unwrap();
    assert_eq!(given.rp, Some(Ipv4Addr::new(10, 255, 0, 9)));
    heard.registers.insert((LinkId(0), OWN, HOST), 1);
    assert_eq!(told_of(&heard, Vec::new()).rp.unwrap().rp, Some(HOST));
    heard.rps.insert((LinkId(0), OWN), ABOVE);
    assert_eq!(told_of(&heard, Vec::new()).rp.unwrap().rp, Some(ABOVE));
}

#[test]
fn a_way_is_connected_or_leads_to_a_router_or_is_its_own() {
    let by = |to: [u8; 4], neighbor: Option<Ipv4Addr>| {
        let told = Rpf {
            interface: Some("r1".to_owned()),
            neighbor,
        };
        let way = way(&router(), to.into(), told, "its kernel");
        (way.connected, way.is_me, way.reason)
    };
    let reason = "by its kernel".to_owned();
    assert_eq!(by([10, 0, 1, 7], None), (true, false, reason.clone()));
    assert_eq!(
        by([10, 0, 0, 1], Some(ABOVE)),
        (false, false, reason.clone())
    );
    assert_eq!(by([10, 255, 0, 2], None), (false, true, reason));
    let none = way(&router(), SOURCE, Rpf::default(), "its kernel");
    assert_eq!(none.reason, "its kernel has no route to it");
}
