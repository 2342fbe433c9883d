//! What is asked of logs.

use regex::Regex;

use super::Context;
use super::bounds::counted;
use super::packets::Judged;
use super::steps::Cast;
use crate::topology::file::LogOf;
use crate::topology::model::{Bound, LogCheck};

/// Something is there, where no count is given.
const ANY: Bound = Bound {
    min: Some(1.0),
    max: None,
};

pub(super) fn log(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    written: &LogOf,
    judged: Judged,
) -> Option<LogCheck> {
    let at = cast.node(cx, &written.at)?;
    let kind = &cast.nodes[at.0].kind;
    if !kind.runs() {
        let (name, word) = (&written.at.value, kind.word());
        let message = format!("`{name}` is a {word}, where no daemon writes a log");
        cx.tell(written.at.span, message);
        return None;
    }
    let text = &written.matching;
    let pattern = match Regex::new(&text.value) {
        Ok(pattern) => pattern,
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            let problem = cx.problem(text.span, format!("no regular expression: {reason}"));
            let help = "a backslash before one of `.+*?()[]{}|^$\\` means that sign itself";
            cx.sink.add(problem.help(help));
            return None;
        }
    };
    let instead = "say how long it `holds`";
    let count = match &written.count {
        Some(limits) => counted(cx, limits, judged, instead)?,
        None => ANY,
    };
    Some(LogCheck { at, pattern, count })
}
