//! What happened in a step, moment by moment.

use serde::{Deserialize, Serialize};

use super::text;

#[cfg(test)]
mod tests;

/// Moments at the beginning that people are shown.
const FIRST: usize = 10;
/// Moments at the end that people are shown.
const LAST: usize = 5;

/// What happened in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// In the order of time.
    pub moments: Vec<Moment>,
    /// So many in the middle are not among them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// In seconds since the step began; what was under way is before 0.
    pub after: f64,
    /// Where: a node, a receiver, or `lab`.
    pub node: String,
    /// Of what kind: `action`, `link`, `mroute`, `route`, `pim.join-prune`.
    pub kind: String,
    /// In words.
    pub text: String,
}

/// As people read it: the beginning and the end.
#[must_use]
pub(super) fn lines(of: &Timeline) -> Vec<String> {
    let all = &of.moments;
    if all.is_empty() {
        return Vec::new();
    }
    let whole = all.len() <= FIRST + LAST + 1;
    let (first, last) = match whole {
        true => (all.as_slice(), &[][..]),
        false => (&all[..FIRST], &all[all.len() - LAST..]),
    };
    let wide = |moments: &[Moment]| moments.iter().map(|one| one.node.chars().count()).max();
    let names = wide(first).max(wide(last)).unwrap_or(0).min(16);
    let line = |one: &Moment| {
        let sign = if one.after < 0.0 { '-' } else { '+' };
        let after = format!("{sign}{}", text::seconds(one.after.abs()));
        format!("  {after:<9}{:<names$}  {}", one.node, one.text)
    };
    let mut lines = vec!["what happened, from the step's beginning:".to_owned()];
    lines.extend(first.iter().map(line));
    if !whole {
        let more = all.len() - FIRST - LAST + of.left_out;
        lines.push(format!(
            "  ... {more} more in events.ndjson and the HTML report"
        ));
    }
    lines.extend(last.iter().map(line));
    lines
}
