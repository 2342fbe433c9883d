//! What a wire does to messages of IGMP and PIM that an expression names: drop
//! them, hold them up, send them twice. The simulator and the lab's wires of
//! user space share it.

use std::fmt;
use std::time::Duration;

use crate::packet_expr::{Expression, Packet};

/// One kind of message and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As it is written.
    pub text: String,
    /// The messages.
    pub expression: Expression,
    /// Which of them, counted on the wire since the rule holds.
    pub which: Which,
    /// What becomes of those.
    pub does: Does,
}

/// Which messages of a kind are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    Every,
    /// The first ones.
    First(u64),
    /// One, counted from 1.
    Nth(u64),
}

impl Which {
    /// Whether the message with this number, counted from 1, is one of them.
    fn has(self, number: u64) -> bool {
        match self {
            Which::Every => true,
            Which::First(most) => number <= most,
            Which::Nth(one) => number == one,
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It gets lost.
    Drop,
    /// It takes so much longer; what comes after it overtakes it.
    Delay(Duration),
    /// It arrives twice.
    Double,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.does {
            Does::Drop => write!(f, "drop ")?,
            Does::Delay(time) => write!(f, "delay by {time:?} ")?,
            Does::Double => write!(f, "double ")?,
        }
        match self.which {
            Which::Every => {}
            Which::First(most) => write!(f, "the first {most} of ")?,
            Which::Nth(one) => write!(f, "number {one} of ")?,
        }
        write!(f, "{}", self.text)
    }
}

/// What rules say of a frame; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It gets lost.
    pub dropped: bool,
    /// It arrives twice.
    pub doubled: bool,
    /// It takes so much longer.
    pub delay: Duration,
}

impl Verdict {
    /// The rules leave the frame alone.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Verdict::default()
    }
}

/// The rules of a wire, with the messages that each has counted.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<(Rule, u64)>);

impl Rules {
    /// Rules that begin to count.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Rules {
        Rules(rules.into_iter().map(|rule| (rule, 0)).collect())
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they say of a packet, which counts for each of them.
    pub fn judge(&mut self, packet: &Packet<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        for (rule, seen) in &mut self.0 {
            if !rule.expression.matches(packet) {
                continue;
            }
            *seen += 1;
            if rule.which.has(*seen) {
                match rule.does {
                    Does::Drop => verdict.dropped = true,
                    Does::Delay(time) => verdict.delay = verdict.delay.max(time),
                    Does::Double => verdict.doubled = true,
                }
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests;
