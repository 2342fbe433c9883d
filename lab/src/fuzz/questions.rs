//! What may be asked of a case: that to which the reference model has an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;

use super::case::{Case, GROUPS, ReceiverId, RouterId, SourceId, State, What};
use crate::reference::{self, Sending, Situation, World};
use crate::topology;
use crate::topology::model::{Action, Topology};

/// What is asked after each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Questions {
    pub(super) of: Vec<Asked>,
}

/// What is asked after one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// What the model knows of what the routers know; nothing at all where it is
    /// `None`.
    pub(super) known: Option<Known>,
    /// Groups whose trees are known.
    pub(super) trees: Vec<Ipv4Addr>,
    /// Receivers that must get all of a source.
    pub(super) reached: Vec<(ReceiverId, SourceId)>,
    /// No datagram is in a Register any more.
    pub(super) native: bool,
    /// How things were before.
    pub(super) before: State,
    /// Routers that can be asked.
    pub(super) running: Vec<RouterId>,
    /// Of which nothing must be left: groups with their sources.
    pub(super) left: BTreeMap<Ipv4Addr, Vec<SourceId>>,
}

/// How much the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// All trees too.
    All,
    /// Neighbours, Designated Routers and RPs.
    Routers,
}

impl Questions {
    /// Those of a case.
    ///
    /// # Errors
    /// The case is no lab file; that is a mistake of the drawing.
    pub(super) fn of(case: &Case) -> Result<Questions, String> {
        let mut questions = Questions::default();
        let mut state = State::default();
        for event in &case.events {
            let mut asked = Asked {
                before: state.clone(),
                ..Asked::default()
            };
            state.change(event.what);
            asked.running = case.routers.keys().copied().collect();
            let runs = |at: &RouterId| !state.dead.contains(at) && !state.frozen.contains(at);
            asked.running.retain(runs);
            if event.what == What::Over {
                asked.left = left(case);
            }
            questions.of.push(asked);
        }
        let lab = read(&case.text(&questions, &[]))?;
        let mut walk = Walk {
            case,
            lab: &lab,
            situation: Situation::default(),
            joined: BTreeSet::new(),
        };
        // A step is written for each event, and a second one where nothing must
        // be lost: not yet.
        for ((step, event), asked) in lab.steps.iter().zip(&case.events).zip(&mut questions.of) {
            for action in &step.actions {
                walk.act(action);
            }
            if event.what == What::Judge {
                walk.ask(asked);
            }
        }
        Ok(questions)
    }
}

/// Reads a text as a lab file.
pub(super) fn read(text: &str) -> Result<Topology, String> {
    let read = topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    read.map_err(|mistakes| mistakes.render(false))
}

fn left(case: &Case) -> BTreeMap<Ipv4Addr, Vec<SourceId>> {
    let groups = GROUPS.into_iter().map(|group| {
        let sources = case.sources.iter().filter(|(_, one)| one.group == group);
        (group, sources.map(|(at, _)| *at).collect())
    });
    groups.collect()
}

/// The case at one moment.
struct Walk<'a> {
    case: &'a Case,
    lab: &'a Topology,
    situation: Situation,
    joined: BTreeSet<usize>,
}

impl Walk<'_> {
    fn act(&mut self, action: &Action) {
        self.situation.change(self.lab, action);
        if let Action::Join(all) = action {
            self.joined.extend(all);
        }
        if let Action::Leave(all) = action {
            self.joined.retain(|at| !all.contains(at));
        }
    }

    /// Asks for the trees that the model knows, and of those who are on them.
    fn ask(&self, asked: &mut Asked) {
        let Ok(world) = World::new(self.lab, &self.situation, &self.joined) else {
            return;
        };
        let mut all = true;
        for group in GROUPS {
            let sending = asked.before.sending.iter().copied();
            let sending: Vec<SourceId> = sending
                .filter(|at| {
                    self.case
                        .sources
                        .get(at)
                        .is_some_and(|one| one.group == group)
                })
                .collect();
            let trees: Option<Vec<_>> = sending
                .iter()
                .map(|at| Some((*at, self.tree(&world, *at, group)?)))
                .collect();
            let native = sending.iter().all(|at| self.is_native(&world, *at, group));
            all &= trees.is_some() && native;
            let Some(trees) = trees.filter(|trees| !trees.is_empty()) else {
                continue;
            };
            asked.trees.push(group);
            for (source, right) in trees {
                let wants = asked.before.joined.iter().filter(|at| {
                    let one = self.case.receivers.get(at);
                    one.is_some_and(|one| {
                        one.group == group && one.source.is_none_or(|of| of == source)
                    })
                });
                let wants = wants.filter(|at| self.is_on(**at, &right));
                asked.reached.extend(wants.map(|at| (*at, source)));
            }
        }
        asked.native = all && !asked.trees.is_empty();
        asked.known = Some(match all {
            true => Known::All,
            false => Known::Routers,
        });
    }

    fn source(&self, source: SourceId) -> Option<usize> {
        let name = format!("S{source}");
        self.lab.sources.iter().position(|one| one.name == name)
    }

    fn tree(
        &self,
        world: &World<'_>,
        source: SourceId,
        group: Ipv4Addr,
    ) -> Option<reference::Right> {
        let at = self.source(source)?;
        reference::right(world, at, group, &Sending::new()).ok()
    }

    fn is_native(&self, world: &World<'_>, source: SourceId, group: Ipv4Addr) -> bool {
        let at = self.source(source);
        at.is_some_and(|at| world.is_native(at, group))
    }

    fn is_on(&self, receiver: ReceiverId, right: &reference::Right) -> bool {
        let name = format!("R{receiver}");
        let found = self.lab.receivers.iter().find(|one| one.name == name);
        let interface = found.and_then(|one| {
            let node = self.lab.nodes.get(one.at.0)?;
            node.interfaces.get(one.interface)
        });
        interface.is_some_and(|one| right.links.contains(&one.link))
    }
}
