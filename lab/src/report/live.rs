//! What a drawing shows beside the network: what wires do, and of a running lab
//! links that are down, and which way the packets of a group go.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::run::status::Status;
use crate::run::wires;
use crate::topology::model::{LinkId, NodeId, Topology};

#[cfg(test)]
mod tests;

/// What is to be told of links; nothing of those that are as in the file.
#[derive(Clone, Debug, Default)]
pub struct Live(BTreeMap<LinkId, Told>);

/// What is to be told of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// An end was set down.
    pub down: bool,
    /// What its wire does.
    pub wire: Option<String>,
    /// The nodes that send the group's packets onto it.
    #[serde(skip)]
    pub from: Vec<NodeId>,
}

/// Where the packets of a tree go on a link between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nowhere.
    None,
    /// From its first end to its second.
    There,
    /// From its second end to its first.
    Back,
    /// Both ways.
    Both,
}

impl Told {
    /// Where packets go, of a link with these ends.
    #[must_use]
    pub fn way(&self, one: NodeId, other: NodeId) -> Way {
        match (self.from.contains(&one), self.from.contains(&other)) {
            (false, false) => Way::None,
            (true, false) => Way::There,
            (false, true) => Way::Back,
            (true, true) => Way::Both,
        }
    }

    /// In words, empty where there is nothing to tell.
    #[must_use]
    pub fn words(&self, topology: &Topology) -> String {
        let mut words = Vec::new();
        if self.down {
            words.push("down".to_owned());
        }
        words.extend(self.wire.clone());
        let names = self
            .from
            .iter()
            .filter_map(|node| topology.nodes.get(node.0));
        words.extend(names.map(|node| format!("from {}", node.name)));
        words.join(", ")
    }
}

impl Live {
    /// A network as its file has it: what its wires do at first.
    #[must_use]
    pub fn at_first(topology: &Topology) -> Live {
        let links = (0..topology.links.len()).map(LinkId);
        let told = links.filter_map(|link| {
            let wire = Some(wires::at_first(topology, link)?);
            let told = Told {
                wire,
                ..Told::default()
            };
            Some((link, told))
        });
        Live(told.collect())
    }

    /// How a lab is, with the tree of a group.
    #[must_use]
    pub fn of(topology: &Topology, status: &Status, group: Option<Ipv4Addr>) -> Live {
        let mut live = Live::default();
        for (position, link) in status.links.iter().enumerate() {
            let told = live.0.entry(LinkId(position)).or_default();
            told.down = !link.up;
            told.wire.clone_from(&link.wire);
        }
        if let Some(group) = group {
            live.tree(topology, status, group);
        }
        live.0.retain(|_, told| *told != Told::default());
        live
    }

    /// Routers forward by their entries, and sources send to their first link.
    fn tree(&mut self, topology: &Topology, status: &Status, group: Ipv4Addr) {
        for router in &status.routers {
            let node = topology
                .nodes
                .iter()
                .position(|one| one.name == router.node);
            let Some(node) = node else { continue };
            let entries = router.trees.iter().filter(|entry| entry.group == group);
            for oif in entries.flat_map(|entry| &entry.oif) {
                let mut interfaces = topology.nodes[node].interfaces.iter();
                if let Some(interface) = interfaces.find(|one| one.name == *oif) {
                    self.sends(interface.link, NodeId(node));
                }
            }
        }
        for (source, told) in topology.sources.iter().zip(&status.sources) {
            let node = topology.nodes.get(source.at.0);
            let interface = node.and_then(|node| node.interfaces.get(source.interface));
            if let Some(interface) = interface
                && told.sending
                && source.groups.contains(&group)
            {
                self.sends(interface.link, source.at);
            }
        }
    }

    fn sends(&mut self, link: LinkId, node: NodeId) {
        let from = &mut self.0.entry(link).or_default().from;
        if !from.contains(&node) {
            from.push(node);
        }
    }

    /// Of one link.
    #[must_use]
    pub fn link(&self, link: LinkId) -> Told {
        self.0.get(&link).cloned().unwrap_or_default()
    }
}
