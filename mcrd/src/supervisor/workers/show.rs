//! The workers and their figures as the control API shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use mcr_api::state::{InputStats, OutputStats, RuleStats, Worker, WorkerState};
use mcr_dataplane::channel::PacketIo;
use mcr_dataplane::counters::{Cell, DropReason};
use mcr_proto::id::{InterfaceName, Port};
use mcr_proto::relay::RelayRule;

use super::Workers;
use super::live::Live;
use super::place::{Place, State};
use super::pool::Pool;
use super::tally::InputTally;

impl Workers {
    /// All workers, by interface and position.
    pub(crate) fn show(&self, now: Instant) -> Vec<Worker> {
        let mut workers: Vec<Worker> = self
            .current()
            .flat_map(|pool| pool.places.iter().map(move |place| show(pool, place, now)))
            .collect();
        workers.sort_by(|a, b| (&a.interface, a.position).cmp(&(&b.interface, b.position)));
        workers
    }

    /// How many workers forward, and how many should and do not.
    pub(crate) fn health(&self) -> (usize, usize) {
        let places = self.current().flat_map(|pool| &pool.places);
        places.fold((0, 0), |(running, failing), place| match &place.state {
            State::Live(live) if live.ready.is_some() => (running + 1, failing),
            // One that is being started for the first time is not failing.
            State::Live(_) | State::Waiting(_) if place.restarts == 0 => (running, failing),
            State::Live(_) | State::Waiting(_) => (running, failing + 1),
            State::Done => (running, failing),
        })
    }

    fn current(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values().filter(|pool| pool.stopping.is_none())
    }

    /// The figures of every interface that is or was an input.
    pub(crate) fn inputs(&mut self) -> Vec<InputStats> {
        for place in self.pools.values_mut().flat_map(|pool| &mut pool.places) {
            place.read_drops(self.platform.as_ref());
        }
        let mut inputs = self.tally.inputs();
        for pool in self.pools.values() {
            inputs
                .entry(pool.table.interface.clone())
                .or_default()
                .add(&pool.input());
        }
        inputs
            .iter()
            .map(|(interface, tally)| input(interface, tally))
            .collect()
    }

    /// What an operator should know: each lack of a protection or of io_uring,
    /// once.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = BTreeSet::new();
        for place in self.current().flat_map(|pool| &pool.places) {
            let State::Live(live) = &place.state else {
                continue;
            };
            let Some(ready) = &live.ready else {
                continue;
            };
            if let PacketIo::Mmsg { reason } = &ready.io {
                notes.insert(format!("workers use recvmmsg and sendmmsg: {reason}"));
            }
            for (protection, state) in &ready.sandbox {
                if state != "on" {
                    notes.insert(format!("workers run without {protection}: {state}"));
                }
            }
        }
        notes.into_iter().collect()
    }

    /// The rule's figures.
    pub(crate) fn rule(&self, rule: &RelayRule) -> RuleStats {
        let figures = self.tally.rule(&rule.name, |pool, slot| {
            self.pools
                .get(&pool)
                .map_or(Cell::default(), |pool| pool.cell(slot))
        });
        let outputs = rule
            .outputs
            .iter()
            .zip(figures.outputs)
            .map(|(output, cell)| OutputStats {
                interface: output.interface.to_string(),
                destination: output.destination_of(rule.input.group).address(),
                port: output.port.map(Port::get),
                packets: cell.packets,
                bytes: cell.bytes,
                dropped: cell.dropped,
            })
            .collect();
        RuleStats {
            name: rule.name.to_string(),
            packets: figures.own.packets,
            bytes: figures.own.bytes,
            outputs,
        }
    }
}

fn input(interface: &InterfaceName, tally: &InputTally) -> InputStats {
    InputStats {
        interface: interface.to_string(),
        received: tally.received,
        matched: tally.matched,
        kernel_drops: tally.kernel_drops,
        drops: DropReason::ALL
            .iter()
            .zip(tally.drops)
            .map(|(reason, count)| (reason.name().to_owned(), count))
            .collect(),
    }
}

fn show(pool: &Pool, place: &Place, now: Instant) -> Worker {
    let mut worker = Worker {
        interface: pool.table.interface.to_string(),
        position: place.position,
        pid: None,
        cpu: place.cpu,
        state: WorkerState::Backoff,
        io: None,
        restarts: place.restarts,
        backoff_ms: None,
        last_exit: place.last_exit.clone(),
        entries: 0,
        in_sync: false,
        healed: place.healed,
        sandbox: BTreeMap::new(),
    };
    match &place.state {
        State::Waiting(until) => {
            let wait = until.saturating_duration_since(now).as_millis();
            worker.backoff_ms = Some(u64::try_from(wait).unwrap_or(u64::MAX));
        }
        State::Live(live) => show_live(&mut worker, live),
        State::Done => {}
    }
    worker
}

fn show_live(worker: &mut Worker, live: &Live) {
    worker.pid = Some(live.process.pid);
    worker.entries = live.entries;
    worker.in_sync = live.in_sync;
    worker.state = WorkerState::Starting;
    if let Some(ready) = &live.ready {
        worker.state = WorkerState::Running;
        worker.sandbox.clone_from(&ready.sandbox);
        worker.io = Some(match &ready.io {
            PacketIo::IoUring => "io_uring".to_owned(),
            PacketIo::Mmsg { reason } => format!("mmsg: {reason}"),
        });
    }
}
