//! A sweep: the steps so far once more for each event that was in them, and at
//! the event what the sweep does.

use std::time::Duration;

use serde_json::json;

use super::Course;
use super::control::Control;
use super::engine::Engine;
use super::events::Events;
use super::excerpt;
use super::stage::{REAL_TIME, Stage};
use crate::args::SweepAt;
use crate::assertion::Outcome;
use crate::report::sweep::{Point, SweepReport};
use crate::report::{RunReport, StepReport};
use crate::topology::model::{Step, Sweep, Topology};

/// A sweep, and what came before it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The step that is the sweep.
    pub(super) step: &'a Step,
    /// Its position.
    pub(super) position: usize,
    /// What it does.
    pub(super) sweep: &'a Sweep,
    /// The steps done so far, and when each began to act.
    pub(super) begun: &'a [(usize, Duration)],
}

impl Place<'_> {
    /// The step in which an event was.
    fn under_way(&self, event: &Event) -> Option<usize> {
        let begun = self.begun.iter().rev();
        let under_way = begun.filter(|(_, from)| *from <= event.at);
        under_way.map(|(position, _)| *position).next()
    }
}

/// A message at which something is done.
struct Event {
    /// Counted from 1.
    number: usize,
    /// Since the network stands.
    at: Duration,
    message: Control,
}

/// The events of a run up to now, those that are over the limit, and messages
/// that are not kept any more.
struct Found {
    events: Vec<Event>,
    cut_off: usize,
    missed: u64,
}

impl Course<'_> {
    /// Does a sweep, or the one of its runs that is asked for; then it is the
    /// last step.
    pub(super) fn swept(
        &self,
        engine: &mut Engine<impl Stage>,
        place: Place<'_>,
        report: &RunReport,
    ) -> (StepReport, bool) {
        match self.options.sweep_at {
            None => (self.sweep(engine, place, report), false),
            Some(at) if at.step.is_some_and(|step| step != place.position + 1) => (
                StepReport::skipped(&place.step.title, place.step.line),
                false,
            ),
            Some(at) => (self.sweep_at(engine, place, at), true),
        }
    }

    /// Does what a sweep does at every event so far.
    fn sweep<S: Stage>(
        &self,
        engine: &mut Engine<S>,
        place: Place<'_>,
        run: &RunReport,
    ) -> StepReport {
        let Place { step, sweep, .. } = place;
        let mut report = StepReport::skipped(&step.title, step.line);
        if !engine.stage.is_virtual() {
            report.findings.push(REAL_TIME.to_owned());
            engine.beside(&report);
            return report;
        }
        let found = found(&engine.stage, place);
        let mut points = Vec::new();
        for event in &found.events {
            let nowhere = Events::nowhere(engine.stage.now_ns());
            let mut point = self.as_point(place, event);
            match self.through(&engine.stage, place, event, nowhere) {
                Ok((after, done)) => {
                    let outages = sweep
                        .worst
                        .iter()
                        .filter_map(|check| after.outage_ns(check));
                    point.outage_ns = outages.max();
                    point.outcome = done.outcome;
                    point.took = done.seconds;
                    point.missed = missed(&done);
                }
                Err(why) => point.missed.push(why),
            }
            if !point.outcome.is_good() {
                point.again = self.again(run, place, event);
            }
            points.push(point);
        }
        if found.missed > 0 {
            report.findings.push(format!(
                "{} messages were too many to be kept, and are no events",
                found.missed
            ));
        }
        let swept = SweepReport {
            over: sweep.over.text.clone(),
            cut_off: found.cut_off,
            points,
        };
        let whose = whose(self.topology, sweep);
        swept.conclude(&mut report, whose.as_deref(), sweep.metric.as_ref());
        engine.beside(&report);
        report
    }

    /// Does what a sweep does at one event, in the place of the run so far.
    fn sweep_at<S: Stage>(
        &self,
        engine: &mut Engine<S>,
        place: Place<'_>,
        at: SweepAt,
    ) -> StepReport {
        let step = place.step;
        let refused = |why: String| {
            let mut report = StepReport::skipped(&step.title, step.line);
            report.error = Some(why);
            report.conclude();
            report
        };
        let found = found(&engine.stage, place);
        let Some(event) = found.events.iter().find(|one| one.number == at.event) else {
            let all = found.events.len();
            return refused(format!("there is no event {}: there are {all}", at.event));
        };
        let diary = self.folder.join("events.ndjson");
        let events = match Events::create(&diary, began_ns(&engine.stage)) {
            Ok(events) => events,
            Err(error) => return refused(format!("cannot write the events: {error}")),
        };
        match self.through(&engine.stage, place, event, events) {
            Ok((after, mut done)) => {
                let message = excerpt::message(self.topology, &event.message);
                done.title = format!("{} (event {}: {message})", done.title, event.number);
                *engine = after;
                done
            }
            Err(why) => refused(why),
        }
    }

    /// A run of its own up to the event, and what is done there.
    fn through<S: Stage>(
        &self,
        stage: &S,
        place: Place<'_>,
        event: &Event,
        events: Events,
    ) -> Result<(Engine<S>, StepReport), String> {
        let steps = &self.topology.steps;
        let under_way = place.under_way(event);
        stage.through(async |fresh: S| {
            let mut engine = Engine::new(fresh, events);
            let before = steps.get(..under_way.unwrap_or(0)).unwrap_or_default();
            for step in before.iter().filter(|step| step.sweep.is_none()) {
                engine.step(step).await;
            }
            let under_way = under_way.and_then(|position| steps.get(position));
            let each = &place.sweep.each;
            let mut done = engine.struck(under_way, event.at, each).await;
            let told = engine.stage.messages(0).messages;
            if !told.contains(&event.message) {
                // The seed decides all, so this is the lab's own fault.
                done.error = Some("the run went another way before the event".to_owned());
                done.conclude();
            }
            (engine, done)
        })
    }

    /// An event at which nothing has been judged.
    fn as_point(&self, place: Place<'_>, event: &Event) -> Point {
        let steps = &self.topology.steps;
        let under_way = place
            .under_way(event)
            .and_then(|position| steps.get(position));
        Point {
            event: event.number,
            seconds: event.at.as_secs_f64(),
            message: excerpt::message(self.topology, &event.message),
            step: under_way.map(|step| step.title.clone()),
            outcome: Outcome::Error,
            took: 0.0,
            outage_ns: None,
            missed: Vec::new(),
            again: None,
        }
    }

    /// The command that does the run of this event alone.
    fn again(&self, run: &RunReport, place: Place<'_>, event: &Event) -> Option<String> {
        let origin = self.topology.origin.as_ref()?;
        let seed = run.seed;
        let vars = origin.vars.iter();
        let vars: String = vars
            .map(|(name, value)| format!(" --var {}", quoted(&format!("{name}={value}"))))
            .collect();
        let file = self.topology.file.display().to_string();
        Some(format!(
            "lab test --sim{vars} --seed {seed} --sweep-at {}:{} {}",
            place.position + 1,
            event.number,
            quoted(&file),
        ))
    }
}

