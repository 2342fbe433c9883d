//! Makes a case that fails smaller, as long as it fails in the same way.

use std::time::{Duration, Instant};

use super::case::{Case, Event, METRIC, What};
use super::verdict::Failure;

/// The most smaller cases that are tried, and for how long.
const TRIES: u32 = 1_000;
const TIME: Duration = Duration::from_secs(600);

/// A case that could not be made smaller.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// It.
    pub case: Case,
    /// How it fails.
    pub failure: Failure,
    /// How many others were tried.
    pub tries: u32,
}

/// Takes away what the failure does not need. `judge` says how a case fails.
pub fn shrink(
    case: &Case,
    failure: Failure,
    mut judge: impl FnMut(&Case) -> Option<Failure>,
) -> Smallest {
    let began = Instant::now();
    let mut least = Smallest {
        case: case.clone(),
        failure,
        tries: 0,
    };
    let mut smaller = true;
    while smaller {
        smaller = false;
        for pass in PASSES {
            let mut at = 0;
            // What was taken away makes room for the next one at its place.
            while let Some(mut candidate) = pass(&least.case, at) {
                if least.tries >= TRIES || began.elapsed() >= TIME {
                    return least;
                }
                at += 1;
                candidate.tidy();
                if candidate == least.case {
                    continue;
                }
                least.tries += 1;
                let failed = judge(&candidate).filter(|one| one.kind == least.failure.kind);
                if let Some(failed) = failed {
                    (least.case, least.failure) = (candidate, failed);
                    smaller = true;
                    at -= 1;
                }
            }
        }
    }
    least
}

/// Makes the case smaller at a position; `None` behind the last one.
type Pass = fn(&Case, usize) -> Option<Case>;

/// The coarse ones first.
const PASSES: [Pass; 9] = [
    after, judges, routers, receivers, sources, wires, events, members, plain,
];

fn with(case: &Case, change: impl FnOnce(&mut Case)) -> Option<Case> {
    let mut smaller = case.clone();
    change(&mut smaller);
    Some(smaller)
}

/// Everything after the judgement that fails, and earlier judgements.
fn after(case: &Case, at: usize) -> Option<Case> {
    let judged = positions(case);
    let last = *judged.get(at)?;
    with(case, |smaller| {
        smaller.events.truncate(last + 1);
    })
}

/// Where the case is judged.
fn positions(case: &Case) -> Vec<usize> {
    let is_judge = |event: &Event| matches!(event.what, What::Judge | What::Over);
    let all = case.events.iter().enumerate();
    let judged = all.filter(|(_, event)| is_judge(event));
    judged.map(|(at, _)| at).collect()
}

fn judges(case: &Case, at: usize) -> Option<Case> {
    let gone = *positions(case).get(at)?;
    with(case, |smaller| {
        smaller.events.remove(gone);
    })
}

fn routers(case: &Case, at: usize) -> Option<Case> {
    let gone = *case.routers.keys().nth(at)?;
    with(case, |smaller| {
        smaller.routers.remove(&gone);
        let first = smaller.routers.keys().next().copied();
        for rp in smaller.rps.iter_mut().filter(|rp| **rp == gone) {
            *rp = first.unwrap_or(gone);
        }
    })
}

fn receivers(case: &Case, at: usize) -> Option<Case> {
    let gone = *case.receivers.keys().nth(at)?;
    with(case, |smaller| {
        smaller.receivers.remove(&gone);
    })
}

fn sources(case: &Case, at: usize) -> Option<Case> {
    let gone = *case.sources.keys().nth(at)?;
    with(case, |smaller| {
        smaller.sources.remove(&gone);
    })
}

fn wires(case: &Case, at: usize) -> Option<Case> {
    let gone = *case.wires.keys().nth(at)?;
    with(case, |smaller| {
        smaller.wires.remove(&gone);
    })
}

fn events(case: &Case, at: usize) -> Option<Case> {
    case.events.get(at)?;
    with(case, |smaller| {
        smaller.events.remove(at);
    })
}

/// Members of LANs; a LAN of two routers without hosts is a link.
fn members(case: &Case, at: usize) -> Option<Case> {
    let lans = case.wires.iter().filter(|(_, wire)| wire.lan);
    let all = lans.flat_map(|(number, wire)| wire.routers.iter().map(|of| (*number, *of)));
    let (wire, router) = all.clone().nth(at)?;
    with(case, |smaller| {
        if let Some(wire) = smaller.wires.get_mut(&wire) {
            wire.routers.remove(&router);
        }
    })
}

/// What is not as usual: costs, priorities, versions, pauses, a second RP.
fn plain(case: &Case, at: usize) -> Option<Case> {
    let mut all: Vec<Case> = Vec::new();
    let mut change = |change: &dyn Fn(&mut Case)| {
        let mut plain = case.clone();
        change(&mut plain);
        all.push(plain);
    };
    for number in case.wires.keys() {
        change(&|plain| {
            if let Some(wire) = plain.wires.get_mut(number) {
                wire.metric = METRIC;
            }
        });
        change(&|plain| {
            if let Some(wire) = plain.wires.get_mut(number) {
                wire.priorities.clear();
            }
        });
    }
    for number in case.routers.keys() {
        change(&|plain| {
            if let Some(router) = plain.routers.get_mut(number) {
                router.stays = false;
            }
        });
        change(&|plain| {
            if let Some(router) = plain.routers.get_mut(number) {
                router.deaf = false;
            }
        });
    }
    for number in case.receivers.keys() {
        change(&|plain| {
            if let Some(receiver) = plain.receivers.get_mut(number) {
                receiver.igmp = 3;
            }
        });
    }
    change(&|plain| plain.rps[1] = plain.rps[0]);
    for position in 0..case.events.len() {
        change(&|plain| {
            if let Some(event) = plain.events.get_mut(position) {
                event.pause = Duration::ZERO;
            }
        });
    }
    all.into_iter().nth(at)
}
