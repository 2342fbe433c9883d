//! Figures that outlive cells, and outputs that a change keeps.

use super::*;

fn rule(outputs: &[&str]) -> RelayRule {
    let outputs: Vec<_> = outputs
        .iter()
        .map(|interface| serde_json::json!({ "interface": interface }))
        .collect();
    let rule = serde_json::json!({
        "name": "a",
        "input": { "interface": "in0", "group": "239.1.1.1" },
        "outputs": outputs,
    });
    mcr_config::rule(&serde_json::from_value(rule).unwrap()).unwrap()
}

const fn cell(packets: u64) -> Cell {
    Cell {
        packets,
        bytes: packets * 100,
        dropped: 1,
    }
}

/// Cells that hold their own number.
fn numbered(slot: Slot) -> Cell {
    cell(u64::from(slot.0))
}

fn packets(tally: &Tally) -> (u64, Vec<u64>) {
    let figures = tally.rule(&rule(&["x"]).name, |_, slot| numbered(slot));
    let outputs = figures.outputs.iter().map(|cell| cell.packets).collect();
    (figures.own.packets, outputs)
}

#[test]
fn a_figure_is_what_was_kept_and_what_is_counted_now() {
    let mut tally = Tally::default();
    let rule = rule(&["x", "y"]);
    tally.rule_set(&rule);
    tally.open(&rule.name, PoolId(1), Slot(10));
    assert_eq!(packets(&tally), (10, vec![11, 12]));
    tally.open(&rule.name, PoolId(1), Slot(20));
    assert_eq!(packets(&tally), (30, vec![32, 34]));
    tally.close(&rule.name, PoolId(1), Slot(10), numbered);
    assert_eq!(
        packets(&tally),
        (30, vec![32, 34]),
        "closing changes nothing"
    );
    tally.close(&rule.name, PoolId(1), Slot(10), numbered);
    assert_eq!(packets(&tally), (30, vec![32, 34]), "and is done once");
    let all = tally.rule(&rule.name, |_, slot| numbered(slot));
    assert_eq!((all.own.bytes, all.own.dropped), (3000, 2));
}

#[test]
fn outputs_that_a_change_keeps_keep_their_count() {
    let mut tally = Tally::default();
    let old = rule(&["x", "y"]);
    tally.rule_set(&old);
    tally.open(&old.name, PoolId(1), Slot(10));
    tally.close(&old.name, PoolId(1), Slot(10), numbered);
    tally.open(&old.name, PoolId(1), Slot(100));
    tally.rule_set(&rule(&["z", "y"]));
    assert_eq!(packets(&tally), (110, vec![0, 114]));
    assert!(!tally.is_current(&old.name, PoolId(1), Slot(100)));
    tally.open(&old.name, PoolId(1), Slot(200));
    assert!(tally.is_current(&old.name, PoolId(1), Slot(200)));
    assert_eq!(packets(&tally), (310, vec![201, 316]));
    tally.close(&old.name, PoolId(1), Slot(100), numbered);
    assert_eq!(packets(&tally), (310, vec![201, 316]));
}

#[test]
fn a_rule_that_comes_again_counts_from_zero() {
    let mut tally = Tally::default();
    let rule = rule(&["x"]);
    tally.rule_set(&rule);
    tally.open(&rule.name, PoolId(1), Slot(10));
    tally.rule_removed(&rule.name);
    tally.rule_set(&rule);
    // The worker has left the old cells only now.
    tally.close(&rule.name, PoolId(1), Slot(10), numbered);
    assert_eq!(packets(&tally), (0, vec![0]));
}

#[test]
fn an_input_keeps_what_ended_workers_counted() {
    let mut tally = Tally::default();
    let name: InterfaceName = "in0".parse().unwrap();
    let counted = InputTally {
        received: 5,
        matched: 4,
        kernel_drops: 3,
        ..InputTally::default()
    };
    tally.close_input(&name, &counted);
    tally.close_input(&name, &counted);
    let sum = &tally.inputs()[&name];
    assert_eq!((sum.received, sum.matched, sum.kernel_drops), (10, 8, 6));
}
