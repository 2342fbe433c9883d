//! The kernel's unicast routes, for the choice of the way to sources and RPs.
//! A task of its own keeps the main table, so that the event loop hears only of
//! the best route of a prefix and never waits for a list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::id::IfIndex;
use mcr_proto::router::io::{Route, RouteChange, RouteNextHop};
use mcr_sys::netlink::monitor::Kernel;
use mcr_sys::netlink::route::{Place, TableChange, TableRoute};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

/// Interfaces often change many at a time; routes are listed once for all.
const SETTLE: Duration = Duration::from_millis(20);

/// After a list failed.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// More differences than this are told as a whole table.
const MAX_SINGLE: usize = 256;

/// The most prefixes that are kept.
const MAX_PREFIXES: usize = 2 * 1024 * 1024;

/// What the task is told.
#[derive(Debug)]
pub(crate) enum Tell {
    /// The kernel told a change.
    Change(TableChange),
    /// The kernel may have taken routes away without a word, as it does with
    /// those over an interface that goes down.
    Look,
    /// The link with this index is up, or is not.
    Link { index: u32, up: bool },
    /// Changes were lost.
    Resync,
}

/// Starts the task, which lists all routes first. The queue to it is bounded
/// by what fills it, the kernel's messages.
pub(crate) fn start(
    kernel: Kernel,
    changes: mpsc::Sender<RouteChange>,
) -> mpsc::UnboundedSender<Tell> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let task = Task {
        kernel,
        changes,
        table: Table::default(),
        list_at: Some(Instant::now()),
        whole: true,
    };
    tokio::spawn(task.run(receiver));
    sender
}

struct Task {
    kernel: Kernel,
    changes: mpsc::Sender<RouteChange>,
    table: Table,
    list_at: Option<Instant>,
    /// The next list is told as a whole.
    whole: bool,
}

/// The event loop has ended.
struct Ended;

impl Task {
    async fn run(mut self, mut tell: mpsc::UnboundedReceiver<Tell>) {
        loop {
            let due = sleep_until(self.list_at.unwrap_or_else(Instant::now));
            let done = tokio::select! {
                // What was told before a list was asked for comes before it.
                biased;
                told = tell.recv() => match told {
                    Some(told) => self.told(told).await,
                    None => Err(Ended),
                },
                () = due, if self.list_at.is_some() => self.list().await,
            };
            if let Err(Ended) = done {
                return;
            }
        }
    }

    async fn told(&mut self, told: Tell) -> Result<(), Ended> {
        match told {
            Tell::Change(change) => match self.table.change(change) {
                Some(change) => self.send(change).await,
                None => Ok(()),
            },
            Tell::Look => {
                self.list_at.get_or_insert(Instant::now() + SETTLE);
                Ok(())
            }
            Tell::Link { index, up } => {
                for prefix in self.table.link(index, up) {
                    self.send(self.table.best_change(prefix)).await?;
                }
                Ok(())
            }
            Tell::Resync => {
                self.whole = true;
                self.list_at = Some(Instant::now());
                Ok(())
            }
        }
    }

    async fn list(&mut self) -> Result<(), Ended> {
        let routes = match self.kernel.routes().await {
            Ok(routes) => routes,
            Err(error) => {
                warn!(target: "netlink", %error, "routes cannot be listed; tried again in 1 s");
                self.list_at = Some(Instant::now() + LIST_AGAIN);
                return Ok(());
            }
        };
        self.list_at = None;
        let down = self.table.down.clone();
        let mut table = Table::from_list(routes, down);
        table.forget_unused_links();
        let old = std::mem::replace(&mut self.table, table);
        debug!(target: "netlink", prefixes = self.table.len(), "routes listed");
        let differences = self.table.differences(&old);
        if std::mem::take(&mut self.whole) || differences.len() > MAX_SINGLE {
            return self.send(RouteChange::Replace(self.table.all())).await;
        }
        for prefix in differences {
            self.send(self.table.best_change(prefix)).await?;
        }
        Ok(())
    }

    async fn send(&self, change: RouteChange) -> Result<(), Ended> {
        self.changes.send(change).await.map_err(|_| Ended)
    }
}

/// The routes of all prefixes, of each prefix in the order of their use.
#[derive(Debug, Default)]
struct Table {
    prefixes: BTreeMap<Ipv4Net, Vec<TableRoute>>,
    /// Links that are not up. The kernel takes the routes over them away
    /// without a word, and not all of them.
    down: BTreeSet<u32>,
}

impl Table {
    fn from_list(routes: Vec<TableRoute>, down: BTreeSet<u32>) -> Table {
        let mut table = Table {
            down,
            ..Table::default()
        };
        for route in routes {
            table.insert(route, Place::Last);
        }
        table
    }

    fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// Takes a change in; what is different for who uses the table.
    fn change(&mut self, change: TableChange) -> Option<RouteChange> {
        let prefix = match &change {
            TableChange::Set(route, _) | TableChange::Gone(route) => net(route)?,
        };
        let old = self.best(prefix);
        match change {
            TableChange::Set(route, place) => self.insert(route, place),
            TableChange::Gone(route) => self.remove(prefix, &route),
        }
        (self.best(prefix) != old).then(|| self.best_change(prefix))
    }

    fn insert(&mut self, route: TableRoute, place: Place) {
        // What we send and ask for has no type of service.
        let Some(prefix) = net(&route).filter(|_| route.tos == 0) else {
            return;
        };
        if self.len() >= MAX_PREFIXES && !self.prefixes.contains_key(&prefix) {
            return;
        }
        let routes = self.prefixes.entry(prefix).or_default();
        // A list and the changes that came meanwhile may both have it.
        routes.retain(|known| *known != route);
        let first = routes.partition_point(|known| known.metric < route.metric);
        let after = routes.partition_point(|known| known.metric <= route.metric);
        match place {
            Place::Replace if first < after => {
                if let Some(old) = routes.get_mut(first) {
                    *old = route;
                }
            }
            Place::Replace | Place::First => routes.insert(first, route),
            Place::Last => routes.insert(after, route),
        }
    }

    fn remove(&mut self, prefix: Ipv4Net, route: &TableRoute) {
        let Some(routes) = self.prefixes.get_mut(&prefix) else {
            return;
        };
        let same = routes.iter().position(|known| known == route);
        // A next hop that died meanwhile is told of no more.
        let like = || {
            let key = (route.metric, route.protocol);
            routes
                .iter()
                .position(|known| (known.metric, known.protocol) == key)
        };
        if let Some(at) = same.or_else(like).filter(|_| route.tos == 0) {
            routes.remove(at);
        }
        if routes.is_empty() {
            self.prefixes.remove(&prefix);
        }
    }

    /// The link changed; the prefixes whose best route is another now.
    fn link(&mut self, index: u32, up: bool) -> BTreeSet<Ipv4Net> {
        let known_as_up = !self.down.contains(&index);
        if up == known_as_up {
            return BTreeSet::new();
        }
        let over = |route: &TableRoute| route.next_hops.iter().any(|hop| hop.index == index);
        let concerned = self.prefixes.iter().filter(|(_, all)| all.iter().any(over));
        let before: Vec<(Ipv4Net, Option<Route>)> = concerned
            .map(|(prefix, _)| (*prefix, self.best(*prefix)))
            .collect();
        if up {
            self.down.remove(&index);
        } else {
            self.down.insert(index);
        }
        let differ = before
            .into_iter()
            .filter(|(prefix, old)| self.best(*prefix) != *old);
        differ.map(|(prefix, _)| prefix).collect()
    }

    /// Forgets the links that no route leads over: they may have gone.
    fn forget_unused_links(&mut self) {
        let routes = self.prefixes.values().flatten();
        let hops = routes.flat_map(|route| &route.next_hops);
        let used: BTreeSet<u32> = hops.map(|hop| hop.index).collect();
        self.down.retain(|index| used.contains(index));
    }

    /// The first that leads over a link that is up; the first of all where none
    /// does.
    fn first(&self, prefix: Ipv4Net) -> Option<&TableRoute> {
        let routes = self.prefixes.get(&prefix)?;
        let is_up = |route: &&TableRoute| {
            let mut hops = route.next_hops.iter();
            route.next_hops.is_empty() || hops.any(|hop| !self.down.contains(&hop.index))
        };
        routes.iter().find(is_up).or_else(|| routes.first())
    }

    fn best(&self, prefix: Ipv4Net) -> Option<Route> {
        Some(used(prefix, self.first(prefix)?))
    }

    fn best_change(&self, prefix: Ipv4Net) -> RouteChange {
        self.best(prefix)
            .map_or(RouteChange::Remove(prefix), RouteChange::Set)
    }

    fn all(&self) -> Vec<Route> {
        let prefixes = self.prefixes.keys();
        prefixes.filter_map(|prefix| self.best(*prefix)).collect()
    }

    /// The prefixes whose best route is not that of the other table.
    fn differences(&self, other: &Table) -> BTreeSet<Ipv4Net> {
        let prefixes = self.prefixes.keys().chain(other.prefixes.keys());
        prefixes
            .filter(|prefix| self.first(**prefix) != other.first(**prefix))
            .copied()
            .collect()
    }
}

fn net(route: &TableRoute) -> Option<Ipv4Net> {
    Ipv4Net::new(route.prefix, route.length)
        .ok()
        .map(|net| net.trunc())
}

fn used(prefix: Ipv4Net, route: &TableRoute) -> Route {
    Route {
        prefix,
        metric: route.metric,
        protocol: route.protocol,
        next_hops: route
            .next_hops
            .iter()
            .filter_map(|hop| {
                Some(RouteNextHop {
                    iface: IfIndex::new(hop.index)?,
                    gateway: hop.gateway,
                })
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
