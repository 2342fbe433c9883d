//! Winners that routers differ about.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use mcr_api::router::AssertState;

use super::disputed;
use crate::assertion::router::{Assert, Mroute};
use crate::reference::{Situation, Tables};
use crate::topology;
use crate::topology::model::{NodeId, Topology};

/// Four routers on a LAN; the last one does not tell of Asserts.
fn lab() -> Topology {
    let text = "lab: 1\nname: lan\nunicast: oracle\npim: {}\n\
        nodes: { r1: mcrd, r2: mcrd, r3: mcrd, r4: frr }\n\
        segments: { lan: [r1, r2, r3, r4] }\n";
    let parsed = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    parsed.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// What a router holds of an Assert; nothing where there is no state.
fn entry(state: Option<(AssertState, &str)>) -> Vec<Mroute> {
    let asserts = state.map(|(state, winner)| {
        let winner = Some(ip(winner));
        BTreeMap::from([("lan".to_owned(), Assert { state, winner })])
    });
    vec![Mroute {
        source: Some(ip("10.0.0.1")),
        group: Some(ip("239.1.1.1")),
        asserts: Some(asserts.unwrap_or_default()),
        ..Mroute::default()
    }]
}

fn told(of: &[Option<(AssertState, &str)>]) -> Vec<String> {
    let tables = of.iter().enumerate();
    let mut tables: Tables = tables
        .map(|(at, state)| (NodeId(at), entry(*state)))
        .collect();
    let frr = Mroute {
        asserts: None,
        ..entry(None).remove(0)
    };
    tables.insert(NodeId(3), vec![frr]);
    disputed(&lab(), &Situation::default(), &tables)
}

#[test]
fn all_routers_of_a_link_name_one_winner() {
    use AssertState::{Loser, NoInfo, Winner};
    let (r1, r2, r4) = ("10.128.0.1", "10.128.0.2", "10.128.0.4");
    let nobody: [String; 0] = [];
    assert_eq!(told(&[None, None, None]), nobody);
    let agreed = [Some((Winner, r1)), Some((Loser, r1)), None];
    assert_eq!(told(&agreed), nobody);
    // FRR may have won: it is not asked.
    assert_eq!(told(&[Some((Loser, r4)), Some((Loser, r4)), None]), nobody);
    let begin = "the Assert winner of (10.0.0.1,239.1.1.1) on lan: ";
    assert_eq!(
        told(&[Some((Winner, r1)), Some((Winner, r2)), Some((NoInfo, r1))]),
        [format!("{begin}r1 has {r1}, r2 has {r2}")]
    );
    assert_eq!(
        told(&[Some((Winner, r1)), Some((Loser, r4)), None]),
        [format!("{begin}r1 has {r1}, r2 has {r4}")]
    );
    // Who is named must know of it.
    assert_eq!(
        told(&[Some((Loser, r2)), None, None]),
        [format!("{begin}r1 has {r2}, r2 has none")]
    );
}

#[test]
fn who_is_not_on_the_link_or_does_not_run_is_not_asked() {
    let lab = lab();
    let mut tables = Tables::from([
        (NodeId(0), entry(Some((AssertState::Winner, "10.128.0.1")))),
        (NodeId(1), entry(Some((AssertState::Winner, "10.128.0.2")))),
    ]);
    let cut = Situation {
        down: [(NodeId(1), 0)].into(),
        ..Situation::default()
    };
    assert_eq!(
        disputed(&lab, &Situation::default(), &tables).len(),
        1,
        "both are asked"
    );
    assert!(disputed(&lab, &cut, &tables).is_empty());
    // A winner that was killed is named until its holdtime is over.
    tables.remove(&NodeId(0));
    tables.insert(NodeId(1), entry(Some((AssertState::Loser, "10.128.0.1"))));
    assert!(disputed(&lab, &Situation::default(), &tables).is_empty());
}
