//! What the router is told of packets, and how often. Whatever arrives, the
//! memory for it and the rate of events have a limit, and each kind of event
//! has a rate of its own: sources that nobody wants take nothing from those
//! that somebody does.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use mcr_proto::router::DataPlaneEvent;

/// Events that wait to be sent at the end of a batch, at most.
const MAX_WAITING: usize = 1024;

/// Of one flow without a route, so many packets are told in a period: those
/// that arrive until the route does.
const FIRST_PACKETS: u32 = 16;
const MISS_AGAIN: Duration = Duration::from_secs(1);

/// A source that a (*,G) route takes is told again after this time.
const SOURCE_AGAIN: Duration = Duration::from_secs(60);

/// The same unexpected thing is told so often.
pub(super) const TELL_AGAIN: Duration = Duration::from_secs(1);

/// Events in a second, of each kind, and at once.
const RATE: u32 = 5000;
const BURST: u32 = 1000;

/// Flows that are remembered; two that share a place forget each other, which
/// costs events and no memory.
const FLOWS: usize = 4096;

/// What kind of event, of those with a rate of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Miss,
    Source,
    Register,
    Unexpected,
}

/// The limits, and the events that they let pass.
#[derive(Debug)]
pub(super) struct Watch {
    waiting: VecDeque<DataPlaneEvent>,
    budgets: [Budget; 4],
    misses: Flows,
    sources: Flows,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch {
            waiting: VecDeque::new(),
            budgets: [const { Budget::full() }; 4],
            misses: Flows::new(MISS_AGAIN),
            sources: Flows::new(SOURCE_AGAIN),
        }
    }

    /// Whether a packet of this flow is among the first of its kind, and thus
    /// to be told if the rate allows.
    pub(super) fn is_early(
        &mut self,
        now: Instant,
        kind: Kind,
        source: Ipv4Addr,
        group: Ipv4Addr,
    ) -> bool {
        let flow = (u32::from(source), u32::from(group));
        match kind {
            Kind::Miss => self.misses.is_early(now, flow),
            Kind::Source => self.sources.is_early(now, flow),
            Kind::Register | Kind::Unexpected => true,
        }
    }

    /// Adds the event; `false` where the rate of its kind does not allow it.
    pub(super) fn raise(
        &mut self,
        now: Instant,
        kind: Kind,
        event: impl FnOnce() -> Option<DataPlaneEvent>,
    ) -> bool {
        if self.waiting.len() >= MAX_WAITING || !self.budgets[kind as usize].take(now) {
            return false;
        }
        self.waiting.extend(event());
        true
    }

    /// The next event to send.
    pub(super) fn next(&mut self) -> Option<DataPlaneEvent> {
        self.waiting.pop_front()
    }
}

/// A token bucket.
#[derive(Clone, Copy, Debug)]
struct Budget {
    tokens: u32,
    since: Option<Instant>,
}

impl Budget {
    const fn full() -> Budget {
        Budget {
            tokens: BURST,
            since: None,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since).as_micros();
        let earned = elapsed * u128::from(RATE) / 1_000_000;
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(BURST);
            self.tokens = self.tokens.saturating_add(earned).min(BURST);
            self.since = Some(now);
        }
        let Some(left) = self.tokens.checked_sub(1) else {
            return false;
        };
        self.tokens = left;
        true
    }
}

type Flow = (u32, u32);

/// How many packets of a flow came in its present period.
#[derive(Debug)]
struct Flows {
    again: Duration,
    places: Box<[Seen]>,
    /// With keys of its own, so that nobody can choose flows that share places.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    flow: Flow,
    since: Option<Instant>,
    packets: u32,
}

impl Flows {
    fn new(again: Duration) -> Flows {
        Flows {
            again,
            places: vec![Seen::default(); FLOWS].into_boxed_slice(),
            hasher: RandomState::new(),
        }
    }

    fn is_early(&mut self, now: Instant, flow: Flow) -> bool {
        let place = self.hasher.hash_one(flow) as usize % FLOWS;
        let Some(seen) = self.places.get_mut(place) else {
            return false;
        };
        let present = seen
            .since
            .is_some_and(|since| now.saturating_duration_since(since) < self.again);
        if seen.flow != flow || !present {
            *seen = Seen {
                flow,
                since: Some(now),
                packets: 0,
            };
        }
        seen.packets = seen.packets.saturating_add(1);
        seen.packets <= FIRST_PACKETS
    }
}
