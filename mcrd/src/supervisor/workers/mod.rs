//! The forwarding workers: one process for each input interface that rules
//! use or that routes, more where `pinning` asks for it. They are started with
//! the first rule or when the router takes part there, told of changes,
//! compared, replaced when they fail, and ended with the last of these.

mod backoff;
mod gates;
mod input;
mod live;
mod place;
pub(crate) mod platform;
mod pool;
mod process;
mod routed;
mod routing;
mod show;
mod tables;
mod tally;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mcr_dataplane::channel::{FromWorker, Level};
use mcr_proto::fib::FibUpdate;
use mcr_proto::id::{IfIndex, InterfaceName, RuleName};
use mcr_proto::relay::RelayRule;
use mcr_proto::router::DataPlaneEvent;
use tokio::sync::mpsc;
use tracing::{debug, error};

use self::gates::Gates;
use self::input::SharedFanout;
use self::place::{Context, Place, State};
use self::platform::Platform;
use self::pool::{Pool, PoolId};
pub(crate) use self::process::ProcessEvent;
use self::process::ProcessId;
pub(crate) use self::tables::Tables;
use self::tables::{Entry, Key};
use self::tally::Tally;

/// Workers of an interface that neither rules nor the router use are kept so
/// long, so that replacing a rule does not replace them.
const LINGER: Duration = Duration::from_secs(1);

/// Between two tries to make the workers of an interface.
const RETRY: Duration = Duration::from_secs(1);

/// What the configuration says of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether workers may use io_uring.
    pub(crate) allow_io_uring: bool,
    /// CPUs by input interface.
    pub(crate) pinning: BTreeMap<InterfaceName, Vec<u32>>,
    /// What workers log.
    pub(crate) log_level: Level,
}

/// All workers.
pub(crate) struct Workers {
    platform: Box<dyn Platform>,
    events: mpsc::Sender<ProcessEvent>,
    settings: Settings,
    pools: BTreeMap<PoolId, Pool>,
    by_input: BTreeMap<IfIndex, PoolId>,
    processes: BTreeMap<ProcessId, PoolId>,
    tally: Tally,
    serial: u64,
    /// Inputs whose workers could not be made, and when to try again.
    failed: BTreeMap<IfIndex, Instant>,
    gates: Gates,
    /// Interfaces that the router takes part on.
    listening: BTreeSet<IfIndex>,
    /// What the router is to know.
    seen: VecDeque<DataPlaneEvent>,
    /// When the routes that forward are looked for next.
    look_at: Option<Instant>,
}

impl Workers {
    pub(crate) fn new(
        platform: Box<dyn Platform>,
        events: mpsc::Sender<ProcessEvent>,
        settings: Settings,
    ) -> io::Result<Workers> {
        Ok(Workers {
            platform,
            events,
            settings,
            pools: BTreeMap::new(),
            by_input: BTreeMap::new(),
            processes: BTreeMap::new(),
            tally: Tally::default(),
            serial: 0,
            failed: BTreeMap::new(),
            gates: Gates::new()?,
            listening: BTreeSet::new(),
            seen: VecDeque::new(),
            look_at: None,
        })
    }

    /// A rule is new or has changed; to be called before the table's changes.
    pub(crate) fn rule_set(&mut self, rule: &RelayRule) {
        self.tally.rule_set(rule);
    }

    /// A rule is gone.
    pub(crate) fn rule_removed(&mut self, name: &RuleName) {
        self.tally.rule_removed(name);
    }

    /// The relay's part of the table has changed.
    pub(crate) fn fib_changed(&mut self, now: Instant, tables: Tables<'_>, update: FibUpdate) {
        match update {
            FibUpdate::Set(key, entry) => {
                self.set(now, tables, key.iif, Entry::Relay(key, &entry), true);
            }
            FibUpdate::Remove(key) => self.remove(key.iif, Key::Relay(key)),
        }
    }

    fn set(
        &mut self,
        now: Instant,
        tables: Tables<'_>,
        iif: IfIndex,
        entry: Entry<'_>,
        make: bool,
    ) {
        let id = self.by_input.get(&iif);
        if let Some(pool) = id.and_then(|id| self.pools.get_mut(id)) {
            pool.set(entry, &self.gates, &mut self.tally);
        } else if make {
            // Takes this entry from the tables with all others.
            self.make_pool(now, tables, iif);
        }
    }

