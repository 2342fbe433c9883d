//! Where a scenario runs. The steps and the expectations know no more of it
//! than this: in namespaces and in virtual time they are the same.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use futures_util::future::select;
use ipnet::Ipv4Net;
use mcr_api::Method;
use mcr_sim::rules::Rule;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::capture::{Count, Frame};
use super::chosen::Chosen;
use super::datagrams::{self, Asked, Cursor};
use super::ledger::Ledger;
use super::locate::Passed;
use super::messages::Told;
use super::notices::Notice;
use super::pause::{Pause, Paused};
use super::shell::Finished;
use super::wires::Laid;
use crate::assertion::counters::Counters;
use crate::assertion::router::Rpf;
use crate::assertion::tables::{Database, Forwarding};
use crate::backend::netns::{Carried, Gone};
use crate::node::Life;
use crate::topology::model::{
    CounterOf, DaemonChange, Exec, Hosts, LinkChange, LinkId, NodeId, Topology, Wire, WireId,
};

/// Why there is no sweep where time is real.
pub(super) const REAL_TIME: &str = "a sweep is for virtual time: `lab test --sim`";

/// Drops by node, interface and reason.
pub(super) type Drops = BTreeMap<(usize, String, String), u64>;

/// How often a condition is looked at where nothing tells of a change.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a receiver may be late to report, at the start of a span and at its
/// end.
const REPORT_TIME: Duration = Duration::from_secs(2);

/// A network that stands, with everything in it.
pub(super) trait Stage {
    /// What it was made from.
    fn topology(&self) -> &Topology;

    /// The clock of the reports and of the packets, in nanoseconds.
    fn now_ns(&self) -> u64;
    /// The time since it stands.
    fn elapsed(&self) -> Duration;
    /// How long what was due since then had to wait for the machine. Figures of
    /// time are that much too long.
    fn late(&self, since_ns: u64) -> Duration;
    /// Waits for a time since it stands.
    async fn sleep_until(&self, at: Duration);
    /// Ends when there may be something new to be seen.
    fn changed(&self) -> impl Future<Output = ()>;

    /// What is known of the traffic.
    fn ledger(&self) -> &RefCell<Ledger>;
    /// A receiver joins. Returns when its join call returned, in nanoseconds.
    async fn join(&self, receiver: usize) -> Result<u64, String>;
    /// A receiver leaves.
    async fn leave(&self, receiver: usize) -> Result<(), String>;
    /// A source starts.
    async fn send(&self, source: usize) -> Result<(), String>;
    /// A source stops.
    async fn stop(&self, source: usize) -> Result<(), String>;

    /// A link changes.
    async fn link(
        &self,
        change: LinkChange,
        link: LinkId,
        at: Option<NodeId>,
    ) -> Result<(), String>;
    /// A wire does something else from now on.
    fn wire(&self, at: WireId, wire: &Wire) -> Result<(), String>;
    /// A wire does this to messages that are named from now on.
    fn rules(&self, at: WireId, rules: &[Rule]) -> Result<(), String>;
    /// The unicast routes of these nodes follow, where the lab sets them.
    async fn reroute(&self, of: &[NodeId]) -> Result<(), String>;
    /// A router loses its route to a network, or has it again.
    fn lose(&self, at: NodeId, net: Ipv4Net, lost: bool);
    /// mcrd takes another configuration.
    async fn configure(&self, at: NodeId, config: &Value) -> Result<(), String>;
    /// Many hosts join and leave; ends with them.
    async fn hosts(&self, hosts: &Hosts) -> Result<(), String>;
    /// An interface's addresses are replaced.
    async fn address(
        &self,
        at: NodeId,
        interface: usize,
        addresses: &[Ipv4Net],
    ) -> Result<(), String>;
    /// A daemon changes.
    async fn daemon(&self, change: DaemonChange, at: NodeId) -> Result<(), String>;
    /// How a node's daemon is.
    async fn life(&self, at: NodeId) -> Life;
    /// Runs a command to its end.
    async fn exec(&self, exec: &Exec, limit: Duration) -> Result<Finished, String>;

    /// What a node's mcrd answers.
    async fn ask<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static;
    /// All pages of what a node's mcrd answers.
    async fn pages<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static;
    /// A counter's owner, read once.
    async fn counters(&self, at: NodeId, of: &CounterOf) -> Result<Counters, String>;

    /// The kernel's forwarding entries of a node.
    async fn forwarding(&self, at: NodeId) -> Result<Vec<Forwarding>, String>;
    /// The way of a node's kernel to an address.
    async fn way(&self, at: NodeId, to: Ipv4Addr) -> Result<Rpf, String>;
    /// What a segment's switch has learned.
    async fn database(&self, link: LinkId) -> Result<Database, String>;
    /// How long the log of a node's daemon is.
    fn log_length(&self, at: NodeId) -> u64;
    /// What comes next in it, from a place on.
    fn log(&self, at: NodeId, from: u64) -> Result<Vec<u8>, String>;

