//! What is said of a sweep.

use super::*;
use crate::report::tests::{run, step};
use crate::report::{junit, text};

fn point(event: usize, outcome: Outcome, outage_ns: Option<u64>) -> Point {
    let failed = !outcome.is_good();
    Point {
        event,
        seconds: event as f64 / 2.0,
        message: format!("r1: pim.register number {event} on r1--r2"),
        step: None,
        outcome,
        took: 1.5,
        outage_ns,
        missed: failed
            .then(|| "fail (line 9): rate at R  rate 0 pps".to_owned())
            .into_iter()
            .collect(),
        again: failed.then(|| format!("lab test --sim --sweep-at 3:{event} a.yaml")),
    }
}

fn ended(points: Vec<Point>, cut_off: usize) -> StepReport {
    let mut ended = step(Outcome::Pass);
    ended.expectations.clear();
    let swept = SweepReport {
        over: "pim".to_owned(),
        cut_off,
        points,
    };
    swept.conclude(&mut ended, Some("R"), Some(&"longest".to_owned()));
    ended
}

#[test]
fn the_longest_outage_is_the_figure_with_its_event() {
    let all = [(1, 20), (2, 1_250), (3, 1_250), (4, 90)];
    let points = all.map(|(event, ms)| point(event, Outcome::Pass, Some(ms * 1_000_000)));
    let ended = ended(points.to_vec(), 7);
    assert_eq!(ended.outcome, Outcome::Pass);
    assert_eq!(ended.seconds, 6.0);
    let told = text::detail(&ended, false).join("\n");
    assert!(told.contains("4 events  passed at 4"), "{told}");
    let worst = "worst outage of R  1.25s after event 2 at 1.00s: r1: pim.register";
    assert!(told.contains(worst), "{told}");
    assert!(told.contains("[longest]"), "{told}");
    assert!(told.contains("7 later events are over the limit"), "{told}");
    let figure = ended.expectations[1].figure.clone().unwrap();
    assert_eq!((figure.value, figure.unit.as_ref()), (1.25, "s"));
}

#[test]
fn each_failure_has_its_event_and_the_command_that_does_it_alone() {
    let mut points: Vec<Point> = (1..=12)
        .map(|event| point(event, Outcome::Fail, None))
        .collect();
    points.push(point(13, Outcome::Pass, Some(5)));
    let ended = ended(points, 0);
    assert_eq!(ended.outcome, Outcome::Fail);
    let told = text::detail(&ended, false).join("\n");
    for part in [
        "13 events  passed at 1",
        "event 10 at 5.00s: r1: pim.register number 10 on r1--r2",
        "fail (line 9): rate at R  rate 0 pps",
        "again: lab test --sim --sweep-at 3:10 a.yaml",
        "2 more events failed",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    assert!(!told.contains("number 11"), "{told}");
    let document = junit::document(&[run(vec![ended])], &[]);
    assert!(document.contains("--sweep-at 3:10 a.yaml"), "{document}");
}

#[test]
fn a_sweep_over_nothing_fails() {
    let ended = ended(Vec::new(), 0);
    assert_eq!(ended.outcome, Outcome::Fail);
    let told = text::detail(&ended, false).join("\n");
    assert!(
        told.contains("no message in the steps before is `pim`"),
        "{told}"
    );
    assert!(
        told.contains("nothing was sent to them after any event"),
        "{told}"
    );
}
