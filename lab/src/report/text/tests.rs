//! The text, line by line.

use super::{closing, deployed, heading, step, wrapped};
use crate::assertion::Outcome;
use crate::report::Simulated;
use crate::report::WireReport;
use crate::report::tests::{run, step as made};
use crate::topology::model::Topology;

/// Four nodes and three links.
fn topology() -> Topology {
    let text = "{lab: 1, name: t, nodes: {r: host, a: host, b: host, c: host}, \
                links: [a -- r, b -- r, c -- r]}";
    let file = std::path::Path::new("t.yaml");
    crate::topology::parse(file, text, &[], &|_| None).unwrap()
}

#[test]
fn heading_and_network() {
    let made = run(Vec::new());
    assert_eq!(
        heading(&made),
        format!("quickstart{:42} run 7f3c  seed 42  rootless", "")
    );
    assert_eq!(
        deployed(&made, &topology()),
        "  4 nodes  3 links  network 6.0ms  daemons 84ms"
    );
}

#[test]
fn a_run_in_virtual_time_tells_its_seed_and_both_times() {
    let mut made = run(Vec::new());
    made.simulated = Some(Simulated { seconds: 61.5 });
    assert_eq!(
        heading(&made),
        format!("quickstart{:52} run 7f3c  seed 42", "")
    );
    assert_eq!(
        deployed(&made, &topology()),
        "  4 nodes  3 links  simulated, in virtual time"
    );
    let last = closing(&made).pop().unwrap();
    assert!(last.contains("in 9.60s (virtual 61.50s)"), "{last}");
}

#[test]
fn a_step_that_passed_shows_its_figures() {
    let lines = step(&made(Outcome::Pass), false);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("  PASS receivers join"), "{lines:?}");
    assert!(
        lines[0].ends_with(" 1.20s") && lines[0].len() == 79,
        "{lines:?}"
    );
    assert_eq!(
        lines[1],
        "       R2 <- S  sent 1000  received 0  lost 1000  dup 0"
    );
}

#[test]
fn a_step_that_failed_says_what_where_and_why() {
    let mut failed = made(Outcome::Late);
    failed.findings.push(
        "seen on src--r1 1000, on r1--rcv2 0: lost at r1, which has no rule that matches them"
            .to_owned(),
    );
    let text = step(&failed, false).join("\n");
    for part in [
        "late (line 12): R2 <- S",
        "true after 2.28s, expected within 1.50s",
        "lost 1000, expected 0",
        "lost at r1",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(step(&failed, true)[0].contains("\u{1b}["));
}

#[test]
fn the_closing_counts_and_tells_the_status() {
    let steps = [Outcome::Pass, Outcome::Fail, Outcome::Skip]
        .map(made)
        .to_vec();
    let lines = closing(&run(steps));
    assert_eq!(lines[0], "  evidence in runs/quickstart-7f3c");
    let page = "  page to look at: runs/quickstart-7f3c/index.html";
    assert_eq!(lines[1], page);
    assert_eq!(lines[2], "  again: lab replay runs/quickstart-7f3c");
    assert!(lines[3].starts_with("1 passed, 1 failed, 1 skipped in 9.60s"));
    assert!(lines[3].ends_with("exit 1"));
    // One that passed is not to be run again.
    let lines = closing(&run(vec![made(Outcome::Pass)]));
    assert!(!lines.concat().contains("replay"), "{lines:?}");
}

#[test]
fn the_closing_tells_what_wires_did() {
    let mut run = run(vec![made(Outcome::Pass)]);
    let wire = |way: &str, dropped, overrun| WireReport {
        way: way.to_owned(),
        frames: 400,
        dropped,
        overrun,
        ..WireReport::default()
    };
    run.wires = vec![wire("r1>r2", 40, 3), wire("r2>r1", 0, 0)];
    let lines = closing(&run);
    assert_eq!(
        lines[..2],
        [
            "  wire r1>r2  400 frames, 40 dropped as asked, 3 lost by the lab, which",
            "       was too slow"
        ]
    );
    assert!(lines[3].starts_with("1 passed"), "{lines:?}");
}

#[test]
fn lines_break_between_words() {
    assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
    assert_eq!(wrapped("a-very-long-word b", 5), ["a-very-long-word", "b"]);
}
