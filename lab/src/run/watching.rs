//! The expectations of a step, watched over time.

use std::time::Duration;

use futures_util::future::join_all;

use super::observe::{Memory, Scene, about};
use super::stage::{LOOK_EVERY, Stage, changed_or};
use crate::assertion::watch::{Ended, Watch};
use crate::assertion::{Figure, Observed, Outcome};
use crate::report::ExpectationReport;
use crate::topology::model::Expectation;

/// Watches all expectations of a step at once, until each has a result.
pub(super) async fn watch_all<S: Stage>(
    scene: &Scene<'_, S>,
    expect: &[Expectation],
) -> Vec<ExpectationReport> {
    let watches = expect.iter().enumerate();
    join_all(watches.map(|(position, expectation)| watch_one(scene, position, expectation))).await
}

async fn watch_one<S: Stage>(
    scene: &Scene<'_, S>,
    position: usize,
    expectation: &Expectation,
) -> ExpectationReport {
    let stage = scene.stage;
    let (began, began_ns) = (stage.elapsed(), stage.now_ns());
    let mut watch = Watch::new(expectation);
    let memory = Memory::since(began_ns);
    loop {
        let changed = stage.changed();
        let observed = scene.look(position, expectation, &memory).await;
        let now = stage.elapsed() - began;
        let since = observed
            .since_ns
            .map(|since| since.saturating_sub(began_ns));
        let since = since.map_or(now, Duration::from_nanos);
        watch.allow(stage.late(began_ns));
        if let Some(ended) = watch.observe_since(now, observed.truth, since) {
            return told(scene, expectation, &observed, ended);
        }
        let wake = began + watch.wake_at();
        let next = wake.min(stage.elapsed() + LOOK_EVERY);
        // A change may come earlier; without one it is looked at all the same.
        changed_or(stage, changed, next).await;
    }
}

fn told<S: Stage>(
    scene: &Scene<'_, S>,
    expectation: &Expectation,
    observed: &Observed,
    ended: Ended,
) -> ExpectationReport {
    let mut missed = observed.missed.clone();
    // A measured span is over, and an outage is watched to the end of its time.
    let waits = scene.measured.is_none() && !expectation.throughout;
    match ended.outcome {
        Outcome::Flap => {
            let holds = humantime::format_duration(expectation.holds);
            missed.insert(0, format!("it was true, but not for {holds} on end"));
        }
        Outcome::Pass | Outcome::Late => missed.clear(),
        Outcome::Skip | Outcome::Fail | Outcome::Error => {}
    }
    ExpectationReport {
        about: about(scene.stage.topology(), expectation),
        line: expectation.line,
        outcome: ended.outcome,
        warn: expectation.warn,
        never: expectation.never,
        became_true: ended.became_true.map(|at| at.as_secs_f64()),
        within: if waits {
            expectation.within.as_secs_f64()
        } else {
            0.0
        },
        measured: observed.measured.clone(),
        missed,
        metric: expectation.metric.clone(),
        figure: figure(expectation, observed, ended),
    }
}

/// What is measured; of what only becomes true, the time that it took.
fn figure(expectation: &Expectation, observed: &Observed, ended: Ended) -> Option<Figure> {
    let took = ended.became_true.filter(|_| !expectation.never);
    observed.figure.clone().or_else(|| {
        took.map(|took| Figure {
            value: took.as_secs_f64(),
            unit: "s".into(),
        })
    })
}
