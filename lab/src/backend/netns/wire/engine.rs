//! The engine of all wires: what the lab and the thread that carries frames
//! share.

mod carrier;
mod frames;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mcr_sim::rules::{Rule, Rules};
use mcr_sim::wire::Lane;
use nix::sys::eventfd::{EfdFlags, EventFd};

use self::carrier::Carrier;
use super::{Carried, Gone};
use crate::topology::model::Wire;

/// What the lab and the thread change. A wire has two lanes, one after the
/// other, and a lane has the socket at the end where its frames come in.
struct State {
    lanes: Vec<Lane>,
    overruns: Vec<u64>,
    /// By wire.
    gone: Vec<Gone>,
    /// By wire.
    rules: Vec<Rules>,
    /// Sockets that the thread takes over, with their lane; or that it closes.
    new: Vec<(usize, Option<OwnedFd>)>,
    ended: bool,
}

/// That, and what ends the thread's sleep.
struct Shared {
    state: Mutex<State>,
    wake: EventFd,
}

/// The wires' thread.
pub(super) struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn start(lanes: Vec<Lane>) -> io::Result<Engine> {
        let state = State {
            overruns: vec![0; lanes.len()],
            gone: vec![Gone::default(); lanes.len() / 2],
            rules: vec![Rules::default(); lanes.len() / 2],
            lanes,
            new: Vec::new(),
            ended: false,
        };
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: EventFd::from_flags(flags)?,
        });
        let mut carrier = Carrier::new(Arc::clone(&shared))?;
        let thread = std::thread::Builder::new().name("wires".to_owned());
        let thread = Some(thread.spawn(move || carrier.run())?);
        Ok(Engine { shared, thread })
    }

    /// Gives a wire the sockets of its ends.
    pub(super) fn connect(&self, wire: usize, sockets: Vec<OwnedFd>) {
        let new = sockets.into_iter().enumerate();
        let mut state = lock(&self.shared.state);
        state
            .new
            .extend(new.map(|(end, socket)| (wire * 2 + end, Some(socket))));
        drop(state);
        self.shared.wake.write(1).ok();
    }

    /// One more wire; returns its position.
    pub(super) fn add(&self, lanes: [Lane; 2]) -> usize {
        let mut state = lock(&self.shared.state);
        let wire = state.gone.len();
        state.lanes.extend(lanes);
        state.overruns.extend([0, 0]);
        state.gone.push(Gone::default());
        state.rules.push(Rules::default());
        wire
    }

    /// A wire that carries nothing any more.
    pub(super) fn disconnect(&self, wire: usize) {
        let mut state = lock(&self.shared.state);
        state.new.extend([(wire * 2, None), (wire * 2 + 1, None)]);
        drop(state);
        self.shared.wake.write(1).ok();
    }

    pub(super) fn set(&self, wire: usize, does: &Wire) {
        let mut state = lock(&self.shared.state);
        let lanes = state.lanes.iter_mut().skip(wire * 2);
        for (lane, impairment) in lanes.zip(does) {
            lane.set(*impairment);
        }
    }

    pub(super) fn carried(&self, wire: usize) -> [Carried; 2] {
        let state = lock(&self.shared.state);
        [wire * 2, wire * 2 + 1].map(|lane| Carried {
            counts: state.lanes[lane].counts(),
            overrun: state.overruns[lane],
        })
    }

    /// From now on a wire does this to messages that are named.
    pub(super) fn rule(&self, wire: usize, rules: Vec<Rule>) {
        if let Some(of_wire) = lock(&self.shared.state).rules.get_mut(wire) {
            *of_wire = Rules::new(rules);
        }
    }

    /// The datagrams of the lab's sources that a wire dropped or changed.
    pub(super) fn gone(&self, wire: usize) -> Gone {
        lock(&self.shared.state)
            .gone
            .get(wire)
            .cloned()
            .unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.wake.write(1).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A panic in the other thread leaves counts that are too small, at worst.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
