//! Nodes of both topologies, and what runs in them.

use super::{DaemonPlan, NodePlan, Plan, Sides, Verb, What};
use crate::topology::model::{Kind, Node, NodeId, Topology, Unicast};

impl Sides<'_> {
    pub(super) fn nodes_that_go(&self, plan: &mut Plan) {
        for (position, node) in self.old.nodes.iter().enumerate() {
            if !self.new.nodes.iter().any(|other| other.name == node.name) {
                plan.gone_nodes.push(NodeId(position));
                plan.tell(Verb::Remove, What::Node, &node.name, node.kind.word());
            }
        }
    }

    pub(super) fn nodes(&self, plan: &mut Plan) {
        let mut daemons = Plan::default();
        for (position, node) in self.new.nodes.iter().enumerate() {
            let made = self.node(NodeId(position), node, plan, &mut daemons);
            plan.nodes.push(made);
        }
        plan.changes.append(&mut daemons.changes);
    }

    fn node(&self, id: NodeId, node: &Node, plan: &mut Plan, daemons: &mut Plan) -> NodePlan {
        let was = self.nodes.get(node.name.as_str()).copied();
        let before = was.and_then(|was| self.old.nodes.get(was.0));
        let Some(before) = before else {
            plan.tell(Verb::Add, What::Node, &node.name, node.kind.word());
            return NodePlan {
                was: None,
                loopback: true,
                sysctls: true,
                routes: true,
                daemon: DaemonPlan::Restart,
            };
        };
        let undone = self.is_undone(What::Node, &node.name);
        let interfaces =
            touched(self.new, plan, id) || was.is_some_and(|was| left(plan, self.old, was));
        let forwards = |node: &Node| node.kind != Kind::Host;
        let mut made = NodePlan {
            was,
            loopback: undone || before.loopback != node.loopback,
            sysctls: undone || before.sysctls != node.sysctls || forwards(before) != forwards(node),
            routes: undone || interfaces || before.routes != node.routes,
            daemon: DaemonPlan::Keep,
        };
        // Settings may name interfaces.
        let sysctls = made.sysctls;
        made.sysctls |= interfaces && !node.sysctls.is_empty();
        let parts = [
            (undone, "it was left unfinished"),
            (before.loopback != node.loopback, "other loopback addresses"),
            (sysctls && before.sysctls != node.sysctls, "other sysctls"),
            (before.routes != node.routes, "other routes"),
        ];
        let parts = parts.iter().filter(|(differs, _)| *differs);
        let parts: Vec<&str> = parts.map(|(_, words)| *words).collect();
        if !parts.is_empty() {
            plan.tell(Verb::Change, What::Node, &node.name, parts.join(", "));
        }
        let moves = Moves {
            any: interfaces || before.loopback != node.loopback,
            made: remade(self.new, plan, id),
        };
        let (daemon, how) = self.daemon(before, node, moves);
        made.daemon = daemon;
        if daemon != DaemonPlan::Keep {
            daemons.tell(Verb::Change, What::Daemon, &node.name, how);
        }
        made
    }

    fn daemon(&self, before: &Node, node: &Node, moves: Moves) -> (DaemonPlan, String) {
        let restart = |why: &str| (DaemonPlan::Restart, format!("restarted: {why}"));
        if before.kind.word() != node.kind.word() {
            let (was, is) = (before.kind.word(), node.kind.word());
            return (DaemonPlan::Restart, format!("{was} -> {is}"));
        }
        if !node.kind.runs() {
            return (DaemonPlan::Keep, String::new());
        }
        if self.is_undone(What::Daemon, &node.name) {
            return restart("it was left unfinished");
        }
        if before.env != node.env {
            return restart("other environment");
        }
        if before.wrap != node.wrap {
            return restart("something else watches it");
        }
        let left_behind = match &node.kind {
            Kind::Mcrd { .. } => {
                let reload = before.kind != node.kind;
                let how = "takes its new configuration while it runs";
                return match reload {
                    true => (DaemonPlan::Reload, how.to_owned()),
                    false => (DaemonPlan::Keep, String::new()),
                };
            }
            // It follows the kernel's interfaces and addresses, but for what it
            // forwards to an interface made anew: FRR 8.4 takes the kernel's entry
            // to have that still.
            Kind::Frr => moves.made,
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Custom(_) => moves.any,
            Kind::Host | Kind::Kernel => false,
        };
        let same = before.router == node.router && before.own == node.own;
        let same = same && (node.kind != Kind::Frr || before.ospf == node.ospf);
        if before.kind != node.kind || !same {
            return restart("other configuration");
        }
        match left_behind {
            true => restart("it does not follow its interfaces"),
            false => (DaemonPlan::Keep, String::new()),
        }
    }

    /// Routes follow by themselves; here it is told that they do.
    pub(super) fn routes(&self, plan: &mut Plan) {
        let words = |topology: &Topology| match topology.unicast {
            Unicast::Oracle { delay, skew: _ } => format!("by the lab, {delay:?} after a change"),
            Unicast::Static => "by the lab, once".to_owned(),
            Unicast::Ospf => "by OSPF".to_owned(),
            Unicast::None => "not by the lab".to_owned(),
        };
        let (was, is) = (words(self.old), words(self.new));
        if self.old.unicast != self.new.unicast {
            plan.tell(
                Verb::Change,
                What::Routes,
                "unicast",
                format!("{was} -> {is}"),
            );
        } else if self.is_undone(What::Routes, "unicast") {
            let how = "they were left unfinished";
            plan.tell(Verb::Change, What::Routes, "unicast", how);
        }
        for link in &self.new.links {
            let before = self.links.get(link.name.as_str());
            let before = before.and_then(|before| self.old.links.get(before.0));
            let Some(before) = before.filter(|before| before.metric != link.metric) else {
                continue;
            };
            let how = format!("metric {} -> {}", before.metric, link.metric);
            plan.tell(Verb::Change, What::Routes, &link.name, how);
        }
    }
}

/// What becomes of a node's interfaces.
#[derive(Clone, Copy)]
struct Moves {
    /// One comes, goes, or has other addresses.
    any: bool,
    /// One is made.
    made: bool,
}

/// An interface of the node is made.
fn remade(new: &Topology, plan: &Plan, node: NodeId) -> bool {
    let links = plan.links.iter().zip(&new.links);
    let mut ends = links.flat_map(|(plan, link)| plan.ends.iter().zip(&link.ends));
    ends.any(|(plan, end)| end.0 == node && plan.made)
}

/// An interface of the node was made, or has other addresses.
fn touched(new: &Topology, plan: &Plan, node: NodeId) -> bool {
    let links = plan.links.iter().zip(&new.links);
    let mut ends = links.flat_map(|(plan, link)| plan.ends.iter().zip(&link.ends));
    ends.any(|(plan, end)| end.0 == node && (plan.made || plan.addresses))
}

/// An interface of the old node goes.
fn left(plan: &Plan, old: &Topology, node: NodeId) -> bool {
    let links = plan.gone_links.iter().filter_map(|id| old.links.get(id.0));
    let mut ends = links.flat_map(|link| &link.ends);
    ends.any(|end| end.0 == node) || plan.gone_ends.iter().any(|(_, at)| *at == node)
}