    fn remove(&mut self, iif: IfIndex, key: Key) {
        let id = self.by_input.get(&iif);
        if let Some(pool) = id.and_then(|id| self.pools.get_mut(id)) {
            pool.remove(key);
        }
    }

    fn make_pool(&mut self, now: Instant, tables: Tables<'_>, iif: IfIndex) {
        self.failed.remove(&iif);
        let input = tables.input(iif);
        let listening = self.listening.contains(&iif);
        let Some(interface) = tables.name(iif) else {
            return;
        };
        if !input.has_rules() && !listening {
            return;
        }
        self.serial += 1;
        let id = PoolId(self.serial);
        // The old workers must be gone first, or both would forward.
        let replaces = self.pools.values().any(|pool| pool.table.iif == iif);
        let start = if replaces { now + RETRY } else { now };
        match self.make_places(interface, start) {
            Ok(places) => {
                let mut pool = Pool::new(id, interface.clone(), iif, places);
                pool.table.listening = listening;
                for entry in input.entries() {
                    pool.set(entry, &self.gates, &mut self.tally);
                }
                self.pools.insert(id, pool);
                self.by_input.insert(iif, id);
            }
            Err(reason) => {
                error!(
                    target: "workers",
                    interface = interface.as_str(),
                    %reason,
                    "no worker can be made"
                );
                self.failed.insert(iif, now + RETRY);
            }
        }
    }

    fn make_places(&self, interface: &InterfaceName, start: Instant) -> io::Result<Vec<Place>> {
        match self.settings.pinning.get(interface).map(Vec::as_slice) {
            None | Some([]) => Ok(vec![Place::new(0, None, None, start)?]),
            Some([cpu]) => Ok(vec![Place::new(0, Some(*cpu), None, start)?]),
            Some(cpus) => {
                let fanout = Rc::new(SharedFanout::default());
                (0..)
                    .zip(cpus)
                    .map(|(position, cpu)| {
                        Place::new(position, Some(*cpu), Some(Rc::clone(&fanout)), start)
                    })
                    .collect()
            }
        }
    }

    /// An interface has this name now, or is gone.
    pub(crate) fn interface_is(
        &mut self,
        now: Instant,
        iif: IfIndex,
        name: Option<&InterfaceName>,
    ) {
        if let Some(id) = self.by_input.get(&iif).copied()
            && let Some(pool) = self.pools.get_mut(&id)
            && Some(&pool.table.interface) != name
        {
            pool.stop(now);
            self.by_input.remove(&iif);
        }
    }

    /// Puts other settings in force. Workers are replaced where their number
    /// or their CPUs change.
    pub(crate) fn configure(&mut self, now: Instant, tables: Tables<'_>, settings: Settings) {
        let old = std::mem::replace(&mut self.settings, settings);
        let moved: Vec<IfIndex> = self
            .by_input
            .iter()
            .filter(|(_, id)| {
                self.pools.get(id).is_some_and(|pool| {
                    let name = &pool.table.interface;
                    old.pinning.get(name) != self.settings.pinning.get(name)
                })
            })
            .map(|(iif, _)| *iif)
            .collect();
        for iif in moved {
            self.interface_is(now, iif, None);
            self.make_pool(now, tables, iif);
        }
    }

    /// Tells the workers what there is to tell.
    pub(crate) fn pump(&mut self, now: Instant, tables: Tables<'_>) {
        self.each(now, tables, |place, table, cx, _| place.pump(table, cx));
        for pool in self.pools.values_mut() {
            // Where the router waits for an interface, its worker waits too: a
            // start when the link comes back would cost packets.
            let idle = pool.is_idle() && !tables.are_routed(pool.table.iif);
            pool.idle_since = idle.then(|| pool.idle_since.unwrap_or(now));
        }
    }

