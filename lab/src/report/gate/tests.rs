//! Figures of known runs against gates and baselines.

use super::super::tests::{run, step};
use super::{Comparison, Verdict, compare, judge, lines};
use crate::assertion::{Figure, Outcome};
use crate::report::RunReport;
use crate::report::baseline::{Baseline, Known, Machine};
use crate::report::distribution::Values;
use crate::topology::load_text;
use crate::topology::model::Topology;

fn figure(unit: &'static str, all: &[f64]) -> Values {
    Values {
        lab: "a".to_owned(),
        metric: "join".to_owned(),
        unit: unit.into(),
        all: all.to_vec(),
    }
}

fn ran(value: f64, outcome: Outcome) -> RunReport {
    let mut step = step(outcome);
    let expectation = &mut step.expectations[0];
    expectation.metric = Some("join".to_owned());
    expectation.figure = Some(Figure {
        value,
        unit: "s".into(),
    });
    run(vec![step])
}

fn lab(gate: &str) -> Topology {
    let text = format!(
        "lab: 1\nname: NAME\nnodes: {{a: host}}\nsteps:\n\
         - expect: {{exec: {{at: a, run: x}}, as: join, gate: {gate}}}\n"
    );
    let name = ran(0.0, Outcome::Pass).lab;
    let text = text.replace("NAME", &name);
    let read = load_text("lab.yaml".as_ref(), &text, &[]);
    read.unwrap_or_else(|wrong| panic!("{}", wrong.render(false)))
}

fn verdicts(gate: &str, runs: &[RunReport]) -> Vec<Verdict> {
    judge(&[lab(gate)], runs, None)
}

#[test]
fn quantiles_are_bounded() {
    let runs: Vec<RunReport> = (1..=20)
        .map(|tenths| ran(f64::from(tenths) / 10.0, Outcome::Pass))
        .collect();
    let good = verdicts("{p50: 1s, p95: 1.9s, max: 2s}", &runs);
    assert!(!good[0].failed, "{good:?}");
    let bad = verdicts("{p50: 900ms, p95: {min: 1.95s}, max: 3}", &runs);
    let missed = [
        "p50 1.00s, expected at most 900ms",
        "p95 1.90s, expected at least 1.95s",
        "the figure is in s, its gate in a number",
    ];
    assert_eq!(bad[0].missed, missed);
    let told = lines(&bad[0]);
    assert!(told[0].starts_with("FAIL"), "{told:?}");
    assert!(told.iter().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_lab_that_failed_has_no_figures() {
    let runs = [ran(1.0, Outcome::Pass), ran(9.0, Outcome::Fail)];
    let mut runs = runs.to_vec();
    runs[1].conclude();
    assert_eq!(verdicts("{max: 1s}", &runs), []);
}

#[test]
fn what_is_worse_depends_on_the_unit() {
    let low: Vec<f64> = (0..10).map(|n| 1.0 + f64::from(n) / 100.0).collect();
    let high: Vec<f64> = low.iter().map(|value| value * 1.5).collect();
    let is = |unit, now: &[f64], then: &[f64]| compare(&figure(unit, now), Known::Values(then)).is;
    assert_eq!(is("s", &high, &low), Comparison::Slower);
    assert_eq!(is("s", &low, &high), Comparison::Faster);
    assert_eq!(is("pps", &high, &low), Comparison::Faster);
    assert_eq!(is("pps", &low, &high), Comparison::Slower);
    assert_eq!(is("s", &low, &low), Comparison::WithinNoise);
    assert_eq!(is("lines", &low, &high), Comparison::NoBetterOrWorse);
    assert_eq!(is("s", &low[..4], &high), Comparison::TooFew);
    // Clear, but nobody would care.
    let little: Vec<f64> = (0..50).map(|n| 1.0 + f64::from(n) / 1e5).collect();
    let more: Vec<f64> = little.iter().map(|value| value * 1.01).collect();
    assert_eq!(is("s", &more, &little), Comparison::WithinNoise);
}

#[test]
fn only_a_gate_fails_for_the_baseline() {
    let runs: Vec<RunReport> = (0..8)
        .map(|n| ran(2.0 + f64::from(n) / 100.0, Outcome::Pass))
        .collect();
    let mut before = super::passed(&runs);
    for value in &mut before[0].all {
        *value /= 2.0;
    }
    let mut baseline = Baseline::empty();
    baseline.set(&Machine::this(), "now".to_owned(), before);
    let judged = |gate: &str| judge(&[lab(gate)], &runs, Some(&baseline)).remove(0);
    let told = judged("{max: 9s}");
    let slower = told.beside.as_ref().map(|beside| beside.is);
    assert_eq!((slower, told.failed), (Some(Comparison::Slower), false));
    let failed = judged("{baseline: true}");
    assert_eq!(failed.missed, ["slower than in the baseline"]);
    let said = failed.compared().unwrap();
    assert_eq!(said, "baseline p50 1.01s: slower (p=0.00)");
    let nothing = judge(&[lab("{max: 9s}")], &runs, Some(&Baseline::empty()));
    let is = nothing[0].beside.as_ref().unwrap().is;
    assert_eq!(is, Comparison::NotInBaseline);
}
