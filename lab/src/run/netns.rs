//! A scenario in network namespaces: real daemons, `mcrgen` processes, packets
//! on veths.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_api::Method;
use mcr_sim::rules::Rule;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::capture::{Capture, Count, Frame};
use super::chosen::Chosen;
use super::datagrams::{self, Asked, Cursor};
use super::lateness::Lateness;
use super::ledger::Ledger;
use super::locate::{self, Passed};
use super::messages::Told;
use super::notices::{Notice, Notices, What};
use super::pause::{Look, Pause, Paused};
use super::probe;
use super::shell::{self, Finished};
use super::stage::{Drops, REAL_TIME, Stage};
use super::traffic::{Traffic, World};
use super::wires::Laid;
use crate::assertion::counters::Counters;
use crate::assertion::router::Rpf;
use crate::assertion::tables::{Database, Forwarding};
use crate::backend::netns::{Carried, Gone};
use crate::clock::now_ns;
use crate::files::part_of;
use crate::node::{self, Daemons, Deaths, Life, Place, frr};
use crate::topology::model::{
    CounterOf, DaemonChange, Exec, Hosts, Kind, LinkChange, LinkId, NodeId, Topology, Wire, WireId,
};

/// How long emulated hosts may take beyond their time.
const HOSTS_TIME: Duration = Duration::from_secs(20);
/// How much of a log is read at once.
const LOG_PART: u64 = 1 << 20;
/// How long a `state` command may run.
const STATE_TIME: Duration = Duration::from_secs(5);

/// The network and what runs in it.
pub(super) struct Namespaces<'a> {
    pub(super) world: World<'a>,
    /// One is started or stopped at a time.
    pub(super) daemons: Mutex<Daemons>,
    pub(super) deaths: Deaths,
    pub(super) traffic: Traffic,
    pub(super) capture: Capture,
    pub(super) notices: RefCell<Notices>,
    pub(super) began: Instant,
    pub(super) lateness: Lateness,
}

impl<'a> Namespaces<'a> {
    /// What runs in a network, which is listened to from now on.
    pub(super) fn new(
        world: World<'a>,
        daemons: Daemons,
        traffic: Traffic,
        capture: Capture,
        began: Instant,
    ) -> Namespaces<'a> {
        let notices = Notices::start(world.topology, world.network);
        let stage = Namespaces {
            world,
            deaths: daemons.deaths(),
            daemons: Mutex::new(daemons),
            traffic,
            capture,
            notices: RefCell::new(notices),
            began,
            lateness: Lateness::start(),
        };
        stage.listen();
        stage
    }

    fn place(&self, at: NodeId) -> Place<'a> {
        let world = self.world;
        Place::new(
            world.topology,
            at,
            world.network,
            world.programs,
            world.folders,
        )
    }

    /// Listens to all daemons that tell of themselves.
    fn listen(&self) {
        for at in (0..self.world.topology.nodes.len()).map(NodeId) {
            self.listen_to(at);
        }
    }

    fn listen_to(&self, at: NodeId) {
        let node = self.world.topology.nodes.get(at.0);
        if node.is_some_and(|node| matches!(node.kind, Kind::Mcrd { .. })) {
            let socket = self.place(at).socket();
            self.notices.borrow_mut().listen(at, socket);
        }
    }
}

/// The emulated hosts, as a command.
fn hosts_command(topology: &Topology, hosts: &Hosts) -> String {
    let node = topology.nodes.get(hosts.at.0);
    let interface = node.and_then(|node| node.interfaces.get(hosts.interface));
    let mut command = format!(
        "mcrgen hosts --interface {} --hosts {} --address {} --group {} --groups {} \
         --igmp {} --seed {} --duration {}ms",
        interface.map_or("?", |interface| &interface.name),
        hosts.count,
        hosts.address,
        hosts.group,
        hosts.groups,
        hosts.igmp,
        hosts.seed,
        hosts.time.as_millis(),
    );
    let hold = hosts.hold.map(|hold| format!("{}ms", hold.as_millis()));
    let said = [
        ("--per-host", hosts.per_host.map(|count| count.to_string())),
        ("--join-rate", hosts.rate.map(|rate| rate.to_string())),
        ("--hold", hold),
        ("--churn", hosts.churn.map(|rate| rate.to_string())),
    ];
    let said = said.into_iter();
    let words = said.filter_map(|(flag, value)| Some(format!("{flag} {}", value?)));
    for word in words.chain(hosts.wanted.words()) {
        command.push(' ');
        command.push_str(&word);
    }
    command
}

