//! What goes wrong without a link or a router going down, and its end.

use mcr_proto::router::Input;

use super::{FlowId, Network, NodeId, Role};
use crate::link::{Cable, LinkId};
use crate::rules::{Rule, Rules};
use crate::wire::{Counts, Impairment, Lane};

impl Network {
    /// A link carries nothing any more and nobody is told, or carries again.
    pub fn silence(&mut self, link: LinkId, silent: bool) {
        self.links[link.0].silent = silent;
    }

    /// What a node sends on a link gets lost, or arrives again.
    pub fn mute(&mut self, link: LinkId, node: NodeId, mute: bool) {
        match mute {
            true => self.links[link.0].mute.insert(node),
            false => self.links[link.0].mute.remove(&node),
        };
    }

    /// From now on a wire does this to what a node sends.
    pub fn set_wire(&mut self, link: LinkId, node: NodeId, impairment: Impairment) {
        let link = &mut self.links[link.0];
        if let Some(lane) = link.lanes.get_mut(&node) {
            return lane.set(impairment);
        }
        let direction = link.ports.iter().position(|port| port.node == node);
        let direction = direction.and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
        let lane = Lane::new(self.seed, &link.name, direction, impairment);
        link.lanes.insert(node, lane);
    }

    /// From now on the cable between a switch and a node's port, which has this
    /// name, does this: to what the node sends, and to what it gets.
    pub fn set_member_wire(
        &mut self,
        link: LinkId,
        node: NodeId,
        name: &str,
        does: [Impairment; 2],
    ) {
        let cables = &mut self.links[link.0].cables;
        if let Some(cable) = cables.get_mut(&node) {
            for (lane, does) in cable.lanes.iter_mut().zip(does) {
                lane.set(does);
            }
            return;
        }
        cables.insert(node, Cable::new(self.seed, name, does));
    }

    /// From now on a link's wire, or the cable to a node's port, does this to
    /// messages that are named.
    pub fn set_rules(&mut self, link: LinkId, member: Option<NodeId>, rules: Vec<Rule>) {
        let link = &mut self.links[link.0];
        let rules = Rules::new(rules);
        match member {
            None => link.rules = rules,
            Some(node) => {
                if let Some(cable) = link.cables.get_mut(&node) {
                    cable.rules = rules;
                }
            }
        }
    }

    /// What became of what went over the cable to a node's port: from it, and to
    /// it.
    pub fn member_counts(&self, link: LinkId, node: NodeId) -> Option<[Counts; 2]> {
        let cable = self.links[link.0].cables.get(&node)?;
        Some([cable.lanes[0].counts(), cable.lanes[1].counts()])
    }

    /// What became of what a node sent on a link, where a wire carries it.
    pub fn lane_counts(&self, link: LinkId, node: NodeId) -> Option<Counts> {
        self.links[link.0].lanes.get(&node).map(Lane::counts)
    }

    /// Which packets of a flow got lost on a link's wire, or on the cable to a
    /// node's port, where that is kept.
    pub fn gone_on(
        &self,
        link: LinkId,
        member: Option<NodeId>,
        flow: FlowId,
    ) -> impl Iterator<Item = u64> {
        let link = &self.links[link.0];
        let gone = match member {
            None => Some(&link.gone),
            Some(node) => link.cables.get(&node).map(|cable| &cable.gone),
        };
        let gone = gone.and_then(|gone| gone.get(&flow));
        gone.into_iter().flatten().copied()
    }

    /// Nothing gets lost any more on links that are up.
    pub fn heal(&mut self) {
        for link in &mut self.links {
            link.silent = false;
            link.mute.clear();
            link.lanes.clear();
            link.cables.clear();
            link.rules = Rules::default();
            link.options.loss = 0;
        }
    }

    /// A router gets no time to run: for it, the clock jumps when it goes on.
    /// Its packets are lost meanwhile, and its data plane goes on as it was set;
    /// what the kernel tells is kept.
    pub fn suspend(&mut self, node: NodeId) {
        if let Role::Router(router) = &mut self.nodes[node.0].role
            && router.router.is_some()
        {
            router.suspended.get_or_insert_default();
        }
    }

    /// A suspended router goes on.
    pub fn resume(&mut self, node: NodeId) {
        let Role::Router(router) = &mut self.nodes[node.0].role else {
            return;
        };
        let Some(kept) = router.suspended.take() else {
            return;
        };
        self.timer(node);
        for input in kept {
            self.input(node, input);
        }
    }

    /// Keeps what the kernel tells a suspended router; `None` where the input
    /// is lost, or kept.
    pub(super) fn awake(&mut self, node: NodeId, input: Input) -> Option<Input> {
        let Role::Router(router) = &mut self.nodes[node.0].role else {
            return None;
        };
        let Some(kept) = &mut router.suspended else {
            return Some(input);
        };
        match input {
            Input::Interface(_) | Input::Route(_) | Input::Config(_) => kept.push(input),
            Input::Packet(_) | Input::DataPlane(_) => {}
        }
        None
    }

    /// Whether a router gets no time to run.
    pub fn is_suspended(&self, node: NodeId) -> bool {
        match &self.nodes[node.0].role {
            Role::Router(router) => router.suspended.is_some(),
            Role::Host(_) => false,
        }
    }

    /// Of ways that cost the same this router takes the one over the highest
    /// next hop; others, the lowest.
    pub fn take_highest(&mut self, node: NodeId) {
        if let Role::Router(router) = &mut self.nodes[node.0].role {
            router.takes_highest = true;
        }
    }
}
