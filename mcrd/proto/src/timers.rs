//! Timers as data: one deadline for each id, in the order they are due.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Instant;

/// The deadlines of a state machine's timers.
#[derive(Clone, Debug)]
pub struct Timers<Id> {
    due: BTreeSet<(Instant, Id)>,
    at: BTreeMap<Id, Instant>,
}

impl<Id> Default for Timers<Id> {
    fn default() -> Timers<Id> {
        Timers {
            due: BTreeSet::new(),
            at: BTreeMap::new(),
        }
    }
}

impl<Id: Copy + Ord> Timers<Id> {
    /// The timer runs out at this moment, and not at an earlier setting's.
    pub fn set(&mut self, id: Id, at: Instant) {
        if let Some(old) = self.at.insert(id, at) {
            self.due.remove(&(old, id));
        }
        self.due.insert((at, id));
    }

    /// As [`Timers::set`], unless the timer runs out later already.
    pub fn extend(&mut self, id: Id, at: Instant) {
        if self.at.get(&id).is_none_or(|old| *old < at) {
            self.set(id, at);
        }
    }

    /// As [`Timers::set`], unless the timer runs and is due earlier already.
    pub fn shorten(&mut self, id: Id, at: Instant) {
        if self.at.get(&id).is_none_or(|old| *old > at) {
            self.set(id, at);
        }
    }

    /// The timer does not run any more.
    pub fn cancel(&mut self, id: Id) {
        if let Some(at) = self.at.remove(&id) {
            self.due.remove(&(at, id));
        }
    }

    /// When the timer runs out, if it runs.
    pub fn deadline(&self, id: Id) -> Option<Instant> {
        self.at.get(&id).copied()
    }

    /// Whether the timer runs.
    pub fn is_set(&self, id: Id) -> bool {
        self.at.contains_key(&id)
    }

    /// The timer that runs out first.
    pub fn next(&self) -> Option<(Instant, Id)> {
        self.due.first().copied()
    }

    /// Takes a timer that has run out, the earliest first.
    pub fn pop_expired(&mut self, now: Instant) -> Option<Id> {
        let (at, id) = self.next().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, id));
        self.at.remove(&id);
        Some(id)
    }

    /// All timers that run, by id.
    pub fn iter(&self) -> impl Iterator<Item = (Id, Instant)> {
        self.at.iter().map(|(id, at)| (*id, *at))
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

#[cfg(test)]
mod tests;