impl Stage for Namespaces<'_> {
    fn topology(&self) -> &Topology {
        self.world.topology
    }

    fn now_ns(&self) -> u64 {
        now_ns()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn late(&self, since_ns: u64) -> Duration {
        self.lateness.within(since_ns..now_ns())
    }

    async fn sleep_until(&self, at: Duration) {
        sleep_until(self.began + at).await;
    }

    fn changed(&self) -> impl Future<Output = ()> {
        self.traffic.changed().notified()
    }

    fn ledger(&self) -> &RefCell<Ledger> {
        self.traffic.ledger()
    }

    async fn join(&self, receiver: usize) -> Result<u64, String> {
        self.traffic.join(self.world, receiver).await
    }

    async fn leave(&self, receiver: usize) -> Result<(), String> {
        self.traffic.leave(self.world, receiver).await
    }

    async fn send(&self, source: usize) -> Result<(), String> {
        self.traffic.send(self.world, source).await
    }

    async fn stop(&self, source: usize) -> Result<(), String> {
        self.traffic.stop(self.world, source).await
    }

    async fn link(
        &self,
        change: LinkChange,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<(), String> {
        let network = self.world.network;
        let changed = network.link(link, change, at).await;
        changed.map_err(|error| error.to_string())?;
        if change == LinkChange::Create {
            let reopened = self.capture.reopen(network, link);
            reopened.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn wire(&self, at: WireId, wire: &Wire) -> Result<(), String> {
        let set = self.world.network.set_wire(at, wire);
        set.map_err(|error| error.to_string())
    }

    fn rules(&self, at: WireId, rules: &[Rule]) -> Result<(), String> {
        let set = self.world.network.set_rules(at, rules);
        set.map_err(|error| error.to_string())
    }

    async fn reroute(&self, of: &[NodeId]) -> Result<(), String> {
        let routed = self.world.network.reroute(of).await;
        routed.map_err(|error| error.to_string())
    }

    fn lose(&self, at: NodeId, net: Ipv4Net, lost: bool) {
        self.world.network.lose(at, net, lost);
    }

    async fn configure(&self, at: NodeId, config: &Value) -> Result<(), String> {
        let place = self.place(at);
        let written = node::rewrite(&place, config);
        written.map_err(|error| error.to_string())?;
        let taken: Result<Value, String> =
            probe::call(place.socket(), Method::ConfigReload {}).await;
        taken.map(|_| ())
    }

    async fn hosts(&self, hosts: &Hosts) -> Result<(), String> {
        let run = hosts_command(self.world.topology, hosts);
        let limit = hosts.time + HOSTS_TIME;
        let exec = Exec { at: hosts.at, run };
        let finished = shell::run(self.world, &exec, limit).await?;
        match finished.status {
            0 => Ok(()),
            status => Err(format!(
                "mcrgen hosts ended with status {status}: {}",
                finished.last_line()
            )),
        }
    }

    async fn address(
        &self,
        at: NodeId,
        interface: usize,
        addresses: &[Ipv4Net],
    ) -> Result<(), String> {
        let set = self.world.network.set_addresses(at, interface, addresses);
        set.await.map_err(|error| error.to_string())
    }

    async fn daemon(&self, change: DaemonChange, at: NodeId) -> Result<(), String> {
        let place = self.place(at);
        let topology = self.world.topology;
        let mut daemons = self.daemons.lock().await;
        let done = match change {
            DaemonChange::Start => daemons.start(topology, &place).await,
            DaemonChange::Stop => daemons.stop(topology, &place).await,
            DaemonChange::Kill(signal) => daemons.kill(topology, &place, signal).await,
            DaemonChange::KillWorkers => daemons.kill_workers(&place).map(|_| ()),
            DaemonChange::Reload => daemons.reload(&place),
            DaemonChange::Freeze => daemons.freeze(topology, &place),
            DaemonChange::Thaw => daemons.thaw(topology, &place),
        };
        drop(daemons);
        done.map_err(|error| error.to_string())?;
        if change == DaemonChange::Start {
            self.listen_to(at);
        }
        Ok(())
    }

    async fn life(&self, at: NodeId) -> Life {
        self.daemons.lock().await.life(self.world.topology, at)
    }

    async fn exec(&self, exec: &Exec, limit: Duration) -> Result<Finished, String> {
        shell::run(self.world, exec, limit).await
    }

    async fn ask<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        probe::call(self.place(at).socket(), method).await
    }

    async fn pages<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        probe::pages(self.place(at).socket(), page).await
    }

    async fn counters(&self, at: NodeId, of: &CounterOf) -> Result<Counters, String> {
        probe::counters(self.place(at).socket(), of.clone()).await
    }

    async fn forwarding(&self, at: NodeId) -> Result<Vec<Forwarding>, String> {
        self.world.network.forwarding(at)
    }

    async fn way(&self, at: NodeId, to: Ipv4Addr) -> Result<Rpf, String> {
        self.world.network.way(at, to)
    }

    async fn database(&self, link: LinkId) -> Result<Database, String> {
        self.world.network.database(link)
    }

    fn log_length(&self, at: NodeId) -> u64 {
        // One that is not there yet has nothing in it.
        fs::metadata(self.place(at).log()).map_or(0, |file| file.len())
    }

    fn log(&self, at: NodeId, from: u64) -> Result<Vec<u8>, String> {
        let path = self.place(at).log();
        part_of(&path, from, LOG_PART)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    fn count(&self, at: NodeId, interface: usize, of: Option<Ipv4Addr>) -> Count {
        self.capture.count(self.world.topology, at, interface, of)
    }

    fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64> {
        self.capture.by_link(group)
    }

    async fn drops(&self) -> Drops {
        let mut all = Drops::new();
        let daemons = self.daemons.lock().await;
        for (position, node) in self.world.topology.nodes.iter().enumerate() {
            let at = NodeId(position);
            if !matches!(node.kind, Kind::Mcrd { .. }) || daemons.is_frozen(at) {
                continue;
            }
            let socket = self.place(at).socket();
            // A daemon that does not answer has nothing to tell here.
            for ((interface, reason), count) in probe::drops(socket).await.unwrap_or_default() {
                all.insert((position, interface, reason), count);
            }
        }
        all
    }

    fn passed(&self, runs: &BTreeSet<u64>, sent_ns: Range<u64>) -> Vec<Passed> {
        self.capture
            .look(|seen| locate::passed(seen, runs, &sent_ns))
    }

    fn last_on(&self, link: LinkId, group: Ipv4Addr) -> Option<u64> {
        self.capture.last_on(link, group)
    }

    fn messages(&self, from: u64) -> Told {
        self.capture.messages(from)
    }

    fn datagrams(&self, cursor: &mut Cursor, asked: &Asked<'_>) -> datagrams::Told {
        self.capture.datagrams(cursor, asked)
    }

    fn notices(&self) -> (Vec<Notice>, u64) {
        let (mut notices, missed) = self.notices.borrow().take();
        notices.extend(self.deaths.unnoted().into_iter().filter_map(|death| {
            let nodes = &self.world.topology.nodes;
            let node = nodes.iter().position(|node| node.name == death.node)?;
            Some(Notice {
                at_ns: death.at_ns,
                node: NodeId(node),
                what: What::Died(death.words()),
            })
        }));
        notices.sort_by_key(|notice| notice.at_ns);
        (notices, missed)
    }

    async fn stand(&self, pause: &Pause, paused: &Paused, laid: Laid) -> io::Result<bool> {
        let look = Look { stage: self, laid };
        pause.ask(paused, &look).await
    }

    fn wires(&self) -> Vec<(WireId, [Carried; 2])> {
        self.world.network.carried()
    }

    fn gone(&self, at: WireId) -> Gone {
        self.world.network.gone(at)
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn through<T>(&self, _: impl AsyncFnOnce(Self) -> T) -> Result<T, String> {
        Err(REAL_TIME.to_owned())
    }

    fn looped(&self, since_ns: u64) -> u64 {
        self.capture.look(|seen| locate::looped(seen, since_ns))
    }

    /// Daemons that ended by themselves, for as long as they are not started
    /// again.
    fn broken(&self) -> Vec<String> {
        let taken = self.deaths.take();
        taken.iter().map(node::Death::text).collect()
    }

    fn breaks(&self) -> impl Future<Output = ()> {
        self.deaths.next()
    }

    async fn write_states(&self, folder: &Path) -> io::Result<()> {
        for (position, node) in self.world.topology.nodes.iter().enumerate() {
            let at = NodeId(position);
            if node.ospf.is_some() {
                let told = frr::ask::routing(&node.name).await;
                fs::write(folder.join(format!("{}.ospf.txt", node.name)), told)?;
            }
            match &node.kind {
                Kind::Host | Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => {}
                Kind::Frr => {
                    let told = frr::ask::everything(&node.name).await;
                    fs::write(folder.join(format!("{}.txt", node.name)), told)?;
                }
                Kind::Mcrd { .. } => {
                    let state = probe::state(self.place(at).socket()).await;
                    let file = folder.join(format!("{}.json", node.name));
                    fs::write(file, format!("{state:#}\n"))?;
                }
                Kind::Custom(custom) => {
                    let Some(run) = custom.state.clone() else {
                        continue;
                    };
                    let exec = Exec { at, run };
                    let told = match shell::run(self.world, &exec, STATE_TIME).await {
                        Ok(finished) => finished.output,
                        Err(error) => error,
                    };
                    fs::write(folder.join(format!("{}.txt", node.name)), told)?;
                }
            }
        }
        Ok(())
    }

    fn packets(&self, chosen: &Chosen) -> (Vec<String>, Vec<(usize, Frame)>) {
        self.capture.frames(|frame| chosen.has(frame))
    }
}
