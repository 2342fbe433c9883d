//! The tables of RFC 7761 §4.6.1 and §4.6.2, a row per pair.

use super::*;
use crate::router::event::AssertRole::{Loser, NoInfo, Winner};

fn heard() -> Heard {
    Heard::default()
}

fn can(heard: Heard) -> Heard {
    Heard {
        could_assert: true,
        tracking: true,
        ..heard
    }
}

fn rpt(heard: Heard) -> Heard {
    Heard { rpt: true, ..heard }
}

fn winners(heard: Heard) -> Heard {
    Heard {
        from_winner: true,
        ..heard
    }
}

fn acceptable() -> Heard {
    Heard {
        acceptable: true,
        ..heard()
    }
}

fn inferior() -> Heard {
    Heard {
        inferior: true,
        ..heard()
    }
}

fn preferred() -> Heard {
    Heard {
        preferred: true,
        ..acceptable()
    }
}

fn cancel() -> Heard {
    Heard {
        cancel: true,
        inferior: true,
        rpt: true,
        ..heard()
    }
}

/// RFC 7761 §4.6.1.
#[test]
fn the_sg_machine_is_the_table_of_the_rfc() {
    use Action::{Cancel, Forget, Lose, LoseAndSwitch, Reassert, Win};
    use Event::Heard as On;
    for (role, event, want) in [
        (NoInfo, On(can(inferior())), Some(Win)),
        (NoInfo, On(inferior()), None),
        (NoInfo, On(can(rpt(heard()))), Some(Win)),
        (NoInfo, On(rpt(heard())), None),
        (NoInfo, Event::Data, Some(Win)),
        (NoInfo, On(can(acceptable())), Some(LoseAndSwitch)),
        (NoInfo, On(acceptable()), None),
        (
            NoInfo,
            On(Heard {
                tracking: true,
                ..rpt(acceptable())
            }),
            None,
        ),
        (Winner, Event::TimerOver, Some(Reassert)),
        (Winner, On(inferior()), Some(Reassert)),
        (Winner, On(preferred()), Some(Lose)),
        (Winner, On(heard()), None),
        (Winner, Event::Data, Some(Reassert)),
        (Winner, Event::CouldNotAssert, Some(Cancel)),
        (Loser, On(preferred()), Some(Lose)),
        (Loser, On(acceptable()), None),
        (Loser, On(winners(acceptable())), Some(Lose)),
        (Loser, On(winners(rpt(acceptable()))), None),
        (Loser, On(winners(inferior())), Some(Forget)),
        (Loser, On(inferior()), None),
        (Loser, On(winners(cancel())), Some(Forget)),
        (Loser, On(cancel()), None),
        (Loser, Event::TimerOver, Some(Forget)),
        (Loser, Event::WinnerGone, Some(Forget)),
        (Loser, Event::NotTracking, Some(Forget)),
        (Loser, Event::MetricBetter, Some(Forget)),
        (Loser, Event::RpfLeft, Some(Forget)),
        (Loser, Event::JoinReceived, Some(Forget)),
        (Loser, Event::Data, None),
        (Loser, Event::CouldNotAssert, None),
    ] {
        assert_eq!(step_sg(role, event), want, "{role:?} on {event:?}");
    }
}

/// RFC 7761 §4.6.2.
#[test]
fn the_star_g_machine_is_the_table_of_the_rfc() {
    use Action::{Cancel, Forget, Lose, Reassert, Win};
    use Event::Heard as On;
    for (role, event, want) in [
        (NoInfo, On(can(rpt(inferior()))), Some(Win)),
        (NoInfo, On(can(inferior())), None),
        (NoInfo, On(rpt(inferior())), None),
        (NoInfo, On(can(rpt(heard()))), None),
        (NoInfo, Event::Data, Some(Win)),
        (NoInfo, On(can(rpt(acceptable()))), Some(Lose)),
        (NoInfo, On(rpt(acceptable())), None),
        (NoInfo, On(can(acceptable())), None),
        (Winner, Event::TimerOver, Some(Reassert)),
        (Winner, On(rpt(inferior())), Some(Reassert)),
        (Winner, On(rpt(preferred())), Some(Lose)),
        (Winner, On(preferred()), None),
        (Winner, Event::Data, Some(Reassert)),
        (Winner, Event::CouldNotAssert, Some(Cancel)),
        (Loser, On(rpt(preferred())), Some(Lose)),
        (Loser, On(preferred()), None),
        (Loser, On(winners(rpt(acceptable()))), Some(Lose)),
        (Loser, On(rpt(acceptable())), None),
        (Loser, On(winners(rpt(inferior()))), Some(Forget)),
        (Loser, On(winners(cancel())), Some(Forget)),
        (Loser, On(cancel()), None),
        (Loser, Event::TimerOver, Some(Forget)),
        (Loser, Event::WinnerGone, Some(Forget)),
        (Loser, Event::NotTracking, Some(Forget)),
        (Loser, Event::MetricBetter, Some(Forget)),
        (Loser, Event::RpfLeft, Some(Forget)),
        (Loser, Event::JoinReceived, Some(Forget)),
    ] {
        assert_eq!(step_star_g(role, event), want, "{role:?} on {event:?}");
    }
}

/// An event that belongs to a state that is not there changes nothing.
#[test]
fn without_state_only_asserts_and_data_matter() {
    for event in [
        Event::TimerOver,
        Event::CouldNotAssert,
        Event::NotTracking,
        Event::WinnerGone,
        Event::MetricBetter,
        Event::RpfLeft,
        Event::JoinReceived,
    ] {
        assert_eq!(step_sg(NoInfo, event), None, "{event:?}");
        assert_eq!(step_star_g(NoInfo, event), None, "{event:?}");
    }
    for event in [
        Event::NotTracking,
        Event::WinnerGone,
        Event::MetricBetter,
        Event::RpfLeft,
        Event::JoinReceived,
    ] {
        assert_eq!(step_sg(Winner, event), None, "{event:?}");
    }
}
