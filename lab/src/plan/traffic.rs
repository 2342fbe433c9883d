//! Receivers and sources of both topologies.

use super::{Plan, RunnerPlan, Sides, Verb, What};
use crate::topology::model::{NodeId, Receiver, Source, Topology};

/// Where it is, by names.
fn place(topology: &Topology, at: NodeId, interface: usize) -> Option<(&str, &str)> {
    let node = topology.nodes.get(at.0)?;
    let interface = node.interfaces.get(interface)?;
    Some((&node.name, &interface.name))
}

/// The same receiver, wherever its node is in the list.
fn same_receiver(old: &Topology, a: &Receiver, new: &Topology, b: &Receiver) -> bool {
    let Receiver {
        name: _,
        at,
        interface,
        groups,
        port,
        wanted,
        igmp,
    } = a;
    place(old, *at, *interface) == place(new, b.at, b.interface)
        && (groups, port, wanted, igmp) == (&b.groups, &b.port, &b.wanted, &b.igmp)
}

fn same_source(old: &Topology, a: &Source, new: &Topology, b: &Source) -> bool {
    let Source {
        name: _,
        at,
        interface,
        groups,
        port,
        rate,
        size,
        ttl,
        dscp,
        source_port,
        count,
    } = a;
    place(old, *at, *interface) == place(new, b.at, b.interface)
        && (groups, port, rate, size) == (&b.groups, &b.port, &b.rate, &b.size)
        && (ttl, dscp, source_port, count) == (&b.ttl, &b.dscp, &b.source_port, &b.count)
}

impl Sides<'_> {
    pub(super) fn runners(&self, plan: &mut Plan) {
        for one in &self.old.receivers {
            if !self.new.receivers.iter().any(|now| now.name == one.name) {
                plan.tell(Verb::Remove, What::Receiver, &one.name, "");
            }
        }
        for one in &self.new.receivers {
            let before = self.old.receivers.iter().enumerate();
            let was = before.clone().find(|(_, was)| was.name == one.name);
            let differs = was.map(|(_, was)| !same_receiver(self.old, was, self.new, one));
            let was = was.map(|(at, _)| at);
            let on = (one.at, one.interface);
            let made = self.runner(What::Receiver, &one.name, (was, differs), on, plan);
            plan.receivers.push(made);
        }
        for one in &self.old.sources {
            if !self.new.sources.iter().any(|now| now.name == one.name) {
                plan.tell(Verb::Remove, What::Source, &one.name, "");
            }
        }
        for one in &self.new.sources {
            let before = self.old.sources.iter().enumerate();
            let was = before.clone().find(|(_, was)| was.name == one.name);
            let differs = was.map(|(_, was)| !same_source(self.old, was, self.new, one));
            let was = was.map(|(at, _)| at);
            let on = (one.at, one.interface);
            let made = self.runner(What::Source, &one.name, (was, differs), on, plan);
            plan.sources.push(made);
        }
    }

    fn runner(
        &self,
        what: What,
        name: &str,
        (was, differs): (Option<usize>, Option<bool>),
        on: (NodeId, usize),
        plan: &mut Plan,
    ) -> RunnerPlan {
        let Some(differs) = differs else {
            plan.tell(Verb::Add, what, name, "");
            return RunnerPlan::default();
        };
        let start = self.is_undone(what, name);
        let moved = self.is_made(on, plan);
        let how = match (differs, moved, start) {
            (true, ..) => "is another; begins again where it runs",
            (false, true, _) => "its interface is made anew; begins again where it runs",
            (false, false, true) => "was left unfinished",
            (false, false, false) => {
                return RunnerPlan {
                    was,
                    ..RunnerPlan::default()
                };
            }
        };
        plan.tell(Verb::Change, what, name, how);
        RunnerPlan {
            was,
            again: true,
            start,
        }
    }

    /// An interface that is made: what was bound to the one before is deaf.
    fn is_made(&self, on: (NodeId, usize), plan: &Plan) -> bool {
        let links = plan.links.iter().zip(&self.new.links);
        let mut ends = links.flat_map(|(plan, link)| plan.ends.iter().zip(&link.ends));
        ends.any(|(plan, end)| *end == on && plan.made)
    }
}
