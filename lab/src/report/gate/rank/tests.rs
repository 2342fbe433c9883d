//! Against figures that others computed.

use super::chance;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

/// The example of SciPy's mannwhitneyu, by its asymptotic method.
#[test]
fn a_known_example() {
    let (males, females) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
    close(chance(&males, &females), 0.111_346_89);
    close(chance(&females, &males), 0.111_346_89);
}

#[test]
fn ties_samples_apart_and_samples_alike() {
    let low: Vec<f64> = (1..=10).map(f64::from).collect();
    let high: Vec<f64> = (11..=20).map(f64::from).collect();
    close(chance(&low, &high), 0.000_182_67);
    let (a, b) = ([1.0, 1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0, 3.0]);
    close(chance(&a, &b), 0.506_728_71);
    close(chance(&[5.0; 6], &[5.0; 7]), 1.0);
}
