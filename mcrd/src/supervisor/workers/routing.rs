//! The workers as the router sees them: routes, what they are told to listen
//! to, and what they tell.

use std::collections::VecDeque;
use std::time::Instant;

use mcr_dataplane::counters::Cell;
use mcr_proto::fib::{RouteKey, RouteUpdate};
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::router::DataPlaneEvent;
use tracing::{debug, warn};

use super::Workers;
use super::pool::Pool;
use super::tables::{Entry, Key, Tables};
use super::tally::add;

/// Events that wait for the router, of workers: far more than can come in one
/// turn of the event loop.
const MAX_SEEN: usize = 8192;

impl Workers {
    /// The router's part of the table has changed.
    pub(crate) fn route_changed(&mut self, now: Instant, tables: Tables<'_>, update: RouteUpdate) {
        match update {
            RouteUpdate::Set(key, entry) => {
                // Where nobody listens, nothing is routed.
                self.set(now, tables, key.iif, Entry::Route(key, &entry), false);
            }
            RouteUpdate::Remove(key) => self.remove(key.iif, Key::Route(key)),
        }
    }

    /// The router takes part on the interface, or does no more.
    pub(crate) fn listen(&mut self, now: Instant, tables: Tables<'_>, iif: IfIndex, on: bool) {
        if on {
            self.listening.insert(iif);
        } else {
            self.listening.remove(&iif);
        }
        let id = self.by_input.get(&iif);
        if let Some(pool) = id.and_then(|id| self.pools.get_mut(id)) {
            pool.table.listening = on;
        } else if on {
            self.make_pool(now, tables, iif);
        }
    }

    /// The next thing that the router is to know; to be called until there is
    /// nothing more.
    pub(crate) fn poll_data_plane(&mut self) -> Option<DataPlaneEvent> {
        self.seen.pop_front()
    }

    /// Whether a packet that came down the shared tree, and is to be forwarded
    /// by the supervisor, has not been overtaken by the source's own tree.
    pub(crate) fn pass_shared(&self, packet: &[u8]) -> bool {
        self.gates.pass_shared(packet)
    }

    /// What the workers took of the source, or by (\*,G), wherever it arrives;
    /// `None` where they have no such route.
    pub(crate) fn taken(&self, group: GroupAddr, source: Option<UnicastAddr>) -> Option<Cell> {
        let pools = self.by_input.values().filter_map(|id| self.pools.get(id));
        let cells = pools.filter_map(|pool| {
            let iif = pool.table.iif;
            let key = RouteKey { iif, group, source };
            pool.has_route(&key).then(|| pool.route(&key).own)
        });
        cells.reduce(|mut sum, cell| {
            add(&mut sum, cell);
            sum
        })
    }

    /// From time to time, finds the routes of sources that send.
    pub(super) fn look_for_active(&mut self, now: Instant, tables: Tables<'_>) {
        let next = now + tables.active_every;
        if self.look_at.is_some_and(|at| at > now) {
            // A period that has become shorter holds from now on.
            self.look_at = self.look_at.map(|at| at.min(next));
            return;
        }
        let before = self.seen.len();
        for pool in self.pools.values_mut() {
            for key in pool.active() {
                let Some(source) = key.source else { continue };
                self.seen.push_back(DataPlaneEvent::Active {
                    iif: key.iif,
                    source,
                    group: key.group,
                });
            }
        }
        debug!(
            target: "workers",
            active = self.seen.len() - before,
            switching = self.gates.in_use(),
            "looked for sources that send"
        );
        self.look_at = self.pools.values().any(Pool::routes).then_some(next);
    }
}

/// Takes an event of a worker of the interface. What it says of another is
/// none of its business, and what the router has no time for is lost: the
/// packets come again.
pub(super) fn take(seen: &mut VecDeque<DataPlaneEvent>, of: IfIndex, event: DataPlaneEvent) {
    let iif = match &event {
        DataPlaneEvent::NoEntry { iif, .. }
        | DataPlaneEvent::NewSource { iif, .. }
        | DataPlaneEvent::Register { iif, .. }
        | DataPlaneEvent::WrongInterface { iif, .. }
        | DataPlaneEvent::Switched { iif, .. }
        | DataPlaneEvent::Active { iif, .. } => *iif,
    };
    if iif != of || seen.len() >= MAX_SEEN {
        warn!(target: "workers", %of, %iif, waiting = seen.len(), "an event was not taken");
        return;
    }
    seen.push_back(event);
}
