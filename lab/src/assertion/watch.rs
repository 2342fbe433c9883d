//! A condition watched over time: `within`, `holds` and `never`.

use std::time::Duration;

use crate::assertion::{Outcome, Truth};
use crate::topology::model::Expectation;

#[cfg(test)]
mod tests;

/// One expectation being watched. Times are since the watch began.
#[derive(Clone, Debug)]
pub struct Watch {
    within: Duration,
    holds: Duration,
    never: bool,
    /// How long what is watched had to wait for the machine.
    late: Duration,
    throughout: bool,
    true_since: Option<Duration>,
}

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The result.
    pub outcome: Outcome,
    /// When the condition became true, if it did.
    pub became_true: Option<Duration>,
}

impl Watch {
    /// A watch over this expectation.
    #[must_use]
    pub fn new(expectation: &Expectation) -> Watch {
        Watch {
            within: expectation.within,
            holds: expectation.holds,
            never: expectation.never,
            late: Duration::ZERO,
            throughout: expectation.throughout,
            true_since: None,
        }
    }

    /// Time that the machine took, and not what is watched: it may become true
    /// that much later.
    pub fn allow(&mut self, late: Duration) {
        self.late = late;
    }

    /// Takes what the condition says at `at`; returns the result as soon as
    /// there is one.
    pub fn observe(&mut self, at: Duration, truth: Truth) -> Option<Ended> {
        self.observe_since(at, truth, at)
    }

    /// The same for one that was true since an earlier time, if it is.
    pub fn observe_since(&mut self, at: Duration, truth: Truth, since: Duration) -> Option<Ended> {
        if truth == Truth::Unknowable {
            return Some(Ended {
                outcome: Outcome::Error,
                became_true: self.true_since,
            });
        }
        let is_true = truth == Truth::True;
        if self.never {
            return self.observe_never(at, is_true);
        }
        if self.throughout {
            return self.observe_to_the_end(at, is_true);
        }
        match (self.true_since, is_true) {
            (None, false) => (at >= self.give_up()).then_some(Ended {
                outcome: Outcome::Fail,
                became_true: None,
            }),
            (None, true) => {
                let since = since.min(at);
                self.true_since = Some(since);
                self.held(since, at)
            }
            (Some(since), true) => self.held(since, at),
            (Some(since), false) => Some(Ended {
                outcome: Outcome::Flap,
                became_true: Some(since),
            }),
        }
    }

    /// When the condition must be looked at again, at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Duration {
        match self.true_since {
            Some(since) => since + self.holds,
            None if self.never || self.throughout => self.within,
            None => self.give_up(),
        }
    }

    /// 1.75 times `within`: watched so long, to tell late from never.
    fn give_up(&self) -> Duration {
        self.within * 7 / 4 + self.late
    }

    fn held(&self, since: Duration, at: Duration) -> Option<Ended> {
        (at >= since + self.holds).then_some(Ended {
            outcome: if since <= self.within + self.late {
                Outcome::Pass
            } else {
                Outcome::Late
            },
            became_true: Some(since),
        })
    }

    /// Only what is seen when the time is over counts.
    fn observe_to_the_end(&self, at: Duration, is_true: bool) -> Option<Ended> {
        let outcome = if is_true {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        (at >= self.within).then_some(Ended {
            outcome,
            became_true: None,
        })
    }

    fn observe_never(&mut self, at: Duration, is_true: bool) -> Option<Ended> {
        if is_true {
            return Some(Ended {
                outcome: Outcome::Fail,
                became_true: Some(at),
            });
        }
        (at >= self.within).then_some(Ended {
            outcome: Outcome::Pass,
            became_true: None,
        })
    }
}
