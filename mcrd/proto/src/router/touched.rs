//! Which of a group's trees have to be looked at again. No macro of RFC 7761
//! §4.1.6 about one source depends on the state of another, so what happens to
//! a source touches that source alone; everything about a source depends on
//! (*,G), so what happens there touches all.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::UnicastAddr;
use crate::tib::GroupState;

/// The touched trees of one group; (*,G) is looked at in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Those of these sources.
    Sources(BTreeSet<UnicastAddr>),
    /// All.
    All,
}

impl Default for Touched {
    fn default() -> Touched {
        Touched::Sources(BTreeSet::new())
    }
}

impl Touched {
    /// These too.
    pub fn extend(&mut self, more: Touched) {
        match (&mut *self, more) {
            (Touched::Sources(sources), Touched::Sources(more)) => sources.extend(more),
            (Touched::Sources(_), Touched::All) => *self = Touched::All,
            (Touched::All, Touched::Sources(_) | Touched::All) => {}
        }
    }

    /// How many trees these are, in a group of this state.
    pub fn trees(&self, state: Option<&GroupState>) -> usize {
        match self {
            Touched::Sources(sources) => 1 + sources.len(),
            Touched::All => 1 + state.map_or(0, GroupState::entries),
        }
    }

    /// The entries of touched sources, of one table of the group.
    pub fn entries<'a, Entry>(
        &self,
        table: &'a BTreeMap<UnicastAddr, Entry>,
    ) -> Vec<(UnicastAddr, &'a Entry)> {
        match self {
            Touched::All => table
                .iter()
                .map(|(source, entry)| (*source, entry))
                .collect(),
            Touched::Sources(sources) => {
                let known = sources.iter();
                known
                    .filter_map(|source| Some((*source, table.get(source)?)))
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