fn began_ns<S: Stage>(stage: &S) -> u64 {
    let elapsed = u64::try_from(stage.elapsed().as_nanos()).unwrap_or(u64::MAX);
    stage.now_ns().saturating_sub(elapsed)
}

fn found<S: Stage>(stage: &S, place: Place<'_>) -> Found {
    let Place { sweep, begun, .. } = place;
    let told = stage.messages(0);
    let began_ns = began_ns(stage);
    let expression = &sweep.over.expression;
    let after = sweep.since.map_or(Some(Duration::ZERO), |since| {
        let mut begun = begun.iter();
        begun.find_map(|(position, from)| (*position >= since).then_some(*from))
    });
    // Of a step that is a sweep itself there are no events.
    let after = after.unwrap_or(Duration::MAX);
    let at = |one: &Control| Duration::from_nanos(one.at_ns.saturating_sub(began_ns));
    let meant = told.messages.into_iter();
    let mut meant = meant.filter(|one| at(one) >= after && expression.matches(&one.packet()));
    let taken = meant.by_ref().take(sweep.limit);
    let events = taken.enumerate().map(|(position, message)| Event {
        number: position + 1,
        at: at(&message),
        message,
    });
    let events = events.collect();
    Found {
        events,
        cut_off: meant.count(),
        missed: told.missed,
    }
}

/// What a run did not meet, in one line each.
fn missed(done: &StepReport) -> Vec<String> {
    let error = done.error.iter().cloned();
    let failed = done.expectations.iter();
    let failed = failed.filter(|one| !one.outcome.is_good() && !one.warn);
    let failed = failed.map(|one| {
        let word = one.outcome.word().to_lowercase();
        let missed = one.missed.join("; ");
        let why = if missed.is_empty() {
            &one.measured
        } else {
            &missed
        };
        format!("{word} (line {}): {}  {why}", one.line, one.about)
    });
    error.chain(failed).collect()
}

/// Those whose outages are asked for.
fn whose(topology: &Topology, sweep: &Sweep) -> Option<String> {
    let names = sweep
        .worst
        .iter()
        .filter_map(|check| topology.receivers.get(check.by));
    let names: Vec<&str> = names.map(|one| one.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// A word of a shell command.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl<S: Stage> Engine<S> {
    /// Writes down a step that was done beside this run.
    fn beside(&mut self, report: &StepReport) {
        let now = self.stage.now_ns();
        let title = json!({ "title": report.title, "line": report.line });
        self.events.mark(now, "step", &report.title, title);
        let outcome = json!({ "title": report.title, "outcome": report.outcome });
        let word = report.outcome.word();
        self.events.mark(now, "step ended", word, outcome);
    }
}

#[cfg(test)]
mod tests;
