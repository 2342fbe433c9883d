//! Quantiles and histograms of known values.

use super::super::RunReport;
use super::super::tests::{run, step};
use super::{Bar, Values, lines, of, one};
use crate::assertion::{Figure, Outcome};

fn figure(all: Vec<f64>) -> Values {
    Values {
        lab: "a".to_owned(),
        metric: "join".to_owned(),
        unit: "s".into(),
        all,
    }
}

/// A run with one figure.
fn passed(value: f64) -> RunReport {
    let mut step = step(Outcome::Pass);
    let expectation = &mut step.expectations[0];
    expectation.metric = Some("join".to_owned());
    expectation.figure = Some(Figure {
        value,
        unit: "s".into(),
    });
    run(vec![step])
}

#[test]
fn quantiles_and_bars_of_known_values() {
    let values = (1..=100).map(|value| f64::from(value) / 1000.0).collect();
    let found = one(figure(values)).expect("values");
    let quantiles = (found.min, found.p50, found.p90, found.p95, found.max);
    assert_eq!(quantiles, (0.001, 0.05, 0.09, 0.095, 0.1));
    let counts: Vec<usize> = found.bars.iter().map(|bar| bar.count).collect();
    assert_eq!(counts, [19, 20, 20, 20, 20, 1]);
    let text = lines(&found);
    assert_eq!(text[0], "a join  n=100  p50 50ms  p95 95ms  max 100ms");
    assert!(text[2].ends_with("######## 20"), "{}", text[2]);
    assert!(text.iter().all(|line| line.len() <= 80), "{text:?}");
}

#[test]
fn equal_values_are_one_bar() {
    let found = one(Values {
        metric: "rate".to_owned(),
        unit: "pps".into(),
        ..figure(vec![5.0, 5.0])
    })
    .expect("values");
    let (from, to, count) = (5.0, 5.0, 2);
    assert_eq!(found.bars, [Bar { from, to, count }]);
    assert_eq!(found.p95, 5.0);
}

#[test]
fn only_figures_of_several_runs_are_told() {
    assert_eq!(of(&[passed(1.0)]), []);
    let found = of(&[passed(1.0), passed(3.0)]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].p50, found[0].max), (1.0, 3.0));
}
