//! Who wants the datagrams of a group on a link: receivers there, and routers
//! that have joined through it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use futures_util::future::try_join_all;

use super::look::Carried;
use crate::assertion::router::{Group, Mroute, entry as named};
use crate::reference::{Situation, Tables, configured_members};
use crate::run::question::{self, Router, askable, name};
use crate::run::stage::Stage;
use crate::run::{model, tables};
use crate::topology::model::{Kind, LinkId, NodeId, Topology};

#[cfg(test)]
mod tests;

/// What is known of those who want something.
struct Known<'a> {
    topology: &'a Topology,
    /// Receivers that have joined.
    joined: BTreeSet<usize>,
    /// Members that routers are configured with.
    configured: BTreeSet<(LinkId, Ipv4Addr)>,
    /// Members that routers tell of.
    members: BTreeMap<NodeId, Vec<Group>>,
    /// The entries of routers; without `joined` where it is their kernel's.
    tables: Tables,
    /// Nodes that may want anything.
    silent: BTreeSet<NodeId>,
}

/// Links that carry datagrams and should not. That of their own source does in
/// any case.
pub(super) async fn traffic<S: Stage>(
    stage: &S,
    situation: &Situation,
    carried: &Carried,
) -> Result<Vec<String>, String> {
    let topology = stage.topology();
    let mut tables = question::entries(stage, None, situation).await?;
    tables.extend(tables::kernels(stage, situation).await?);
    let known = Known {
        topology,
        joined: model::joined(stage),
        configured: configured_members(topology, situation),
        members: BTreeMap::new(),
        tables,
        silent: silent(topology, situation, |kind| matches!(kind, Kind::Custom(_))),
    };
    let found = carried.iter().flat_map(|(group, links)| {
        let (_, sending) = model::present(stage, *group);
        known.unwanted(*group, links, &sending)
    });
    Ok(found.collect())
}

/// Entries that lead to where nobody has joined.
pub(super) async fn interfaces<S: Stage>(
    stage: &S,
    situation: &Situation,
) -> Result<Vec<String>, String> {
    let topology = stage.topology();
    let asked = askable(topology, situation).map(async |at| {
        let told = Router::of(stage, at).groups().await;
        let told = told.map_err(|reason| format!("{}: {reason}", name(topology, at)))?;
        Ok::<_, String>((at, told))
    });
    let members = try_join_all(asked).await?.into_iter().collect();
    let known = Known {
        topology,
        joined: model::joined(stage),
        configured: configured_members(topology, situation),
        members,
        tables: question::entries(stage, None, situation).await?,
        silent: silent(topology, situation, |kind| {
            matches!(kind, Kind::Pimd | Kind::Custom(_))
        }),
    };
    Ok(known.leading_nowhere())
}

/// Nodes of such kinds, and those that are frozen.
fn silent(
    topology: &Topology,
    situation: &Situation,
    of_kind: impl Fn(&Kind) -> bool,
) -> BTreeSet<NodeId> {
    let nodes = topology.nodes.iter().enumerate();
    let silent = nodes.filter(|(_, node)| of_kind(&node.kind));
    let silent = silent.map(|(at, _)| NodeId(at));
    silent.chain(situation.frozen.iter().copied()).collect()
}

impl Known<'_> {
    fn unwanted(
        &self,
        group: Ipv4Addr,
        links: &BTreeSet<LinkId>,
        sending: &BTreeSet<usize>,
    ) -> Vec<String> {
        let sources = sending.iter();
        let sources: Vec<_> = sources
            .filter_map(|at| model::start(self.topology, *at).ok())
            .collect();
        let wrong = links.iter().filter(|link| {
            let mut sources = sources.iter();
            !sources.any(|(_, source, first)| {
                first == *link || self.wanted(**link, Some(*source), group)
            })
        });
        let wrong = wrong.filter_map(|link| self.topology.links.get(link.0));
        let told = wrong.map(|link| {
            let link = &link.name;
            format!("{link} carries {group}, which no receiver and no router there wants")
        });
        told.collect()
    }

    fn leading_nowhere(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for (at, table) in &self.tables {
            let node = self.topology.nodes.get(at.0);
            let interfaces = node.into_iter().flat_map(|node| &node.interfaces);
            let interfaces: Vec<_> = interfaces.collect();
            for entry in table {
                let Some(group) = entry.group else { continue };
                let to = interfaces
                    .iter()
                    .filter(|one| entry.oif.contains(&one.name));
                let wrong = to.filter(|one| !self.wanted(one.link, entry.source, group));
                findings.extend(wrong.map(|one| {
                    let (entry, at) = (named(entry.source, group), name(self.topology, *at));
                    format!(
                        "{entry} at {at} leads to {}, where nobody has joined",
                        one.name
                    )
                }));
            }
        }
        findings
    }

    /// Somebody on the link wants what the source sends, or everybody's packets.
    fn wanted(&self, link: LinkId, source: Option<Ipv4Addr>, group: Ipv4Addr) -> bool {
        let ends = self.topology.links.get(link.0).map(|link| &link.ends);
        self.configured.contains(&(link, group))
            || ends.into_iter().flatten().any(|(at, position)| {
                self.silent.contains(at)
                    || self.receives(*at, *position, source, group)
                    || self.reaches(*at, *position, source, group)
            })
    }

    fn receives(
        &self,
        at: NodeId,
        interface: usize,
        source: Option<Ipv4Addr>,
        group: Ipv4Addr,
    ) -> bool {
        let joined = self.joined.iter();
        let mut joined = joined.filter_map(|one| self.topology.receivers.get(*one));
        joined.any(|one| {
            (one.at, one.interface) == (at, interface)
                && one.groups.contains(&group)
                && source.is_none_or(|source| one.wanted.takes(source))
        })
    }

    /// A router on the link has members there, or has joined through it.
    fn reaches(
        &self,
        at: NodeId,
        position: usize,
        source: Option<Ipv4Addr>,
        group: Ipv4Addr,
    ) -> bool {
        let node = self.topology.nodes.get(at.0);
        let Some(interface) = node.and_then(|node| node.interfaces.get(position)) else {
            return false;
        };
        let mut members = self.members.get(&at).into_iter().flatten();
        let table = self.tables.get(&at);
        members.any(|one| {
            let takes = one.exclude || source.is_some_and(|source| one.sources.contains(&source));
            (&one.interface, one.group) == (&interface.name, group) && takes
        }) || table.is_some_and(|table| joined_through(table, &interface.name, source, group))
    }
}

fn joined_through(
    table: &[Mroute],
    interface: &str,
    source: Option<Ipv4Addr>,
    group: Ipv4Addr,
) -> bool {
    let entry = |of: Option<Ipv4Addr>| {
        let mut all = table.iter().filter(|one| one.group == Some(group));
        all.find(|one| one.source == of)
    };
    let through = |one: &Mroute| {
        // Of a kernel it is known only that it forwards.
        let joined = one.joined.unwrap_or(!one.oif.is_empty());
        joined && one.iif.as_deref() == Some(interface)
    };
    let (own, star) = (source.and_then(|of| entry(Some(of))), entry(None));
    // With SPTbit the source is pruned off the RP tree (RFC 7761 §4.5.7).
    let star = star.filter(|_| own.is_none_or(|own| own.spt == Some(false)));
    own.is_some_and(through) || star.is_some_and(through)
}
