//! Configuration files that the user brings for daemons.

use super::Context;
use super::nodes::Draft;
use crate::topology::decode::decode;
use crate::topology::file::ConfigFile;
use crate::topology::model::OwnConfig;
use crate::topology::problem::{Problem, Sink};
use crate::topology::texts;
use crate::topology::tree::{Span, Tree, Value};

/// What `config_file` names.
pub(super) struct Named {
    /// The file, beside the lab file.
    pub(super) name: String,
    /// Nothing else is read.
    pub(super) instead: bool,
    pub(super) span: Span,
}

/// The file that a node's `config_file` names.
pub(super) fn named(cx: &Context<'_>, draft: &Draft) -> Option<Named> {
    let part = draft.spec.config_file.as_ref()?;
    let tree = cx.scope.interpolate(&part.tree, cx.sink)?;
    let span = tree.span;
    let (name, instead) = match matches!(tree.value, Value::Map(_)) {
        true => (decode::<ConfigFile>(&tree, cx.sink)?.instead, true),
        false => (decode(&tree, cx.sink)?, false),
    };
    Some(Named {
        name,
        instead,
        span,
    })
}

/// The text that it holds, in the words of the node's daemon.
pub(super) fn text(cx: &Context<'_>, draft: &Draft) -> Option<OwnConfig> {
    let Named {
        name,
        instead,
        span,
    } = named(cx, draft)?;
    let file = cx.texts.folder(span).join(&name);
    let written = match texts::read(&file) {
        Ok(written) => written,
        Err(error) => {
            cx.tell(span, format!("{}: {error}", file.display()));
            return None;
        }
    };
    let mut text = String::new();
    for (position, line) in written.lines().enumerate() {
        let place = format!("{} line {}", file.display(), position + 1);
        text.push_str(&filled(cx, span, &place, line)?);
    }
    Some(OwnConfig {
        file,
        text,
        instead,
    })
}

/// A line with what its variables stand for. Mistakes are told with the line's
/// place, at the key that names the file.
fn filled(cx: &Context<'_>, span: Span, place: &str, line: &str) -> Option<String> {
    // With its end, a line is a text whatever its variable is.
    let value = Value::String(format!("{line}\n"));
    if !line.contains("${") {
        return Some(format!("{line}\n"));
    }
    let own = Sink::default();
    let filled = cx.scope.interpolate(&Tree { span, value }, &own);
    for problem in own.take() {
        let message = format!("{place}: {}", problem.message);
        let help = problem.help;
        cx.sink.add(Problem::new(span, message).advice(help));
    }
    let Tree { value, .. } = filled?;
    if let Value::String(text) = value {
        return Some(text);
    }
    Some(format!("{value}\n"))
}
