//! What happened, for whoever looks for the reason.

use std::collections::VecDeque;
use std::fmt;

use mcr_proto::time::Instant;

/// The last lines; there is none while it is switched off.
#[derive(Debug, Default)]
pub struct Trace {
    keep: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// Keeps this many lines from now on.
    pub fn keep(&mut self, lines: usize) {
        self.keep = lines;
    }

    /// Adds a line, which is made only where it is kept.
    pub fn line(&mut self, now: Instant, line: impl FnOnce() -> String) {
        if self.keep == 0 {
            return;
        }
        if self.lines.len() >= self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{now} {}", line()));
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
