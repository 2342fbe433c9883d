//! The Register state machine of the DR as a table (RFC 7761 §4.4.1).

use crate::router::event::RegisterState;

/// What happens to the Register state of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// RST ran out.
    StopTimerOver,
    /// CouldRegister turned true.
    CouldRegister,
    /// CouldRegister turned false.
    CouldNotRegister,
    /// A Register-Stop arrived.
    StopReceived,
    /// RP(G) is another one.
    RpChanged,
}

/// What is to be done with the new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// RST does not run any more.
    CancelTimer,
    /// RST runs for about Register_Suppression_Time.
    Suppress,
    /// RST runs for Register_Probe_Time, and a Null-Register is sent.
    Probe,
}

/// The machine; `None` where the event means nothing to the state.
pub const fn step(state: RegisterState, event: Event) -> Option<(RegisterState, Action)> {
    use RegisterState::{Join, JoinPending, NoInfo, Prune};
    match (state, event) {
        (NoInfo, Event::CouldRegister) => Some((Join, Action::Nothing)),
        (Join | JoinPending | Prune, Event::CouldNotRegister) => {
            Some((NoInfo, Action::CancelTimer))
        }
        (Join | JoinPending, Event::StopReceived) => Some((Prune, Action::Suppress)),
        (Join | JoinPending | Prune, Event::RpChanged) => Some((Join, Action::CancelTimer)),
        (Prune, Event::StopTimerOver) => Some((JoinPending, Action::Probe)),
        (JoinPending, Event::StopTimerOver) => Some((Join, Action::Nothing)),
        (
            NoInfo,
            Event::StopTimerOver | Event::CouldNotRegister | Event::StopReceived | Event::RpChanged,
        )
        | (Join, Event::StopTimerOver)
        | (Join | JoinPending | Prune, Event::CouldRegister)
        | (Prune, Event::StopReceived) => None,
    }
}

#[cfg(test)]
mod tests;
