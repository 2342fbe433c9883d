//! What annotations look like, and that nothing ends one too early.

use super::*;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};

#[test]
fn a_failure_is_shown_at_the_line_of_its_condition() {
    let mut failed = step(Outcome::Fail);
    failed.title = "100%, of: all".to_owned();
    failed.expectations[0].line = 12;
    let text = document(&[run(vec![step(Outcome::Pass), failed, step(Outcome::Skip)])]);
    let start = "::error file=topologies/quickstart/lab.yaml,line=12,\
                 title=quickstart%3A 100%25%2C of%3A all::";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("%0A"), "{text}");
}

#[test]
fn warnings_and_errors_of_the_lab_are_told_too() {
    let mut warned = step(Outcome::Fail);
    warned.outcome = Outcome::Pass;
    warned.expectations[0].warn = true;
    let mut run = run(vec![warned]);
    run.errors = vec!["no space".to_owned()];
    let text = document(&[run]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("::warning file="), "{text}");
    assert!(
        lines[1].ends_with("title=quickstart%3A the lab itself::no space"),
        "{text}"
    );
}
