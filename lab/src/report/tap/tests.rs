//! The document of a run with every kind of ending.

use super::document;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};

#[test]
fn each_step_is_a_point() {
    let mut odd = step(Outcome::Pass);
    odd.title = "join # not a directive\nnor a line".to_owned();
    let mut one = run(vec![odd, step(Outcome::Fail), step(Outcome::Skip)]);
    one.errors = vec!["no network".to_owned()];
    let told = document(&[one]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[..2], ["TAP version 14", "1..4"]);
    assert_eq!(
        lines[2],
        "ok 1 - quickstart: join \\# not a directive nor a line"
    );
    assert!(lines[3].starts_with("not ok 2 - quickstart: "), "{told}");
    assert_eq!(lines[4..6], ["  ---", "  outcome: fail"]);
    assert!(told.contains("lost 1000, expected 0"), "{told}");
    assert!(
        told.contains("\nok 3 - quickstart: ") && told.contains(" # SKIP "),
        "{told}"
    );
    assert!(
        told.contains("\nnot ok 4 - quickstart: the lab itself\n"),
        "{told}"
    );
    assert!(told.ends_with("    - \"no network\"\n  ...\n"), "{told}");
}
