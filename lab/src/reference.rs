//! The tree that must be, from the topology, the memberships, the sources and
//! what is down: the reference computation of the simulator, over the lab's own
//! files and steps. It talks to nobody.

mod config;
mod forwarded;
mod neighbors;
mod shared;
mod situation;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_sim::reference::{Choice, Flow, Scene, Senders, Tree, way_down};

use crate::topology::model::{LinkId, NodeId, Topology};

pub use config::configured_members;
pub use forwarded::{Forwarded, Tables, forwarded};
pub use situation::Situation;
pub use world::World;

use shared::Shared;

#[cfg(test)]
mod tests;

/// Who sends onto each link.
pub type Sending = Senders<NodeId, LinkId>;

/// Why there is no answer, in one sentence.
pub type Undetermined = String;

/// A tree: what routers take from which link and send to which others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Right {
    /// Links that carry the packets.
    pub links: BTreeSet<LinkId>,
    /// By router, the link they come from and those they go to.
    pub routers: BTreeMap<NodeId, (LinkId, BTreeSet<LinkId>)>,
}

/// The tree of what a source sends to a group, once all routers have settled.
/// Who won an Assert may depend on what was before: `seen` decides among those
/// that may have.
///
/// # Errors
/// Why the facts do not determine it.
pub fn right(
    world: &World<'_>,
    source: usize,
    group: Ipv4Addr,
    seen: &Sending,
) -> Result<Right, Undetermined> {
    let group = GroupAddr::try_from(group).map_err(|error| error.to_string())?;
    let flow = world.flow(source, group)?;
    if !world.sends(&flow) {
        return Ok(Right::default());
    }
    if flow.receivers.is_empty() || world.is_ssm(group)? {
        let tree = Tree::grown(world, &flow, world.choice(None, seen));
        return Ok(read(world, &flow, &tree));
    }
    let mut native = BTreeSet::new();
    let mut switched = true;
    let rp = world.rp(&flow, group)?;
    for last in world.last_hops(&flow) {
        match world.switches(last, &flow, group, rp)? {
            true => native.extend(world.way(last, flow.source)),
            false => switched = false,
        }
    }
    let choice = world.choice(rp, seen);
    let Some(rp) = rp.filter(|_| !switched) else {
        return Ok(read(world, &flow, &Tree::grown(world, &flow, choice)));
    };
    let at_rp = world.owner(rp).ok_or("no router has the RP's address")?;
    native.extend(world.way(at_rp, flow.source));
    // Who takes the packets off the source's own link keeps the source alive, and
    // so has joined it where the RP tree leads on (RFC 7761 §4.2.2).
    native.extend(world.routers_on(flow.first));
    let shared = Shared {
        world,
        source: flow.source,
        rp,
        native,
    };
    shared.not_crossed(&flow, at_rp)?;
    Ok(read(&shared, &flow, &Tree::grown(&shared, &flow, choice)))
}

fn read<S: Scene<Node = NodeId, Link = LinkId>>(
    scene: &S,
    flow: &Flow<NodeId, LinkId>,
    tree: &Tree<NodeId, LinkId>,
) -> Right {
    let mut right = Right::default();
    for (link, sender) in &tree.links {
        if !scene.is_up(*link) {
            continue;
        }
        right.links.insert(*link);
        if let Some((from, _)) = scene.step(*sender, flow.source) {
            let known = right.routers.entry(*sender);
            known.or_insert((from, BTreeSet::new())).1.insert(*link);
        }
    }
    right
}

impl World<'_> {
    fn choice<'a>(&self, rp: Option<UnicastAddr>, seen: &'a Sending) -> Choice<'a, NodeId, LinkId> {
        match rp {
            _ if self.situation.eventful => Choice::Able(seen),
            Some(rp) => Choice::Asked(seen, rp),
            None => Choice::Best,
        }
    }

    /// The last hops.
    fn last_hops(&self, flow: &Flow<NodeId, LinkId>) -> BTreeSet<NodeId> {
        let others = flow
            .receivers
            .iter()
            .filter(|(_, link)| *link != flow.first);
        others
            .filter_map(|(_, link)| self.designated_router(*link))
            .collect()
    }

    /// The routers from this one up to an address.
    fn way(&self, from: NodeId, to: UnicastAddr) -> Vec<NodeId> {
        let mut way = vec![from];
        let mut at = from;
        while let Some((_, Some(next))) = self.step(at, to) {
            if way.contains(&next) {
                break;
            }
            way.push(next);
            at = next;
        }
        way
    }

    /// The links of a way with the router that is asked on each.
    fn asked(&self, from: NodeId, to: UnicastAddr) -> BTreeMap<LinkId, NodeId> {
        way_down(self, to, None, from).into_iter().collect()
    }
}

/// How routers forward otherwise than they must, a line each.
#[must_use]
pub fn differences(topology: &Topology, right: &Right, seen: &Forwarded) -> Vec<String> {
    let all: BTreeSet<NodeId> = right.routers.keys().chain(seen.keys()).copied().collect();
    let told = |at: NodeId, one: Option<&(LinkId, BTreeSet<LinkId>)>| {
        let Some((from, to)) = one.filter(|(_, to)| !to.is_empty()) else {
            return "nothing".to_owned();
        };
        let name = |link: &LinkId| interface(topology, at, *link);
        let to: Vec<String> = to.iter().map(name).collect();
        format!("{} -> {}", name(from), to.join(" "))
    };
    let mut lines = Vec::new();
    for at in all {
        let must = told(at, right.routers.get(&at));
        let does = told(at, seen.get(&at));
        if must != does {
            let name = topology.nodes.get(at.0).map_or("?", |node| &node.name);
            lines.push(format!("{name} forwards {does}; the model {must}"));
        }
    }
    lines
}

/// The tree in one line: `r1 src -> r2, r2 r1 -> rcv`.
#[must_use]
pub fn told(topology: &Topology, right: &Right) -> String {
    let routers = right.routers.iter().map(|(at, (from, to))| {
        let name = topology.nodes.get(at.0).map_or("?", |node| &node.name);
        let to: Vec<String> = to.iter().map(|to| interface(topology, *at, *to)).collect();
        let from = interface(topology, *at, *from);
        format!("{name} {from} -> {}", to.join(" "))
    });
    let routers: Vec<String> = routers.collect();
    if routers.is_empty() {
        return "no router forwards".to_owned();
    }
    routers.join(", ")
}

/// The name of a node's interface on a link.
#[must_use]
pub fn interface(topology: &Topology, at: NodeId, link: LinkId) -> String {
    let node = topology.nodes.get(at.0);
    let mut all = node.into_iter().flat_map(|node| &node.interfaces);
    let found = all.find(|one| one.link == link);
    found.map_or_else(|| "?".to_owned(), |one| one.name.clone())
}
