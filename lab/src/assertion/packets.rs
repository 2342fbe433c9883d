//! What the messages of IGMP and PIM on some links say of a condition.

use std::collections::BTreeMap;

use super::bound::{self, number};
use super::{Observed, Truth};
use crate::run::control::Control;
use crate::topology::messages::{Messages, Pattern};

#[cfg(test)]
mod tests;

/// Messages that are kept for one condition.
const HITS: usize = 20_000;
/// Kinds of messages that a text names.
const NAMED: usize = 6;

/// A message that some of the expressions mean.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hit {
    at_ns: u64,
    /// A bit for each of the condition's expressions.
    which: u32,
    text: String,
}

/// The messages that one condition has looked at.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    hits: Vec<Hit>,
    /// Those that were too many to be kept.
    more: u64,
    /// Messages that were forgotten before they were looked at.
    missed: u64,
    kinds: BTreeMap<&'static str, u64>,
}

/// The time that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its start.
    pub from_ns: u64,
    /// Its end; now where it has not ended.
    pub to_ns: u64,
    /// What latencies are counted from.
    pub zero_ns: u64,
}

impl Seen {
    /// So many could not be looked at any more.
    pub fn missed(&mut self, count: u64) {
        self.missed += count;
    }

    /// Looks at a message of one of the links.
    pub fn add(&mut self, asked: &Messages, message: &Control) {
        let Some(said) = message.said() else { return };
        *self.kinds.entry(said.kind).or_default() += 1;
        let packet = message.packet();
        let mut which = 0;
        for (position, pattern) in asked.patterns().enumerate() {
            which |= u32::from(pattern.expression.matches(&packet)) << position;
        }
        if which == 0 {
            return;
        }
        if self.hits.len() == HITS {
            self.more += 1;
            return;
        }
        self.hits.push(Hit {
            at_ns: message.at_ns,
            which,
            text: format!("{} {}", said.kind, said.text),
        });
    }

    /// Those in the span, in the order of time: each link is read for itself,
    /// so what came later in time may have been looked at earlier.
    fn within(&self, span: Span) -> Vec<&Hit> {
        let inside = |hit: &&Hit| (span.from_ns..=span.to_ns).contains(&hit.at_ns);
        let mut hits: Vec<&Hit> = self.hits.iter().filter(inside).collect();
        hits.sort_by_key(|hit| hit.at_ns);
        hits
    }

    /// What else there was, for somebody who looks for a message.
    fn others(&self, place: &str) -> String {
        if self.kinds.is_empty() {
            return format!("{place}: no message of IGMP or PIM was seen");
        }
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let more = kinds.len().saturating_sub(NAMED);
        let named = kinds.iter().take(NAMED);
        let mut named: Vec<String> = named
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        if more > 0 {
            named.push(format!("{more} other kinds"));
        }
        format!("{place}: seen were {}", named.join(", "))
    }
}

fn after(hit: &Hit, span: Span) -> String {
    let seconds = hit.at_ns.saturating_sub(span.zero_ns) as f64;
    bound::nanoseconds(seconds)
}

/// Judges what was seen so far; `place` names the links.
#[must_use]
pub fn judge(asked: &Messages, seen: &Seen, span: Span, place: &str) -> Observed {
    let hits = seen.within(span);
    let judged = judge_hits(asked, seen, &hits, span, place);
    let found = judged.truth == Truth::True && !matches!(asked, Messages::Count { .. });
    if seen.missed == 0 || found {
        return judged;
    }
    let missed = format!("{} messages were too many to be looked at", seen.missed);
    Observed {
        truth: Truth::Unknowable,
        ..Observed::not_yet(missed)
    }
}

fn judge_hits(asked: &Messages, seen: &Seen, hits: &[&Hit], span: Span, place: &str) -> Observed {
    match asked {
        Messages::First { first, of } => judge_first(first, of.as_ref(), seen, hits, span, place),
        Messages::Sequence(patterns) => judge_sequence(patterns, seen, hits, span, place),
        Messages::Count { count, window, .. } => {
            let times: Vec<u64> = hits.iter().map(|hit| hit.at_ns).collect();
            let counted = times.len() as u64 + seen.more;
            let mut measured = format!("{counted} seen");
            let mut missed = Vec::new();
            match window {
                None => missed.extend(bound::missed("messages", count, counted as f64, number)),
                Some(window) => {
                    let length = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
                    let (least, most) = in_windows(&times, span, length);
                    let within = bound::nanoseconds(length as f64);
                    measured = format!("{measured}, {least} to {most} in any {within}");
                    let what = format!("messages in {within}");
                    for value in [least, most] {
                        missed.extend(bound::missed(&what, count, value as f64, number));
                    }
                    missed.dedup();
                }
            }
            if counted == 0 && !missed.is_empty() {
                missed.push(seen.others(place));
            }
            Observed::judged(measured, missed).with_figure(counted as f64, "packets")
        }
    }
}

