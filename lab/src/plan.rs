//! What it takes to make a network that stands into that of another topology:
//! compared by names, since positions move when something comes or goes. What
//! is the same in both is left alone.

mod compare;
mod node;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::topology::model::{LinkId, NodeId, Topology};

#[cfg(test)]
mod tests;

/// What a change is about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A node.
    Node,
    /// A link between two nodes.
    Link,
    /// A segment.
    Segment,
    /// An interface's addresses.
    Addresses,
    /// What a node runs.
    Daemon,
    /// Routes that the lab computes.
    Routes,
    /// A receiver.
    Receiver,
    /// A source.
    Source,
}

impl What {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            What::Node => "node",
            What::Link => "link",
            What::Segment => "segment",
            What::Addresses => "addresses",
            What::Daemon => "daemon",
            What::Routes => "routes",
            What::Receiver => "receiver",
            What::Source => "source",
        }
    }
}

/// What happens to it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It is new.
    Add,
    /// It goes.
    Remove,
    /// It is another from then on.
    Change,
}

/// A change, for people and programs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happens.
    pub change: Verb,
    /// To what.
    pub what: What,
    /// Its name; of an interface `node:interface`.
    pub name: String,
    /// How, in words; empty where there is nothing to add.
    pub how: String,
}

impl Change {
    /// In one line, with a sign in front.
    #[must_use]
    pub fn line(&self) -> String {
        let sign = match self.change {
            Verb::Add => '+',
            Verb::Remove => '-',
            Verb::Change => '~',
        };
        let line = format!("{sign} {} {}", self.what.word(), self.name);
        match self.how.is_empty() {
            true => line,
            false => format!("{line}  {}", self.how),
        }
    }
}

/// What an earlier plan left undone: it is made anew, whatever it is like.
pub type Undone = BTreeSet<(What, String)>;

/// An end of a link: node and position in its interfaces.
pub use crate::topology::model::End;

/// What becomes of a node of the new topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePlan {
    /// Its position in the old one.
    pub was: Option<NodeId>,
    /// Its loopback addresses differ.
    pub loopback: bool,
    /// What the kernel does there differs.
    pub sysctls: bool,
    /// Its own routes are to be set.
    pub routes: bool,
    /// What becomes of its daemon.
    pub daemon: DaemonPlan,
}

/// What becomes of what a node runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DaemonPlan {
    /// It goes on.
    #[default]
    Keep,
    /// It takes another configuration while it runs.
    Reload,
    /// It ends, and another starts.
    Restart,
}

/// How a link comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is there.
    Kept,
    /// The one that is there is deleted first.
    Anew,
    /// There was none.
    New,
}

/// What becomes of a link of the new topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPlan {
    /// Its position in the old one.
    pub was: Option<LinkId>,
    /// How it comes to be.
    pub made: Made,
    /// Its ends, in the new order.
    pub ends: Vec<EndPlan>,
    /// Its wire does something else.
    pub wire: bool,
}

/// What becomes of an end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndPlan {
    /// What it was.
    pub was: Option<End>,
    /// It is made, with its addresses.
    pub made: bool,
    /// It has others.
    pub addresses: bool,
}

/// What becomes of a receiver or a source of the new topology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunnerPlan {
    /// Its position in the old one.
    pub was: Option<usize>,
    /// Where it runs, it ends and starts again.
    pub again: bool,
    /// It starts even where it did not run.
    pub start: bool,
}

/// What it takes.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The same for people, in the order in which it is done.
    pub changes: Vec<Change>,
    /// By the new position.
    pub nodes: Vec<NodePlan>,
    /// By the new position.
    pub links: Vec<LinkPlan>,
    /// By the new position.
    pub receivers: Vec<RunnerPlan>,
    /// By the new position.
    pub sources: Vec<RunnerPlan>,
    /// Nodes that go, by the old position.
    pub gone_nodes: Vec<NodeId>,
    /// Links that go or are made anew, by the old position.
    pub gone_links: Vec<LinkId>,
    /// Ends of segments that stay, which go: by the old positions.
    pub gone_ends: Vec<(LinkId, NodeId)>,
    /// Something to know about it.
    pub hint: Option<String>,
}

impl Plan {
    /// Compares two topologies.
    #[must_use]
    pub fn of(old: &Topology, new: &Topology, undone: &Undone) -> Plan {
        let sides = Sides::of(old, new, undone);
        let mut plan = Plan::default();
        sides.nodes_that_go(&mut plan);
        sides.links(&mut plan);
        sides.nodes(&mut plan);
        sides.routes(&mut plan);
        sides.runners(&mut plan);
        plan.hint = sides.hint(&plan);
        plan
    }

