//! What has changed since the network stood, by the steps' own actions.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use mcr_sim::wire::Share;
use serde_json::Value;

use crate::oracle::{Down, Lost};
use crate::plan::{DaemonPlan, Plan};
use crate::topology::model::{Action, DaemonChange, LinkChange, NodeId, Topology, Wire, WireId};

/// What is not as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Ends of links that are down.
    pub down: Down,
    /// Ends of links over whose wire nothing comes, or nothing goes, by a fault.
    pub deaf: Down,
    /// Routes that are lost.
    pub lost: Lost,
    /// Routers whose daemon does not run.
    pub stopped: BTreeSet<NodeId>,
    /// Routers whose daemon gets no time to run, and which may still forward.
    pub frozen: BTreeSet<NodeId>,
    /// Configurations that were replaced.
    pub configs: BTreeMap<NodeId, Value>,
    /// Something failed or came back: who won an Assert of then may still be
    /// the winner.
    pub eventful: bool,
    /// What the file does not tell any more, in one sentence.
    pub unknown: Option<String>,
}

impl Situation {
    /// The same, told of another topology that the network has become. `new`
    /// is that one.
    pub fn move_to(&mut self, plan: &Plan, new: &Topology) {
        let (nodes, ends) = (plan.moved_nodes(), plan.moved_ends(new));
        let now = |at: &NodeId| nodes.get(at).copied();
        // A daemon that starts again has the file's configuration, and time to
        // run.
        let goes_on = |at: &NodeId| {
            let plan = plan.nodes.get(at.0);
            plan.is_some_and(|plan| plan.daemon == DaemonPlan::Keep)
        };
        let moved = |all: &Down| {
            all.iter()
                .filter_map(|end| ends.get(end).copied())
                .collect()
        };
        (self.down, self.deaf) = (moved(&self.down), moved(&self.deaf));
        let lost = self.lost.iter();
        self.lost = lost
            .filter_map(|(at, net)| Some((now(at)?, *net)))
            .collect();
        self.stopped = self.stopped.iter().filter_map(now).collect();
        let frozen = self.frozen.iter().filter_map(now);
        self.frozen = frozen.filter(goes_on).collect();
        let configs = std::mem::take(&mut self.configs).into_iter();
        let configs = configs.filter_map(|(at, config)| Some((now(&at)?, config)));
        self.configs = configs.filter(|(at, _)| goes_on(at)).collect();
        self.eventful |= !plan.keeps_network();
    }

    /// Whether a router's daemon can be asked.
    #[must_use]
    pub fn answers(&self, at: NodeId) -> bool {
        !self.stopped.contains(&at) && !self.frozen.contains(&at)
    }

    /// Routers lose their routes to a network, or have them again.
    fn route(&mut self, routers: &[NodeId], net: Ipv4Net, lost: bool) {
        self.eventful = true;
        for at in routers {
            match lost {
                true => self.lost.insert((*at, net)),
                false => self.lost.remove(&(*at, net)),
            };
        }
    }

    /// A wire does something else.
    fn wire(&mut self, topology: &Topology, at: WireId, wire: &Wire) {
        self.eventful = true;
        let link = topology.links.get(at.link.0);
        let link = link.map(|link| link.ends.as_slice());
        let ends = at.member.as_ref().map(std::slice::from_ref).or(link);
        let deaf = wire.iter().any(|way| way.loss == Share::ALL);
        for end in ends.unwrap_or_default() {
            match deaf {
                true => self.deaf.insert(*end),
                false => self.deaf.remove(end),
            };
        }
    }

    /// What an action changes.
    pub fn change(&mut self, topology: &Topology, action: &Action) {
        match action {
            Action::Link { change, link, at } => {
                self.eventful = true;
                let ends = topology.links.get(link.0).map(|link| &link.ends);
                for end in ends.into_iter().flatten() {
                    if at.is_some_and(|at| at != end.0) {
                        continue;
                    }
                    match change {
                        LinkChange::Down | LinkChange::CarrierDown | LinkChange::Delete => {
                            self.down.insert(*end)
                        }
                        LinkChange::Up | LinkChange::CarrierUp | LinkChange::Create => {
                            self.down.remove(end)
                        }
                    };
                }
            }
            Action::Unicast { at, net, lost } => self.route(&[*at], *net, *lost),
            Action::Withdraw { net, lost } => self.route(&topology.routers(), *net, *lost),
            Action::Daemon { change, at } => {
                self.eventful = true;
                match change {
                    DaemonChange::Stop | DaemonChange::Kill(_) => {
                        self.stopped.insert(*at);
                    }
                    DaemonChange::Start => {
                        self.stopped.remove(at);
                    }
                    DaemonChange::Freeze => {
                        self.frozen.insert(*at);
                    }
                    DaemonChange::Thaw => {
                        self.frozen.remove(at);
                    }
                    DaemonChange::KillWorkers | DaemonChange::Reload => {}
                }
            }
            Action::Config { at, config } => {
                self.eventful = true;
                self.configs.insert(*at, config.clone());
            }
            Action::Address { at, .. } => {
                let name = topology.nodes.get(at.0).map_or("?", |node| &node.name);
                self.unknown = Some(format!("the addresses of {name} were changed"));
            }
            Action::Exec(exec) => {
                // A command may change what it likes; most only look.
                self.eventful |= !exec.run.is_empty();
            }
            Action::Wire { at, wire } => self.wire(topology, *at, wire),
            // In the end the link is up again.
            Action::Flap(_) | Action::Rules { .. } => self.eventful = true,
            Action::Join(_)
            | Action::Leave(_)
            | Action::Send(_)
            | Action::Stop(_)
            | Action::Hosts(_)
            | Action::Wait(_)
            | Action::Measure(_)
            | Action::Mark(_)
            | Action::Snap(_)
            // Each of them is told for itself.
            | Action::Together(_) => {}
        }
    }
}
