//! What is asked of the packets on some links, resolved.

use std::time::Duration;

use mcr_sim::packet_expr::{Expression, Packet};

use super::model::{Bound, LinkId};

/// The most expressions of one condition.
pub const MOST_PATTERNS: usize = 32;

/// A condition on messages.
#[derive(Clone, Debug, PartialEq)]
pub struct MessagesCheck {
    /// The links that are looked at.
    pub links: Vec<LinkId>,
    /// The links in words.
    pub place: String,
    /// What is asked.
    pub asked: Messages,
    /// Earlier ones do not count, since the step began.
    pub after: Duration,
}

/// An expression with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As it is shown.
    pub text: String,
    /// What it means.
    pub expression: Expression,
}

/// What is asked of messages.
#[derive(Clone, Debug, PartialEq)]
pub enum Messages {
    /// There is one.
    First {
        /// The one.
        first: Pattern,
        /// It is the first of these.
        of: Option<Pattern>,
    },
    /// They come in this order, with others between them.
    Sequence(Vec<Pattern>),
    /// There are so many.
    Count {
        /// Which.
        of: Pattern,
        /// How many.
        count: Bound,
        /// In every span of this length.
        window: Option<Duration>,
    },
}

impl Messages {
    /// Whether it asks for datagrams too.
    #[must_use]
    pub fn names_data(&self) -> bool {
        self.patterns().any(|one| one.expression.names_data())
    }

    /// Whether some of its expressions mean a packet.
    #[must_use]
    pub fn means(&self, packet: &Packet<'_>) -> bool {
        self.patterns().any(|one| one.expression.matches(packet))
    }

    /// All its expressions, at most [`MOST_PATTERNS`].
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let (one, other, list) = match self {
            Messages::First { first, of } => (Some(first), of.as_ref(), [].as_slice()),
            Messages::Sequence(patterns) => (None, None, patterns.as_slice()),
            Messages::Count { of, .. } => (Some(of), None, [].as_slice()),
        };
        one.into_iter().chain(other).chain(list)
    }
}
