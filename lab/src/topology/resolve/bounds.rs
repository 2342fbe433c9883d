//! Bounds as the file writes them: a number, a share, a time, a count.

use super::Context;
use super::packets::Judged;
use crate::topology::model::Bound;
use crate::topology::place::At;
use crate::topology::tree::Span;
use crate::topology::value::{Limits, Quantity};

const COUNT: &str = "expected a number, or a map of `min` and `max`";

/// What a bound is a number of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Count,
    Time,
}

/// The bound, where its unit is the right one. One value of a time is a most;
/// one count is exact.
pub(super) fn bound(cx: &Context<'_>, limits: Option<&At<Limits>>, unit: Unit) -> Bound {
    let Some(At { span, value }) = limits else {
        return Bound::default();
    };
    match (value.sample(), unit) {
        (Quantity::Count(_), Unit::Count) => value.bound(),
        (Quantity::Time(_), Unit::Time) => at_most(*value),
        (_, Unit::Count) => {
            cx.tell(*span, COUNT);
            Bound::default()
        }
        (_, Unit::Time) => {
            cx.tell(*span, "expected a duration such as `500ms` or `2s`");
            Bound::default()
        }
    }
}

pub(super) fn at_most(limits: Limits) -> Bound {
    let bound = limits.bound();
    if limits.exact {
        return Bound { min: None, ..bound };
    }
    bound
}

/// How many there must be of what becomes more and more; `instead` is what to
/// write where a most would be met before more of them can come.
pub(super) fn counted(
    cx: &Context<'_>,
    limits: &At<Limits>,
    judged: Judged,
    instead: &str,
) -> Option<Bound> {
    let (span, value) = (limits.span, limits.value);
    let Quantity::Count(_) = value.sample() else {
        cx.tell(span, COUNT);
        return None;
    };
    let bound = value.bound();
    if bound.max.is_some() && judged == Judged::AtOnce {
        at_once(cx, span, instead);
    }
    Some(bound)
}

fn at_once(cx: &Context<'_>, span: Span, instead: &str) {
    let problem = cx.problem(span, "this would be true before more of them can come");
    cx.sink.add(problem.help(instead));
}
