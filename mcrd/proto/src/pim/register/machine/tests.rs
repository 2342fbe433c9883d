//! The table of RFC 7761 §4.4.1, a row per pair.

use super::*;
use crate::router::event::RegisterState::{Join, JoinPending, NoInfo, Prune};

/// RFC 7761 §4.4.1.
#[test]
fn the_machine_is_the_table_of_the_rfc() {
    use Action::{CancelTimer, Nothing, Probe, Suppress};
    use Event::{CouldNotRegister, CouldRegister, RpChanged, StopReceived, StopTimerOver};
    for (state, event, want) in [
        (NoInfo, CouldRegister, Some((Join, Nothing))),
        (NoInfo, CouldNotRegister, None),
        (NoInfo, StopReceived, None),
        (NoInfo, StopTimerOver, None),
        (NoInfo, RpChanged, None),
        (Join, CouldRegister, None),
        (Join, CouldNotRegister, Some((NoInfo, CancelTimer))),
        (Join, StopReceived, Some((Prune, Suppress))),
        (Join, StopTimerOver, None),
        (Join, RpChanged, Some((Join, CancelTimer))),
        (JoinPending, CouldRegister, None),
        (JoinPending, CouldNotRegister, Some((NoInfo, CancelTimer))),
        (JoinPending, StopReceived, Some((Prune, Suppress))),
        (JoinPending, StopTimerOver, Some((Join, Nothing))),
        (JoinPending, RpChanged, Some((Join, CancelTimer))),
        (Prune, CouldRegister, None),
        (Prune, CouldNotRegister, Some((NoInfo, CancelTimer))),
        (Prune, StopReceived, None),
        (Prune, StopTimerOver, Some((JoinPending, Probe))),
        (Prune, RpChanged, Some((Join, CancelTimer))),
    ] {
        assert_eq!(step(state, event), want, "{state:?} on {event:?}");
    }
}
