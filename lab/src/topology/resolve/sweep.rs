//! A step that is done at every event of the steps before it.

use std::mem;

use super::Context;
use super::messages;
use super::received;
use super::steps::{Cast, Done, expectations, perform, read};
use crate::topology::decode::decode;
use crate::topology::file::{SweepOf, Verbs};
use crate::topology::messages::Pattern;
use crate::topology::model::{Expectation, Step, Sweep};
use crate::topology::place::{At, Part};
use crate::topology::tree::{Span, Tree};

/// The events that are taken where the file says nothing.
const EVENTS: u32 = 200;
/// The most events that may be taken.
const MOST_EVENTS: u32 = 2_000;
/// Verbs that are not done at events.
const NOT_SWEPT: [&str; 3] = ["snap", "repeat", "measure"];

/// The sweep of a step whose `repeat` is this map.
pub(super) fn sweep(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    body: &Tree,
    repeat: &Tree,
    own: &Step,
    earlier: &[Step],
) -> Option<Sweep> {
    let mut beside = body.entries().iter().map(|(key, _)| key);
    if let Some(key) = beside.find(|key| key.text != "repeat") {
        let message = format!("`{}` is not done beside a sweep", key.text);
        let problem = cx.problem(key.span, message);
        cx.sink
            .add(problem.help("write it in `each`, or in a step of its own"));
    }
    let written: SweepOf = decode(repeat, cx.sink)?;
    let over = over(cx, cast, &written);
    let since = since(cx, &written, earlier);
    let limit = limit(cx, &written);
    let each = each(cx, cast, &written.each);
    let report = read(cx, written.report.as_ref()).map(|(report, _)| report);
    let worst = report
        .as_ref()
        .map(|one| received::between(cx, cast, &one.by, &one.of));
    let (actions, expect) = each?;
    let each = Step {
        actions,
        expect,
        ..own.clone()
    };
    Some(Sweep {
        over: over?,
        since,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        each,
        worst: worst.unwrap_or_default(),
        metric: report.and_then(|report| report.metric),
    })
}

/// What is between the parentheses of `events(pim)`.
fn over(cx: &Context<'_>, cast: &Cast<'_>, written: &SweepOf) -> Option<Pattern> {
    let (At { span, value }, _) = read(cx, Some(&written.over))?;
    let inner = value.trim().strip_prefix("events");
    let inner = inner.and_then(|rest| rest.trim_start().strip_prefix('('));
    let Some(inner) = inner.and_then(|rest| rest.strip_suffix(')')) else {
        let problem = cx.problem(span, format!("`{value}` names no events"));
        let help = "write `over: events(pim)`, or a narrower expression over messages: \
                    `over: events(pim.join or pim.register)`";
        cx.sink.add(problem.help(help));
        return None;
    };
    let text = At {
        span,
        value: inner.trim().to_owned(),
    };
    let expression = messages::expression(cx, cast.network, &text)?;
    if expression.names_data() {
        let problem = cx.problem(span, "datagrams are no events of a sweep");
        let help = "name messages of IGMP and PIM: `over: events(pim)`";
        cx.sink.add(problem.help(help));
        return None;
    }
    Some(Pattern {
        text: text.value,
        expression,
    })
}

/// The step that events may be in first.
fn since(cx: &Context<'_>, written: &SweepOf, earlier: &[Step]) -> Option<usize> {
    let (At { span, value }, _) = read(cx, written.since.as_ref())?;
    let found = earlier.iter().position(|step| step.title == value);
    if found.is_none() {
        let known: Vec<&str> = earlier.iter().map(|step| step.title.as_str()).collect();
        cx.unknown("earlier step", &value, span, known);
    }
    found
}

fn limit(cx: &Context<'_>, written: &SweepOf) -> u32 {
    let Some((At { span, value }, _)) = read(cx, written.limit.as_ref()) else {
        return EVENTS;
    };
    if !(1..=MOST_EVENTS).contains(&value) {
        cx.tell(span, format!("`limit` is 1 to {MOST_EVENTS} events"));
    }
    value
}

/// What is done and expected. Steps after the sweep know nothing of it.
fn each(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    part: &Part<Verbs>,
) -> Option<(Vec<crate::topology::model::Action>, Vec<Expectation>)> {
    let verbs = decode::<Verbs>(&part.tree, cx.sink)?;
    for (key, _) in part.tree.entries() {
        if NOT_SWEPT.contains(&key.text.as_str()) {
            let message = format!("`{}` is not done at events", key.text);
            cx.tell(key.span, message);
        }
    }
    let configs = cast.configs.borrow().clone();
    let wires = cast.wires.borrow().clone();
    let ruled = cast.ruled.borrow().clone();
    let mut done = Done::default();
    perform(cx, cast, &verbs, &mut done);
    let expect = expectations(cx, cast, &verbs);
    drop(mem::replace(&mut *cast.configs.borrow_mut(), configs));
    drop(mem::replace(&mut *cast.wires.borrow_mut(), wires));
    drop(mem::replace(&mut *cast.ruled.borrow_mut(), ruled));
    let span = part.tree.span;
    checked(cx, span, &expect);
    Some((done.in_order(), expect))
}

fn checked(cx: &Context<'_>, span: Span, expect: &[Expectation]) {
    if expect.is_empty() {
        let problem = cx.problem(span, "nothing is expected after the events");
        let help = "write what must be true again: \
                    `expect: { rate: { at: R, min: 50pps }, within: 20s }`";
        cx.sink.add(problem.help(help));
    }
    if expect.iter().any(|one| one.metric.is_some()) {
        let problem = cx.problem(span, "the figures of single runs of a sweep are not kept");
        let help = "name the longest outage: `report: { worst: outage, by: R, as: worst }`";
        cx.sink.add(problem.help(help));
    }
}
