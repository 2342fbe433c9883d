//! The loop that owns the state: it waits for one thing, hands it to the
//! relay, the router or the workers, and carries out what they answer.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mcr_api::config::ConfigFile;
use mcr_api::state::{LogLevel, LogLevels};
use mcr_proto::id::IfIndex;
use mcr_proto::interface::InterfaceChange;
use mcr_proto::relay::{NextHop, NextHopKey, Output, Relay};
use mcr_proto::router::io::RouteChange;
use mcr_proto::router::{DataPlaneEvent, Input};
use mcr_sys::netlink::monitor::{Address, Change, Link, Monitor};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use crate::control::{Answer, Ask, What};
use crate::io::listen::Batch;
use crate::io::membership::Joins;
use crate::io::neighbor::{LinkKind, NextHops, Tell};
use crate::io::netlink::{self, Interfaces};
use crate::io::routes;
use crate::observe::log::{self, Logging};
use crate::routing::{ForPlane, Routing};
use crate::supervisor::workers::{ProcessEvent, Settings, Tables, Workers};

/// Workers that have not ended by then are killed with the daemon.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// How long the kernel may take to list what it has.
const LIST_WITHIN: Duration = Duration::from_secs(5);

/// Before it is asked again.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// What workers are to hold, as two fields of the daemon have it.
macro_rules! tables {
    ($daemon:expr) => {
        Tables::new(&$daemon.relay, $daemon.routing.router())
    };
}

/// The daemon's state. One owner, one thread, no lock.
pub(crate) struct Daemon {
    pub(crate) relay: Relay,
    pub(crate) routing: Routing,
    pub(crate) workers: Workers,
    pub(crate) joins: Joins,
    pub(crate) logging: Logging,
    /// The running configuration without its rules.
    pub(crate) settings: ConfigFile,
    pub(crate) start_file: Option<PathBuf>,
    pub(crate) started: Instant,
    /// What was found at the start that an operator should know.
    pub(crate) standing: Vec<String>,
    pub(crate) reload_failure: Option<String>,
    /// The general log level of the command line, which comes before the
    /// configuration's until a client sets another.
    pub(crate) level_of_start: Option<LogLevel>,
    interfaces: Interfaces,
    /// Changes were lost, and the state is to be read again then.
    resync_at: Option<Instant>,
    next_hops: mpsc::UnboundedSender<Tell>,
    routes: mpsc::UnboundedSender<routes::Tell>,
}

/// What wakes the loop.
pub(crate) struct Sources {
    pub(crate) monitor: Monitor,
    pub(crate) next_hops: mpsc::Receiver<(NextHopKey, NextHop)>,
    pub(crate) routes: mpsc::Receiver<RouteChange>,
    pub(crate) packets: mpsc::Receiver<Batch>,
    pub(crate) processes: mpsc::Receiver<ProcessEvent>,
    pub(crate) asks: mpsc::Receiver<Ask>,
    /// For the loop's own questions, those of signals.
    pub(crate) asker: mpsc::Sender<Ask>,
}

/// What the daemon is made of.
pub(crate) struct Parts {
    pub(crate) routing: Routing,
    pub(crate) workers: Workers,
    pub(crate) logging: Logging,
    pub(crate) settings: ConfigFile,
    pub(crate) start_file: Option<PathBuf>,
    pub(crate) standing: Vec<String>,
    pub(crate) level_of_start: Option<LogLevel>,
}

impl Daemon {
    /// A daemon without rules. Must be called inside a tokio runtime.
    pub(crate) fn new(
        parts: Parts,
        monitor: &Monitor,
        answers: mpsc::Sender<(NextHopKey, NextHop)>,
        routes: mpsc::Sender<RouteChange>,
    ) -> Daemon {
        Daemon {
            relay: Relay::new(),
            routing: parts.routing,
            workers: parts.workers,
            joins: Joins::new(),
            logging: parts.logging,
            settings: parts.settings,
            start_file: parts.start_file,
            started: Instant::now(),
            standing: parts.standing,
            reload_failure: None,
            level_of_start: parts.level_of_start,
            interfaces: Interfaces::new(),
            resync_at: None,
            next_hops: NextHops::start(monitor.kernel(), answers),
            routes: routes::start(monitor.kernel(), routes),
        }
    }

