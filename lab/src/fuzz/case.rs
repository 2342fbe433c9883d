//! A network and what happens to it, as parts that can be taken away one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::hunt::Plant;

/// The group of every range: two that an RP serves, and one without.
pub(super) const GROUPS: [Ipv4Addr; 3] = [
    Ipv4Addr::new(239, 1, 1, 1),
    Ipv4Addr::new(239, 1, 1, 2),
    Ipv4Addr::new(232, 1, 1, 1),
];

/// What a link costs where nothing is said.
pub(super) const METRIC: u32 = 10;

/// A router's number: `r1` is 1. Numbers of parts that are gone are not given to
/// others, so that a smaller network is still the same one.
pub(super) type RouterId = u32;
/// A link's number.
pub(super) type WireId = u32;
/// A receiver's number, and its host's: `R1` is on `h1`.
pub(super) type ReceiverId = u32;
/// A source's number, and its host's: `S1` is on `s1`.
pub(super) type SourceId = u32;

/// A network and its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// What it was drawn from.
    pub(super) seed: u64,
    pub(super) routers: BTreeMap<RouterId, Router>,
    pub(super) wires: BTreeMap<WireId, Wire>,
    pub(super) receivers: BTreeMap<ReceiverId, Receiver>,
    pub(super) sources: BTreeMap<SourceId, Source>,
    /// The RP of each group of [`GROUPS`] that has one.
    pub(super) rps: [RouterId; 2],
    pub(super) events: Vec<Event>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Router {
    /// It stays on the RP tree.
    pub(super) stays: bool,
    /// It takes nobody for a neighbour: a fault that is planted.
    pub(super) deaf: bool,
}

/// A link between two, or a LAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wire {
    /// A LAN, with any number of members.
    pub(super) lan: bool,
    pub(super) routers: BTreeSet<RouterId>,
    pub(super) metric: u32,
    /// DR priorities that are not 1.
    pub(super) priorities: BTreeMap<RouterId, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Receiver {
    pub(super) on: WireId,
    pub(super) group: Ipv4Addr,
    /// The source, for SSM.
    pub(super) source: Option<SourceId>,
    pub(super) igmp: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) on: WireId,
    pub(super) group: Ipv4Addr,
}

/// Something that happens, and how long nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) what: What,
    pub(super) pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Join(ReceiverId),
    Leave(ReceiverId),
    Send(SourceId),
    Stop(SourceId),
    Down(WireId),
    Up(WireId),
    /// A router's end of a LAN.
    EndDown(WireId, RouterId),
    EndUp(WireId, RouterId),
    /// The daemon dies.
    Kill(RouterId),
    /// The daemon ends as it should.
    Quit(RouterId),
    Start(RouterId),
    Freeze(RouterId),
    Thaw(RouterId),
    /// Time to settle, and then everything is judged.
    Judge,
    /// All leave and stop, and nothing must be left.
    Over,
}

/// What is so at some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) joined: BTreeSet<ReceiverId>,
    pub(super) sending: BTreeSet<SourceId>,
    pub(super) down: BTreeSet<WireId>,
    pub(super) ends: BTreeSet<(WireId, RouterId)>,
    pub(super) dead: BTreeSet<RouterId>,
    pub(super) frozen: BTreeSet<RouterId>,
}

impl State {
    /// Lets something happen; whether it could.
    pub(super) fn change(&mut self, what: What) -> bool {
        match what {
            What::Join(at) => self.joined.insert(at),
            What::Leave(at) => self.joined.remove(&at),
            What::Send(at) => self.sending.insert(at),
            What::Stop(at) => self.sending.remove(&at),
            What::Down(at) => self.down.insert(at),
            What::Up(at) => {
                // All its ends are set up.
                let down = self.down.remove(&at);
                if down {
                    self.ends.retain(|(wire, _)| *wire != at);
                }
                down
            }
            What::EndDown(at, of) => !self.down.contains(&at) && self.ends.insert((at, of)),
            What::EndUp(at, of) => !self.down.contains(&at) && self.ends.remove(&(at, of)),
            What::Kill(at) | What::Quit(at) => !self.frozen.contains(&at) && self.dead.insert(at),
            What::Start(at) => self.dead.remove(&at),
            What::Freeze(at) => !self.dead.contains(&at) && self.frozen.insert(at),
            What::Thaw(at) => self.frozen.remove(&at),
            What::Judge => true,
            What::Over => {
                (self.joined, self.sending) = Default::default();
                true
            }
        }
    }

