//! Lines of a log against what is asked of them.

use regex::Regex;

use super::Observed;
use super::bound::{self, number};
use crate::topology::model::Bound;

#[cfg(test)]
mod tests;

/// The longest line that is kept while its end is not there.
const LONGEST: usize = 64 * 1024;
/// What of a line is told.
const SHOWN: usize = 120;

/// What was seen of a log so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// A line without its end.
    begun: Vec<u8>,
    lines: u64,
    matching: u64,
    /// The last line, and the last one that matches.
    last: String,
    hit: String,
}

impl Seen {
    /// Looks at what was written next.
    pub fn add(&mut self, pattern: &Regex, written: &[u8]) {
        let mut parts = written.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = LONGEST.saturating_sub(self.begun.len());
            let part = part.get(..part.len().min(room)).unwrap_or_default();
            self.begun.extend_from_slice(part);
            if parts.peek().is_some() {
                self.line(pattern);
            }
        }
    }

    fn line(&mut self, pattern: &Regex) {
        let bytes = std::mem::take(&mut self.begun);
        let line = String::from_utf8_lossy(&bytes);
        self.lines += 1;
        if pattern.is_match(&line) {
            self.matching += 1;
            self.hit = short(&line);
        }
        self.last = short(&line);
    }
}

fn short(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Judges the lines so far.
#[must_use]
pub fn judge(count: &Bound, seen: &Seen) -> Observed {
    let mut measured = format!("{} of {} new lines match", seen.matching, seen.lines);
    let (what, line) = match seen.matching {
        0 => ("the last one", &seen.last),
        _ => ("the last such", &seen.hit),
    };
    if seen.lines > 0 {
        measured.push_str(&format!("; {what}: {line}"));
    }
    let matching = seen.matching as f64;
    let missed = bound::missed("lines that match", count, matching, number);
    Observed::judged(measured, missed.into_iter().collect()).with_figure(matching, "lines")
}
