//! What faults, joins and leaves cost each receiver, in words.

use crate::assertion::bound;
use crate::report::{Budget, LedgerRow, Reached, RunReport, StepReport};

#[cfg(test)]
mod tests;

/// Rows of one step that are told; the others are counted.
const TOLD: usize = 8;
/// Rows of a table for all runs.
const TABLE: usize = 200;

fn time(nanoseconds: u64) -> String {
    bound::nanoseconds(nanoseconds as f64)
}

fn flow(row: &LedgerRow) -> String {
    format!("{} <- {}", row.receiver, row.source)
}

/// Lines about a step that did something to the network, and about receivers
/// that left in it. The worst outages come first.
#[must_use]
pub(super) fn lines(step: &StepReport) -> Vec<String> {
    let mut rows: Vec<&LedgerRow> = step.ledger.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.outage_ns));
    let mut lines = Vec::new();
    for row in rows {
        let Some(outage) = row.outage_ns else {
            let left = row.leave_ns.map(|left| (flow(row), time(left)));
            lines.extend(left.map(|(flow, left)| format!("{flow}: leave latency {left}")));
            continue;
        };
        let mut line = format!("{}: outage {}", flow(row), time(outage));
        if row.lost > 0 {
            line.push_str(&format!(", lost {} of {}", row.lost, row.sent));
        }
        if let Some(node) = &row.lost_at {
            line.push_str(&format!(", at {node}"));
        }
        lines.push(line);
        lines.extend(row.budget.as_ref().map(spent));
    }
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    if more > 0 {
        lines.push(format!("and {more} more receivers and sources"));
    }
    if !step.faults.is_empty() && !lines.is_empty() {
        lines.insert(0, format!("after {}:", step.faults.join(", ")));
    }
    lines
}

/// Where the time of an outage went, since the fault.
fn spent(budget: &Budget) -> String {
    let reached = |what: &str, one: &Option<Reached>| {
        let one = one.as_ref()?;
        Some(format!("{what} {} ({})", time(one.after_ns), one.node))
    };
    let mut parts: Vec<String> = [
        reached("noticed", &budget.noticed),
        reached("joined", &budget.joined),
        reached("forwarded", &budget.forwarded),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.push(format!("arrived {}", time(budget.arrived_ns)));
    format!("  since then: {}", parts.join(", "))
}

/// The rows of a table of all that faults, joins and leaves cost: lab, step, what
/// was done, flow, outage, join, leave, lost, where. At most so many.
#[must_use]
pub(super) fn table(runs: &[RunReport]) -> Vec<[String; 9]> {
    let steps = runs.iter().flat_map(|run| {
        let steps = run.steps.iter();
        steps.map(move |step| (run, step))
    });
    let rows = steps.flat_map(|(run, step)| {
        let rows = step.ledger.iter().filter(|row| {
            row.outage_ns.is_some() || row.join_ns.is_some() || row.leave_ns.is_some()
        });
        rows.map(move |row| cells(run, step, row))
    });
    rows.take(TABLE).collect()
}

fn cells(run: &RunReport, step: &StepReport, row: &LedgerRow) -> [String; 9] {
    let some = |value: Option<u64>| value.map(time).unwrap_or_default();
    let what = match (row.join_ns.is_some(), row.leave_ns.is_some()) {
        (true, _) => "join".to_owned(),
        (false, true) if row.outage_ns.is_none() => "leave".to_owned(),
        (false, _) => step.faults.join(", "),
    };
    [
        run.lab.clone(),
        step.title.clone(),
        what,
        flow(row),
        some(row.outage_ns),
        some(row.join_ns),
        some(row.leave_ns),
        format!("{} of {}", row.lost, row.sent),
        row.lost_at.clone().unwrap_or_default(),
    ]
}
