//! What steps do.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_sim::rules::Rule;
use serde_json::Value;

use super::{LinkId, NodeId, Wanted, Wire, WireId};

/// Something that a step does. Receivers and sources are positions in the
/// topology's lists.
#[derive(Clone, Debug)]
pub enum Action {
    /// Receivers join.
    Join(Vec<usize>),
    /// Receivers leave.
    Leave(Vec<usize>),
    /// Sources start.
    Send(Vec<usize>),
    /// Sources stop.
    Stop(Vec<usize>),
    /// A link changes.
    Link {
        /// What happens to it.
        change: LinkChange,
        /// Which.
        link: LinkId,
        /// At this end only; at every end otherwise.
        at: Option<NodeId>,
    },
    /// A link goes down and up again, more than once.
    Flap(Flap),
    /// From now on a wire does this.
    Wire {
        /// The wire.
        at: WireId,
        /// What it does, in both directions.
        wire: Wire,
    },
    /// From now on a wire does this to messages that are named.
    Rules {
        /// The wire.
        at: WireId,
        /// What it does, in the place of what it did.
        rules: Vec<Rule>,
    },
    /// An interface's addresses are replaced.
    Address {
        /// The node.
        at: NodeId,
        /// The interface, as a position in [`Node::interfaces`](super::Node::interfaces).
        interface: usize,
        /// The new addresses.
        addresses: Vec<Ipv4Net>,
    },
    /// A router loses its unicast route to a network, or has it again.
    Unicast {
        /// The router.
        at: NodeId,
        /// The network.
        net: Ipv4Net,
        /// It is lost.
        lost: bool,
    },
    /// All routers lose their routes to a network, or have them again, as after
    /// a change of the network.
    Withdraw {
        /// The network.
        net: Ipv4Net,
        /// They are lost.
        lost: bool,
    },
    /// mcrd takes this configuration, as JSON, while it runs.
    Config {
        /// The node.
        at: NodeId,
        /// The whole configuration.
        config: Value,
    },
    /// Many hosts join groups, and leave them.
    Hosts(Hosts),
    /// A node's daemon changes.
    Daemon {
        /// What happens to it.
        change: DaemonChange,
        /// Which.
        at: NodeId,
    },
    /// A command runs to its end; a status other than 0 fails the step.
    Exec(Exec),
    /// Nothing happens for this long.
    Wait(Duration),
    /// A word in the diary.
    Mark(String),
    /// What all routers know is kept under a name.
    Snap(String),
    /// From here, for this long, the expectations look at this span only.
    Measure(Duration),
    /// Several rows of actions begin at once, each done in its own order.
    Together(Vec<Vec<Action>>),
}

impl Action {
    /// It, or those that are done at once.
    pub fn each(&self) -> Vec<&Action> {
        if let Action::Together(rows) = self {
            return rows.iter().flatten().flat_map(Action::each).collect();
        }
        vec![self]
    }

    /// The same, to be changed.
    pub fn each_mut(&mut self) -> Vec<&mut Action> {
        if let Action::Together(rows) = self {
            let all = rows.iter_mut().flatten();
            return all.flat_map(Action::each_mut).collect();
        }
        vec![self]
    }
}

/// Emulated hosts behind one interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Hosts {
    /// The node.
    pub at: NodeId,
    /// Its interface, as a position in [`Node::interfaces`](super::Node::interfaces).
    pub interface: usize,
    /// How many.
    pub count: u32,
    /// The address of the first; the others have those after it.
    pub address: Ipv4Addr,
    /// The first group; the others are those after it.
    pub group: Ipv4Addr,
    /// How many groups, dealt out in turn.
    pub groups: u32,
    /// How many of them each host joins, where that is said.
    pub per_host: Option<u32>,
    /// The sources that they want.
    pub wanted: Wanted,
    /// The newest IGMP version that they speak.
    pub igmp: u8,
    /// Joins a second at the start, where that is said.
    pub rate: Option<f64>,
    /// They leave each group so long after they joined it.
    pub hold: Option<Duration>,
    /// Random joins and leaves a second after the start, where there are some.
    pub churn: Option<f64>,
    /// Decides what is random.
    pub seed: u64,
    /// They leave after this time.
    pub time: Duration,
}

/// A link that goes down and up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flap {
    /// Which.
    pub link: LinkId,
    /// At this end only; at every end otherwise.
    pub at: Option<NodeId>,
    /// It loses its carrier; its interfaces are set down otherwise.
    pub carrier: bool,
    /// How many times.
    pub count: u32,
    /// How long each time takes; half of it the link is down.
    pub period: Duration,
}

impl Flap {
    /// What happens first.
    #[must_use]
    pub fn down(&self) -> LinkChange {
        match self.carrier {
            true => LinkChange::CarrierDown,
            false => LinkChange::Down,
        }
    }

    /// What happens then.
    #[must_use]
    pub fn up(&self) -> LinkChange {
        match self.carrier {
            true => LinkChange::CarrierUp,
            false => LinkChange::Up,
        }
    }
}

/// What happens to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Its interfaces are set down.
    Down,
    /// They are set up again.
    Up,
    /// Its interfaces lose their carrier, and stay set up.
    CarrierDown,
    /// They have it again.
    CarrierUp,
    /// It is deleted.
    Delete,
    /// It is made again, as it was at first.
    Create,
}

/// What happens to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonChange {
    /// It starts.
    Start,
    /// It is asked to end, and waited for.
    Stop,
    /// A signal ends it, and it is waited for.
    Kill(KillSignal),
    /// SIGKILL to its child processes: mcrd's workers.
    KillWorkers,
    /// SIGHUP.
    Reload,
    /// SIGSTOP: it gets no time to run, and what it set in the kernel stays.
    Freeze,
    /// SIGCONT.
    Thaw,
}

/// A signal that ends a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillSignal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGABRT.
    Abrt,
    /// SIGSEGV.
    Segv,
}

impl KillSignal {
    /// As the file names it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            KillSignal::Kill => "KILL",
            KillSignal::Term => "TERM",
            KillSignal::Int => "INT",
            KillSignal::Quit => "QUIT",
            KillSignal::Abrt => "ABRT",
            KillSignal::Segv => "SEGV",
        }
    }
}

/// A command in a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Where.
    pub at: NodeId,
    /// The command, run by `sh -c`, with the lab's programs in `PATH` and
    /// `MCR_SOCKET` set where the node runs mcrd.
    pub run: String,
}
