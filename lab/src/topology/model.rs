//! The resolved topology: every name found, every address given, every value
//! checked. Nothing after this has anything left to validate.

mod action;
mod gate;
mod invariant;
mod keep;
mod kind;
mod ospf;
mod own;
mod sweep;
mod unicast;
mod wanted;
mod wire;
mod wrap;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::Ipv4Net;
use regex::Regex;

use super::messages::MessagesCheck;
use super::question::{Interfaces, MdbQuestion, MfcQuestion, Question};
use super::router::Router;

pub use action::{Action, DaemonChange, Exec, Flap, Hosts, KillSignal, LinkChange};
pub use gate::{Gate, GateBound, Quantile};
pub use invariant::{Always, Invariant};
pub use keep::{Artifacts, Extent, Keep, Kept};
pub use kind::{Custom, Kind, StaticMroute};
pub use ospf::{Ospf, OspfInterface};
pub use own::OwnConfig;
pub use sweep::Sweep;
pub use unicast::Unicast;
pub use wanted::Wanted;
pub use wire::{End, Wire, WireId};
pub use wrap::Wrap;

/// A lab: the network and what is asked of it.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Its name: letters, digits, `-` and `_`, at most 40.
    pub name: String,
    /// One paragraph for people.
    pub about: String,
    /// The file it came from.
    pub file: PathBuf,
    /// The nodes, in the file's order; a [`NodeId`] is a position here.
    pub nodes: Vec<Node>,
    /// Links and segments, in the file's order; a [`LinkId`] is a position here.
    pub links: Vec<Link>,
    /// Receivers by name, in the file's order.
    pub receivers: Vec<Receiver>,
    /// Sources by name, in the file's order.
    pub sources: Vec<Source>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Where unicast routes come from.
    pub unicast: Unicast,
    /// What must hold all the time.
    pub invariants: Vec<Invariant>,
    /// The longest a whole run may take.
    pub max_time: Duration,
    /// The longest that its daemons may take to be ready.
    pub ready: Duration,
    /// No other lab may run beside it.
    pub alone: bool,
    /// How often `lab test` runs it.
    pub repeat: u32,
    /// What evidence a run leaves.
    pub artifacts: Artifacts,
    /// Variables and the values that `lab matrix` gives them.
    pub matrix: Vec<(String, Vec<String>)>,
    /// What it was read from; `None` where it was changed since.
    pub origin: Option<Origin>,
}

/// What a topology was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The text of its file.
    pub text: String,
    /// The variables that were set for it.
    pub vars: Vec<(String, String)>,
}

impl Topology {
    /// The nodes that find their way by themselves.
    #[must_use]
    pub fn routers(&self) -> Vec<NodeId> {
        let nodes = self.nodes.iter().enumerate();
        let routers = nodes.filter(|(_, node)| node.kind.is_router());
        routers.map(|(position, _)| NodeId(position)).collect()
    }
}

/// A node's position in [`Topology::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A link's position in [`Topology::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub usize);

/// One node: a network namespace with what runs in it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, unique.
    pub name: String,
    /// The groups of the file that it is in.
    pub groups: Vec<String>,
    /// What runs in it.
    pub kind: Kind,
    /// PIM and IGMP, where it is a multicast router.
    pub router: Option<Box<Router>>,
    /// Addresses on `lo`, beside 127.0.0.1.
    pub loopback: Vec<Ipv4Net>,
    /// Its interfaces, in the order of the links.
    pub interfaces: Vec<Interface>,
    /// Static routes: destination and next hop.
    pub routes: Vec<(Ipv4Net, Ipv4Addr)>,
    /// Settings of namespace sysctls, as `net.ipv4.ip_forward`: `1`.
    pub sysctls: Vec<(String, String)>,
    /// Environment of what runs in it.
    pub env: Vec<(String, String)>,
    /// What watches its daemon.
    pub wrap: Option<Wrap>,
    /// What the user brings for its daemon, where that is not mcrd.
    pub own: Option<OwnConfig>,
    /// OSPF, where it finds its way by that.
    pub ospf: Option<Box<Ospf>>,
}

