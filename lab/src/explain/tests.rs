//! The walk over answers that nobody gave: a chain where everything is right,
//! and one change each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use mcr_api::router::{
    AssertState, FilterMode, IgmpGroup, IgmpSource, ProtocolCounters, RegisterState, RpfOf,
};

use super::heard::{Heard, Join};
use super::told::{Downstream, Igmp, Member, Mroute, Pim, Rp, Silent, Told};
use super::{End, Fault, Kind, Snapshot, explain};
use crate::assertion::tables::Forwarding;
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
const SOURCE: &str = "10.0.0.1";
const RP: &str = "10.255.0.2";

fn chain() -> Topology {
    let parsed = topology::parse(Path::new("lab.yaml"), FILE, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn pim(interface: &str, address: &str, is_dr: bool) -> Pim {
    Pim {
        interface: interface.to_owned(),
        up: true,
        passive: Some(false),
        dr: Some(ip(address)),
        is_dr,
    }
}

fn neighbor(interface: &str, address: &str) -> (String, Ipv4Addr) {
    (interface.to_owned(), ip(address))
}

fn way(to: &str, interface: Option<&str>, hop: Option<&str>) -> (Ipv4Addr, RpfOf) {
    let told = RpfOf {
        address: ip(to),
        interface: interface.map(ToOwned::to_owned),
        next_hop: hop.map(ip),
        neighbor: hop.map(ip),
        connected: interface.is_some() && hop.is_none(),
        is_me: interface.is_none(),
        preference: Some(1),
        metric: Some(1),
        reason: "By a route.".to_owned(),
    };
    (ip(to), told)
}

fn mroute(source: Option<&str>, oif: &str, register: RegisterState) -> Mroute {
    Mroute {
        source: source.map(ip),
        olist: Some(vec![oif.to_owned()]),
        joined: Some(true),
        spt_bit: Some(false),
        register: Some(register),
        interfaces: BTreeMap::new(),
    }
}

fn member(interface: &str) -> Member {
    Member {
        interface: interface.to_owned(),
        takes: true,
        version: Some(3),
        last_reporter: Some(ip("10.0.3.2")),
    }
}

fn igmp(interface: &str) -> Igmp {
    Igmp {
        interface: interface.to_owned(),
        up: true,
        version: Some(3),
    }
}

fn told(
    pim: [Pim; 2],
    neighbors: &[(String, Ipv4Addr)],
    ways: [(Ipv4Addr, RpfOf); 2],
    mroutes: &[Mroute],
) -> Told {
    Told {
        pim: pim.into(),
        neighbors: neighbors.iter().cloned().collect(),
        rp: Some(Rp {
            rp: Some(ip(RP)),
            reason: "It is.".to_owned(),
            source_specific: None,
        }),
        ways: ways.into(),
        mroutes: mroutes.to_vec(),
        counters: Some(Vec::new()),
        ..Told::default()
    }
}

/// Everything is right, and the stream still goes over the RP.
fn right() -> Snapshot {
    let r1 = told(
        [pim("src", "10.0.0.2", true), pim("r2", "10.0.1.1", false)],
        &[neighbor("r2", "10.0.1.2")],
        [
            way(SOURCE, Some("src"), None),
            way(RP, Some("r2"), Some("10.0.1.2")),
        ],
        &[mroute(Some(SOURCE), "r2", RegisterState::Join)],
    );
    let mut r2 = told(
        [pim("r1", "10.0.1.2", true), pim("r3", "10.0.2.1", false)],
        &[neighbor("r1", "10.0.1.1"), neighbor("r3", "10.0.2.2")],
        [
            way(SOURCE, Some("r1"), Some("10.0.1.1")),
            way(RP, None, None),
        ],
        &[
            mroute(None, "r3", RegisterState::NoInfo),
            mroute(Some(SOURCE), "r3", RegisterState::NoInfo),
        ],
    );
    count(&mut r2, "r1", "pim.rx.register", 3);
    let mut r3 = told(
        [pim("r2", "10.0.2.2", true), pim("rcv", "10.0.3.1", true)],
        &[neighbor("r2", "10.0.2.1")],
        [
            way(SOURCE, Some("r2"), Some("10.0.2.1")),
            way(RP, Some("r2"), Some("10.0.2.1")),
        ],
        &[mroute(None, "rcv", RegisterState::NoInfo)],
    );
    r3.igmp = vec![igmp("rcv")];
    r3.members = vec![member("rcv")];
    Snapshot {
        joined: Some(true),
        sent: Some(1000),
        links: (0..4).map(|link| (LinkId(link), 1000)).collect(),
        heard: Heard::default(),
        routers: [r1, r2, r3]
            .into_iter()
            .enumerate()
            .map(|(position, told)| (NodeId(position + 1), Ok(told)))
            .collect(),
    }
}

fn count(told: &mut Told, interface: &str, name: &str, count: u64) {
    let counters = BTreeMap::from([(name.to_owned(), count)]);
    told.counters
        .get_or_insert_default()
        .push(ProtocolCounters {
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
    let mut of_mcrd = IgmpGroup {
        interface: "rcv".to_owned(),
        group: ip("239.1.1.1"),
        mode: FilterMode::Exclude,
        version: 3,
        uptime: 1.0,
        expires: None,
        sources: Vec::new(),
        last_reporter: None,
        is_static: false,
    };
    assert!(Member::of(&of_mcrd, ip(SOURCE)).takes);
    of_mcrd.sources.push(IgmpSource {
        source: ip(SOURCE),
        forward: false,
        expires: None,
    });
    let blocking = Member::of(&of_mcrd, ip(SOURCE));
    let blocked = found(|_, seen| router(seen, 3).members = vec![blocking]);
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
        entry.olist = Some(Vec::new());
        let lost = Downstream {
            joined: false,
            assert: AssertState::Loser,
            assert_winner: Some(ip("10.0.3.9")),
        };
        entry.interfaces.insert("rcv".to_owned(), lost);
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
    router(&mut seen, 2).ways.insert(to, back);
    let told = explain(&topology, 0, 0, &seen).unwrap();
    let End::Fault(fault) = told.end else {
        panic!("{:?}", told.end);
    };
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::RpfMismatch, "r2"));
}

#[test]
fn registers_that_never_come_are_blocked() {
    let none = found(|_, seen| router(seen, 2).counters = Some(Vec::new()));
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

/// The chain with another router at one place, of which is known what can be
/// seen: its neighbours and members are those of the others, it counts nothing.
fn with(number: usize, kind: &str) -> (Topology, Snapshot) {
    let names = ["", "r1", "r2", "r3"];
    let name = names[number];
    let file = FILE.replace(
        &format!("{name}: {{ kind: mcrd"),
        &format!("{name}: {{ kind: {kind}"),
    );
    let parsed = topology::parse(Path::new("lab.yaml"), &file, &[], &|_| None);
    let topology = parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let mut snapshot = right();
    let told = router(&mut snapshot, number);
    told.counters = None;
    for entry in &mut told.mroutes {
        (entry.joined, entry.register) = (None, None);
    }
    snapshot
        .heard
        .registers
        .insert((LinkId(1), ip("10.0.1.1"), ip(RP)), 3);
    (topology, snapshot)
}

fn end_of((topology, snapshot): &(Topology, Snapshot)) -> End {
    explain(topology, 0, 0, snapshot).unwrap().end
}

fn fault_of(lab: &(Topology, Snapshot)) -> Fault {
    match end_of(lab) {
        End::Fault(fault) => fault,
        end @ (End::Unknown(_) | End::Nothing) => panic!("{end:?}"),
    }
}

fn heard_join(snapshot: &mut Snapshot) {
    let join = Join {
        link: LinkId(2),
        to: ip("10.0.2.1"),
        source: None,
        from: ip("10.0.2.2"),
    };
    snapshot.heard.joins.insert(join, 1);
}

#[test]
fn the_rp_that_cannot_be_asked_is_known_by_its_kernel() {
    let mut lab = with(2, "pimd");
    assert_eq!(end_of(&lab), End::Nothing);
    for entry in &mut router(&mut lab.1, 2).mroutes {
        entry.olist = None;
    }
    let blocked = fault_of(&lab);
    assert_eq!(
        (blocked.kind, blocked.at.as_str()),
        (Kind::RegisterBlocked, "r2")
    );
    let shown = "links show 3 Registers to it";
    assert!(blocked.what.contains(shown), "{}", blocked.what);
    assert!(blocked.advice.contains("lab logs r2"), "{}", blocked.advice);
}

#[test]
fn what_cannot_be_asked_has_joined_where_a_link_shows_it() {
    let mut lab = with(3, "pimd");
    let none = fault_of(&lab);
    assert_eq!(
        (none.kind, none.at.as_str()),
        (Kind::NotJoinedUpstream, "r3")
    );
    heard_join(&mut lab.1);
    assert_eq!(end_of(&lab), End::Nothing);
}

#[test]
fn a_kernel_that_forwards_elsewhere_is_a_loss_or_has_refused() {
    let mut lab = with(2, "pimd");
    for entry in &mut router(&mut lab.1, 2).mroutes {
        entry.olist = Some(vec!["r1".to_owned()]);
    }
    let lost = fault_of(&lab);
    assert_eq!((lost.kind, lost.at.as_str()), (Kind::LinkLoss, "r2--r3"));
    heard_join(&mut lab.1);
    let refused = fault_of(&lab);
    assert_eq!(
        (refused.kind, refused.at.as_str()),
        (Kind::NotJoinedUpstream, "r2:r3")
    );
    assert!(refused.what.contains("forwards to r1"), "{}", refused.what);
}

#[test]
fn registers_that_no_link_shows_were_not_sent() {
    let mut lab = with(1, "pimd");
    assert_eq!(end_of(&lab), End::Nothing);
    lab.1.heard.registers.clear();
    let none = fault_of(&lab);
    assert_eq!((none.kind, none.at.as_str()), (Kind::RegisterBlocked, "r1"));
}

#[test]
fn a_plain_kernel_on_the_way_speaks_no_pim() {
    let mut lab = with(2, "kernel");
    *router(&mut lab.1, 2) = Told::default();
    router(&mut lab.1, 3).neighbors.clear();
    let none = fault_of(&lab);
    assert_eq!((none.kind, none.at.as_str()), (Kind::NoPim, "r2:r3"));
    assert!(none.what.contains("plain kernel"), "{}", none.what);
}

#[test]
fn static_routes_are_followed_to_where_they_end() {
    let mroutes = "smcroute, mroutes: { from: r1, group: 239.1.1.1, to: r3 }";
    let (topology, mut snapshot) = with(2, mroutes);
    *router(&mut snapshot, 2) = Told::default();
    router(&mut snapshot, 3).neighbors.clear();
    let mut lab = (topology, snapshot);
    let unheard = fault_of(&lab);
    assert_eq!(
        (unheard.kind, unheard.at.as_str()),
        (Kind::NoMembership, "r1--r2")
    );
    assert!(unheard.what.contains("hears r2"), "{}", unheard.what);
    let elsewhere = Forwarding {
        source: Some(ip(SOURCE)),
        group: ip("239.1.1.1"),
        iif: Some("r1".to_owned()),
        oif: BTreeSet::new(),
        packets: 1,
    };
    router(&mut lab.1, 2).forwarding = vec![elsewhere];
    let none = fault_of(&lab);
    assert_eq!((none.kind, none.at.as_str()), (Kind::NoMroute, "r2"));
    let told = "(10.0.0.1,239.1.1.1) from r1 to nowhere";
    assert!(none.what.contains(told), "{}", none.what);
}

#[test]
fn a_command_of_the_users_is_a_router_where_it_forwards() {
    let (topology, mut snapshot) = with(2, "custom, cmd: route-all");
    router(&mut snapshot, 3).neighbors.clear();
    *router(&mut snapshot, 2) = Told::default();
    assert!(!router(&mut snapshot, 2).routes());
    let forwards = Forwarding {
        source: Some(ip(SOURCE)),
        group: ip("239.1.1.1"),
        iif: Some("r1".to_owned()),
        oif: ["r3".to_owned()].into(),
        packets: 1,
    };
    router(&mut snapshot, 2).forwarding = vec![forwards];
    assert!(router(&mut snapshot, 2).routes());
    let told = explain(&topology, 0, 0, &snapshot).unwrap();
    let passed = told
        .seen
        .iter()
        .any(|seen| seen.evidence == "from r1 to r3");
    assert!(passed, "{:#?}", told.lines());
    snapshot.routers.remove(&NodeId(2));
    let told = explain(&topology, 0, 0, &snapshot).unwrap();
    assert!(told.seen.iter().all(|seen| seen.at != "r2"));
}

#[test]
fn a_plain_kernel_at_the_receiver_has_no_route() {
    let mut lab = with(3, "kernel");
    *router(&mut lab.1, 3) = Told::default();
    let none = fault_of(&lab);
    assert_eq!((none.kind, none.at.as_str()), (Kind::NoMroute, "r3"));
}

#[test]
fn the_router_that_names_an_rp_alone_is_wrong() {
    let wrong = found(|_, seen| router(seen, 1).rp.as_mut().unwrap().rp = Some(ip(SOURCE)));
    assert_eq!(wrong, (Kind::WrongRp, "r1".to_owned()));
    let unknown = found(|_, seen| {
        router(seen, 2).rp = None;
        router(seen, 3).rp.as_mut().unwrap().rp = None;
    });
    assert_eq!(unknown, (Kind::NoRp, "r3".to_owned()));
}

#[test]
fn frr_is_looked_at_by_its_own_command() {
    let mut lab = with(3, "frr");
    router(&mut lab.1, 3).mroutes[0].joined = Some(false);
    let not_joined = fault_of(&lab);
    assert_eq!(not_joined.kind, Kind::NotJoinedUpstream);
    let command = "lab exec r3 -- vtysh -N r3";
    assert!(not_joined.advice.contains(command), "{}", not_joined.advice);
    router(&mut lab.1, 3).neighbors.clear();
    let told = router(&mut lab.1, 3);
    told.counters = Some(Vec::new());
    told.pim[0].passive = None;
    let silent = fault_of(&lab);
    assert_eq!((silent.kind, silent.at.as_str()), (Kind::NoPim, "r3:r2"));
}

fn ended() -> Option<Silent> {
    Some(Silent::Ended("a step ended it".to_owned()))
}

fn carried(seen: &mut Snapshot, links: [usize; 4]) {
    let counts = links.into_iter().enumerate();
    seen.links = counts.map(|(link, n)| (LinkId(link), n)).collect();
}

fn lines(seen: &Snapshot) -> String {
    explain(&chain(), 0, 0, seen).unwrap().lines().join("\n")
}

#[test]
fn a_daemon_that_does_not_run_is_the_fault_where_it_is_on_the_way() {
    for number in 1..=3 {
        let dead = fault(|_, seen| router(seen, number).silent = ended());
        let at = format!("r{number}");
        assert_eq!((dead.kind, &dead.at), (Kind::DaemonEnded, &at));
        let what = format!("mcrd does not run at {at}: a step ended it");
        assert!(dead.what.starts_with(&what), "{}", dead.what);
        let advice = format!("lab daemon start {at}");
        assert!(dead.advice.contains(&advice), "{}", dead.advice);
    }
}

#[test]
fn a_dead_daemon_is_the_fault_when_its_hellos_do_not_hold_any_more() {
    let gone = |seen: &mut Snapshot, number: usize| {
        let told = router(seen, number);
        (told.pim, told.igmp, told.members) = (Vec::new(), Vec::new(), Vec::new());
        told.neighbors.clear();
        told.silent = ended();
    };
    let last_hop = found(|_, seen| gone(seen, 3));
    assert_eq!(last_hop, (Kind::DaemonEnded, "r3".to_owned()));
    let rp = found(|_, seen| {
        gone(seen, 2);
        router(seen, 3).neighbors.clear();
    });
    assert_eq!(rp, (Kind::DaemonEnded, "r2".to_owned()));
    let first_hop = found(|_, seen| gone(seen, 1));
    assert_eq!(first_hop, (Kind::DaemonEnded, "r1".to_owned()));
}

#[test]
fn a_dead_daemon_beside_the_way_is_no_fault() {
    let file = FILE
        .replace("  rcv: host", "  r4: { kind: mcrd }\n  rcv: host")
        .replace("  - r3 -- rcv: { net: 10.0.3.0/24 }\n", "")
        + "segments: { lan: { members: [r4, r3, rcv], net: 10.0.3.0/24 } }\n";
    let parsed = topology::parse(Path::new("lab.yaml"), &file, &[], &|_| None);
    let topology = parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let mut seen = right();
    let r3 = router(&mut seen, 3);
    r3.pim[1].interface = "lan".to_owned();
    (r3.igmp, r3.members) = (vec![igmp("lan")], vec![member("lan")]);
    r3.mroutes[0].olist = Some(vec!["lan".to_owned()]);
    let beside = Told {
        silent: ended(),
        members: vec![member("lan")],
        ..Told::default()
    };
    seen.routers.insert(NodeId(4), Ok(beside));
    let told = explain(&topology, 0, 0, &seen).unwrap();
    assert_eq!(told.end, End::Nothing);
    let member_of = |at: &str| {
        told.seen
            .iter()
            .any(|one| one.at == at && one.what == "member")
    };
    assert!(member_of("r3") && !member_of("r4"), "{:#?}", told.lines());
    // While it is the DR of the LAN, the way leads through it.
    router(&mut seen, 4).pim = vec![pim("lan", "10.0.3.2", true)];
    router(&mut seen, 3).pim[1].is_dr = false;
    let End::Fault(fault) = explain(&topology, 0, 0, &seen).unwrap().end else {
        panic!("no fault");
    };
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::DaemonEnded, "r4"));
}

#[test]
fn a_frozen_daemon_is_the_fault_where_nothing_comes_out_of_it() {
    let mut seen = right();
    router(&mut seen, 2).silent = Some(Silent::Frozen);
    assert_eq!(explain(&chain(), 0, 0, &seen).unwrap().end, End::Nothing);
    let told = lines(&seen);
    assert!(
        told.contains("ok  r2       frozen   it forwards by what it has set: r2--r3 shows 1000"),
        "{told}"
    );
    let fault = fault(|_, seen| {
        router(seen, 2).silent = Some(Silent::Frozen);
        carried(seen, [1000, 1000, 0, 0]);
    });
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::DaemonFrozen, "r2"));
    assert!(fault.what.contains("r2--r3 shows 0"), "{}", fault.what);
    assert!(
        fault.advice.contains("lab daemon thaw r2"),
        "{}",
        fault.advice
    );
}

