//! Which lab is next.

use std::collections::VecDeque;

/// The labs that wait, by their positions.
#[derive(Debug)]
pub(super) struct Queue {
    /// Those that run beside others.
    shared: VecDeque<usize>,
    /// Those that do not.
    alone: VecDeque<usize>,
}

impl Queue {
    /// All labs in their order; each says whether it must be alone.
    pub(super) fn new(alone: impl IntoIterator<Item = bool>) -> Queue {
        let labs: Vec<(usize, bool)> = alone.into_iter().enumerate().collect();
        let those = |wanted: bool| {
            let labs = labs.iter().filter(|(_, alone)| *alone == wanted);
            labs.map(|(position, _)| *position).collect()
        };
        Queue {
            shared: those(false),
            alone: those(true),
        }
    }

    /// The next one, where so many run already; none where it has to wait.
    pub(super) fn next(&mut self, running: usize) -> Option<usize> {
        match self.shared.pop_front() {
            Some(position) => Some(position),
            None if running == 0 => self.alone.pop_front(),
            None => None,
        }
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.alone.is_empty()
    }

    /// Nothing is to follow; returns what waited, in order.
    pub(super) fn clear(&mut self) -> Vec<usize> {
        let mut left: Vec<usize> = self.shared.drain(..).chain(self.alone.drain(..)).collect();
        left.sort_unstable();
        left
    }
}

#[cfg(test)]
mod tests;
