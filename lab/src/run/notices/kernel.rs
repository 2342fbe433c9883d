//! One thread reads the notices of all kernels.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mcr_sys::netlink::notices::{self, Notice as Told};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{LinkState, MrouteState, Notice, Shared, What, lock};
use crate::backend::netns::Network;
use crate::clock::now_ns;
use crate::run::ready;
use crate::topology::model::{NodeId, Topology};

/// Entries of one kernel that are known, so that only changes are told.
const MROUTES: usize = 20_000;
/// How long whoever takes notices waits for those under way.
const CATCH_UP: Duration = Duration::from_millis(100);

/// What is known of one kernel.
pub(super) struct Kernel {
    node: NodeId,
    links: BTreeMap<u32, (String, LinkState)>,
    mroutes: BTreeMap<(Ipv4Addr, Ipv4Addr), MrouteState>,
}

impl Kernel {
    pub(super) fn new(node: NodeId) -> Kernel {
        Kernel {
            node,
            links: BTreeMap::new(),
            mroutes: BTreeMap::new(),
        }
    }

    /// What is new in what the kernel tells.
    pub(super) fn hear(&mut self, told: Told) -> Option<What> {
        match told {
            Told::Link {
                index,
                name,
                up,
                carrier,
            } => {
                let state = match (up, carrier) {
                    (true, true) => LinkState::Up,
                    (true, false) => LinkState::NoCarrier,
                    (false, _) => LinkState::Down,
                };
                let now = (name.clone(), state);
                let before = self.links.insert(index, now.clone());
                (before != Some(now)).then_some(What::Link {
                    interface: name,
                    state,
                })
            }
            Told::LinkGone(index) => {
                let (interface, _) = self.links.remove(&index)?;
                let state = LinkState::Gone;
                Some(What::Link { interface, state })
            }
            Told::Mroute {
                source,
                group,
                iif,
                oifs,
                gone,
                packets: _,
            } => {
                let state = match (gone, iif) {
                    (true, _) => MrouteState::Gone,
                    (false, None) => MrouteState::Unresolved,
                    (false, Some(iif)) => MrouteState::Set {
                        iif: self.name(iif),
                        oifs: oifs.iter().map(|oif| self.name(*oif)).collect(),
                    },
                };
                self.mroute(source, group, state)
            }
            Told::Missed => Some(What::Missed(0)),
        }
    }

    fn mroute(&mut self, source: Ipv4Addr, group: Ipv4Addr, state: MrouteState) -> Option<What> {
        let key = (source, group);
        let before = match state {
            MrouteState::Gone => self.mroutes.remove(&key),
            MrouteState::Unresolved | MrouteState::Set { .. }
                if self.mroutes.len() < MROUTES || self.mroutes.contains_key(&key) =>
            {
                self.mroutes.insert(key, state.clone())
            }
            MrouteState::Unresolved | MrouteState::Set { .. } => None,
        };
        (before.as_ref() != Some(&state)).then_some(What::Mroute {
            source,
            group,
            state,
        })
    }

    fn name(&self, index: u32) -> String {
        match self.links.get(&index) {
            Some((name, _)) => name.clone(),
            None => format!("#{index}"),
        }
    }
}

/// The thread, while it reads.
pub(super) struct Kernels {
    wake: Arc<EventFd>,
    /// Asks the thread to say that all was read; closed, it ends.
    asks: Option<Sender<Sender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Kernels {
    /// Opens a socket in every node. What cannot be opened is said in a notice.
    pub(super) fn start(
        topology: &Topology,
        network: &Network,
        shared: &Shared,
    ) -> Option<Kernels> {
        let mut opened = Vec::new();
        for node in (0..topology.nodes.len()).map(NodeId) {
            match open(network, node, shared) {
                Ok(socket) => opened.push(socket),
                Err(why) => unheard(shared, node, why),
            }
        }
        let first = NodeId(0);
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = match EventFd::from_flags(flags) {
            Ok(wake) => Arc::new(wake),
            Err(errno) => {
                unheard(shared, first, errno.to_string());
                return None;
            }
        };
        let (asks, asked) = channel();
        let read = {
            let (shared, wake) = (Arc::clone(shared), Arc::clone(&wake));
            move || read_all(opened, &shared, &wake, &asked)
        };
        let thread = std::thread::Builder::new().name("notices".to_owned());
        match thread.spawn(read) {
            Ok(thread) => Some(Kernels {
                wake,
                asks: Some(asks),
                thread: Some(thread),
            }),
            Err(error) => {
                unheard(shared, first, error.to_string());
                None
            }
        }
    }

    /// Waits a moment until what the kernels have told by now was read.
    pub(super) fn catch_up(&self) {
        let (done, all) = channel();
        if let Some(asks) = &self.asks
            && asks.send(done).is_ok()
            && self.wake.write(1).is_ok()
        {
            // A thread that gets no time keeps nobody waiting for long.
            all.recv_timeout(CATCH_UP).ok();
        }
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        self.asks = None;
        self.wake.write(1).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn unheard(shared: &Shared, node: NodeId, why: String) {
    let what = What::Unheard(format!("its kernel: {why}"));
    let at_ns = now_ns();
    lock(shared).push(Notice { at_ns, node, what });
}

/// Listens to a node's kernel. Its links are as they were made, and not told;
/// the multicast routes that it has already are.
fn open(network: &Network, node: NodeId, shared: &Shared) -> Result<(Kernel, OwnedFd), String> {
    let opened = network.in_namespace(node, notices::open);
    let opened = opened.map_err(|error| error.to_string())?;
    let (socket, now) = opened.map_err(|error| error.to_string())?;
    let mut kernel = Kernel::new(node);
    for told in now {
        let what = kernel.hear(told);
        if let Some(what @ (What::Mroute { .. } | What::Missed(_))) = what {
            let at_ns = now_ns();
            lock(shared).push(Notice { at_ns, node, what });
        }
    }
    Ok((kernel, socket))
}

fn read_all(
    mut kernels: Vec<(Kernel, OwnedFd)>,
    shared: &Shared,
    wake: &EventFd,
    asked: &Receiver<Sender<()>>,
) {
    loop {
        let all = kernels.iter().map(|(_, socket)| socket);
        let Some((waits, readable)) = ready::wait(wake, all) else {
            return;
        };
        let mut ready = readable.into_iter();
        // One that broke, as it does with its namespace, is not read any more.
        kernels.retain_mut(|(kernel, socket)| {
            // Whoever asks is told of what is there now, not when poll returned.
            let ready = ready.next() == Some(true) || waits;
            !ready || read(kernel, socket, shared)
        });
        if waits {
            wake.read().ok();
            loop {
                match asked.try_recv() {
                    Ok(done) => done.send(()).ok(),
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                };
            }
        }
    }
}

fn read(kernel: &mut Kernel, socket: &OwnedFd, shared: &Shared) -> bool {
    let Ok(told) = notices::read(socket) else {
        return false;
    };
    let at_ns = now_ns();
    let node = kernel.node;
    let new: Vec<What> = told
        .into_iter()
        .filter_map(|told| kernel.hear(told))
        .collect();
    let mut ring = lock(shared);
    for what in new {
        ring.push(Notice { at_ns, node, what });
    }
    true
}
