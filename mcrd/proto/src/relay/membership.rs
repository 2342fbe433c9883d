//! Which groups the kernel must join on which interface, so that network cards
//! and snooping switches deliver what the rules match.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{GroupAddr, IfIndex, UnicastAddr};

/// One membership that the kernel holds for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// The interface.
    pub interface: IfIndex,
    /// The group.
    pub group: GroupAddr,
    /// The source (RFC 4607); `None` is any.
    pub source: Option<UnicastAddr>,
}

/// Rules by source, for one group on one interface.
#[derive(Debug, Default)]
struct Sources {
    any: usize,
    each: BTreeMap<UnicastAddr, usize>,
}

/// What is wanted is counted; what was asked of the kernel is remembered; the
/// difference is what there is to do. So a rule that is replaced by another of
/// the same group causes neither a leave nor a join.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    wanted: BTreeMap<(IfIndex, GroupAddr), Sources>,
    held: BTreeSet<Membership>,
    to_join: BTreeSet<Membership>,
    to_leave: BTreeSet<Membership>,
}

impl Memberships {
    pub(super) fn add(&mut self, rule: Membership) {
        let sources = self.wanted.entry((rule.interface, rule.group)).or_default();
        let covers_others = match rule.source {
            Some(source) => {
                *sources.each.entry(source).or_default() += 1;
                false
            }
            None => {
                sources.any += 1;
                sources.any == 1
            }
        };
        self.reconsider(rule, covers_others);
    }

    pub(super) fn remove(&mut self, rule: Membership) {
        let place = (rule.interface, rule.group);
        let Some(sources) = self.wanted.get_mut(&place) else {
            return;
        };
        let covered_others = match rule.source {
            Some(source) => {
                if let Some(count) = sources.each.get_mut(&source) {
                    *count -= 1;
                    if *count == 0 {
                        sources.each.remove(&source);
                    }
                }
                false
            }
            None => {
                sources.any -= 1;
                sources.any == 0
            }
        };
        self.reconsider(rule, covered_others);
        if self
            .wanted
            .get(&place)
            .is_some_and(|sources| sources.any == 0 && sources.each.is_empty())
        {
            self.wanted.remove(&place);
        }
    }

    /// The kernel dropped the memberships of an interface with the interface.
    pub(super) fn forget(&mut self, index: IfIndex) {
        let here = |membership: &Membership| membership.interface == index;
        self.held.retain(|membership| !here(membership));
        self.to_leave.retain(|membership| !here(membership));
    }

    /// Joins come first, so that a change from one source to any, or back,
    /// leaves no moment without membership.
    pub(super) fn poll_join(&mut self) -> Option<Membership> {
        let membership = self.to_join.pop_first()?;
        self.held.insert(membership);
        Some(membership)
    }

    pub(super) fn poll_leave(&mut self) -> Option<Membership> {
        let membership = self.to_leave.pop_first()?;
        self.held.remove(&membership);
        Some(membership)
    }

    fn reconsider(&mut self, rule: Membership, all_sources: bool) {
        self.reconsider_one(rule);
        if !all_sources {
            return;
        }
        let sources: Vec<UnicastAddr> = self
            .wanted
            .get(&(rule.interface, rule.group))
            .map(|sources| sources.each.keys().copied().collect())
            .unwrap_or_default();
        for source in sources {
            self.reconsider_one(Membership {
                source: Some(source),
                ..rule
            });
        }
    }

    fn reconsider_one(&mut self, membership: Membership) {
        let held = self.held.contains(&membership);
        self.to_join.remove(&membership);
        self.to_leave.remove(&membership);
        match (self.is_wanted(membership), held) {
            (true, false) => {
                self.to_join.insert(membership);
            }
            (false, true) => {
                self.to_leave.insert(membership);
            }
            (true, true) | (false, false) => {}
        }
    }

    fn is_wanted(&self, membership: Membership) -> bool {
        let place = (membership.interface, membership.group);
        self.wanted
            .get(&place)
            .is_some_and(|sources| match membership.source {
                // A membership for any source delivers every source.
                Some(source) => sources.any == 0 && sources.each.contains_key(&source),
                None => sources.any > 0,
            })
    }
}