    /// What takes all faults back.
    pub(super) fn heal(&self) -> Vec<What> {
        let mut all: Vec<What> = Vec::new();
        all.extend(self.frozen.iter().map(|at| What::Thaw(*at)));
        all.extend(self.dead.iter().map(|at| What::Start(*at)));
        all.extend(self.down.iter().map(|at| What::Up(*at)));
        all.extend(self.ends.iter().map(|(at, of)| What::EndUp(*at, *of)));
        all
    }
}

impl Case {
    /// How many nodes it has.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.routers.len() + self.receivers.len() + self.sources.len()
    }

    /// What it was drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many things happen to it.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Makes something wrong with it.
    pub fn plant(&mut self, plant: Plant) {
        match plant {
            // The one with the most links.
            Plant::Deaf => {
                let links = |at: &RouterId| {
                    let wires = self.wires.values();
                    wires.filter(|wire| wire.routers.contains(at)).count()
                };
                let at = self.routers.keys().copied().max_by_key(links);
                if let Some(router) = at.and_then(|at| self.routers.get_mut(&at)) {
                    router.deaf = true;
                }
            }
        }
    }

    /// Takes away what refers to parts that are gone, and events that change
    /// nothing.
    pub(super) fn tidy(&mut self) {
        let routers = &self.routers;
        for wire in self.wires.values_mut() {
            wire.routers.retain(|at| routers.contains_key(at));
            let on = &wire.routers;
            wire.priorities.retain(|at, _| on.contains(at));
        }
        // A link has two ends, and a LAN without routers is of no use.
        let hosts: Vec<WireId> = self.hosts().map(|(_, on)| on).collect();
        let least = |at: &WireId| match hosts.contains(at) {
            true => 1,
            false => 2,
        };
        self.wires
            .retain(|at, wire| wire.routers.len() >= least(at));
        let wires = &self.wires;
        self.sources.retain(|_, one| wires.contains_key(&one.on));
        let sources = &self.sources;
        self.receivers.retain(|_, one| {
            let known = one.source.is_none_or(|of| sources.contains_key(&of));
            known && wires.contains_key(&one.on)
        });
        let mut state = State::default();
        let events = std::mem::take(&mut self.events).into_iter();
        self.events = events
            .filter(|event| self.knows(event.what) && state.change(event.what))
            .collect();
    }

    /// Hosts by name, with their links.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (String, WireId)> {
        let sources = self
            .sources
            .iter()
            .map(|(at, one)| (source_host(*at), one.on));
        let receivers = self.receivers.iter();
        sources.chain(receivers.map(|(at, one)| (receiver_host(*at), one.on)))
    }

    fn knows(&self, what: What) -> bool {
        match what {
            What::Join(at) | What::Leave(at) => self.receivers.contains_key(&at),
            What::Send(at) | What::Stop(at) => self.sources.contains_key(&at),
            What::Down(at) | What::Up(at) => self.wires.contains_key(&at),
            What::EndDown(at, of) | What::EndUp(at, of) => {
                let wire = self.wires.get(&at);
                wire.is_some_and(|wire| wire.lan && wire.routers.contains(&of))
            }
            What::Kill(at)
            | What::Quit(at)
            | What::Start(at)
            | What::Freeze(at)
            | What::Thaw(at) => self.routers.contains_key(&at),
            What::Judge | What::Over => true,
        }
    }
}

pub(super) fn receiver_host(at: ReceiverId) -> String {
    format!("h{at}")
}

pub(super) fn source_host(at: SourceId) -> String {
    format!("s{at}")
}
