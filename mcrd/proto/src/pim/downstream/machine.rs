//! The downstream per-interface state machines (RFC 7761 §4.5.1 to §4.5.3).

use std::time::Duration;

use crate::id::IfIndex;
use crate::router::TimerId;
use crate::tib::{Downstream, TreeKey};
use crate::time::Instant;
use crate::timers::Timers;

/// How long a message's state lasts (RFC 7761 §4.9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Holdtime 0: it ends at once.
    Nothing,
    /// To this moment.
    Until(Instant),
    /// Holdtime 0xffff: until it is ended by a message.
    Forever,
}

impl Hold {
    /// The meaning of a Holdtime field.
    pub(super) fn new(now: Instant, holdtime: u16) -> Hold {
        match holdtime {
            0 => Hold::Nothing,
            mcr_wire::pim::join_prune::HOLDTIME_FOREVER => Hold::Forever,
            seconds => Hold::Until(now + Duration::from_secs(u64::from(seconds))),
        }
    }
}

/// What happens to (*,G) or (S,G) state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Receive Join.
    Join(Hold),
    /// Receive Prune.
    Prune,
    /// Prune-Pending Timer expires.
    PrunePendingOver,
    /// Expiry Timer expires.
    ExpiryOver,
}

/// What a transition calls for beside its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Nothing,
    /// Send PruneEcho.
    SendPruneEcho,
}

/// ET and PPT of one entry on one interface.
#[derive(Debug)]
pub(super) struct Clock<'a> {
    pub(super) timers: &'a mut Timers<TimerId>,
    pub(super) key: TreeKey,
    pub(super) iface: IfIndex,
    pub(super) now: Instant,
    /// J/P_Override_Interval(I).
    pub(super) override_interval: Duration,
}

impl Clock<'_> {
    fn expiry(&self) -> TimerId {
        TimerId::Expiry(self.key, self.iface)
    }

    fn prune_pending(&self) -> TimerId {
        TimerId::PrunePending(self.key, self.iface)
    }

    fn start_expiry(&mut self, hold: Hold) {
        let id = self.expiry();
        match hold {
            Hold::Until(at) => self.timers.set(id, at),
            Hold::Nothing => self.timers.set(id, self.now),
            Hold::Forever => self.timers.cancel(id),
        }
    }

    /// To the maximum of its value and the message's; state without ET has the
    /// highest value there is.
    fn restart_expiry(&mut self, hold: Hold) {
        let id = self.expiry();
        match hold {
            Hold::Until(at) if self.timers.is_set(id) => self.timers.extend(id, at),
            Hold::Until(_) | Hold::Nothing => {}
            Hold::Forever => self.timers.cancel(id),
        }
    }

    fn start_prune_pending(&mut self) {
        let at = self.now + self.override_interval;
        self.timers.set(self.prune_pending(), at);
    }

    fn cancel_prune_pending(&mut self) {
        self.timers.cancel(self.prune_pending());
    }

    fn cancel(&mut self) {
        self.timers.cancel(self.expiry());
        self.cancel_prune_pending();
    }
}

/// (*,G) and (S,G), RFC 7761 §4.5.1 and §4.5.2, whose tables are the same.
pub(super) fn step(state: Downstream, event: Event, clock: &mut Clock<'_>) -> (Downstream, Action) {
    use Downstream::{Join, NoInfo, PrunePending};
    match (state, event) {
        (Join | PrunePending, Event::Join(Hold::Nothing) | Event::ExpiryOver) => {
            clock.cancel();
            (NoInfo, Action::Nothing)
        }
        (NoInfo, Event::Join(Hold::Nothing)) => (NoInfo, Action::Nothing),
        (NoInfo, Event::Join(hold)) => {
            clock.start_expiry(hold);
            (Join, Action::Nothing)
        }
        (Join | PrunePending, Event::Join(hold)) => {
            clock.cancel_prune_pending();
            clock.restart_expiry(hold);
            (Join, Action::Nothing)
        }
        (Join, Event::Prune) => {
            clock.start_prune_pending();
            (PrunePending, Action::Nothing)
        }
        (NoInfo | PrunePending, Event::Prune) => (state, Action::Nothing),
        (PrunePending, Event::PrunePendingOver) => {
            clock.cancel();
            (NoInfo, Action::SendPruneEcho)
        }
        // No such timer runs.
        (NoInfo | Join, Event::PrunePendingOver) | (NoInfo, Event::ExpiryOver) => {
            (state, Action::Nothing)
        }
    }
}

/// What happens to (S,G,rpt) state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RptEvent {
    /// Receive Join(*,G).
    JoinStarG,
    /// Receive Join(S,G,rpt).
    Join,
    /// Receive Prune(S,G,rpt).
    Prune(Hold),
    /// End of Message.
    EndOfMessage,
    /// Prune-Pending Timer expires.
    PrunePendingOver,
    /// Expiry Timer expires.
    ExpiryOver,
}

/// The states of (S,G,rpt) with those that last one message only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rpt {
    /// NoInfo.
    NoInfo,
    /// Prune.
    Prune,
    /// Prune-Pending.
    PrunePending,
    /// P': a Join(*,G) of this message has ended Prune, unless a
    /// Prune(S,G,rpt) of it follows.
    PruneTmp,
    /// PP': the same of Prune-Pending.
    PrunePendingTmp,
}

/// (S,G,rpt), RFC 7761 §4.5.3.
pub(super) fn step_rpt(state: Rpt, event: RptEvent, clock: &mut Clock<'_>) -> Rpt {
    use Rpt::{NoInfo, Prune, PrunePending, PrunePendingTmp, PruneTmp};
    match (state, event) {
        (NoInfo, RptEvent::Prune(Hold::Nothing)) => NoInfo,
        (
            Prune | PrunePending | PruneTmp | PrunePendingTmp,
            RptEvent::Prune(Hold::Nothing) | RptEvent::Join | RptEvent::ExpiryOver,
        )
        | (PruneTmp | PrunePendingTmp, RptEvent::EndOfMessage) => {
            clock.cancel();
            NoInfo
        }
        (NoInfo, RptEvent::Prune(hold)) => {
            clock.start_expiry(hold);
            clock.start_prune_pending();
            PrunePending
        }
        (Prune | PruneTmp, RptEvent::Prune(hold)) => {
            clock.restart_expiry(hold);
            Prune
        }
        (PrunePending | PrunePendingTmp, RptEvent::Prune(hold)) => {
            clock.restart_expiry(hold);
            PrunePending
        }
        (Prune | PruneTmp, RptEvent::JoinStarG) => PruneTmp,
        (PrunePending | PrunePendingTmp, RptEvent::JoinStarG) => PrunePendingTmp,
        (PrunePending | PrunePendingTmp, RptEvent::PrunePendingOver) => {
            clock.cancel_prune_pending();
            Prune
        }
        (Prune | PrunePending, RptEvent::EndOfMessage)
        | (
            NoInfo,
            RptEvent::JoinStarG | RptEvent::Join | RptEvent::EndOfMessage | RptEvent::ExpiryOver,
        )
        // No such timer runs.
        | (NoInfo | Prune | PruneTmp, RptEvent::PrunePendingOver) => state,
    }
}

#[cfg(test)]
mod tests;
