//! Tests of the time line of a failed step.

use std::path::Path;

use mcr_wire::igmp;

use super::*;
use crate::run::notices::{LinkState, What};
use crate::topology::model::{LinkId, NodeId};

const FILE: &str = "lab: 1
nodes: { r1: mcrd, r2: mcrd }
links: [r1 -- r2]
";

fn topology() -> Topology {
    crate::topology::parse(Path::new("lab.yaml"), FILE, &[], &|_| None).unwrap()
}

fn message(at_ns: u64, payload: &[u8]) -> Control {
    Control {
        at_ns,
        link: LinkId(0),
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(224, 0, 0, 1),
        ttl: 1,
        protocol: igmp::PROTOCOL,
        payload: payload.into(),
    }
}

/// An IGMPv2 leave of 239.1.1.1.
fn leave() -> Vec<u8> {
    igmp::Message::Leave(Ipv4Addr::new(239, 1, 1, 1)).emit()
}

#[test]
fn all_that_happened_is_in_the_order_of_time_and_once() {
    let file = topology();
    let leave = leave();
    let messages = [message(5_000_000, &leave), message(6_000_000, &leave)];
    let notices = [Notice {
        at_ns: 3_000_000,
        node: NodeId(1),
        what: What::Link {
            interface: "r1".to_owned(),
            state: LinkState::Down,
        },
    }];
    let ledger = [LedgerRow {
        receiver: "R".to_owned(),
        source: "S".to_owned(),
        first_ns: Some(9_000_000),
        join_ns: Some(5_000_000),
        ..LedgerRow::default()
    }];
    let of = Sources {
        began_ns: 4_000_000,
        since_ns: 0,
        done: &[(4_000_000, "link down r1--r2".to_owned())],
        messages: &messages,
        notices: &notices,
        ledger: &ledger,
    };
    let timeline = timeline(&file, of).unwrap();
    let told: Vec<_> = timeline
        .moments
        .iter()
        .map(|one| (one.node.as_str(), one.after))
        .collect();
    let expected = [("r2", -0.001), ("lab", 0.0), ("r1", 0.001), ("R", 0.009)];
    assert_eq!(told, expected);
    assert_eq!(timeline.moments[0].text, "interface r1 down");
    assert_eq!(timeline.moments[2].text, "igmp.leave 239.1.1.1 on r1--r2");
}

#[test]
fn of_too_many_moments_the_beginning_and_the_end_are_kept() {
    let file = topology();
    let done: Vec<_> = (0..KEPT as u64 + 7)
        .map(|at| (at, at.to_string()))
        .collect();
    let of = Sources {
        began_ns: 0,
        since_ns: 0,
        done: &done,
        messages: &[],
        notices: &[],
        ledger: &[],
    };
    let timeline = timeline(&file, of).unwrap();
    assert_eq!((timeline.moments.len(), timeline.left_out), (KEPT, 7));
    assert_eq!(timeline.moments[0].text, "0");
    assert_eq!(timeline.moments[KEPT - 1].text, (KEPT + 6).to_string());
}

/// A Join or Prune of (*,239.1.1.1) by 10.0.0.1.
fn join_prune(at_ns: u64, join: bool) -> Control {
    let mut message = message(at_ns, &[]);
    message.protocol = mcr_wire::pim::PROTOCOL;
    // RFC 7761 §4.9.5: header, upstream neighbour, one group with one source.
    let mut payload = vec![0x23, 0, 0, 0];
    payload.extend([1, 0, 10, 0, 0, 2, 0, 1, 0, 210]);
    payload.extend([1, 0, 0, 32, 239, 1, 1, 1]);
    payload.extend([0, u8::from(join), 0, u8::from(!join)]);
    payload.extend([1, 0, 7, 32, 10, 255, 0, 1]);
    let sum = mcr_wire::checksum::internet(&payload);
    payload[2..4].copy_from_slice(&sum.to_be_bytes());
    message.payload = payload.into();
    message
}

#[test]
fn a_refresh_is_left_out_and_a_change_is_not() {
    let file = topology();
    // The first one was before the step.
    let said = [
        (1, true),
        (12, true),
        (13, false),
        (14, false),
        (15, true),
        (16, true),
    ];
    let messages = said.map(|(at_ns, join)| join_prune(at_ns, join));
    let of = Sources {
        began_ns: 10,
        since_ns: 10,
        done: &[],
        messages: &messages,
        notices: &[],
        ledger: &[],
    };
    let told = timeline(&file, of).unwrap().moments;
    let told: Vec<_> = told.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(told, ["pim.prune", "pim.join"]);
}
