//! Adding, removing and replacing rules: all of a change, or none of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::{Relay, RelayInput, RelayRule};
use crate::id::{InterfaceName, RuleName};

/// The most rules one input interface can have.
pub const MAX_RULES_PER_INTERFACE: usize = 10_000;

/// The most rules in all.
pub const MAX_RULES: usize = 100_000;

/// Why rules cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// A name identifies one rule.
    #[error("there is another rule named '{0}'")]
    NameTaken(RuleName),
    /// A packet can match one of them only, so the other would be dead.
    #[error("rule '{rule}' has the same input as rule '{other}'")]
    SameInput {
        /// The rule that is refused.
        rule: RuleName,
        /// The rule that matches this input already.
        other: RuleName,
    },
    /// More than [`MAX_RULES_PER_INTERFACE`].
    #[error(
        "{count} rules for input interface '{interface}', and the limit is \
         {MAX_RULES_PER_INTERFACE}"
    )]
    TooManyRules {
        /// The input interface.
        interface: InterfaceName,
        /// How many there would be.
        count: usize,
    },
    /// More than [`MAX_RULES`].
    #[error("{count} rules in all, and the limit is {MAX_RULES}")]
    TooManyRulesInAll {
        /// How many there would be.
        count: usize,
    },
}

/// The difference between the rules there are and the rules there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleChanges {
    /// Rules of a new name.
    pub added: Vec<RelayRule>,
    /// Names of rules that go.
    pub removed: Vec<RuleName>,
    /// Rules that have a known name and differ from the one they replace.
    pub changed: Vec<RelayRule>,
}

impl RuleChanges {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Which of the present rules stay as they are.
enum Kept<'a> {
    All,
    Except(&'a BTreeSet<&'a RuleName>),
    None,
}

impl Kept<'_> {
    fn has(&self, name: &RuleName) -> bool {
        match self {
            Kept::All => true,
            Kept::Except(names) => !names.contains(name),
            Kept::None => false,
        }
    }

    fn count<'a>(&self, names: impl ExactSizeIterator<Item = &'a RuleName>) -> usize {
        match self {
            Kept::All => names.len(),
            Kept::Except(_) => names.filter(|name| self.has(name)).count(),
            Kept::None => 0,
        }
    }
}

impl Relay {
    /// Adds all of the rules, or none and says everything that is against it.
    pub fn add(&mut self, rules: Vec<RelayRule>) -> Result<(), Vec<Refusal>> {
        self.check(&rules, &Kept::All)?;
        for rule in rules {
            self.insert(rule);
        }
        Ok(())
    }

    /// Removes all of the rules and returns them, or none and returns the
    /// names that no rule has.
    pub fn remove(&mut self, names: &[RuleName]) -> Result<Vec<RelayRule>, Vec<RuleName>> {
        let unknown: Vec<RuleName> = names
            .iter()
            .filter(|name| !self.rules.contains_key(*name))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        Ok(names.iter().filter_map(|name| self.take(name)).collect())
    }

    /// What must change so that `target` is in force; with `merge`, rules that
    /// it does not name stay. Changes nothing.
    pub fn plan(&self, target: Vec<RelayRule>, merge: bool) -> Result<RuleChanges, Vec<Refusal>> {
        let names: BTreeSet<&RuleName> = target.iter().map(|rule| &rule.name).collect();
        let kept = if merge {
            Kept::Except(&names)
        } else {
            Kept::None
        };
        self.check(&target, &kept)?;
        let removed = self
            .rules
            .keys()
            .filter(|name| !merge && !names.contains(name))
            .cloned()
            .collect();
        let mut changes = RuleChanges {
            removed,
            ..RuleChanges::default()
        };
        for rule in target {
            match self.rules.get(&rule.name) {
                None => changes.added.push(rule),
                Some(old) if *old != rule => changes.changed.push(rule),
                Some(_) => {}
            }
        }
        Ok(changes)
    }

    /// Makes the changes of [`Relay::plan`]. Should rules have changed since,
    /// the rules of the plan take the place of those that are in their way.
    pub fn apply(&mut self, changes: RuleChanges) {
        let replaced = changes.changed.iter().map(|rule| &rule.name);
        for name in changes.removed.iter().chain(replaced) {
            self.take(name);
        }
        for rule in changes.changed.into_iter().chain(changes.added) {
            self.take(&rule.name);
            if let Some(other) = self.names.get(&rule.input).cloned() {
                self.take(&other);
            }
            self.insert(rule);
        }
    }

    fn check(&self, new: &[RelayRule], kept: &Kept<'_>) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut names = BTreeSet::new();
        let mut inputs: BTreeMap<&RelayInput, &RuleName> = BTreeMap::new();
        let mut counts: BTreeMap<&InterfaceName, usize> = BTreeMap::new();
        for rule in new {
            let present = self.rules.contains_key(&rule.name) && kept.has(&rule.name);
            if !names.insert(&rule.name) || present {
                refusals.push(Refusal::NameTaken(rule.name.clone()));
            }
            let present = self.names.get(&rule.input).filter(|name| kept.has(name));
            let other = match (present, inputs.entry(&rule.input)) {
                (Some(other), _) => Some(other),
                (None, Entry::Occupied(other)) => Some(*other.get()),
                (None, Entry::Vacant(place)) => {
                    place.insert(&rule.name);
                    None
                }
            };
            if let Some(other) = other.filter(|other| **other != rule.name) {
                refusals.push(Refusal::SameInput {
                    rule: rule.name.clone(),
                    other: other.clone(),
                });
            }
            *counts.entry(&rule.input.interface).or_default() += 1;
        }
        for (interface, count) in counts {
            let users = self.users.get(interface);
            let count = count + users.map_or(0, |users| kept.count(users.inputs.iter()));
            if count > MAX_RULES_PER_INTERFACE {
                refusals.push(Refusal::TooManyRules {
                    interface: interface.clone(),
                    count,
                });
            }
        }
        let count = new.len() + kept.count(self.rules.keys());
        if count > MAX_RULES {
            refusals.push(Refusal::TooManyRulesInAll { count });
        }
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// Takes in a rule whose name and input are free.
    fn insert(&mut self, rule: RelayRule) {
        let name = rule.name.clone();
        let input = self.users.entry(rule.input.interface.clone()).or_default();
        input.inputs.insert(name.clone());
        for output in &rule.outputs {
            let users = self.users.entry(output.interface.clone()).or_default();
            *users.outputs.entry(name.clone()).or_default() += 1;
            users.output_count += 1;
        }
        self.names.insert(rule.input.clone(), name.clone());
        self.rules.insert(name.clone(), rule);
        self.bind(&name);
    }

    fn take(&mut self, name: &RuleName) -> Option<RelayRule> {
        self.unbind(name);
        let rule = self.rules.remove(name)?;
        self.names.remove(&rule.input);
        if let Some(users) = self.users.get_mut(&rule.input.interface) {
            users.inputs.remove(name);
        }
        for output in &rule.outputs {
            if let Some(users) = self.users.get_mut(&output.interface) {
                users.outputs.remove(name);
                users.output_count -= 1;
            }
        }
        let outputs = rule.outputs.iter().map(|output| &output.interface);
        for interface in outputs.chain([&rule.input.interface]) {
            if let Some(users) = self.users.get(interface)
                && users.inputs.is_empty()
                && users.outputs.is_empty()
            {
                self.users.remove(interface);
            }
        }
        Some(rule)
    }
}
