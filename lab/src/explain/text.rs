//! An explanation as people read it.

use super::{End, Explanation};

impl Explanation {
    /// One line each, not yet broken to a width.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let group = self
            .group
            .map_or_else(String::new, |group| format!(", {group}"));
        let mut lines = vec![format!("from {} to {}{group}:", self.receiver, self.source)];
        for seen in &self.seen {
            let (at, what) = (&seen.at, &seen.what);
            lines.push(format!("  ok  {at:<8} {what:<8} {}", seen.evidence));
        }
        match &self.end {
            End::Fault(fault) => {
                lines.push(format!("  NO  {:<8} {}", fault.at, fault.what));
                lines.push(format!("  do: {}", fault.advice));
            }
            End::Unknown(reason) => lines.push(format!("  ??  not known: {reason}")),
            End::Nothing => lines.push("  no fault found on the way".to_owned()),
        }
        lines
    }

    /// The fault in one line, for a report that has others beside it.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let End::Fault(fault) = &self.end else {
            return None;
        };
        let (receiver, source) = (&self.receiver, &self.source);
        let (at, what, advice) = (&fault.at, &fault.what, &fault.advice);
        Some(format!("{receiver} <- {source}: {at}: {what}; {advice}"))
    }
}