    /// Runs until a signal ends it.
    pub(crate) async fn run(mut self, mut sources: Sources) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        self.resync(&sources.monitor).await?;
        info!(target: "supervisor", rules = self.relay.len(), "ready");
        loop {
            self.carry_out();
            let turn = self.turn(&mut sources, &mut hangup);
            tokio::select! {
                result = turn => result?,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        info!(target: "supervisor", "ending");
        self.stop(&mut sources.processes).await;
        Ok(())
    }

    /// Waits for one thing and takes it in.
    async fn turn(&mut self, sources: &mut Sources, hangup: &mut Signal) -> io::Result<()> {
        let due = self.next_timeout();
        let busy = self.joins.is_busy();
        tokio::select! {
            change = sources.monitor.next() => {
                self.kernel_changed(change)?;
            }
            Some((key, state)) = sources.next_hops.recv() => {
                debug!(target: "netlink", ?key, ?state, "next hop");
                self.relay.next_hop_changed(&key, state);
            }
            Some(batch) = sources.packets.recv() => self.routing.batch(batch),
            Some(change) = sources.routes.recv() => {
                debug!(target: "netlink", ?change, "route");
                self.routing.input(Input::Route(change));
            }
            Some(event) = sources.processes.recv() => {
                self.workers.event(Instant::now(), tables!(self), event);
            }
            Some(ask) = sources.asks.recv() => self.asked(ask),
            _ = hangup.recv() => self.hung_up(sources.asker.clone()),
            () = sleep_until(due), if due.is_some() => {}
            // What other tasks have to do is not held up by many joins.
            () = tokio::task::yield_now(), if busy => {}
        }
        let now = Instant::now();
        if self.resync_at.is_some_and(|at| at <= now) {
            self.catch_up(&mut sources.monitor).await;
        }
        self.joins.advance(now);
        if self.workers.next_timeout().is_some_and(|at| at <= now) {
            self.workers.timeout(now, tables!(self));
        }
        if self.routing.next_timeout().is_some_and(|at| at <= now) {
            self.routing.timeout();
        }
        Ok(())
    }

    fn next_timeout(&self) -> Option<Instant> {
        let all = [
            self.workers.next_timeout(),
            self.joins.next_timeout(),
            self.routing.next_timeout(),
            self.resync_at,
        ];
        all.into_iter().flatten().min()
    }

    /// Carries out what relay and router want, and tells the workers.
    pub(crate) fn carry_out(&mut self) {
        let now = Instant::now();
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Fib(update) => self.workers.fib_changed(now, tables!(self), update),
                Output::Join(membership) => self.joins.join(membership),
                Output::Leave(membership) => self.joins.leave(membership),
                Output::WatchNextHop(key) => {
                    let kind = if self.interfaces.no_arp(key.oif.get()) {
                        LinkKind::NoArp
                    } else {
                        LinkKind::Arp
                    };
                    self.tell_next_hops(Tell::Watch(key, kind));
                }
                Output::UnwatchNextHop(key) => self.tell_next_hops(Tell::Unwatch(key)),
            }
        }
        let mut arrived = None;
        loop {
            while let Some(wanted) = self.routing.poll() {
                self.plane(now, wanted, arrived);
            }
            let Some(event) = self.workers.poll_data_plane() else {
                break;
            };
            arrived = match &event {
                DataPlaneEvent::NoEntry { iif, .. } | DataPlaneEvent::Register { iif, .. } => {
                    Some(*iif)
                }
                DataPlaneEvent::NewSource { .. }
                | DataPlaneEvent::WrongInterface { .. }
                | DataPlaneEvent::Switched { .. }
                | DataPlaneEvent::Active { .. } => None,
            };
            self.routing.input(Input::DataPlane(event));
        }
        self.workers.pump(now, tables!(self));
        self.routing.transmit();
    }

    /// `arrived`: where the packet arrived that the router wants this for.
    fn plane(&mut self, now: Instant, wanted: ForPlane, arrived: Option<IfIndex>) {
        match wanted {
            ForPlane::Route(update) => self.workers.route_changed(now, tables!(self), update),
            ForPlane::Listen { iface, on } => self.workers.listen(now, tables!(self), iface, on),
            ForPlane::Forward(mut packet) => {
                if let Some(iif) = arrived {
                    let tables = tables!(self);
                    let bytes = &packet.packet;
                    let is_new = |oif: &IfIndex| !tables.relays(iif, bytes, *oif);
                    packet.outputs.retain(is_new);
                }
                if !packet.until_switch || self.workers.pass_shared(&packet.packet) {
                    self.routing.forward(&packet);
                }
            }
        }
    }

    fn tell_next_hops(&self, tell: Tell) {
        if self.next_hops.send(tell).is_err() {
            error!(target: "netlink", "the task that follows next hops has ended");
        }
    }

    fn tell_routes(&self, tell: routes::Tell) {
        if self.routes.send(tell).is_err() {
            error!(target: "netlink", "the task that follows routes has ended");
        }
    }

    fn kernel_changed(&mut self, change: Option<Change>) -> io::Result<()> {
        match change {
            Some(Change::Neighbor(neighbor)) => self.tell_next_hops(Tell::Neighbor(neighbor)),
            Some(Change::Routes(change)) => {
                self.tell_next_hops(Tell::Routes);
                if let Some(change) = change {
                    self.tell_routes(routes::Tell::Change(change));
                }
            }
            Some(Change::Overflow) => {
                warn!(target: "netlink", "changes were lost; all is read again");
                self.resync_at = Some(Instant::now());
            }
            Some(change) => {
                if let Some((index, up)) = link_state(&change) {
                    self.tell_routes(routes::Tell::Link { index, up });
                }
                if takes_routes_away(&change) {
                    self.tell_routes(routes::Tell::Look);
                }
                if let Some(change) = self.interfaces.change(&change) {
                    self.interface_changed(change);
                    self.tell_next_hops(Tell::Routes);
                }
            }
            None => {
                return Err(io::Error::other(
                    "the kernel's messages about interfaces have ended",
                ));
            }
        }
        Ok(())
    }

    /// Reads all again after changes were lost.
    async fn catch_up(&mut self, monitor: &mut Monitor) {
        // What is queued is older than what was lost, and must not be taken
        // for news. The answer to a question comes after it.
        let flushed = list(monitor).await;
        monitor.discard();
        self.tell_next_hops(Tell::Resync);
        self.tell_routes(routes::Tell::Resync);
        let read = self.resync(monitor).await;
        self.resync_at = None;
        if let Err(error) = flushed.and(read) {
            error!(target: "netlink", %error, "interfaces cannot be read; tried again in 1 s");
            self.resync_at = Some(Instant::now() + LIST_AGAIN);
        }
    }

    /// Reads all links and addresses. The loop waits for this, because changes
    /// that come meanwhile must be taken in after it.
    async fn resync(&mut self, monitor: &Monitor) -> io::Result<()> {
        let (links, addresses) = list(monitor).await?;
        for link in &links {
            let (index, up) = (link.index, link.up);
            self.tell_routes(routes::Tell::Link { index, up });
        }
        for change in self.interfaces.replace(links, addresses) {
            self.interface_changed(change);
        }
        Ok(())
    }

    fn interface_changed(&mut self, change: InterfaceChange) {
        let now = Instant::now();
        match &change {
            InterfaceChange::Present(interface) => {
                let known = self
                    .relay
                    .interfaces()
                    .find(|old| old.index == interface.index);
                if known == Some(interface) {
                    return;
                }
                info!(
                    target: "netlink",
                    name = interface.name.as_str(),
                    index = interface.index.get(),
                    up = interface.up,
                    mtu = interface.mtu,
                    mac = %interface.mac,
                    addresses = ?interface.addresses,
                    "interface"
                );
                self.workers
                    .interface_is(now, interface.index, Some(&interface.name));
            }
            InterfaceChange::Gone(index) => {
                info!(target: "netlink", index = index.get(), "interface gone");
                self.workers.interface_is(now, *index, None);
                self.joins.interface_gone(*index);
            }
        }
        self.routing.input(Input::Interface(change.clone()));
        self.relay.interface_changed(change);
    }

    fn asked(&mut self, ask: Ask) {
        let answer = self.answer(&ask.who, ask.what);
        if let Err(refusal) = &answer {
            info!(target: "control", who = ask.who, "refused: {}", refusal.message);
        }
        if ask.reply.send(answer).is_err() {
            debug!(target: "control", who = ask.who, "the client left before its answer");
        }
    }

    fn answer(&mut self, who: &str, what: What) -> Answer {
        match what {
            What::Status => self.status(),
            What::RulesList { cursor } => self.rules_list(cursor),
            What::RulesShow { name } => self.rules_show(&name),
            What::RulesAdd { rules } => self.rules_add(who, &rules),
            What::RulesRemove { names } => self.rules_remove(who, &names),
            What::StatsRules { cursor } => self.stats_rules(cursor),
            What::StatsInputs => self.stats_inputs(),
            What::Workers => self.show_workers(),
            What::Interfaces => self.interfaces(),
            What::PimInterfaces => self.pim_interfaces(),
            What::PimNeighbors => self.pim_neighbors(),
            What::PimRps => self.pim_rps(),
            What::PimRp { group } => self.pim_rp(group),
            What::Rpf { address, group } => self.rpf(address, group),
            What::IgmpInterfaces => self.igmp_interfaces(),
            What::IgmpGroups { cursor } => self.igmp_groups(cursor),
            What::Mroute { group, cursor } => self.mroute(group, cursor),
            What::StatsProtocols => self.stats_protocols(),
            What::Watch { to } => self.watch(to),
            What::ConfigShow => self.config_show(),
            What::ConfigLoad {
                loaded,
                merge,
                apply,
            } => self.config_load(who, *loaded, merge, apply),
            What::ReloadFailed { reason } => self.reload_failed(&reason),
            What::ConfigWhole => self.config_whole(),
            What::LogGet => self.log_get(),
            What::LogSet { facility, level } => self.log_set(who, facility, level),
        }
    }

    /// SIGHUP: reads the start-up file again, beside the loop.
    fn hung_up(&self, asks: mpsc::Sender<Ask>) {
        let Some(path) = self.start_file.clone() else {
            warn!(target: "config", "SIGHUP, but there is no start-up file");
            return;
        };
        info!(target: "config", path = %path.display(), "SIGHUP: reading the start-up file");
        tokio::spawn(crate::control::reload(path, asks));
    }

    /// The log levels in force.
    pub(crate) fn levels(&self) -> LogLevels {
        log::levels(&self.settings.log, self.level_of_start)
    }

    /// Puts the settings in force.
    pub(crate) fn settings_changed(&mut self, now: Instant) {
        let levels = self.levels();
        self.logging.set(&levels);
        let settings = worker_settings(&self.settings, &levels);
        self.workers.configure(now, tables!(self), settings);
    }

    async fn stop(&mut self, processes: &mut mpsc::Receiver<ProcessEvent>) {
        self.routing.stop();
        self.carry_out();
        self.workers.stop(Instant::now());
        let ended = async {
            while !self.workers.have_stopped() {
                match processes.recv().await {
                    Some(event) => self.workers.event(Instant::now(), tables!(self), event),
                    None => return,
                }
            }
        };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            warn!(target: "supervisor", "workers did not end in time and are killed");
        }
    }
}

