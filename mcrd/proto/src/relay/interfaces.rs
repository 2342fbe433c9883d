//! Names and numbers of the interfaces that exist now.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{IfIndex, InterfaceName};
use crate::interface::{Interface, InterfaceChange};

#[derive(Debug, Default)]
pub(super) struct Interfaces {
    by_index: BTreeMap<IfIndex, Interface>,
    index_of: BTreeMap<InterfaceName, IfIndex>,
}

/// What a change touches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Names that mean something else afterwards.
    pub(super) names: BTreeSet<InterfaceName>,
    /// Numbers that mean nothing afterwards; the kernel's state that hung on
    /// them has gone too.
    pub(super) gone: Vec<IfIndex>,
}

impl Interfaces {
    pub(super) fn by_name(&self, name: &InterfaceName) -> Option<&Interface> {
        self.by_index.get(self.index_of.get(name)?)
    }

    pub(super) fn index(&self, name: &InterfaceName) -> Option<IfIndex> {
        self.index_of.get(name).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Interface> {
        self.by_index.values()
    }

    pub(super) fn touched_by(&self, change: &InterfaceChange) -> Touched {
        let mut touched = Touched::default();
        match change {
            InterfaceChange::Present(new) => {
                let old = self.by_index.get(&new.index);
                if old == Some(new) {
                    return touched;
                }
                touched.names.insert(new.name.clone());
                touched.names.extend(old.map(|old| old.name.clone()));
                // The report that a number has gone can come after the one
                // that its name has another number.
                let before = self.index(&new.name);
                touched
                    .gone
                    .extend(before.filter(|before| *before != new.index));
            }
            InterfaceChange::Gone(index) => {
                if let Some(old) = self.by_index.get(index) {
                    touched.names.insert(old.name.clone());
                    touched.gone.push(*index);
                }
            }
        }
        touched
    }

    pub(super) fn apply(&mut self, change: InterfaceChange, touched: &Touched) {
        for name in &touched.names {
            self.index_of.remove(name);
        }
        for index in &touched.gone {
            self.by_index.remove(index);
        }
        match change {
            InterfaceChange::Present(new) => {
                self.index_of.insert(new.name.clone(), new.index);
                self.by_index.insert(new.index, new);
            }
            InterfaceChange::Gone(_) => {}
        }
    }
}
