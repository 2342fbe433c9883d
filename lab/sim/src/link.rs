//! Links: segments of two or more ports, with a delay and with losses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::id::IfIndex;
use mcr_proto::rng::Rng;

use crate::network::{FlowId, NodeId};
use crate::rules::Rules;
use crate::switch::Switch;
use crate::wire::{Impairment, Lane};

/// A link of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub(crate) usize);

/// How a link is.
#[derive(Clone, Copy, Debug)]
pub struct LinkOptions {
    /// From one port to another.
    pub delay: Duration,
    /// Packets lost of a thousand.
    pub loss: u64,
    /// The cost of the link in unicast routing.
    pub metric: u32,
}

impl Default for LinkOptions {
    fn default() -> LinkOptions {
        LinkOptions {
            delay: Duration::from_millis(1),
            loss: 0,
            metric: 10,
        }
    }
}

/// What joins the ends of a link.
#[derive(Clone, Debug, Default)]
pub enum Medium {
    /// A wire: no end has carrier while another one is down.
    #[default]
    Wire,
    /// A switch that sends each frame to every port.
    Hub,
    /// A switch that snoops IGMP.
    Snooping(Switch),
}

/// An end of a link.
#[derive(Clone, Debug)]
pub struct Port {
    /// Whose.
    pub node: NodeId,
    /// The node's number for it.
    pub iface: IfIndex,
    /// The node's address on it, the primary one.
    pub address: Ipv4Addr,
    /// All its addresses on it.
    pub addresses: Vec<Ipv4Net>,
    /// It is set up.
    pub up: bool,
    /// What it is plugged into gives it carrier.
    pub carrier: bool,
    /// The data packets of each flow that were sent or arrived here.
    pub passed: BTreeMap<FlowId, u64>,
}

/// What becomes of packets between a switch and one of its ports.
#[derive(Clone, Debug)]
pub struct Cable {
    /// From the port to the switch, and back.
    pub lanes: [Lane; 2],
    /// What becomes of messages that are named, in both.
    pub rules: Rules,
    /// Which data packets of each flow got lost, where that is kept.
    pub gone: BTreeMap<FlowId, BTreeSet<u64>>,
}

impl Cable {
    pub(crate) fn new(seed: u64, name: &str, does: [Impairment; 2]) -> Cable {
        let [up, down] = does;
        Cable {
            lanes: [Lane::new(seed, name, 0, up), Lane::new(seed, name, 1, down)],
            rules: Rules::default(),
            gone: BTreeMap::new(),
        }
    }
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Delay, loss and cost.
    pub options: LinkOptions,
    /// What it costs those that do not take the common cost.
    pub costs: BTreeMap<NodeId, u32>,
    /// Its network.
    pub net: Ipv4Net,
    /// Its ends.
    pub ports: Vec<Port>,
    /// What joins the ends.
    pub medium: Medium,
    /// It carries, and those at its ends know whether it does.
    pub up: bool,
    /// It carries nothing, and nobody is told.
    pub silent: bool,
    /// Nodes whose packets get lost on it.
    pub mute: BTreeSet<NodeId>,
    /// What becomes of a sender's packets beside that.
    pub lanes: BTreeMap<NodeId, Lane>,
    /// What becomes of messages that are named, in those lanes.
    pub rules: Rules,
    /// Which data packets of each flow got lost in them, where that is kept.
    pub gone: BTreeMap<FlowId, BTreeSet<u64>>,
    /// The ports of a switch that have a cable which does something.
    pub cables: BTreeMap<NodeId, Cable>,
    /// Which data packets of each flow it ever carried, where that is kept.
    pub shown: BTreeMap<FlowId, BTreeSet<u64>>,
    /// The data packets of each flow since the last look, by sender.
    pub carried: BTreeMap<FlowId, BTreeMap<NodeId, u64>>,
}

impl Link {
    pub(crate) fn new(name: &str, net: Ipv4Net, options: LinkOptions) -> Link {
        Link {
            name: name.to_owned(),
            options,
            costs: BTreeMap::new(),
            net,
            ports: Vec::new(),
            medium: Medium::default(),
            up: true,
            silent: false,
            mute: BTreeSet::new(),
            lanes: BTreeMap::new(),
            rules: Rules::default(),
            gone: BTreeMap::new(),
            cables: BTreeMap::new(),
            shown: BTreeMap::new(),
            carried: BTreeMap::new(),
        }
    }

    /// The address of the next port.
    pub(crate) fn next_address(&self) -> Ipv4Addr {
        let next = u32::try_from(self.ports.len()).unwrap_or(u32::MAX);
        Ipv4Addr::from(u32::from(self.net.network()).saturating_add(next + 1))
    }

    /// The end of a node.
    pub fn port(&self, node: NodeId) -> Option<&Port> {
        self.ports.iter().find(|port| port.node == node)
    }

    /// Whether a node's end of it is up and has carrier.
    pub fn is_up_at(&self, node: NodeId) -> bool {
        let up = self.port(node).is_some_and(|port| port.up && port.carrier);
        let carrier = match self.medium {
            Medium::Wire => self.ports.iter().all(|port| port.up),
            Medium::Hub | Medium::Snooping(_) => true,
        };
        self.up && up && carrier
    }

    pub(crate) fn port_mut(&mut self, node: NodeId) -> Option<&mut Port> {
        self.ports.iter_mut().find(|port| port.node == node)
    }

    /// What it costs to send on it.
    pub fn cost(&self, node: NodeId) -> u32 {
        let own = self.costs.get(&node).copied();
        own.unwrap_or(self.options.metric)
    }

    /// Whether a packet of this sender gets lost.
    pub(crate) fn loses(&self, from: NodeId, rng: &mut Rng) -> bool {
        !self.up || self.silent || self.mute.contains(&from) || rng.below(1000) < self.options.loss
    }

    /// Who is to get a packet: the owner of the address, or all but the sender.
    pub(crate) fn receivers(&self, from: NodeId, to: Option<Ipv4Addr>) -> Vec<(NodeId, IfIndex)> {
        self.ports
            .iter()
            .filter(|port| port.node != from && port.up)
            .filter(|port| to.is_none_or(|to| port.address == to))
            .map(|port| (port.node, port.iface))
            .collect()
    }
}
