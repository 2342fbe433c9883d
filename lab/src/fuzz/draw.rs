//! Draws a network and what happens to it from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use mcr_proto::rng::Rng;

use super::case::{
    Case, Event, GROUPS, METRIC, Receiver, Router, RouterId, Source, State, What, Wire, WireId,
};

/// What is left to chance.
struct Draw {
    rng: Rng,
    case: Case,
    state: State,
}

impl Case {
    /// The network of a seed, with two to so many routers.
    #[must_use]
    pub fn drawn(seed: u64, routers: u32) -> Case {
        let mut draw = Draw {
            // Seeds that follow one another have nothing in common.
            rng: Rng::new(Rng::new(seed).bits()),
            case: Case {
                seed,
                ..Case::default()
            },
            state: State::default(),
        };
        draw.network(routers.max(2));
        draw.hosts();
        draw.events();
        draw.case.tidy();
        draw.case
    }
}

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.rng.below(u64::from(end))).unwrap_or_default()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let end = u64::try_from(all.len()).ok()?;
        let at = usize::try_from(self.rng.below(end)).ok()?;
        all.get(at).copied()
    }

    /// Some of them, none twice.
    fn some<T: Copy>(&mut self, all: &[T], count: u32) -> Vec<T> {
        let mut left = all.to_vec();
        let mut chosen = Vec::new();
        for _ in 0..count {
            let end = u64::try_from(left.len()).unwrap_or(u64::MAX);
            let at = usize::try_from(self.rng.below(end)).unwrap_or_default();
            if at < left.len() {
                chosen.push(left.swap_remove(at));
            }
        }
        chosen
    }

    fn network(&mut self, most: u32) {
        let count = 2 + self.below(most - 1);
        let all: Vec<RouterId> = (1..=count).collect();
        let stays = self.one_of(&[0, 0, 0, 0, 100, 50]).unwrap_or_default();
        for at in &all {
            let stays = self.chance(stays);
            let router = Router { stays, deaf: false };
            self.case.routers.insert(*at, router);
        }
        for at in 2..=count {
            let other = 1 + self.below(at - 1);
            if count > 2 && self.chance(25) {
                let rest: Vec<RouterId> = all
                    .iter()
                    .copied()
                    .filter(|of| *of != at && *of != other)
                    .collect();
                let more = 1 + self.below(2);
                let more = self.some(&rest, more);
                self.wire(true, [vec![at, other], more].concat());
            } else {
                self.wire(false, vec![at, other]);
            }
        }
        for _ in 0..self.below(4) {
            let two = self.some(&all, 2);
            // Two links between the same two are called by their number, which
            // another one that is taken away would change.
            let known = self.case.wires.values();
            let mut known = known.map(|wire| wire.routers.iter().copied().collect::<Vec<_>>());
            let mut sorted = two.clone();
            sorted.sort_unstable();
            if two.len() == 2 && !known.any(|one| one == sorted) {
                self.wire(false, two);
            }
        }
        let rp = self.one_of(&all).unwrap_or(1);
        let other = self.one_of(&all).unwrap_or(1);
        self.case.rps = if self.chance(70) {
            [rp, rp]
        } else {
            [rp, other]
        };
    }

    fn wire(&mut self, lan: bool, routers: Vec<RouterId>) -> WireId {
        let at = self.case.wires.keys().max().map_or(1, |last| last + 1);
        let metric = self.one_of(&[METRIC, METRIC, METRIC, 5, 20, 30]);
        let mut priorities = BTreeMap::new();
        for router in &routers {
            if lan && self.chance(20) {
                priorities.insert(*router, self.one_of(&[0, 5, 9]).unwrap_or(1));
            }
        }
        let wire = Wire {
            lan,
            routers: routers.into_iter().collect(),
            metric: metric.unwrap_or(METRIC),
            priorities,
        };
        self.case.wires.insert(at, wire);
        at
    }

    /// The LAN of a host: one that is there, or a new one.
    fn place(&mut self) -> WireId {
        let lans = self.case.wires.iter().filter(|(_, wire)| wire.lan);
        let lans: Vec<WireId> = lans.map(|(at, _)| *at).collect();
        let known = self.one_of(&lans);
        if let Some(known) = known
            && self.chance(50)
        {
            return known;
        }
        let all: Vec<RouterId> = self.case.routers.keys().copied().collect();
        let count = self.one_of(&[1, 1, 1, 2, 2, 3]).unwrap_or(1);
        let on = self.some(&all, count);
        self.wire(true, on)
    }

    fn hosts(&mut self) {
        for at in 1..=1 + self.below(3) {
            let group = self.one_of(&GROUPS).unwrap_or(GROUPS[0]);
            let on = self.place();
            self.case.sources.insert(at, Source { on, group });
        }
        let sources: Vec<_> = self
            .case
            .sources
            .iter()
            .map(|(at, one)| (*at, one.group))
            .collect();
        for at in 1..=1 + self.below(4) {
            let Some((source, group)) = self.one_of(&sources) else {
                continue;
            };
            let ssm = group == GROUPS[2];
            let igmp = match ssm {
                true => 3,
                false => self.one_of(&[3, 3, 2, 2, 1]).unwrap_or(3),
            };
            let receiver = Receiver {
                on: self.place(),
                group,
                source: ssm.then_some(source),
                igmp,
            };
            self.case.receivers.insert(at, receiver);
        }
    }

    fn push(&mut self, what: What, pause: Duration) {
        if self.state.change(what) {
            self.case.events.push(Event { what, pause });
        }
    }

    fn pause(&mut self) -> Duration {
        let all = [0, 0, 100, 500, 2_000, 10_000];
        let most = self.one_of(&all).unwrap_or_default();
        Duration::from_millis(u64::from(self.below(most + 1)) / 10 * 10)
    }

    fn judge(&mut self) {
        self.push(What::Judge, Duration::ZERO);
    }

    fn events(&mut self) {
        let sources: Vec<_> = self.case.sources.keys().copied().collect();
        let receivers: Vec<_> = self.case.receivers.keys().copied().collect();
        let mut first: Vec<What> = sources.iter().map(|at| What::Send(*at)).collect();
        first.extend(receivers.iter().map(|at| What::Join(*at)));
        let count = u32::try_from(first.len()).unwrap_or_default();
        for what in self.some(&first, count) {
            let pause = self.pause();
            self.push(what, pause);
        }
        self.judge();
        for _ in 0..2 + self.below(9) {
            if let Some(what) = self.event() {
                let pause = self.pause();
                self.push(what, pause);
            }
            if self.chance(25) {
                self.judge();
            }
        }
        for what in self.state.heal() {
            let pause = self.pause();
            self.push(what, pause);
        }
        self.judge();
        self.push(What::Over, Duration::ZERO);
    }

    fn event(&mut self) -> Option<What> {
        let of = self.below(10);
        match of {
            0..=2 => {
                let all: Vec<_> = self.case.receivers.keys().copied().collect();
                let at = self.one_of(&all)?;
                let joined = self.state.joined.contains(&at);
                Some(if joined {
                    What::Leave(at)
                } else {
                    What::Join(at)
                })
            }
            3 => {
                let all: Vec<_> = self.case.sources.keys().copied().collect();
                let at = self.one_of(&all)?;
                let sending = self.state.sending.contains(&at);
                Some(if sending {
                    What::Stop(at)
                } else {
                    What::Send(at)
                })
            }
            4..=6 => self.link(),
            _ => self.router(),
        }
    }

    fn link(&mut self) -> Option<What> {
        let all: Vec<_> = self.case.wires.keys().copied().collect();
        let at = self.one_of(&all)?;
        if self.state.down.contains(&at) {
            return Some(What::Up(at));
        }
        let wire = self.case.wires.get(&at)?;
        let ends: Vec<RouterId> = wire.routers.iter().copied().collect();
        let of = self.one_of(&ends).filter(|_| self.case.wires[&at].lan);
        match of.filter(|_| self.chance(60)) {
            Some(of) if self.state.ends.contains(&(at, of)) => Some(What::EndUp(at, of)),
            Some(of) => Some(What::EndDown(at, of)),
            None => Some(What::Down(at)),
        }
    }

    fn router(&mut self) -> Option<What> {
        let all: Vec<_> = self.case.routers.keys().copied().collect();
        let at = self.one_of(&all)?;
        if self.state.dead.contains(&at) {
            return Some(What::Start(at));
        }
        if self.state.frozen.contains(&at) {
            return Some(What::Thaw(at));
        }
        self.one_of(&[
            What::Kill(at),
            What::Kill(at),
            What::Quit(at),
            What::Freeze(at),
        ])
    }
}
