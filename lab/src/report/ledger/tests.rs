//! The worst first, and no more than can be read.

use super::*;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};

fn row(receiver: &str, outage_ns: Option<u64>, lost: u64) -> LedgerRow {
    LedgerRow {
        receiver: receiver.to_owned(),
        source: "S".to_owned(),
        sent: 100,
        received: 100 - lost,
        lost,
        outage_ns,
        lost_at: (lost > 0).then(|| "r2".to_owned()),
        ..LedgerRow::default()
    }
}

#[test]
fn a_fault_is_told_with_the_worst_outage_first() {
    let mut fault = step(Outcome::Pass);
    fault.faults = vec!["link down r1--r2".to_owned()];
    fault.ledger = vec![
        row("A", Some(10_000_000), 0),
        row("B", Some(850_000_000), 42),
    ];
    let told = [
        "after link down r1--r2:",
        "B <- S: outage 850ms, lost 42 of 100, at r2",
        "A <- S: outage 10ms",
    ];
    assert_eq!(lines(&fault), told);
    let reached = |node: &str, after_ns| {
        let node = node.to_owned();
        Some(Reached { node, after_ns })
    };
    fault.ledger[1].budget = Some(Budget {
        noticed: reached("r3", 2_000_000),
        joined: None,
        forwarded: reached("r1", 840_000_000),
        arrived_ns: 845_000_000,
    });
    assert_eq!(
        lines(&fault)[2],
        "  since then: noticed 2.0ms (r3), forwarded 840ms (r1), arrived 845ms"
    );
    fault.ledger = (0..20).map(|_| row("A", Some(1), 0)).collect();
    assert_eq!(lines(&fault).len(), 1 + TOLD + 1);
    assert_eq!(lines(&fault)[9], "and 12 more receivers and sources");
}

#[test]
fn without_fault_only_leaves_are_told() {
    let mut quiet = step(Outcome::Pass);
    quiet.ledger = vec![row("A", None, 3)];
    assert_eq!(lines(&quiet), Vec::<String>::new());
    quiet.ledger[0].leave_ns = Some(1_020_000_000);
    assert_eq!(lines(&quiet), ["A <- S: leave latency 1.02s"]);
}

#[test]
fn the_table_has_faults_joins_and_leaves() {
    let mut one = step(Outcome::Pass);
    one.faults = vec!["daemon kill r1".to_owned()];
    let joined = LedgerRow {
        join_ns: Some(4_000_000),
        ..row("C", None, 0)
    };
    one.ledger = vec![row("A", Some(10_000_000), 2), joined, row("D", None, 0)];
    let table = table(&[run(vec![one])]);
    assert_eq!(table.len(), 2);
    let told = ["daemon kill r1", "A <- S", "10ms", "", "", "2 of 100", "r2"];
    assert_eq!(table[0][2..], told);
    assert_eq!(table[1][2..7], ["join", "C <- S", "", "4.0ms", ""]);
}