fn judge_first(
    first: &Pattern,
    of: Option<&Pattern>,
    seen: &Seen,
    hits: &[&Hit],
    span: Span,
    place: &str,
) -> Observed {
    // The expressions' bits: `first` is the lowest, `of` the next.
    let found = match of {
        None => hits.iter().find(|hit| hit.which & 1 != 0),
        Some(_) => hits.iter().find(|hit| hit.which & 2 != 0),
    };
    let Some(found) = found else {
        let wanted = of.unwrap_or(first);
        return Observed::judged(
            "no such message".to_owned(),
            vec![format!("no {}", wanted.text), seen.others(place)],
        );
    };
    let measured = format!("after {}: {}", after(found, span), found.text);
    let seconds = found.at_ns.saturating_sub(span.zero_ns) as f64 / 1e9;
    let mut missed = Vec::new();
    if found.which & 1 == 0 {
        let of = of.map_or("", |of| &of.text);
        missed.push(format!(
            "the first {of} is no {}: {}",
            first.text, found.text
        ));
    }
    Observed::judged(measured, missed)
        .with_figure(seconds, "s")
        .since(found.at_ns)
}

fn judge_sequence(
    patterns: &[Pattern],
    seen: &Seen,
    hits: &[&Hit],
    span: Span,
    place: &str,
) -> Observed {
    let mut found: Vec<&Hit> = Vec::new();
    for hit in hits {
        if hit.which & (1 << found.len()) != 0 {
            found.push(hit);
        }
        if found.len() == patterns.len() {
            break;
        }
    }
    let steps: Vec<String> = patterns
        .iter()
        .zip(&found)
        .map(|(pattern, hit)| format!("{} after {}", pattern.text, after(hit, span)))
        .collect();
    let all = patterns.len();
    let measured = format!("{} of {all} seen", found.len());
    if let (Some(last), true) = (found.last(), found.len() == all) {
        let seconds = last.at_ns.saturating_sub(span.zero_ns) as f64 / 1e9;
        let times: Vec<String> = found.iter().map(|hit| after(hit, span)).collect();
        return Observed::judged(format!("after {}", times.join(", ")), Vec::new())
            .with_figure(seconds, "s")
            .since(last.at_ns);
    }
    let mut missed: Vec<String> = steps;
    if let Some(pattern) = patterns.get(found.len()) {
        let then = if found.is_empty() { "" } else { "then " };
        missed.push(format!("{then}no {}", pattern.text));
        let bit = 1 << found.len();
        let too_early = hits.iter().rev().find(|hit| hit.which & bit != 0);
        match too_early {
            Some(hit) => missed.push(format!("only before that, after {}", after(hit, span))),
            None => missed.push(seen.others(place)),
        }
    }
    Observed::judged(measured, missed)
}

/// The least and the most of these times in any window of a length that is
/// whole in the span.
fn in_windows(times: &[u64], span: Span, length: u64) -> (u64, u64) {
    let Some(last) = span
        .to_ns
        .checked_sub(length)
        .filter(|last| *last >= span.from_ns)
    else {
        return (times.len() as u64, times.len() as u64);
    };
    let inside = |from: u64, with_start: bool| {
        let to = from + length;
        let begin = times.partition_point(|at| if with_start { *at < from } else { *at <= from });
        // A window has one of its ends only.
        let end = times.partition_point(|at| if with_start { *at < to } else { *at <= to });
        (end - begin) as u64
    };
    // The most begins with a message, the least just after one.
    let starts = times.iter().copied().filter(|at| *at <= last);
    let most = starts.clone().map(|at| inside(at, true));
    let most = most.chain([inside(last, false)]).max().unwrap_or(0);
    let least = starts.map(|at| inside(at, false));
    let least = least.chain([inside(span.from_ns, true)]).min().unwrap_or(0);
    (least.min(most), most)
}

/// What a condition is about, in few words.
#[must_use]
pub fn about(asked: &Messages, place: &str) -> String {
    match asked {
        Messages::First { first, .. } => format!("{} on {place}", first.text),
        Messages::Sequence(patterns) => {
            let texts: Vec<&str> = patterns.iter().map(|one| one.text.as_str()).collect();
            format!("{} on {place}", texts.join(", then "))
        }
        Messages::Count { of, count, .. } => {
            let count = bound::describe(count, number);
            format!("{count} of {} on {place}", of.text)
        }
    }
}