    /// What passed an interface, to a group or in all.
    fn count(&self, at: NodeId, interface: usize, of: Option<Ipv4Addr>) -> Count;
    /// What passed each link to a group.
    fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64>;

    /// What all daemons dropped so far.
    async fn drops(&self) -> Drops;
    /// What each link showed of the datagrams of these runs that were sent in a
    /// time.
    fn passed(&self, runs: &BTreeSet<u64>, sent_ns: Range<u64>) -> Vec<Passed>;
    /// When a link last showed a datagram to a group.
    fn last_on(&self, link: LinkId, group: Ipv4Addr) -> Option<u64>;
    /// The messages of IGMP and PIM with this number or a later one; the first
    /// has 0.
    fn messages(&self, from: u64) -> Told;
    /// The datagrams since the cursor's last look.
    fn datagrams(&self, cursor: &mut Cursor, asked: &Asked<'_>) -> datagrams::Told;
    /// What nodes told of themselves since the last call, in the order of time,
    /// and how much more there was.
    fn notices(&self) -> (Vec<Notice>, u64);
    /// Stands as it is, and lets others look, until somebody says how to go on;
    /// true where with the next step.
    async fn stand(&self, pause: &Pause, paused: &Paused, laid: Laid) -> io::Result<bool>;

    /// What each wire carried so far, from its first side and from its second.
    fn wires(&self) -> Vec<(WireId, [Carried; 2])>;
    /// The datagrams that a wire dropped or changed so far.
    fn gone(&self, at: WireId) -> Gone;
    /// Datagrams that a router sent onto a link again, after others had taken
    /// from their TTL, since the last call or this time.
    fn looped(&self, since_ns: u64) -> u64;
    /// Time passes here as fast as it can, and the same way every time.
    fn is_virtual(&self) -> bool;
    /// Goes through the same network once more, from its beginning, while
    /// everything else waits.
    ///
    /// # Errors
    /// Why that cannot be done here, or did not end.
    fn through<T>(&self, work: impl AsyncFnOnce(Self) -> T) -> Result<T, String>
    where
        Self: Sized;
    /// What was found broken since the last call that must never break.
    fn broken(&self) -> Vec<String>;
    /// Returns as soon as something is found broken that no step has told.
    fn breaks(&self) -> impl Future<Output = ()>;
    /// Writes what every node knows.
    async fn write_states(&self, folder: &Path) -> io::Result<()>;
    /// The links' names, and those of their packets that are chosen, and kept, each
    /// with its name's position, in the order of time.
    fn packets(&self, chosen: &Chosen) -> (Vec<String>, Vec<(usize, Frame)>);
}

/// Waits for a change, but no longer than to a time since the network stands.
pub(super) async fn changed_or<S: Stage>(
    stage: &S,
    changed: impl Future<Output = ()>,
    at: Duration,
) {
    let (changed, time) = (
        std::pin::pin!(changed),
        std::pin::pin!(stage.sleep_until(at)),
    );
    select(changed, time).await;
}

/// Waits so long.
pub(super) async fn sleep<S: Stage>(stage: &S, time: Duration) {
    stage.sleep_until(stage.elapsed() + time).await;
}

/// Waits for what is under way, then begins a new span. Returns its start.
pub(super) async fn begin_span<S: Stage>(stage: &S) -> u64 {
    let now = stage.now_ns();
    until_settled(stage, now).await;
    stage.ledger().borrow_mut().begin_span(now);
    now
}

/// Ends the span, then waits for what was sent in it. Returns its end.
pub(super) async fn end_span<S: Stage>(stage: &S) -> u64 {
    let now = stage.now_ns();
    stage.ledger().borrow_mut().end_span(now);
    until_settled(stage, now).await;
    now
}

/// Begins a new span at this very moment: what is under way belongs to it.
/// Returns its start.
pub(super) fn cut_span<S: Stage>(stage: &S) -> u64 {
    let now = stage.now_ns();
    stage.ledger().borrow_mut().cut_span(now);
    now
}

async fn until_settled<S: Stage>(stage: &S, by: u64) {
    let deadline = stage.elapsed() + REPORT_TIME;
    loop {
        let changed = stage.changed();
        if stage.ledger().borrow().is_settled(by) || stage.elapsed() >= deadline {
            return;
        }
        let look = stage.elapsed() + LOOK_EVERY;
        changed_or(stage, changed, deadline.min(look)).await;
    }
}
