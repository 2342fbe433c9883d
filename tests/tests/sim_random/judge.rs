//! What must be true of a network that has settled: packets travel, and they do
//! it as the reference computation says.

use std::collections::{BTreeMap, BTreeSet};

use mcr_proto::id::UnicastAddr;
use mcr_proto::time::Instant;
use mcr_sim::reference::{Choice, Senders, Tree};
use mcr_sim::{FlowId, LinkId, Network, NodeId};

use super::world::{IDLE, WATCHED, World};
use crate::sim_world::secs;

/// What happened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// Joins and first packets.
    Quiet,
    /// Faults, and changes of mind.
    Eventful,
}

struct Watched {
    sender: usize,
    host: NodeId,
    flow: FlowId,
    from: Instant,
    to: Instant,
}

/// Lets packets travel, and says what is not as it must be.
pub(crate) fn settled(world: &mut World, past: Past) -> Result<(), String> {
    let flows: Vec<_> = world.senders.iter().map(|sender| sender.flow).collect();
    for flow in flows.iter().flatten() {
        world.net.set_interval(*flow, WATCHED);
    }
    world.net.run_for(secs(2));
    world.net.watch_links();
    let registered = registers(&world.net);
    let circles = world.net.circles;
    let from = world.net.now();
    world.net.run_for(secs(12));
    let to = world.net.now();
    let mut findings = Vec::new();
    // The last ones arrive.
    world.net.run_for(secs(4));
    for (sender, flow) in flows.iter().enumerate() {
        if let Some(flow) = *flow {
            let host = world.senders[sender].host;
            let watched = Watched {
                sender,
                host,
                flow,
                from,
                to,
            };
            findings.extend(judge(world, &watched, past));
        }
    }
    if registers(&world.net) > registered && rp_serves_all(world) {
        findings.push("packets are still registered".to_owned());
    }
    // While trees change, a packet of the old one may come back on the new one
    // (RFC 7761 §4.2.2), until the first of the new one comes.
    if world.net.circles > circles {
        findings.push("packets go in circles".to_owned());
    }
    for flow in flows.iter().flatten() {
        world.net.set_interval(*flow, IDLE);
    }
    if findings.is_empty() {
        return sound(world);
    }
    findings.extend(world.net.violations().iter().cloned());
    Err(world.story(&findings.join("\n")))
}

/// Nothing was found by the checks after every event.
pub(crate) fn sound(world: &World) -> Result<(), String> {
    match world.net.violations() {
        [] => Ok(()),
        found => Err(world.story(&found.join("\n"))),
    }
}

/// Registers that carried packets.
fn registers(net: &Network) -> u64 {
    let routers = net.routers().into_iter();
    let running = routers.filter_map(|node| net.running(node));
    running
        .flat_map(|router| router.counters().iter())
        .filter(|(_, name, _)| *name == "pim.tx.register")
        .map(|(_, _, count)| count)
        .sum()
}

fn rp_serves_all(world: &World) -> bool {
    let senders = 0..world.senders.len();
    senders.into_iter().all(|sender| rp_serves(world, sender))
}

/// The RP is there for the source and for all its receivers, or is not needed.
fn rp_serves(world: &World, sender: usize) -> bool {
    let net = &world.net;
    let sender = &world.senders[sender];
    if is_ssm(sender.group) {
        return true;
    }
    let rp = net.address(world.rp(sender.group));
    let source = net.address(sender.host);
    let mut links: BTreeSet<LinkId> = net.link_of(sender.host).into_iter().collect();
    for (host, _) in &world.receivers {
        if net.wants(*host, source, sender.group) {
            links.extend(net.link_of(*host));
        }
    }
    let mut designated = links
        .into_iter()
        .filter_map(|link| net.designated_router(link));
    designated.all(|router| net.reaches(router, rp))
}

/// The way from the RP to the source goes over a link of the RP tree, by another
/// router there, and nobody switches. That one wins the (S,G) Assert, so that
/// nothing reaches the RP tree's routers below by the RP any more; the RP
/// prunes the source, the winner has nobody left who asked it, cancels, and all
/// begins anew. RFC 7761 §4.2.2 and §4.6 get out of it by a Join(S,G) to the
/// winner from below, which SwitchToSptDesired(S,G) forbids here.
fn is_crossed(world: &World, sender: usize) -> bool {
    let net = &world.net;
    let sender = &world.senders[sender];
    if is_ssm(sender.group) || world.switches(sender.group) {
        return false;
    }
    let rp = world.rp(sender.group);
    let to_source = asked(net, rp, net.address(sender.host));
    world.receivers.iter().any(|(host, _)| {
        let link = net.link_of(*host);
        let last = link.and_then(|link| net.designated_router(link));
        let to_rp = last.map(|last| asked(net, last, net.address(rp)));
        let mut to_rp = to_rp.into_iter().flatten();
        to_rp.any(|(link, router)| to_source.get(&link).is_some_and(|other| *other != router))
    })
}

/// Who is asked on each link of a router's way to an address.
fn asked(net: &Network, from: NodeId, to: UnicastAddr) -> BTreeMap<LinkId, NodeId> {
    let mut asked = BTreeMap::new();
    let mut router = from;
    for _ in net.routers() {
        let Some((link, Some(next))) = net.step(router, to) else {
            break;
        };
        asked.insert(link, next);
        router = next;
    }
    asked
}

/// Every last hop goes over to the source's tree: not so one whose only members
/// are on the link that the RP tree comes from.
fn all_switch(world: &World, sender: usize) -> bool {
    let net = &world.net;
    let sender = &world.senders[sender];
    let source = net.address(sender.host);
    let rp = net.address(world.rp(sender.group));
    world.receivers.iter().all(|(host, _)| {
        let link = net.link_of(*host);
        let designated = link.and_then(|link| net.designated_router(link));
        designated.is_none_or(|router| {
            let up = |to| net.step(router, to).map(|(link, _)| link);
            up(rp) != link || up(source) == link || !net.wants(*host, source, sender.group)
        })
    })
}

