//! A made-up run for the tests of each face, and what a run's exit status is.

use std::path::PathBuf;

use super::{ExpectationReport, RunReport, StepReport};
use crate::assertion::Outcome;
use crate::exit::Exit;

/// An expectation that ended so.
pub(crate) fn expectation(outcome: Outcome) -> ExpectationReport {
    ExpectationReport {
        about: "R2 <- S".to_owned(),
        line: 12,
        outcome,
        warn: false,
        never: false,
        became_true: Some(2.28),
        within: 1.5,
        measured: "sent 1000  received 0  lost 1000  dup 0".to_owned(),
        missed: if outcome.is_good() {
            Vec::new()
        } else {
            vec!["lost 1000, expected 0".to_owned()]
        },
        metric: None,
        figure: None,
    }
}

/// A step that ended so.
pub(crate) fn step(outcome: Outcome) -> StepReport {
    StepReport {
        title: "receivers join <&> the source sends".to_owned(),
        line: 10,
        outcome,
        seconds: 1.2,
        error: None,
        expectations: vec![expectation(outcome)],
        faults: Vec::new(),
        ledger: Vec::new(),
        findings: Vec::new(),
        sweep: None,
        timeline: None,
        packets: None,
    }
}

/// A run of these steps.
pub(crate) fn run(steps: Vec<StepReport>) -> RunReport {
    let mut run = RunReport {
        lab: "quickstart".to_owned(),
        file: PathBuf::from("topologies/quickstart/lab.yaml"),
        run: "7f3c".to_owned(),
        rootless: true,
        seed: 42,
        simulated: None,
        started: "2026-11-21T09:00:00Z".to_owned(),
        seconds: 9.6,
        network_seconds: 0.006,
        daemons_seconds: 0.084,
        outcome: Outcome::Pass,
        interrupted: false,
        errors: Vec::new(),
        steps,
        wires: Vec::new(),
        evidence: PathBuf::from("runs/quickstart-7f3c"),
    };
    run.conclude();
    run
}

#[test]
fn the_exit_status_tells_the_worst() {
    use Outcome::{Error, Fail, Flap, Late, Pass, Skip};
    for (outcomes, want) in [
        (&[Pass, Pass][..], Exit::Pass),
        (&[Pass, Skip], Exit::Pass),
        (&[], Exit::NothingToRun),
        (&[Skip], Exit::NothingToRun),
        (&[Pass, Late], Exit::Failed),
        (&[Flap, Pass], Exit::Failed),
        (&[Pass, Fail, Skip], Exit::Failed),
        (&[Fail, Error], Exit::Infrastructure),
    ] {
        let run = run(outcomes.iter().copied().map(step).collect());
        assert_eq!(run.exit(), want, "{outcomes:?}");
    }
    let mut broken = run(vec![step(Pass)]);
    broken.errors.push("no network".to_owned());
    broken.conclude();
    assert_eq!(
        (broken.outcome, broken.exit()),
        (Error, Exit::Infrastructure)
    );
}

#[test]
fn a_warning_does_not_fail_a_step() {
    let mut warned = step(Outcome::Fail);
    warned.expectations[0].warn = true;
    warned.conclude();
    assert_eq!(warned.outcome, Outcome::Pass);
    assert_eq!(run(vec![warned]).exit(), Exit::Warnings);
}

#[test]
fn an_action_that_could_not_be_done_fails_the_step() {
    let mut step = step(Outcome::Pass);
    step.error = Some("link r1--r2: no such device".to_owned());
    step.conclude();
    assert_eq!(step.outcome, Outcome::Fail);
}
