//! Who joins and leaves what, and when.

use std::collections::{BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

/// What hosts are to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The groups, which are dealt out to the hosts in turn.
    pub groups: Vec<Ipv4Addr>,
    /// How many groups each host joins.
    pub per_host: usize,
    /// Joins a second, at the start.
    pub join_rate: f64,
    /// How long a membership lasts that began at the start; to the end where it
    /// is left out.
    pub hold: Option<Duration>,
    /// Random joins and leaves a second, after the start.
    pub churn: f64,
    /// Decides which.
    pub seed: u64,
}

/// A host changes what it is a member of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Join(usize, Ipv4Addr),
    Leave(usize, Ipv4Addr),
    /// Leave where it is a member, join otherwise.
    Toggle(usize, Ipv4Addr),
}

/// The script as it is played.
#[derive(Debug)]
pub(super) struct Activity {
    script: Script,
    hosts: usize,
    start: u64,
    /// Joins that were given out.
    joined: usize,
    /// Leaves after the hold time, in order.
    leaves: VecDeque<(u64, usize)>,
    churned: u64,
    rng: fastrand::Rng,
}

impl Activity {
    pub(super) fn new(script: Script, hosts: usize, start: u64) -> Activity {
        Activity {
            rng: fastrand::Rng::with_seed(script.seed),
            script,
            hosts,
            start,
            joined: 0,
            leaves: VecDeque::new(),
            churned: 0,
        }
    }

    /// How many memberships the script has.
    pub(super) fn memberships(&self) -> usize {
        self.hosts * self.script.per_host
    }

    /// All joins of the start were given out.
    pub(super) fn has_started(&self) -> bool {
        self.joined == self.memberships()
    }

    /// When there is something to do.
    pub(super) fn next(&self) -> Option<u64> {
        let times = [self.next_join(), self.next_leave(), self.next_churn()];
        times.into_iter().flatten().min()
    }

    /// What is due, the earliest first.
    pub(super) fn pop(&mut self, now: u64) -> Option<Action> {
        let at = self.next().filter(|at| *at <= now)?;
        if self.next_join() == Some(at) {
            let slot = self.joined;
            self.joined += 1;
            if let Some(hold) = self.script.hold {
                let until = at.saturating_add(nanos(hold));
                self.leaves.push_back((until, slot));
            }
            let (host, group) = self.slot(slot);
            return Some(Action::Join(host, group));
        }
        if self.next_leave() == Some(at) {
            let (_, slot) = self.leaves.pop_front()?;
            let (host, group) = self.slot(slot);
            return Some(Action::Leave(host, group));
        }
        self.churned += 1;
        let slot = self.rng.usize(0..self.memberships());
        let (host, group) = self.slot(slot);
        Some(Action::Toggle(host, group))
    }

    fn next_join(&self) -> Option<u64> {
        let after = self.joined as f64 / self.script.join_rate * 1e9;
        (!self.has_started()).then_some(self.start + after as u64)
    }

    fn next_leave(&self) -> Option<u64> {
        self.leaves.front().map(|(at, _)| *at)
    }

    fn next_churn(&self) -> Option<u64> {
        if self.script.churn <= 0.0 || !self.has_started() {
            return None;
        }
        let started = self.memberships() as f64 / self.script.join_rate;
        let after = started + (self.churned + 1) as f64 / self.script.churn;
        Some(self.start + (after * 1e9) as u64)
    }

    /// The host and the group of a membership: each host has its groups next to
    /// each other in the list, and the list starts again at its end.
    fn slot(&self, slot: usize) -> (usize, Ipv4Addr) {
        let host = slot / self.script.per_host;
        (host, self.script.groups[slot % self.script.groups.len()])
    }
}

/// Each host's groups must differ, or there are fewer memberships than asked.
pub(super) fn most_per_host(groups: &[Ipv4Addr]) -> usize {
    groups.iter().collect::<BTreeSet<_>>().len()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