/// The kernel takes routes over an interface away without a word when it goes
/// down, and those with an address as their source when that goes.
fn takes_routes_away(change: &Change) -> bool {
    match change {
        Change::Link(link) => !link.up,
        Change::LinkGone(_) | Change::AddressGone(_) => true,
        Change::Address(_) | Change::Neighbor(_) | Change::Routes(_) | Change::Overflow => false,
    }
}

/// The link that the change is about, and whether it is up.
fn link_state(change: &Change) -> Option<(u32, bool)> {
    match change {
        Change::Link(link) => Some((link.index, link.up)),
        Change::LinkGone(index) => Some((*index, false)),
        Change::Address(_)
        | Change::AddressGone(_)
        | Change::Neighbor(_)
        | Change::Routes(_)
        | Change::Overflow => None,
    }
}

async fn list(monitor: &Monitor) -> io::Result<(Vec<Link>, Vec<Address>)> {
    let kernel = monitor.kernel();
    let listed = tokio::time::timeout(LIST_WITHIN, netlink::list(&kernel));
    listed
        .await
        .map_err(|_| io::Error::other("the kernel did not list its interfaces within 5 s"))?
}

/// What the configuration says of workers.
pub(crate) fn worker_settings(file: &ConfigFile, levels: &LogLevels) -> Settings {
    Settings {
        allow_io_uring: file.workers.io_uring.unwrap_or(true),
        // The names were checked when the file was read.
        pinning: file
            .pinning
            .iter()
            .filter_map(|(name, cpus)| Some((name.parse().ok()?, cpus.clone())))
            .collect(),
        log_level: log::worker_level(levels),
    }
}

async fn sleep_until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}