/// A node's end of a link.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its name in the node, at most 15 bytes.
    pub name: String,
    /// The link it is on.
    pub link: LinkId,
    /// Its addresses, the primary one first.
    pub addresses: Vec<Ipv4Net>,
}

/// A link between two nodes, or a segment of any number.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name: `a--b` for a link, the segment's own name otherwise.
    pub name: String,
    /// What joins the ends.
    pub medium: Medium,
    /// The ends, in the file's order: node and position in
    /// [`Node::interfaces`].
    pub ends: Vec<(NodeId, usize)>,
    /// The network the addresses come from.
    pub net: Ipv4Net,
    /// The MTU, in bytes.
    pub mtu: u32,
    /// What a way over it costs.
    pub metric: u32,
    /// Leave transmit checksum offload on, as real local senders have it; the
    /// lab turns it off otherwise.
    pub checksum_offload: bool,
    /// It leads over a wire, which does this at first; links between two nodes
    /// only.
    pub wire: Option<Wire>,
    /// The members of a segment that are joined to it by a wire, which does this
    /// at first: to frames from the member, and to those from the segment.
    pub members: BTreeMap<End, Wire>,
}

/// What joins the ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// One veth pair.
    Veth,
    /// A bridge in a namespace of its own, one veth pair a member.
    Bridge {
        /// IGMP snooping on the bridge.
        snooping: bool,
        /// The bridge itself sends IGMP queries.
        querier: bool,
    },
}

/// A receiver, idle until a `join` step.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub at: NodeId,
    /// Its interface there, as a position in [`Node::interfaces`].
    pub interface: usize,
    /// The groups it joins.
    pub groups: Vec<Ipv4Addr>,
    /// The port it listens on.
    pub port: u16,
    /// The sources that it wants.
    pub wanted: Wanted,
    /// The IGMP version, where one is forced.
    pub igmp: Option<u8>,
}

/// A source, silent until a `send` step.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub at: NodeId,
    /// Its interface there, as a position in [`Node::interfaces`].
    pub interface: usize,
    /// The groups (or hosts) it sends to, in turn.
    pub groups: Vec<Ipv4Addr>,
    /// The port it sends to.
    pub port: u16,
    /// The rate, all groups together.
    pub rate: Rate,
    /// UDP payload in bytes.
    pub size: u32,
    /// Time to live.
    pub ttl: u8,
    /// DiffServ code point.
    pub dscp: u8,
    /// The UDP source port, where one is asked for.
    pub source_port: Option<u16>,
    /// How many datagrams; until `stop` otherwise.
    pub count: Option<u64>,
}

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Datagrams per second.
    Pps(f64),
    /// UDP payload bits per second.
    Bps(f64),
}

/// One step: what is done, then what is expected.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its title; made from its verbs where the file gives none.
    pub title: String,
    /// The line in the file, for messages.
    pub line: usize,
    /// What is done, in the file's order.
    pub actions: Vec<Action>,
    /// What must become true, all at once watched.
    pub expect: Vec<Expectation>,
    /// In place of both: what is done at every event of the steps before.
    pub sweep: Option<Box<Sweep>>,
}