    /// Only receivers and sources change, if anything does.
    #[must_use]
    pub fn keeps_network(&self) -> bool {
        let runners = [What::Receiver, What::Source];
        self.changes.iter().all(|one| runners.contains(&one.what))
    }

    /// Where the old nodes are in the new topology.
    #[must_use]
    pub fn moved_nodes(&self) -> BTreeMap<NodeId, NodeId> {
        let nodes = self.nodes.iter().enumerate();
        let moved = nodes.filter_map(|(now, node)| Some((node.was?, NodeId(now))));
        moved.collect()
    }

    /// Where the old links are that are not made anew.
    #[must_use]
    pub fn moved_links(&self) -> BTreeMap<LinkId, LinkId> {
        let links = self.links.iter().enumerate();
        let kept = links.filter(|(_, link)| link.made == Made::Kept);
        kept.filter_map(|(now, link)| Some((link.was?, LinkId(now))))
            .collect()
    }

    /// Where the old ends of links are that are not made anew.
    #[must_use]
    pub fn moved_ends(&self, new: &Topology) -> BTreeMap<End, End> {
        let links = self.links.iter().zip(&new.links);
        let ends = links.flat_map(|(plan, link)| plan.ends.iter().zip(&link.ends));
        let kept = ends.filter(|(plan, _)| !plan.made);
        kept.filter_map(|(plan, now)| Some((plan.was?, *now)))
            .collect()
    }

    /// The links are where they were, and none was made.
    #[must_use]
    pub fn keeps_links(&self, old: &Topology) -> bool {
        let stays = |(now, (id, made)): (usize, (Option<usize>, bool))| id == Some(now) && !made;
        let links = self.links.iter().map(|link| {
            let made = link.made != Made::Kept || link.ends.iter().any(|end| end.made);
            (link.was.map(|link| link.0), made)
        });
        let nodes = self.nodes.iter();
        let nodes = nodes.map(|node| (node.was.map(|node| node.0), false));
        self.nodes.len() == old.nodes.len()
            && self.links.len() == old.links.len()
            && self.gone_ends.is_empty()
            && links.enumerate().all(stays)
            && nodes.enumerate().all(stays)
    }

    fn tell(&mut self, change: Verb, what: What, name: impl Into<String>, how: impl Into<String>) {
        self.changes.push(Change {
            change,
            what,
            name: name.into(),
            how: how.into(),
        });
    }
}

/// Both topologies, and where things are in them.
struct Sides<'a> {
    old: &'a Topology,
    new: &'a Topology,
    undone: &'a Undone,
    nodes: BTreeMap<&'a str, NodeId>,
    links: BTreeMap<&'a str, LinkId>,
}

impl<'a> Sides<'a> {
    fn of(old: &'a Topology, new: &'a Topology, undone: &'a Undone) -> Sides<'a> {
        let nodes = old.nodes.iter().enumerate();
        let links = old.links.iter().enumerate();
        Sides {
            old,
            new,
            undone,
            nodes: nodes
                .map(|(at, node)| (node.name.as_str(), NodeId(at)))
                .collect(),
            links: links
                .map(|(at, link)| (link.name.as_str(), LinkId(at)))
                .collect(),
        }
    }

    fn is_undone(&self, what: What, name: &str) -> bool {
        self.undone.contains(&(what, name.to_owned()))
    }

    /// Addresses come from a pool in the order of the links: one more in front
    /// moves those of the links behind it.
    fn hint(&self, plan: &Plan) -> Option<String> {
        let mut changes = plan.changes.iter();
        let moved = changes.any(|one| one.what == What::Addresses)
            || plan.nodes.iter().zip(&self.new.nodes).any(|(node, model)| {
                let before = node.was.and_then(|was| self.old.nodes.get(was.0));
                before.is_some_and(|before| before.loopback != model.loopback)
            });
        let others = plan.links.iter().any(|link| link.made == Made::New)
            || !plan.gone_links.is_empty()
            || !plan.gone_nodes.is_empty()
            || plan.nodes.iter().any(|node| node.was.is_none());
        (moved && others).then(|| {
            "addresses of a pool are given in the order of the file: with new nodes and links \
             at its end, or a `net` or `lo` of their own, the others keep theirs"
                .to_owned()
        })
    }
}
