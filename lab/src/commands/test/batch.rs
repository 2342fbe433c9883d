//! The labs of one `lab test`: those that run, and what is told of the others.

use crate::report::{RunReport, StepReport};
use crate::topology::model::Topology;

#[cfg(test)]
mod tests;

/// The labs of one `lab test`.
#[derive(Default)]
pub(super) struct Batch {
    /// Those that run.
    pub(super) labs: Vec<Topology>,
    /// What the reports tell of those that cannot run here.
    pub(super) left_out: Vec<RunReport>,
}

impl Batch {
    /// Takes out the labs that something speaks against, and says what.
    pub(super) fn leave_out(&mut self, mut against: impl FnMut(&Topology) -> Option<String>) {
        let left_out = &mut self.left_out;
        self.labs.retain(|lab| {
            let Some(reason) = against(lab) else {
                return true;
            };
            anstream::eprintln!("SKIP {}: {reason}", lab.name);
            left_out.push(skipped(lab, &reason));
            false
        });
    }
}

/// A run that was none: all its steps are skipped, for this reason.
fn skipped(lab: &Topology, reason: &str) -> RunReport {
    let steps = lab.steps.iter().map(|step| StepReport {
        findings: vec![reason.to_owned()],
        ..StepReport::skipped(&step.title, step.line)
    });
    RunReport {
        steps: steps.collect(),
        ..RunReport::of(lab, 0)
    }
}
