//! Joins inputs through the kernel, a bounded number at a time, and tries
//! again what failed.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use mcr_proto::id::IfIndex;
use mcr_proto::relay::Membership;
use mcr_sys::membership::{Membership as Joined, Memberships};
use tracing::{debug, warn};

/// Requests made in one turn of the event loop.
const PER_TURN: usize = 64;

/// Between two tries of what failed.
const RETRY: Duration = Duration::from_secs(1);

/// What to do, in order: a leave that follows a join must not overtake it.
enum Step {
    Join(Joined),
    Leave(Joined),
}

/// The memberships that the relay wants.
#[derive(Default)]
pub(crate) struct Joins {
    held: Memberships,
    steps: VecDeque<Step>,
    failed: BTreeMap<Joined, String>,
    retry_at: Option<Instant>,
    /// Only the first failure of a row is worth a warning.
    warned: bool,
}

impl Joins {
    /// None yet.
    pub(crate) fn new() -> Joins {
        Joins::default()
    }

    /// The relay wants it.
    pub(crate) fn join(&mut self, membership: Membership) {
        self.steps.push_back(Step::Join(joined(membership)));
    }

    /// The relay wants it no more.
    pub(crate) fn leave(&mut self, membership: Membership) {
        self.steps.push_back(Step::Leave(joined(membership)));
    }

    /// The interface is gone, and what was joined on it.
    pub(crate) fn interface_gone(&mut self, index: IfIndex) {
        let index = index.get();
        self.failed
            .retain(|membership, _| membership.index != index);
        self.steps.retain(|step| match step {
            Step::Join(membership) | Step::Leave(membership) => membership.index != index,
        });
        self.held.interface_gone(index);
    }

    /// Whether there is something to do now.
    pub(crate) fn is_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    /// When there will be something to do again.
    pub(crate) const fn next_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// How many are held on the interface.
    pub(crate) fn on(&self, index: u32) -> usize {
        self.held.on(index)
    }

    /// What an operator should know.
    pub(crate) fn note(&self) -> Option<String> {
        let (membership, reason) = self.failed.first_key_value()?;
        Some(format!(
            "{} group memberships failed and are tried again; {} on interface {}: {reason}",
            self.failed.len(),
            membership.group,
            membership.index,
        ))
    }

    /// Makes a bounded number of requests.
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            for membership in self.failed.keys() {
                self.steps.push_back(Step::Join(*membership));
            }
        }
        for _ in 0..PER_TURN {
            match self.steps.pop_front() {
                Some(Step::Join(membership)) => self.try_join(now, membership),
                Some(Step::Leave(membership)) => self.leave_now(membership),
                None => break,
            }
        }
    }

    fn leave_now(&mut self, membership: Joined) {
        self.failed.remove(&membership);
        if let Err(error) = self.held.leave(membership) {
            debug!(target: "relay", group = %membership.group, %error, "leaving failed");
        }
    }

    fn try_join(&mut self, now: Instant, membership: Joined) {
        match self.held.join(membership) {
            Ok(()) => {
                self.failed.remove(&membership);
                if self.failed.is_empty() {
                    self.warned = false;
                }
            }
            Err(error) => {
                if !self.warned {
                    warn!(
                        target: "relay",
                        group = %membership.group,
                        interface = membership.index,
                        %error,
                        "a group cannot be joined; it is tried again each second"
                    );
                    self.warned = true;
                }
                self.failed.insert(membership, error.to_string());
                self.retry_at.get_or_insert(now + RETRY);
            }
        }
    }
}

fn joined(membership: Membership) -> Joined {
    Joined {
        index: membership.interface.get(),
        group: membership.group.get(),
        source: membership.source.map(|source| source.get()),
    }
}
