//! Wires: where they are, and what they are called.

use mcr_sim::wire::Impairment;

use super::{Link, LinkId, Medium, Node, NodeId, Topology};

/// What a wire does: to frames from its first side, and to those from the
/// second.
pub type Wire = [Impairment; 2];

/// A node's end of a link: the node, and the interface's position there.
pub type End = (NodeId, usize);

/// Where a wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId {
    /// On this link.
    pub link: LinkId,
    /// Between a segment and this member of it; between the two nodes of a link
    /// otherwise.
    pub member: Option<End>,
}

impl WireId {
    /// The wire of a link between two nodes.
    #[must_use]
    pub fn of(link: LinkId) -> WireId {
        WireId { link, member: None }
    }

    /// Its name, which is the link's or that of the member's interface, and the
    /// names of its sides.
    #[must_use]
    pub fn told(self, nodes: &[Node], links: &[Link]) -> (String, [String; 2]) {
        let link = links.get(self.link.0);
        let link_name = link.map_or_else(String::new, |link| link.name.clone());
        let node = |node: NodeId| nodes.get(node.0);
        let node_name = |at| node(at).map_or_else(String::new, |node| node.name.clone());
        match (self.member, link.map(|link| link.ends.as_slice())) {
            (Some((at, interface)), _) => {
                let interfaces = node(at).map(|node| node.interfaces.as_slice());
                let interface = interfaces.and_then(|all| all.get(interface));
                let interface = interface.map_or("?", |interface| &interface.name);
                let name = node_name(at);
                (format!("{name}:{interface}"), [name, link_name])
            }
            (None, Some([(a, _), (b, _)])) => (link_name, [node_name(*a), node_name(*b)]),
            (None, Some(_) | None) => (link_name, Default::default()),
        }
    }
}

impl Link {
    /// Its wires, and what they do at first.
    pub fn wires(&self, id: LinkId) -> impl Iterator<Item = (WireId, Wire)> {
        let own = self.wire.iter().map(move |wire| (WireId::of(id), *wire));
        let members = self.members.iter().map(move |(end, wire)| {
            let member = Some(*end);
            (WireId { link: id, member }, *wire)
        });
        own.chain(members)
    }

    /// What one of its wires does at first; `None` where there is none.
    #[must_use]
    pub fn wire(&self, member: Option<End>) -> Option<Wire> {
        match member {
            Some(end) => self.members.get(&end).copied(),
            None => self.wire,
        }
    }

    /// Lays a wire that does nothing, where there is none yet.
    pub fn lay_wire(&mut self, member: Option<End>) {
        match (member, self.medium) {
            (Some(end), _) => drop(self.members.entry(end).or_default()),
            (None, Medium::Veth) => drop(self.wire.get_or_insert_default()),
            (None, Medium::Bridge { .. }) => {}
        }
    }
}

impl Topology {
    /// All wires, and what they do at first.
    pub fn wires(&self) -> impl Iterator<Item = (WireId, Wire)> {
        let links = self.links.iter().enumerate();
        links.flat_map(|(position, link)| link.wires(LinkId(position)))
    }

    /// What a wire is called, and its sides.
    #[must_use]
    pub fn wire_told(&self, id: WireId) -> (String, [String; 2]) {
        id.told(&self.nodes, &self.links)
    }
}