/// One condition, and how long it may take.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The condition.
    pub check: Check,
    /// It must become true within this time.
    pub within: Duration,
    /// And then stay true for this time.
    pub holds: Duration,
    /// It must not become true, for as long as `within` says.
    pub never: bool,
    /// Its failure is a warning only.
    pub warn: bool,
    /// A name for its measured value, shown and kept in the result.
    pub metric: Option<String>,
    /// What that value must be over all runs.
    pub gate: Option<Gate>,
    /// The line in the file, for messages.
    pub line: usize,
    /// It is judged when `within` is over, and not before: what it is about
    /// may only get worse.
    pub throughout: bool,
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Check {
    /// What a receiver got of a source.
    Rx(Box<RxCheck>),
    /// A rate seen at a receiver, or passing an interface.
    Rate {
        /// Where it is measured.
        at: RatePoint,
        /// Of this group only.
        of: Option<Ipv4Addr>,
        /// Datagrams per second.
        pps: Bound,
        /// UDP payload bits per second.
        bps: Bound,
    },
    /// A counter of a daemon: a value in its statistics.
    Counters {
        /// The node, which runs mcrd.
        at: NodeId,
        /// Whose counters they are.
        of: CounterOf,
        /// Bounds by counter: `packets`, `bytes`, `dropped`,
        /// `outputs[2].packets`, `drops.no-rule`, `kernel_drops`.
        bounds: Vec<(String, Bound)>,
    },
    /// What routers know.
    Router(Question),
    /// The links that carry a group's datagrams.
    Tree {
        /// The group.
        group: Ipv4Addr,
        /// What they must be.
        is: TreeIs,
    },
    /// An entry of the table that packets are forwarded by.
    Mfc(Box<MfcQuestion>),
    /// What a switch has learned.
    Mdb(Box<MdbQuestion>),
    /// Messages of IGMP and PIM on links.
    Packets(Box<MessagesCheck>),
    /// Lines of a daemon's log.
    Log(Box<LogCheck>),
    /// What all routers know.
    State(StateIs),
    /// A command.
    Exec {
        /// The command.
        exec: Exec,
        /// The status it must end with.
        status: i32,
        /// Text that its output must contain.
        contains: Option<String>,
    },
}

/// Lines of a daemon's log, since the step began.
#[derive(Clone, Debug)]
pub struct LogCheck {
    /// The node.
    pub at: NodeId,
    /// What a line must match.
    pub pattern: Regex,
    /// How many such lines.
    pub count: Bound,
}

/// What a tree must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeIs {
    /// These links, by name.
    Links(Interfaces),
    /// The one of the reference model, link by link and router by router.
    Model,
}

/// What the state of the network must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateIs {
    /// What it was when the snap of this name was taken.
    Snap(String),
    /// As in the reference model, as far as these parts of it.
    Model(BTreeSet<ModelPart>),
}

/// What the reference model knows of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelPart {
    /// PIM neighbours.
    Neighbors,
    /// Designated Routers.
    Dr,
    /// RPs.
    Rp,
    /// Trees, by the entries of routers.
    Mroute,
    /// Trees, by what packets are forwarded by, and the links that carry them.
    Mfc,
}

impl ModelPart {
    /// All of them.
    pub const ALL: [ModelPart; 5] = [
        ModelPart::Neighbors,
        ModelPart::Dr,
        ModelPart::Rp,
        ModelPart::Mroute,
        ModelPart::Mfc,
    ];
}

/// Whose counter is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterOf {
    /// A rule's.
    Rule(String),
    /// An input interface's.
    Input(String),
    /// Those of IGMP and PIM on an interface.
    Protocols(String),
}

/// Where a rate is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePoint {
    /// What a receiver gets, as a position in [`Topology::receivers`].
    Receiver(usize),
    /// What an interface of a node receives and sends.
    Interface(NodeId, usize),
}

/// Bounds on what a receiver got of sources.
#[derive(Clone, Debug, Default)]
pub struct RxCheck {
    /// The receiver.
    pub by: usize,
    /// The sources; all that send to it where it is empty.
    pub of: Vec<usize>,
    /// Different datagrams received.
    pub received: Bound,
    /// Lost, of those sent.
    pub loss: Bound,
    /// The same, as a share of those sent, 0 to 1.
    pub loss_share: Bound,
    /// Lost are those that this link's wire dropped or changed, and no others.
    pub loss_on: Option<WireId>,
    /// Received again.
    pub duplicates: Bound,
    /// Received after a later one.
    pub reorder: Bound,
    /// Changed on the way.
    pub corrupted: Bound,
    /// From the step's start to the first datagram.
    pub first_within: Option<Duration>,
    /// The longest time without a datagram, in nanoseconds.
    pub gap_ns: Bound,
    /// Latency quantiles, in nanoseconds: quantile (0.5 for p50) and bound.
    pub latency_ns: Vec<(f64, Bound)>,
    /// The TTL they arrive with.
    pub ttl: Option<u8>,
    /// The DSCP they arrive with.
    pub dscp: Option<u8>,
    /// The source address they arrive with.
    pub source: Option<Ipv4Addr>,
    /// The UDP source port they arrive with.
    pub source_port: Option<u16>,
}

/// What a number must be; both ends included, `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bound {
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
}
