//! What a lab says of its nodes and links, for commands that come later.

use std::net::Ipv4Addr;
use std::path::Path;

use super::folders;
use crate::run::capture;
use crate::rundir::{NodeState, PointState};
use crate::topology::model::{Kind, Node, Topology};

/// The nodes of a lab with this directory.
#[must_use]
pub fn nodes(topology: &Topology, run_dir: &Path) -> Vec<NodeState> {
    let sockets = folders(run_dir).sockets;
    let node = |node: &Node| NodeState {
        name: node.name.clone(),
        kind: node.kind.word().to_owned(),
        groups: node.groups.clone(),
        socket: matches!(node.kind, Kind::Mcrd { .. })
            .then(|| sockets.join(format!("{}.sock", node.name))),
        addresses: addresses(node),
        env: node.env.clone(),
        state: match &node.kind {
            Kind::Custom(custom) => custom.state.clone(),
            Kind::Host | Kind::Mcrd { .. } | Kind::Frr => None,
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => None,
        },
    };
    topology.nodes.iter().map(node).collect()
}

fn addresses(node: &Node) -> Vec<Ipv4Addr> {
    let interfaces = node.interfaces.iter().flat_map(|one| &one.addresses);
    let all = interfaces.chain(&node.loopback);
    all.map(ipnet::Ipv4Net::addr).collect()
}

/// Where its links are watched.
#[must_use]
pub fn points(topology: &Topology) -> Vec<PointState> {
    let state = |point: &capture::Point| {
        let node = topology.nodes.get(point.node.0)?;
        Some(PointState {
            link: topology.links.get(point.link.0)?.name.clone(),
            name: capture::name(topology, point),
            node: node.name.clone(),
            interface: node.interfaces.get(point.interface)?.name.clone(),
        })
    };
    capture::points(topology).iter().filter_map(state).collect()
}
