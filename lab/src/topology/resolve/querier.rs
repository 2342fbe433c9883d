//! The member of a segment that is to be its IGMP querier.

use super::Context;
use super::links::End;
use super::network::Network;
use crate::topology::model::{End as Ended, Kind, Node};
use crate::topology::place::At;
use crate::topology::tree::{Tree, Value};

/// Whether the bridge itself sends queries; or the end that is to.
pub(super) fn of_segment(
    cx: &Context<'_>,
    network: &Network,
    segment: &str,
    written: Option<Tree>,
    ends: &[End],
) -> (bool, Option<At<usize>>) {
    let Some(Tree { span, value }) = written else {
        return (false, None);
    };
    let name = match value {
        Value::Bool(bridge) => return (bridge, None),
        Value::String(name) => name,
        Value::Null | Value::Number(_) | Value::List(_) | Value::Map(_) => {
            let problem = cx.problem(span, format!("{value} is no querier"));
            let help = "write `true` for the bridge itself, or the name of a member";
            cx.sink.add(problem.help(help));
            return (false, None);
        }
    };
    let node = |end: &End| network.nodes[end.node.0].name.as_str();
    let Some(value) = ends.iter().position(|end| node(end) == name) else {
        let what = format!("member of `{segment}`");
        cx.unknown(&what, &name, span, ends.iter().map(node));
        return (false, None);
    };
    (false, Some(At { span, value }))
}

/// Tells of those that do not become querier: the lowest address does (RFC 9776
/// section 6.6.2).
pub(super) fn check(cx: &Context<'_>, network: &Network, nodes: &[Node]) {
    for (link, At { span, value: end }) in &network.queriers {
        let link = &network.links[link.0];
        let own @ (at, interface) = link.ends[*end];
        let name = &nodes[at.0].name;
        if asks(nodes, own) == Some(false) {
            let message = format!("`{name}` runs no IGMP on {}", link.name);
            let help = match nodes[at.0].router {
                Some(_) => format!(
                    "a router runs it where there is a host; else write `igmp: {{interfaces: \
                     {{{}: {{enabled: true}}}}}}` in `{name}`",
                    link.name
                ),
                None => "name a member that is a router with IGMP".to_owned(),
            };
            cx.sink.add(cx.problem(*span, message).help(help));
            continue;
        }
        let address = |(at, interface): Ended| {
            let addresses = &network.nodes[at.0].interfaces[interface].addresses;
            addresses.first().map(|first| first.addr())
        };
        let Some(mine) = address((at, interface)) else {
            continue;
        };
        let others = link.ends.iter().filter(|other| **other != own);
        let others = others.filter(|other| asks(nodes, **other) == Some(true));
        let lowest = others.filter_map(|other| Some((address(*other)?, other.0)));
        if let Some((theirs, other)) = lowest.min().filter(|(theirs, _)| *theirs < mine) {
            let other = &nodes[other.0].name;
            let message = format!(
                "`{name}` does not become querier of {}: it has {mine}, and `{other}` {theirs}",
                link.name
            );
            let help = "the router with the lowest address is querier; give no addresses, or \
                        the lowest to this one";
            cx.sink.add(cx.problem(*span, message).help(help));
        }
    }
}

/// Whether a node runs IGMP as a router there, where that is known.
fn asks(nodes: &[Node], (at, interface): Ended) -> Option<bool> {
    let node = &nodes[at.0];
    let name = &node.interfaces[interface].name;
    let router = node.router.as_ref();
    let known = match &node.kind {
        Kind::Mcrd { config } => return Some(!config["igmp"]["interfaces"][name].is_null()),
        Kind::Frr => router.is_some_and(|one| one.igmp.iter().any(|igmp| igmp.name == *name)),
        // It runs IGMP wherever it runs PIM.
        Kind::Pimd => router.is_some_and(|one| one.pim.iter().any(|pim| pim.name == *name)),
        Kind::Custom(_) => return None,
        Kind::Host | Kind::Kernel | Kind::Smcroute { .. } => return Some(false),
    };
    match &node.own {
        // What a text of the user's makes run is not known.
        Some(own) if own.instead || !known => None,
        Some(_) | None => Some(known),
    }
}
