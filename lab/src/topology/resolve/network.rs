//! The network as far as it is known: names to positions, and what `${r1.lo}`
//! stands for.

use indexmap::IndexMap;

use crate::topology::model::{Interface, Link, LinkId, Node, NodeId};
use crate::topology::place::At;
use crate::topology::suggest;
use crate::topology::vars::{NoPlace, Places, WORDS};

/// Nodes, links and their names.
pub(super) struct Network {
    pub(super) names: IndexMap<String, NodeId>,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    /// The end of a segment that is to be its querier.
    pub(super) queriers: Vec<(LinkId, At<usize>)>,
    /// Every link of the file is here; otherwise what is missing may be no
    /// mistake of its own.
    pub(super) whole: bool,
}

impl Network {
    /// A node by name.
    pub(super) fn node(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// The nodes' names.
    pub(super) fn node_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.keys().map(String::as_str)
    }

    /// A link by name; `a--b` and `b--a` are the same, with spaces or without.
    pub(super) fn link(&self, name: &str) -> Option<LinkId> {
        let plain: String = name.split_whitespace().collect();
        let turned = plain
            .split_once("--")
            .map(|(a, b)| match b.split_once('#') {
                Some((b, number)) => format!("{b}--{a}#{number}"),
                None => format!("{b}--{a}"),
            });
        let named = |wanted: &str| self.links.iter().position(|link| link.name == wanted);
        let place = named(&plain).or_else(|| named(&turned?));
        place.map(LinkId)
    }

    /// The links' names.
    pub(super) fn link_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.links.iter().map(|link| link.name.as_str())
    }

    /// A node's interface by its own name, else by the node or the segment that
    /// it leads to.
    pub(super) fn interface(&self, node: NodeId, word: &str) -> Option<usize> {
        let interfaces = &self.nodes[node.0].interfaces;
        let named = interfaces.iter().position(|known| known.name == word);
        named.or_else(|| {
            interfaces
                .iter()
                .position(|known| self.leads_to(node, known, word))
        })
    }

    /// The names of a node's interfaces.
    pub(super) fn interface_names(&self, node: NodeId) -> Vec<&str> {
        let interfaces = &self.nodes[node.0].interfaces;
        interfaces.iter().map(|known| known.name.as_str()).collect()
    }

    fn leads_to(&self, node: NodeId, interface: &Interface, word: &str) -> bool {
        let link = &self.links[interface.link.0];
        let peer = |(end, _): &(NodeId, usize)| *end != node && self.nodes[end.0].name == word;
        link.name == word || (link.ends.len() == 2 && link.ends.iter().any(peer))
    }

    fn of_interface(&self, node: NodeId, word: &str, what: &str) -> Result<String, NoPlace> {
        let known = &self.nodes[node.0];
        let Some(position) = self.interface(node, word) else {
            let message = format!("`{}` has no interface `{word}`", known.name);
            let help = suggest::advice(word, self.interface_names(node));
            return Err(NoPlace { message, help });
        };
        let interface = &known.interfaces[position];
        match what {
            "ip" => interface.addresses.first().map_or_else(
                || Err(none(format!("`{}` has no address on `{word}`", known.name))),
                |address| Ok(address.addr().to_string()),
            ),
            "net" => Ok(self.links[interface.link.0].net.to_string()),
            "if" => Ok(interface.name.clone()),
            _ => {
                let message = format!("an interface has no `{what}`");
                let help = Some("an interface has `ip`, `net` and `if`".to_owned());
                Err(NoPlace { message, help })
            }
        }
    }
}

fn none(message: String) -> NoPlace {
    let help = None;
    NoPlace { message, help }
}

impl Places for Network {
    fn names(&self) -> Vec<&str> {
        self.node_names().collect()
    }

    fn value(&self, name: &str, path: &[&str]) -> Result<String, NoPlace> {
        let Some(node) = self.node(name) else {
            let message = format!("there is no node `{name}`");
            let help = suggest::advice(name, WORDS.into_iter().chain(self.node_names()));
            return Err(NoPlace { message, help });
        };
        let known = &self.nodes[node.0];
        match path {
            ["lo"] => match known.loopback.first() {
                Some(address) => Ok(address.addr().to_string()),
                None => Err(NoPlace {
                    message: format!("`{name}` has no address on its loopback"),
                    help: Some(format!("give it one: `{name}: {{lo: auto}}`")),
                }),
            },
            ["ip"] => {
                let mut addresses = known.interfaces.iter().flat_map(|known| &known.addresses);
                match addresses.next() {
                    Some(address) => Ok(address.addr().to_string()),
                    None => Err(none(format!("`{name}` has no address"))),
                }
            }
            [interface, what] => self.of_interface(node, interface, what),
            [] | [_] | [_, _, ..] => Err(NoPlace {
                message: format!("`{name}.{}` names nothing", path.join(".")),
                help: Some(format!(
                    "a node has `{name}.ip`, `{name}.lo` and `{name}.PEER.ip`"
                )),
            }),
        }
    }
}
