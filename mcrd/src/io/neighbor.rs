//! The next hops of unicast outputs, as the kernel's routes and neighbour table
//! have them. A task of its own asks the kernel, so that the event loop never
//! waits for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::id::MacAddr;
use mcr_proto::relay::{NextHop, NextHopKey};
use mcr_sys::netlink::monitor::{Kernel, Neighbor};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::debug;

/// The kernel forgets or doubts a neighbour that its own packets do not use;
/// this often it is asked to confirm those that ours use, and to look again for
/// those it does not know.
const CONFIRM_EVERY: Duration = Duration::from_secs(2);

/// Routes often change many at a time; they are looked up once for all.
const ROUTES_SETTLE: Duration = Duration::from_millis(20);

/// What the task is told.
#[derive(Debug)]
pub(crate) enum Tell {
    /// The relay needs the next hop.
    Watch(NextHopKey, LinkKind),
    /// It does not any more.
    Unwatch(NextHopKey),
    /// The neighbour table has changed.
    Neighbor(Neighbor),
    /// Routes or addresses have changed.
    Routes,
    /// Everything may have changed.
    Resync,
}

/// Whether a link has neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// ARP finds link-layer addresses.
    Arp,
    /// There are none.
    NoArp,
}

/// A next hop that the relay needs.
#[derive(Debug)]
struct Watched {
    kind: LinkKind,
    /// The host on the link, if there is a route.
    next_hop: Option<Ipv4Addr>,
    told: NextHop,
}

/// The task.
pub(crate) struct NextHops {
    kernel: Kernel,
    answers: mpsc::Sender<(NextHopKey, NextHop)>,
    watched: BTreeMap<NextHopKey, Watched>,
    neighbors: BTreeMap<(u32, Ipv4Addr), [u8; 6]>,
}

impl NextHops {
    /// Starts the task. The queue to it is bounded by what fills it: the
    /// rules' outputs and the kernel's messages.
    pub(crate) fn start(
        kernel: Kernel,
        answers: mpsc::Sender<(NextHopKey, NextHop)>,
    ) -> mpsc::UnboundedSender<Tell> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = NextHops {
            kernel,
            answers,
            watched: BTreeMap::new(),
            neighbors: BTreeMap::new(),
        };
        tokio::spawn(task.run(receiver));
        sender
    }

    async fn run(mut self, mut tell: mpsc::UnboundedReceiver<Tell>) {
        let mut confirm = interval(CONFIRM_EVERY);
        confirm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut routes_at: Option<Instant> = None;
        self.list().await;
        loop {
            let settled = sleep_until(routes_at.unwrap_or_else(Instant::now));
            tokio::select! {
                told = tell.recv() => match told {
                    Some(Tell::Watch(key, kind)) => self.watch(key, kind).await,
                    Some(Tell::Unwatch(key)) => drop(self.watched.remove(&key)),
                    Some(Tell::Neighbor(neighbor)) => self.neighbor(neighbor).await,
                    Some(Tell::Routes) => {
                        routes_at.get_or_insert(Instant::now() + ROUTES_SETTLE);
                    }
                    Some(Tell::Resync) => {
                        self.list().await;
                        routes_at = Some(Instant::now());
                    }
                    None => return,
                },
                () = settled, if routes_at.is_some() => {
                    routes_at = None;
                    self.look_up_all().await;
                }
                _ = confirm.tick() => self.confirm_all().await,
            }
        }
    }

    async fn list(&mut self) {
        match self.kernel.neighbors().await {
            Ok(all) => {
                self.neighbors.clear();
                for neighbor in all {
                    self.learn(neighbor);
                }
            }
            Err(error) => debug!(target: "netlink", %error, "neighbours cannot be listed"),
        }
    }

    fn learn(&mut self, neighbor: Neighbor) {
        let key = (neighbor.index, neighbor.address);
        match neighbor.mac {
            Some(mac) => self.neighbors.insert(key, mac),
            None => self.neighbors.remove(&key),
        };
    }

    async fn watch(&mut self, key: NextHopKey, kind: LinkKind) {
        let watched = Watched {
            kind,
            next_hop: None,
            told: NextHop::Unknown,
        };
        self.watched.insert(key, watched);
        self.look_up(key).await;
    }

    async fn neighbor(&mut self, neighbor: Neighbor) {
        self.learn(neighbor);
        let concerned: Vec<NextHopKey> = self
            .watched
            .iter()
            .filter(|(key, watched)| {
                key.oif.get() == neighbor.index && watched.next_hop == Some(neighbor.address)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in concerned {
            self.answer(key).await;
        }
    }

    async fn look_up_all(&mut self) {
        let keys: Vec<NextHopKey> = self.watched.keys().copied().collect();
        for key in keys {
            self.look_up(key).await;
        }
    }

    async fn look_up(&mut self, key: NextHopKey) {
        let route = self
            .kernel
            .route(key.oif.get(), key.destination.get())
            .await;
        let next_hop = match route {
            Ok(route) => route.map(|route| route.next_hop),
            Err(error) => {
                debug!(target: "netlink", %error, "a route cannot be looked up");
                None
            }
        };
        if let Some(watched) = self.watched.get_mut(&key) {
            watched.next_hop = next_hop;
        }
        self.resolve(key).await;
        self.answer(key).await;
    }

    /// Makes the kernel look for the neighbour, or confirm it.
    async fn resolve(&self, key: NextHopKey) {
        let Some(watched) = self.watched.get(&key) else {
            return;
        };
        if let (Some(next_hop), LinkKind::Arp) = (watched.next_hop, watched.kind)
            && let Err(error) = self.kernel.resolve(key.oif.get(), next_hop).await
        {
            debug!(target: "netlink", %next_hop, %error, "a neighbour cannot be looked for");
        }
    }

    async fn confirm_all(&mut self) {
        let mut seen = BTreeSet::new();
        let keys: Vec<NextHopKey> = self.watched.keys().copied().collect();
        for key in keys {
            match self.watched.get(&key).map(|watched| watched.next_hop) {
                // A route may have come by a change of another link.
                Some(None) => self.look_up(key).await,
                Some(Some(next_hop)) if seen.insert((key.oif, next_hop)) => {
                    self.resolve(key).await;
                }
                Some(Some(_)) | None => {}
            }
        }
    }

    /// Tells the relay, if there is news.
    async fn answer(&mut self, key: NextHopKey) {
        let Some(watched) = self.watched.get_mut(&key) else {
            return;
        };
        let state = match (watched.next_hop, watched.kind) {
            (None, _) => NextHop::NoRoute,
            (Some(_), LinkKind::NoArp) => NextHop::Resolved(MacAddr::default()),
            (Some(next_hop), LinkKind::Arp) => {
                match self.neighbors.get(&(key.oif.get(), next_hop)) {
                    Some(mac) => NextHop::Resolved(MacAddr(*mac)),
                    None => NextHop::NoNeighbor,
                }
            }
        };
        if state == watched.told {
            return;
        }
        watched.told = state;
        if self.answers.send((key, state)).await.is_err() {
            debug!(target: "netlink", "an answer came after the end");
        }
    }
}
