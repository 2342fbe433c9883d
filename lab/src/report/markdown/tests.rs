//! The summary of a good run and of a bad one.

use super::document;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};

#[test]
fn what_went_wrong_is_told_below_the_table() {
    let good = run(vec![step(Outcome::Pass)]);
    let mut bad = run(vec![step(Outcome::Pass), step(Outcome::Fail)]);
    bad.lab = "a|b".to_owned();
    let told = document(&[good, bad], &[], &|_| Some("graph LR\n".to_owned()));
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[2], "| quickstart | 7f3c | PASS | 1 passed | 9.60s |");
    assert_eq!(
        lines[3],
        "| a\\|b | 7f3c | FAIL | 1 passed, 1 failed | 9.60s |"
    );
    assert_eq!(lines[5], "### a\\|b: FAIL");
    assert!(
        told.contains("**FAIL** receivers join &lt;&amp;&gt; the source"),
        "{told}"
    );
    assert!(told.contains("\n    failed (line 12)") || told.contains("\n    fail (line 12)"));
    assert!(told.contains("\n      lost 1000, expected 0"), "{told}");
    // That of the run that failed alone.
    let drawing = "\n```mermaid\ngraph LR\n```\n";
    assert_eq!(told.matches(drawing).count(), 1, "{told}");
}
