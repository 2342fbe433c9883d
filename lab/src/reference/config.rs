//! What routers are configured with, in mcrd's terms whatever they run.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_config::Loaded;

use super::{Situation, Undetermined};
use crate::node::file_text;
use crate::topology::model::{Kind, LinkId, Node, NodeId, Topology};
use crate::topology::router_config;

/// A router's configuration, or that which has replaced it.
pub(super) fn config(
    node: &Node,
    replaced: Option<&serde_json::Value>,
) -> Result<Option<Loaded>, Undetermined> {
    let sections = match (&node.kind, &node.router) {
        (Kind::Mcrd { config }, _) => replaced.unwrap_or(config).clone(),
        (Kind::Frr | Kind::Pimd, Some(router)) => router_config(router),
        (Kind::Smcroute { .. }, _) => {
            return Err(format!("`{}` has static multicast routes", node.name));
        }
        (Kind::Frr | Kind::Pimd | Kind::Host | Kind::Kernel | Kind::Custom(_), _) => {
            return Ok(None);
        }
    };
    let loaded = mcr_config::parse(&node.name, &file_text(&sections));
    loaded.map(Some).map_err(|problems| problems.to_string())
}

/// Links with members of a group that are no hosts: memberships that a router is
/// configured with, and inputs of relay rules.
#[must_use]
pub fn configured_members(
    topology: &Topology,
    situation: &Situation,
) -> BTreeSet<(LinkId, Ipv4Addr)> {
    let mut all = BTreeSet::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        let at = NodeId(position);
        // A configuration that is not known asks for nothing.
        let Ok(Some(loaded)) = config(node, situation.configs.get(&at)) else {
            continue;
        };
        let igmp = loaded.router.interfaces.iter().flat_map(|(name, on)| {
            let groups = on.igmp.iter().flat_map(|igmp| &igmp.static_groups);
            groups.map(move |(group, _)| (name, *group))
        });
        let rules = loaded.rules.iter();
        let rules = rules.map(|rule| (&rule.input.interface, rule.input.group));
        for (name, group) in igmp.chain(rules) {
            let mut interfaces = node.interfaces.iter();
            let link = interfaces.find(|one| one.name == name.as_str());
            let running = link.filter(|_| !situation.stopped.contains(&at));
            all.extend(running.map(|one| (one.link, group.get())));
        }
    }
    all
}