#[test]
fn a_daemon_that_hangs_is_as_one_that_is_frozen() {
    let hangs = |seen: &mut Snapshot| {
        router(seen, 2).silent = Some(Silent::Hangs("it takes too long".to_owned()));
    };
    let mut seen = right();
    hangs(&mut seen);
    assert_eq!(explain(&chain(), 0, 0, &seen).unwrap().end, End::Nothing);
    let told = lines(&seen);
    assert!(
        told.contains("ok  r2       hangs    it forwards by"),
        "{told}"
    );
    let fault = fault(|_, seen| {
        hangs(seen);
        carried(seen, [1000, 1000, 0, 0]);
    });
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::DaemonFrozen, "r2"));
    let why = "no Hello of it holds, and it takes too long (r2--r3 shows 0";
    assert!(fault.what.contains(why), "{}", fault.what);
}

#[test]
fn a_frozen_daemon_whose_hellos_do_not_hold_may_still_forward() {
    let mut seen = right();
    let told = router(&mut seen, 2);
    told.pim.clear();
    told.neighbors.clear();
    told.silent = Some(Silent::Frozen);
    assert_eq!(explain(&chain(), 0, 0, &seen).unwrap().end, End::Nothing);
    // The one below has forgotten it.
    router(&mut seen, 3).neighbors.clear();
    let End::Fault(fault) = explain(&chain(), 0, 0, &seen).unwrap().end else {
        panic!("no fault");
    };
    assert_eq!((fault.kind, fault.at.as_str()), (Kind::DaemonFrozen, "r2"));
}

