//! Faults that a scenario must notice: the same lab with one thing wrong. A step
//! that passes all the same says nothing of that thing.

use std::collections::{BTreeMap, BTreeSet};

use mcr_proto::id::UnicastAddr;
use mcr_sim::reference::Scene;
use serde_json::{Map, Value, json};

use crate::assertion::Outcome;
use crate::reference::{Situation, World};
use crate::report::RunReport;
use crate::topology::model::{Action, Kind, NodeId, Step, Topology};

#[cfg(test)]
mod tests;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// No receiver joins.
    ReceiversOff,
    /// No router takes what another says by PIM: no Join is heard.
    JoinsLost,
    /// Every router expects the sources' packets at another interface.
    WrongIif,
    /// No relay rule is there.
    RulesOff,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 4] = [
        Mutation::ReceiversOff,
        Mutation::JoinsLost,
        Mutation::WrongIif,
        Mutation::RulesOff,
    ];

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mutation::ReceiversOff => "receivers-off",
            Mutation::JoinsLost => "joins-lost",
            Mutation::WrongIif => "wrong-iif",
            Mutation::RulesOff => "rules-off",
        }
    }

    /// The lab with it; `None` where there is nothing to make wrong.
    #[must_use]
    pub fn of(self, lab: &Topology) -> Option<Topology> {
        let mut wrong = lab.clone();
        wrong.origin = None;
        let changed = match self {
            Mutation::ReceiversOff => receivers_off(&mut wrong),
            Mutation::JoinsLost => joins_lost(&mut wrong),
            Mutation::WrongIif => wrong_iif(lab, &mut wrong),
            Mutation::RulesOff => rules_off(&mut wrong),
        };
        changed.then_some(wrong)
    }
}

fn receivers_off(lab: &mut Topology) -> bool {
    let mut changed = false;
    for actions in lab.steps.iter_mut().flat_map(Step::with_swept_mut) {
        changed |= nobody_joins(actions);
    }
    changed
}

fn nobody_joins(actions: &mut Vec<Action>) -> bool {
    let before = actions.len();
    actions.retain(|action| !matches!(action, Action::Join(_) | Action::Leave(_)));
    let mut changed = actions.len() < before;
    for action in actions {
        if let Action::Together(rows) = action {
            for row in rows {
                changed |= nobody_joins(row);
            }
        }
    }
    changed
}

/// Changes the configurations of mcrd, those that steps give it too; whether
/// there is any.
fn configure(lab: &mut Topology, change: impl Fn(NodeId, &mut Value) -> bool) -> bool {
    let mut changed = false;
    for (at, node) in lab.nodes.iter_mut().enumerate() {
        if let Kind::Mcrd { config } = &mut node.kind {
            changed |= change(NodeId(at), config);
        }
    }
    let actions = lab.steps.iter_mut().flat_map(Step::with_swept_mut);
    for action in actions.flatten().flat_map(Action::each_mut) {
        if let Action::Config { at, config } = action {
            changed |= change(*at, config);
        }
    }
    changed
}

/// The interfaces with PIM.
fn pim(config: &mut Value) -> Option<&mut Map<String, Value>> {
    let interfaces = config.pointer_mut("/pim/interfaces");
    interfaces.and_then(Value::as_object_mut)
}

fn rules_off(lab: &mut Topology) -> bool {
    configure(lab, |_, config| {
        let rules = config.get_mut("rules").and_then(Value::as_array_mut);
        rules.is_some_and(|rules| !std::mem::take(rules).is_empty())
    })
}

fn joins_lost(lab: &mut Topology) -> bool {
    configure(lab, |_, config| {
        let Some(interfaces) = pim(config) else {
            return false;
        };
        for interface in interfaces.values_mut() {
            // RFC 5737: nobody has these addresses.
            interface["neighbors"] = json!(["192.0.2.0/24"]);
        }
        !interfaces.is_empty()
    })
}

fn wrong_iif(lab: &Topology, wrong: &mut Topology) -> bool {
    let (situation, nobody) = (Situation::default(), BTreeSet::new());
    let Ok(world) = World::new(lab, &situation, &nobody) else {
        return false;
    };
    let mut routes: BTreeMap<NodeId, Vec<Value>> = BTreeMap::new();
    for source in &lab.sources {
        let node = lab.nodes.get(source.at.0);
        let interface = node.and_then(|node| node.interfaces.get(source.interface));
        let address = interface.and_then(|interface| interface.addresses.first());
        let Some(address) = address.and_then(|net| UnicastAddr::try_from(net.addr()).ok()) else {
            continue;
        };
        for (at, node) in lab.nodes.iter().enumerate() {
            let at = NodeId(at);
            let Some((right, _)) = world.step(at, address) else {
                continue;
            };
            let other = node.interfaces.iter().find(|one| one.link != right);
            routes.entry(at).or_default().extend(other.map(
                |other| json!({ "network": format!("{address}/32"), "interface": other.name }),
            ));
        }
    }
    configure(wrong, |at, config| {
        // The way to a source is nothing to what only relays.
        if pim(config).is_none_or(|interfaces| interfaces.is_empty()) {
            return false;
        }
        let Some((own, config)) = routes.get(&at).zip(config.as_object_mut()) else {
            return false;
        };
        let all = config.entry("mroutes").or_insert_with(|| json!([]));
        if let Some(all) = all.as_array_mut() {
            all.extend(own.iter().cloned());
        }
        !own.is_empty()
    })
}

/// What was noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// By mutation, the steps that did.
    pub by: Vec<(Mutation, Vec<String>)>,
    /// Steps that expect something and noticed nothing at all, with their lines.
    pub blind: Vec<(String, usize)>,
}

impl Noticed {
    /// Reads what runs with something wrong came to.
    #[must_use]
    pub fn of(runs: &[(Mutation, RunReport)]) -> Noticed {
        let mut noticed = Noticed::default();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for (mutation, run) in runs {
            let steps = run.steps.iter().enumerate();
            let failed = steps.filter(|(_, step)| did_fail(step.outcome));
            let failed: Vec<_> = failed.collect();
            seen.extend(failed.iter().map(|(position, _)| *position));
            let titles = failed.iter().map(|(_, step)| step.title.clone());
            noticed.by.push((*mutation, titles.collect()));
        }
        let Some((_, run)) = runs.first() else {
            return noticed;
        };
        let expecting = run.steps.iter().enumerate();
        let expecting = expecting.filter(|(_, step)| !step.expectations.is_empty());
        let blind = expecting.filter(|(position, _)| !seen.contains(position));
        noticed.blind = blind
            .map(|(_, step)| (step.title.clone(), step.line))
            .collect();
        noticed
    }

    /// Some mutation was noticed by no step.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        self.by.iter().any(|(_, steps)| steps.is_empty())
    }

    /// As people read it.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (mutation, steps) in &self.by {
            let word = mutation.word();
            lines.push(match steps.split_first() {
                None => format!("  NO  {word:<14} no step noticed it"),
                Some((first, [])) => format!("  ok  {word:<14} \"{first}\""),
                Some((first, more)) => {
                    format!("  ok  {word:<14} \"{first}\" and {} more", more.len())
                }
            });
        }
        for (title, line) in &self.blind {
            lines.push(format!("  line {line}: \"{title}\" noticed nothing"));
        }
        lines
    }
}

/// A step judged, and found it wrong.
fn did_fail(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Fail | Outcome::Late | Outcome::Flap => true,
        Outcome::Pass | Outcome::Skip | Outcome::Error => false,
    }
}