fn is_ssm(group: mcr_proto::id::GroupAddr) -> bool {
    group.get().octets()[0] == 232
}

fn judge(world: &World, watched: &Watched, past: Past) -> Vec<String> {
    let net = &world.net;
    let sender = &world.senders[watched.sender];
    let carried = net.carried(watched.flow);
    let (rp, ssm) = (net.address(world.rp(sender.group)), is_ssm(sender.group));
    let choice = match past {
        // Packets come down the RP tree: of the source's own one it only counts
        // whether there is one.
        _ if !ssm && !world.switches(sender.group) => Choice::Best,
        Past::Quiet if ssm => Choice::Best,
        Past::Quiet => Choice::Asked(&carried, rp),
        Past::Eventful => Choice::Able(&carried),
    };
    let tree = Tree::of(net, watched.host, sender.group, choice);
    let mut findings = Vec::new();
    if is_crossed(world, watched.sender) {
        return findings;
    }
    if rp_serves(world, watched.sender) {
        findings.extend(served(world, watched, &tree));
        findings.extend(needed(world, watched, &carried));
        if ssm || (world.switches(sender.group) && all_switch(world, watched.sender)) {
            findings.extend(differences(net, &tree, &carried));
        }
    }
    findings.extend(doubled(world, watched));
    let name = net.name(watched.host);
    let group = sender.group;
    let told = |finding| format!("{past:?}: {name} to {group}: {finding}");
    findings.into_iter().map(told).collect()
}

/// Every receiver gets every packet once, and who cannot be reached gets none.
fn served(world: &World, watched: &Watched, tree: &Tree) -> Vec<String> {
    let net = &world.net;
    let sender = &world.senders[watched.sender];
    let source = net.address(watched.host);
    let mut findings = Vec::new();
    for (host, _) in &world.receivers {
        if !net.wants(*host, source, sender.group) {
            continue;
        }
        let delivery = net.delivery(*host, watched.flow, watched.from, watched.to);
        let right = match tree.receivers.contains(host) {
            true => delivery.is_exact(),
            false => delivery.lost.len() == delivery.sent,
        };
        if !right {
            let reached = tree.receivers.contains(host);
            let name = net.name(*host);
            findings.push(format!("{name} (reached {reached}): {delivery}"));
        }
    }
    findings
}

fn doubled(world: &World, watched: &Watched) -> Vec<String> {
    let net = &world.net;
    let hosts = world.receivers.iter().map(|(host, _)| *host);
    hosts
        .filter(|host| {
            let delivery = net.delivery(*host, watched.flow, watched.from, watched.to);
            !delivery.doubled.is_empty()
        })
        .map(|host| format!("{} got packets twice", net.name(host)))
        .collect()
}

/// Each link has one sender, and leads to somebody who wants the packets.
fn needed(world: &World, watched: &Watched, carried: &Senders) -> Vec<String> {
    let net = &world.net;
    let sender = &world.senders[watched.sender];
    let source = net.address(watched.host);
    let mut findings = Vec::new();
    for (link, senders) in carried {
        let name = &net.link_state(*link).name;
        if senders.len() != 1 {
            findings.push(format!("{name} has senders {}", names(net, senders)));
        }
        let hosts = world.receivers.iter();
        let mut hosts = hosts.filter(|(host, _)| net.link_of(*host) == Some(*link));
        let member = hosts.any(|(host, _)| net.wants(*host, source, sender.group));
        let goes_on = net.routers_on(*link).into_iter().any(|router| {
            !senders.contains(&router) && forwards(world, router, *link, watched, carried)
        });
        let own = net.link_of(watched.host) == Some(*link);
        if !member && !goes_on && !own {
            findings.push(format!("{name} carries for nobody"));
        }
    }
    findings
}

/// The router takes packets from the link and sends them on.
fn forwards(
    world: &World,
    router: NodeId,
    from: LinkId,
    watched: &Watched,
    carried: &Senders,
) -> bool {
    let net = &world.net;
    let rp = world.rp(world.senders[watched.sender].group);
    let to = [watched.host, rp].map(|node| net.address(node));
    let mut ways = to.into_iter().filter_map(|to| net.step(router, to));
    let takes = ways.any(|(link, _)| link == from);
    let mut others = carried.iter().filter(|(link, _)| **link != from);
    takes && others.any(|(_, senders)| senders.contains(&router))
}

fn differences(net: &Network, tree: &Tree, carried: &Senders) -> Vec<String> {
    let right: BTreeMap<LinkId, BTreeSet<NodeId>> = tree
        .links
        .iter()
        .filter(|(link, _)| net.is_up(**link))
        .map(|(link, sender)| (*link, BTreeSet::from([*sender])))
        .collect();
    let links: BTreeSet<_> = right.keys().chain(carried.keys()).collect();
    let differ = links
        .into_iter()
        .filter(|link| right.get(link) != carried.get(link));
    let none = BTreeSet::new();
    differ
        .map(|link| {
            let name = &net.link_state(*link).name;
            let has = names(net, carried.get(link).unwrap_or(&none));
            let must = names(net, right.get(link).unwrap_or(&none));
            format!("{name} has [{has}] and the reference [{must}]")
        })
        .collect()
}

fn names(net: &Network, nodes: &BTreeSet<NodeId>) -> String {
    let names: Vec<_> = nodes.iter().map(|node| net.name(*node)).collect();
    names.join(" ")
}