#[test]
fn a_daemon_that_is_slow_is_seen_from_outside() {
    let mut seen = right();
    let slow = router(&mut seen, 3);
    slow.silent = Some(Silent::Slow("it takes too long".to_owned()));
    slow.counters = None;
    slow.mroutes[0].joined = None;
    heard_join(&mut seen);
    let told = lines(&seen);
    assert!(told.contains("no fault found"), "{told}");
    assert!(
        told.contains("it takes too long; what follows is seen from"),
        "{told}"
    );
}

#[test]
fn an_rp_that_takes_datagrams_out_of_registers_is_a_root() {
    let mut lab = with(2, "pimd");
    for number in [2, 3] {
        let mroute = mroute(
            Some(SOURCE),
            ["", "", "r3", "rcv"][number],
            RegisterState::NoInfo,
        );
        router(&mut lab.1, number).mroutes = vec![mroute];
    }
    router(&mut lab.1, 3).mroutes[0].spt_bit = Some(true);
    let rp = router(&mut lab.1, 2);
    (rp.mroutes[0].joined, rp.mroutes[0].register) = (None, None);
    rp.neighbors.retain(|(interface, _)| interface != "r1");
    let unjoined = fault_of(&lab);
    assert_eq!(
        (unjoined.kind, unjoined.at.as_str()),
        (Kind::LinkLoss, "r1--r2")
    );
    router(&mut lab.1, 2).forwarding = vec![Forwarding {
        source: Some(ip(SOURCE)),
        group: ip("239.1.1.1"),
        iif: Some("pimreg".to_owned()),
        oif: ["r3".to_owned()].into(),
        packets: 1,
    }];
    lab.1.links.insert(LinkId(1), 0);
    assert_eq!(end_of(&lab), End::Nothing);
    lab.1.heard.registers.clear();
    router(&mut lab.1, 1).mroutes[0].register = Some(RegisterState::NoInfo);
    let blocked = fault_of(&lab);
    assert_eq!(
        (blocked.kind, blocked.at.as_str()),
        (Kind::RegisterBlocked, "r1")
    );
}
