//! Who did what first after a fault, and what was only routine.

use std::path::Path;

use mcr_wire::pim::{EncodedGroup, JoinPruneGroup, Message};

use super::*;
use crate::report::Budget;
use crate::run::notices::LinkState;

const FILE: &str = "lab: 1
nodes: { src: host, r1: mcrd, r2: mcrd, r3: mcrd, rcv: host }
links:
  - src -- r1
  - r1 -- r2
  - r2 -- r3
  - r1 -- r3
  - r3 -- rcv
receivers: { R: { at: rcv, group: 239.1.1.1 } }
sources: { S: { at: src, group: 239.1.1.1 } }
";
const MS: u64 = 1_000_000;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const FAULT: u64 = 1_000 * MS;
/// The links r2--r3 and r1--r3.
const CUT: LinkId = LinkId(2);
const BACKUP: LinkId = LinkId(3);
const R3: NodeId = NodeId(3);

fn topology() -> Topology {
    crate::topology::parse(Path::new("lab.yaml"), FILE, &[], &|_| None).unwrap()
}

/// r3's message on one of its links, about the source's tree.
fn message(topology: &Topology, at_ns: u64, link: LinkId, joins: bool) -> Control {
    let end = topology.nodes[R3.0].interfaces.iter();
    let own = end.clone().find(|one| one.link == link).unwrap();
    let source = EncodedSource {
        source: Ipv4Addr::new(10, 0, 0, 1),
        mask_len: 32,
        sparse: true,
        wildcard: false,
        rpt: false,
    };
    let all = |yes: bool| if yes { vec![source] } else { Vec::new() };
    let group = JoinPruneGroup {
        group: EncodedGroup {
            group: GROUP,
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        joins: all(joins),
        prunes: all(!joins),
    };
    let said = Message::JoinPrune(JoinPrune {
        upstream_neighbor: Ipv4Addr::new(10, 9, 9, 9),
        holdtime: 7,
        groups: vec![group],
    });
    Control {
        at_ns,
        link,
        source: own.addresses[0].addr(),
        destination: Ipv4Addr::new(224, 0, 0, 13),
        ttl: 1,
        protocol: pim::PROTOCOL,
        payload: said.emit().into(),
    }
}

fn routed(at_ns: u64, node: usize) -> Notice {
    let what = What::Mroute {
        source: Ipv4Addr::new(10, 0, 0, 1),
        group: GROUP,
        state: crate::run::notices::MrouteState::Gone,
    };
    Notice {
        at_ns,
        node: NodeId(node),
        what,
    }
}

fn link_down(at_ns: u64) -> Notice {
    Notice {
        at_ns,
        node: R3,
        what: What::Link {
            interface: "r2".to_owned(),
            state: LinkState::Down,
        },
    }
}

fn filled(topology: &Topology, messages: &[Control], notices: &[Notice]) -> Budget {
    let mut rows = [LedgerRow {
        receiver: "R".to_owned(),
        source: "S".to_owned(),
        budget: Some(Budget {
            arrived_ns: 300 * MS,
            ..Budget::default()
        }),
        ..LedgerRow::default()
    }];
    let of = Sources {
        fault_ns: FAULT,
        messages,
        notices,
    };
    fill(topology, &mut rows, of);
    rows[0].budget.clone().unwrap()
}

fn reached(node: &str, after_ns: u64) -> Option<Reached> {
    let node = node.to_owned();
    Some(Reached { node, after_ns })
}

#[test]
fn the_first_notice_the_first_new_join_and_the_last_change_before_the_packet() {
    let file = topology();
    let messages = [
        message(&file, FAULT - 900 * MS, CUT, true),
        // A refresh after the fault tells nothing.
        message(&file, FAULT + 10 * MS, CUT, true),
        message(&file, FAULT + 25 * MS, BACKUP, true),
        message(&file, FAULT + 26 * MS, BACKUP, true),
    ];
    let notices = [
        routed(FAULT - 5 * MS, 1),
        link_down(FAULT + 15 * MS),
        routed(FAULT + 20 * MS, 3),
        routed(FAULT + 200 * MS, 1),
        routed(FAULT + 400 * MS, 2),
    ];
    let budget = filled(&file, &messages, &notices);
    assert_eq!(budget.noticed, reached("r3", 20 * MS));
    assert_eq!(budget.joined, reached("r3", 25 * MS));
    assert_eq!(budget.forwarded, reached("r1", 200 * MS));
    assert_eq!(budget.arrived_ns, 300 * MS);
}

#[test]
fn a_join_is_new_after_a_prune_and_after_its_link_was_down() {
    let file = topology();
    let before = message(&file, FAULT - 900 * MS, CUT, true);
    let again = message(&file, FAULT + 50 * MS, CUT, true);
    let pruned = message(&file, FAULT - 100 * MS, CUT, false);
    let joined = |messages: &[Control], notices: &[Notice]| {
        let budget = filled(&file, messages, notices);
        budget.joined.map(|one| one.after_ns)
    };
    let refresh = [before.clone(), again.clone()];
    assert_eq!(joined(&refresh, &[]), None);
    assert_eq!(
        joined(&refresh, &[link_down(FAULT + 40 * MS)]),
        Some(50 * MS)
    );
    assert_eq!(joined(&[before, pruned, again], &[]), Some(50 * MS));
}

#[test]
fn what_came_after_the_packets_did_not_bring_them() {
    let file = topology();
    let messages = [message(&file, FAULT + 350 * MS, BACKUP, true)];
    let budget = filled(&file, &messages, &[routed(FAULT + 350 * MS, 1)]);
    assert_eq!(
        budget,
        Budget {
            arrived_ns: 300 * MS,
            ..Budget::default()
        }
    );
}
