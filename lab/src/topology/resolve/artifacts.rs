//! What evidence a run leaves, and when.

use super::Context;
use crate::topology::decode::{Problem, decode_timed};
use crate::topology::file::{AroundOf, ArtifactsOf, ExtentName, ExtentOf, KeepName};
use crate::topology::model::{Artifacts, Extent, Keep, Kept};
use crate::topology::place::{At, Part};
use crate::topology::tree::Value;

pub(super) fn artifacts(cx: &Context<'_>, part: Option<&Part<ArtifactsOf>>) -> Artifacts {
    let Some(read) = part.and_then(|part| part.read(&cx.scope, cx.sink)) else {
        return Artifacts::default();
    };
    let keep = match read.keep {
        Some(KeepName::OnFailure) | None => Keep::OnFailure,
        Some(KeepName::Always) => Keep::Always,
        Some(KeepName::Never) => Keep::Never,
    };
    let kept = read.capture.map(|At { span, value }| {
        let kept = Kept {
            control: extent(cx, value.control.as_ref()),
            data: extent(cx, value.data.as_ref()),
        };
        if let Some((message, help)) = refused(keep, kept) {
            cx.sink.add(Problem::new(span, message).help(help));
        }
        kept
    });
    let kept = kept.unwrap_or_default();
    Artifacts { keep, kept }
}

/// Why that cannot be meant, and what to do.
fn refused(keep: Keep, kept: Kept) -> Option<(&'static str, &'static str)> {
    if (kept.control, kept.data) == (Extent::None, Extent::None) {
        return Some(("no packets are left", "write `keep: never` for that"));
    }
    (keep == Keep::Never).then_some((
        "with `keep: never` there are no packets to choose from",
        "leave one of the two out",
    ))
}

/// What could not be read is told; the rest is checked nevertheless.
fn extent(cx: &Context<'_>, part: Option<&Part<ExtentOf>>) -> Extent {
    let read = part.and_then(|part| {
        let tree = cx.scope.interpolate(&part.tree, cx.sink)?;
        match &tree.value {
            Value::Map(_) => {
                let read = decode_timed::<AroundOf>(&tree, cx.scope.times(), cx.sink)?;
                Some(Extent::Around(read.around.0))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
                match decode_timed::<ExtentName>(&tree, cx.scope.times(), cx.sink)? {
                    ExtentName::All => Some(Extent::All),
                    ExtentName::None => Some(Extent::None),
                }
            }
        }
    });
    read.unwrap_or_default()
}
