//! An engine without the place where it runs, which becomes another meanwhile.

use std::collections::BTreeMap;

use super::Engine;
use crate::assertion::state::State;
use crate::reference::Situation;
use crate::run::events::Events;
use crate::run::stage::Stage;

/// What an engine knows beside the place where it runs.
pub(in crate::run) struct Rest {
    pub(in crate::run) events: Events,
    pub(in crate::run) untold: u64,
    pub(in crate::run) situation: Situation,
    pub(in crate::run) snaps: BTreeMap<String, State>,
}

impl<S: Stage> Engine<S> {
    /// Takes it apart, for a network that becomes another.
    pub(in crate::run) fn apart(self) -> (S, Rest) {
        let rest = Rest {
            events: self.events,
            untold: self.untold,
            situation: self.situation,
            snaps: self.snaps,
        };
        (self.stage, rest)
    }

    /// Goes on with what an earlier one knew.
    pub(in crate::run) fn resume(stage: S, rest: Rest) -> Engine<S> {
        Engine {
            untold: rest.untold,
            situation: rest.situation,
            snaps: rest.snaps,
            ..Engine::new(stage, rest.events)
        }
    }
}
