//! A step that is done at every event of the steps before it, one run each.

use super::{RxCheck, Step};
use crate::topology::messages::Pattern;

/// What is done at which events.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The messages that are events.
    pub over: Pattern,
    /// The step, by its position, before which there are none.
    pub since: Option<usize>,
    /// The most events that are taken, the earliest first.
    pub limit: usize,
    /// What is done at each, and expected from there on.
    pub each: Step,
    /// Whose longest time without a datagram is told.
    pub worst: Vec<RxCheck>,
    /// The name that the longest of all is kept under.
    pub metric: Option<String>,
}

impl Step {
    /// It, and what it does at every event.
    pub fn with_swept(&self) -> impl Iterator<Item = &Step> {
        let swept = self.sweep.as_ref().map(|sweep| &sweep.each);
        std::iter::once(self).chain(swept)
    }

    /// The same, to be changed.
    pub fn with_swept_mut(&mut self) -> Vec<&mut Vec<super::Action>> {
        let swept = self.sweep.as_mut().map(|sweep| &mut sweep.each.actions);
        std::iter::once(&mut self.actions).chain(swept).collect()
    }
}