    /// A worker did something.
    pub(crate) fn event(&mut self, now: Instant, tables: Tables<'_>, event: ProcessEvent) {
        let id = match &event {
            ProcessEvent::Said(id, _) | ProcessEvent::Room(id) | ProcessEvent::Ended(id, _) => *id,
        };
        let Some(pool_id) = self.processes.get(&id).copied() else {
            return;
        };
        let Some(pool) = self.pools.get_mut(&pool_id) else {
            return;
        };
        let cx = Context {
            now,
            platform: self.platform.as_ref(),
            events: &self.events,
            gates: &self.gates,
            tables: tables.input(pool.table.iif),
            allow_io_uring: self.settings.allow_io_uring,
            log_level: self.settings.log_level,
        };
        let stopping = pool.stopping.is_some();
        let Some(place) = pool.places.iter_mut().find(|place| place.has(id)) else {
            return;
        };
        match event {
            ProcessEvent::Said(_, FromWorker::Event(event)) => {
                place.heard(now);
                routing::take(&mut self.seen, pool.table.iif, event);
            }
            ProcessEvent::Said(_, message) => place.said(message, &pool.table, &cx),
            ProcessEvent::Room(_) => place.pump(&pool.table, &cx),
            ProcessEvent::Ended(_, ending) => {
                self.processes.remove(&id);
                if stopping {
                    debug!(target: "workers", worker = %place.label(&pool.table), %ending, "stopped");
                    place.read_drops(cx.platform);
                    place.state = State::Done;
                } else {
                    place.process_ended(ending, &pool.table, &cx);
                }
            }
        }
        for key in pool.reclaim(&mut self.tally) {
            if let Some(entry) = tables.input(pool.table.iif).get(&key) {
                pool.set(entry, &self.gates, &mut self.tally);
            }
        }
        self.close_ended(now);
    }

    /// Forgets pools whose workers have ended for good, and lets those start
    /// that waited for this.
    fn close_ended(&mut self, now: Instant) {
        let ended: Vec<PoolId> = self
            .pools
            .iter()
            .filter(|(_, pool)| pool.has_ended())
            .map(|(id, _)| *id)
            .collect();
        for id in ended {
            let Some(mut pool) = self.pools.remove(&id) else {
                continue;
            };
            pool.close(&mut self.tally);
            let iif = pool.table.iif;
            let replaced = self
                .pools
                .values()
                .any(|other| other.table.iif == iif && other.stopping.is_some());
            let successor = self
                .by_input
                .get(&iif)
                .and_then(|id| self.pools.get_mut(id));
            if let Some(successor) = successor.filter(|_| !replaced) {
                for place in &mut successor.places {
                    place.start_at(now);
                }
            }
        }
    }

    /// When [`Workers::timeout`] is to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let pools = self.pools.values().filter_map(Pool::next_timeout);
        let failed = self.failed.values().copied();
        pools.chain(failed).chain(self.look_at).min()
    }

    /// Does what is due.
    pub(crate) fn timeout(&mut self, now: Instant, tables: Tables<'_>) {
        self.look_for_active(now, tables);
        self.each(now, tables, |place, table, cx, id| {
            place.timeout(id, table, cx)
        });
        let mut idle = Vec::new();
        for pool in self.pools.values_mut() {
            match pool.stopping {
                Some(by) if by <= now => pool.places.iter_mut().for_each(Place::kill),
                Some(_) => {}
                None if pool.idle_since.is_some_and(|since| since + LINGER <= now) => {
                    idle.push(pool.table.iif);
                }
                None => {}
            }
        }
        for iif in idle {
            self.interface_is(now, iif, None);
        }
        let failed: Vec<IfIndex> = self
            .failed
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(iif, _)| *iif)
            .collect();
        for iif in failed {
            self.make_pool(now, tables, iif);
        }
        self.close_ended(now);
    }

    /// Calls `act` with each place of each pool that is not stopping.
    fn each(
        &mut self,
        now: Instant,
        tables: Tables<'_>,
        mut act: impl FnMut(&mut Place, &pool::Table, &Context<'_>, &mut dyn FnMut() -> ProcessId),
    ) {
        for (pool_id, pool) in &mut self.pools {
            if pool.stopping.is_some() {
                continue;
            }
            let cx = Context {
                now,
                platform: self.platform.as_ref(),
                events: &self.events,
                gates: &self.gates,
                tables: tables.input(pool.table.iif),
                allow_io_uring: self.settings.allow_io_uring,
                log_level: self.settings.log_level,
            };
            for place in &mut pool.places {
                let mut next_id = || {
                    self.serial += 1;
                    let id = ProcessId(self.serial);
                    self.processes.insert(id, *pool_id);
                    id
                };
                act(place, &pool.table, &cx, &mut next_id);
            }
        }
    }

    /// Tells all workers to end.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.by_input.clear();
        self.failed.clear();
        for pool in self.pools.values_mut() {
            pool.stop(now);
        }
        self.close_ended(now);
    }

    /// Whether no worker is left.
    pub(crate) fn have_stopped(&self) -> bool {
        self.pools.is_empty()
    }
}

#[cfg(test)]
mod tests;
