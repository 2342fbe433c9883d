//! A step that another one comes into: at a moment of it something else is done,
//! and judged from there on.

use std::cell::Cell;
use std::time::Duration;

use super::doing::{Doer, Notes};
use super::{Engine, Measured};
use crate::report::StepReport;
use crate::run::ledger::SendRun;
use crate::run::observe::owes;
use crate::run::stage::{self, Stage};
use crate::topology::model::{Action, RxCheck, Step};

/// What comes into a step.
#[derive(Clone, Copy)]
pub(super) struct Strike<'a> {
    /// The step that is under way.
    pub(super) under_way: Option<&'a Step>,
    /// The moment, since the network stands.
    pub(super) at: Duration,
}

impl<S: Stage> Engine<S> {
    /// Does what a step does, and at this moment what `each` does; what `each`
    /// expects is judged from there on, and what the step expects is not.
    pub(in crate::run) async fn struck(
        &mut self,
        under_way: Option<&Step>,
        at: Duration,
        each: &Step,
    ) -> StepReport {
        self.judged(each, Some(Strike { under_way, at })).await
    }

    /// Does both; a new span begins at the moment.
    pub(super) async fn strike(
        &mut self,
        strike: Strike<'_>,
        each: &Step,
    ) -> Result<Option<Measured>, String> {
        let stage = &self.stage;
        let notes = Notes {
            events: &mut self.events,
            moments: &mut self.moments,
            situation: &mut self.situation,
        };
        let doer = Doer::new(stage, notes);
        let began_ns = Cell::new(0);
        let first = async {
            let actions = strike.under_way.iter().flat_map(|step| &step.actions);
            for action in actions {
                // What it cannot do any more is no matter: it is not judged.
                if under_way(stage, &doer, action).await.is_err() {
                    break;
                }
            }
        };
        let second = async {
            stage.sleep_until(strike.at).await;
            began_ns.set(stage::cut_span(stage));
            for action in &each.actions {
                doer.begin(action);
                doer.act(action).await?;
            }
            Ok(())
        };
        let ((), done) = futures_util::future::join(first, second).await;
        self.moments.began_ns = began_ns.get();
        self.step_began_ns = began_ns.get();
        done.map(|()| None)
    }

    /// The longest time since the latest span began in which a receiver got
    /// nothing; `None` where nothing was sent to it.
    pub(in crate::run) fn outage_ns(&self, check: &RxCheck) -> Option<u64> {
        let topology = self.stage.topology();
        let seen = self.stage.ledger().borrow().rx(
            check.by,
            self.stage.now_ns(),
            |sender: &SendRun| check.of.is_empty() || check.of.contains(&sender.source),
            |sender, to| owes(topology, check, sender.source, to),
        );
        let any = seen.sent > 0 || seen.received > 0;
        any.then_some(seen.gap_ns.max(seen.unheard_ns))
    }
}

async fn under_way<S: Stage>(stage: &S, doer: &Doer<'_, S>, action: &Action) -> Result<(), String> {
    match action {
        // Nothing of it is asked for any more.
        Action::Snap(_) => return Ok(()),
        Action::Measure(time) => stage::sleep(stage, *time).await,
        Action::Join(_)
        | Action::Leave(_)
        | Action::Send(_)
        | Action::Stop(_)
        | Action::Link { .. }
        | Action::Flap(_)
        | Action::Wire { .. }
        | Action::Rules { .. }
        | Action::Address { .. }
        | Action::Unicast { .. }
        | Action::Withdraw { .. }
        | Action::Config { .. }
        | Action::Hosts(_)
        | Action::Daemon { .. }
        | Action::Exec(_)
        | Action::Wait(_)
        | Action::Mark(_)
        | Action::Together(_) => {
            doer.begin(action);
            doer.act(action).await?;
        }
    }
    Ok(())
}
