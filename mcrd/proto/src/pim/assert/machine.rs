//! The two Assert state machines as tables: (S,G) of RFC 7761 §4.6.1 and (*,G)
//! of §4.6.2. A step says what to do; who calls it does it.

use crate::router::event::AssertRole;

/// What happens to the Assert state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An Assert arrived.
    Heard(Heard),
    /// A data packet arrived on the interface.
    Data,
    /// AT ran out.
    TimerOver,
    /// CouldAssert turned false.
    CouldNotAssert,
    /// AssertTrackingDesired turned false.
    NotTracking,
    /// The winner's Generation ID changed, or its liveness timer ran out.
    WinnerGone,
    /// Our metric became better than the winner's.
    MetricBetter,
    /// The interface is not the RPF interface any more.
    RpfLeft,
    /// A Join to this router arrived.
    JoinReceived,
}

/// How an Assert compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its RPT bit.
    pub rpt: bool,
    /// Better than the winner we know.
    pub preferred: bool,
    /// Better than our own; never with an infinite metric.
    pub acceptable: bool,
    /// Worse than our own; never while our own is infinite.
    pub inferior: bool,
    /// It is an AssertCancel.
    pub cancel: bool,
    /// It comes from the winner we know.
    pub from_winner: bool,
    /// CouldAssert.
    pub could_assert: bool,
    /// AssertTrackingDesired.
    pub tracking: bool,
}

/// The actions of RFC 7761 §4.6.1, by their numbers there. Those of §4.6.2 are
/// the same, without A6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A1: send an Assert and be the winner.
    Win,
    /// A2: the sender is the winner.
    Lose,
    /// A3: send an Assert, still being the winner.
    Reassert,
    /// A4: send an AssertCancel and forget.
    Cancel,
    /// A5: forget.
    Forget,
    /// A6: the sender is the winner; on the RPF interface of a joined source,
    /// its packets come down its own tree now.
    LoseAndSwitch,
}

/// The (S,G) machine; `None` where the event means nothing to the state.
pub fn step_sg(role: AssertRole, event: Event) -> Option<Action> {
    match (role, event) {
        (AssertRole::NoInfo, Event::Heard(heard)) => {
            if heard.could_assert && (heard.rpt || heard.inferior) {
                Some(Action::Win)
            } else if heard.tracking && heard.acceptable && !heard.rpt {
                Some(Action::LoseAndSwitch)
            } else {
                None
            }
        }
        (AssertRole::NoInfo, Event::Data) => Some(Action::Win),
        (AssertRole::Winner, Event::Heard(heard)) => winner_heard(heard),
        (AssertRole::Loser, Event::Heard(heard)) => {
            if heard.from_winner && (heard.inferior || heard.cancel) {
                Some(Action::Forget)
            } else if heard.preferred || (heard.from_winner && heard.acceptable && !heard.rpt) {
                Some(Action::Lose)
            } else {
                None
            }
        }
        (role, event) => step_alike(role, event),
    }
}

/// The (*,G) machine; `None` where the event means nothing to the state. Only
/// Asserts with the RPT bit are its own: one without is of some (S,G), and says
/// nothing of the other sources.
pub fn step_star_g(role: AssertRole, event: Event) -> Option<Action> {
    match (role, event) {
        (_, Event::Heard(heard)) if !heard.rpt => None,
        (AssertRole::NoInfo, Event::Heard(heard)) => {
            if heard.could_assert && heard.inferior {
                Some(Action::Win)
            } else if heard.tracking && heard.acceptable {
                Some(Action::Lose)
            } else {
                None
            }
        }
        (AssertRole::NoInfo, Event::Data) => Some(Action::Win),
        (AssertRole::Winner, Event::Heard(heard)) => winner_heard(heard),
        (AssertRole::Loser, Event::Heard(heard)) => {
            if heard.from_winner && (heard.inferior || heard.cancel) {
                Some(Action::Forget)
            } else if heard.preferred || (heard.from_winner && heard.acceptable) {
                Some(Action::Lose)
            } else {
                None
            }
        }
        (role, event) => step_alike(role, event),
    }
}

fn winner_heard(heard: Heard) -> Option<Action> {
    if heard.preferred {
        Some(Action::Lose)
    } else if heard.inferior {
        Some(Action::Reassert)
    } else {
        None
    }
}

/// What is the same in both.
fn step_alike(role: AssertRole, event: Event) -> Option<Action> {
    match (role, event) {
        // §4.2: data on an interface of the olist asks for an Assert also of
        // the winner; the caller limits how often.
        (AssertRole::Winner, Event::Data | Event::TimerOver) => Some(Action::Reassert),
        (AssertRole::Winner, Event::CouldNotAssert) => Some(Action::Cancel),
        (
            AssertRole::Loser,
            Event::TimerOver
            | Event::NotTracking
            | Event::WinnerGone
            | Event::MetricBetter
            | Event::RpfLeft
            | Event::JoinReceived,
        ) => Some(Action::Forget),
        (
            AssertRole::Winner,
            Event::NotTracking
            | Event::WinnerGone
            | Event::MetricBetter
            | Event::RpfLeft
            | Event::JoinReceived
            | Event::Heard(_),
        )
        | (AssertRole::Loser, Event::Data | Event::CouldNotAssert | Event::Heard(_))
        | (
            AssertRole::NoInfo,
            Event::Heard(_)
            | Event::Data
            | Event::TimerOver
            | Event::CouldNotAssert
            | Event::NotTracking
            | Event::WinnerGone
            | Event::MetricBetter
            | Event::RpfLeft
            | Event::JoinReceived,
        ) => None,
    }
}

#[cfg(test)]
mod tests;
