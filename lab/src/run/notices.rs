//! What kernels and routers tell of themselves while a lab runs: links and
//! multicast routes from every node's kernel, and from each mcrd the events of
//! its control socket. All of it is on the clock of the reports. A node that
//! does not tell leaves a line that says so; nothing fails for it.

mod kernel;
mod mcrd;
mod said;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcr_api::router::Event;
use tokio::task::{JoinHandle, spawn_local};

use crate::backend::netns::Network;
use crate::clock::now_ns;
use crate::topology::model::{NodeId, Topology};

#[cfg(test)]
mod tests;

/// Notices that wait to be taken; the oldest go first.
const KEPT: usize = 20_000;

/// Something that a node told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When, on the clock of the reports, in nanoseconds.
    pub at_ns: u64,
    /// Which node.
    pub node: NodeId,
    /// What.
    pub what: What,
}

/// What a node told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Its kernel, of an interface.
    Link {
        /// The interface.
        interface: String,
        /// How it is now.
        state: LinkState,
    },
    /// Its kernel, of an entry of the kernel's multicast forwarding cache.
    Mroute {
        /// The source; 0.0.0.0 in (*,G).
        source: Ipv4Addr,
        /// The group.
        group: Ipv4Addr,
        /// What became of it.
        state: MrouteState,
    },
    /// Its mcrd.
    Router(Event),
    /// Its mcrd's control socket closed: the daemon ended.
    Ended,
    /// Its daemon, or what watches that, ended, and no step asked for it.
    Died(String),
    /// It told more than could be read.
    Missed(u64),
    /// It cannot be listened to, and why.
    Unheard(String),
}

/// How an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Up.
    Up,
    /// Up, and nothing is at its other end.
    NoCarrier,
    /// Down.
    Down,
    /// It has gone.
    Gone,
}

/// How an entry of the kernel's multicast forwarding cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MrouteState {
    /// Packets came, and nobody has said yet where they go.
    Unresolved,
    /// It forwards.
    Set {
        /// The incoming interface.
        iif: String,
        /// The outgoing interfaces.
        oifs: Vec<String>,
    },
    /// It has gone.
    Gone,
}

/// Notices in the order in which they were heard.
#[derive(Debug, Default)]
pub struct Ring {
    kept: VecDeque<Notice>,
    missed: u64,
}

impl Ring {
    /// Adds one.
    pub fn push(&mut self, notice: Notice) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
            self.missed += 1;
        }
        self.kept.push_back(notice);
    }

    /// All since the last call, in the order of their time, and how many more
    /// there were.
    pub fn take(&mut self) -> (Vec<Notice>, u64) {
        let mut notices: Vec<Notice> = std::mem::take(&mut self.kept).into();
        notices.sort_by_key(|notice| notice.at_ns);
        (notices, std::mem::take(&mut self.missed))
    }
}

type Shared = Arc<Mutex<Ring>>;

/// A panic in another thread leaves notices out, at worst.
fn lock(shared: &Shared) -> MutexGuard<'_, Ring> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens to the nodes of a network.
pub(super) struct Notices {
    shared: Shared,
    kernels: Option<kernel::Kernels>,
    /// By node, of those that run mcrd.
    routers: Vec<Option<JoinHandle<()>>>,
}

impl Notices {
    /// Listens to the kernels of all nodes. Must be called inside a `LocalSet`.
    pub(super) fn start(topology: &Topology, network: &Network) -> Notices {
        let shared = Shared::default();
        let kernels = kernel::Kernels::start(topology, network, &shared);
        Notices {
            shared,
            kernels,
            routers: topology.nodes.iter().map(|_| None).collect(),
        }
    }

    /// Listens to a node's mcrd, which has started.
    pub(super) fn listen(&mut self, node: NodeId, socket: PathBuf) {
        let shared = Arc::clone(&self.shared);
        let task = spawn_local(async move {
            let what = match mcrd::listen(node, &socket, &shared).await {
                Ok(()) => What::Ended,
                Err(why) => What::Unheard(why),
            };
            let at_ns = now_ns();
            lock(&shared).push(Notice { at_ns, node, what });
        });
        if let Some(slot) = self.routers.get_mut(node.0)
            && let Some(old) = slot.replace(task)
        {
            old.abort();
        }
    }

    /// All since the last call, and how many more there were.
    pub(super) fn take(&self) -> (Vec<Notice>, u64) {
        if let Some(kernels) = &self.kernels {
            kernels.catch_up();
        }
        lock(&self.shared).take()
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.routers.iter().flatten().for_each(JoinHandle::abort);
    }
}
