//! The document's shape, and text that must not break it.

use super::document;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};

#[test]
fn one_suite_a_run_and_one_case_a_step() {
    let mut broken = step(Outcome::Error);
    broken.error = Some("cannot do \u{1b}[1mit".to_owned());
    let runs = [run(vec![
        step(Outcome::Pass),
        step(Outcome::Fail),
        step(Outcome::Skip),
        broken,
    ])];
    let text = document(&runs, &[]);
    for part in [
        "<testsuite name=\"quickstart\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" \
         time=\"9.600\"",
        "name=\"receivers join &lt;&amp;&gt; the source sends\" time=\"1.200\"",
        "<failure type=\"fail\" message=\"R2 &lt;- S: lost 1000, expected 0\">",
        "<skipped message=\"an earlier step failed\"/>",
        "<error message=\"cannot do \u{fffd}[1mit\">",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert_eq!(text.matches("<testcase").count(), 4);
    assert_eq!(text.matches("</testcase>").count(), 4);
}
