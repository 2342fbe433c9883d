//! The RP, and the tree from a router up to its root.

use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::walk::{Step, Walk, fault};
use super::{Kind, Told};
use crate::topology::model::{LinkId, NodeId};

/// A router of a tree and where it is looked at from.
#[derive(Clone, Copy)]
pub(super) struct Hop<'a> {
    pub(super) at: NodeId,
    pub(super) told: &'a Told,
    /// The link that it forwards onto.
    pub(super) down: LinkId,
    /// The router below it, where there is one.
    pub(super) below: Option<NodeId>,
}

impl<'a> Walk<'a> {
    /// The RP, which all routers that matter must agree on.
    pub(super) fn rp(&mut self, last_hop: NodeId) -> Step<Ipv4Addr> {
        let name = self.name(last_hop);
        let told = self.told(last_hop)?;
        let others: Vec<(NodeId, &Told)> = self
            .snapshot
            .routers
            .iter()
            .filter(|(at, _)| **at != last_hop)
            .filter_map(|(at, told)| Some((*at, told.as_ref().ok()?)))
            .collect();
        let named = |wanted: Option<Ipv4Addr>| {
            let same = others.iter().filter(|(_, told)| told.rp.rp == wanted);
            let names: Vec<&str> = same.map(|(at, _)| self.name(*at)).collect();
            names.join(", ")
        };
        let mut known: Vec<Ipv4Addr> = others.iter().filter_map(|(_, told)| told.rp.rp).collect();
        known.sort_unstable();
        known.dedup();
        let listed: Vec<String> = known
            .iter()
            .map(|rp| format!("{} at {}", self.who(*rp), named(Some(*rp))))
            .collect();
        let Some(rp) = told.rp.rp else {
            let elsewhere = if listed.is_empty() {
                String::new()
            } else {
                format!(" Elsewhere: {}.", listed.join("; "))
            };
            return fault(
                Kind::NoRp,
                name,
                format!("no RP for {}: {}{elsewhere}", self.group, told.rp.reason),
                format!("give {name} an RP whose range has {}", self.group),
            );
        };
        if known.iter().any(|other| *other != rp) {
            return fault(
                Kind::WrongRp,
                name,
                format!(
                    "routers differ in the RP for {}: {} at {name}; {}",
                    self.group,
                    self.who(rp),
                    listed.join("; ")
                ),
                "configure the same RP on all routers",
            );
        }
        let evidence = self.who(rp);
        self.ok(name, "RP", &evidence);
        Ok(rp)
    }

    /// Walks from a router up to the root: the first hop of a source, or the
    /// RP. Returns it.
    pub(super) fn tree(
        &mut self,
        from: NodeId,
        down: LinkId,
        source: Option<Ipv4Addr>,
        rp: Option<Ipv4Addr>,
    ) -> Step<NodeId> {
        let Some(root) = source.or(rp) else {
            return Ok(from);
        };
        let mut hop = Hop {
            at: from,
            told: self.told(from)?,
            down,
            below: None,
        };
        let mut passed = vec![from];
        loop {
            let name = self.name(hop.at);
            self.hops.push((hop.down, hop.at));
            let entry = self.entry(hop, source)?;
            let way = self.usable_way(hop, root, source)?;
            if way.is_me || (source.is_some() && way.connected) {
                let evidence = format!("to {}", entry.olist.join(", "));
                self.ok(name, &tree_name(source), &evidence);
                return Ok(hop.at);
            }
            let (next, link) = self.next_hop(hop, way, root)?;
            if !entry.joined {
                let up = self.name(next);
                return fault(
                    Kind::NotJoinedUpstream,
                    name,
                    format!(
                        "{name} has {} and has sent no Join to {up}",
                        tree_name(source)
                    ),
                    format!("see `mcrctl show mroute {}` at {name}", self.group),
                );
            }
            let evidence = format!("joined to {}", self.name(next));
            self.ok(name, &tree_name(source), &evidence);
            if passed.contains(&next) {
                return fault(
                    Kind::RpfMismatch,
                    name,
                    format!(
                        "the ways to {root} go in circles, at {name} back to {}",
                        self.name(next)
                    ),
                    "mend the routes, or the static multicast routes",
                );
            }
            passed.push(next);
            hop = Hop {
                at: next,
                told: self.told(next)?,
                down: link,
                below: Some(hop.at),
            };
        }
    }

    /// The entry, which must forward onto the link below.
    fn entry(&self, hop: Hop<'a>, source: Option<Ipv4Addr>) -> Step<&'a api::Mroute> {
        let name = self.name(hop.at);
        let interface = self.interface(hop.at, hop.down).unwrap_or("?");
        let tree = tree_name(source);
        let Some(entry) = hop.told.mroute(source) else {
            return match hop.below {
                Some(below) => self.join_not_taken(hop, below, &tree),
                None => fault(
                    Kind::NotJoinedUpstream,
                    name,
                    format!("{name} has the member and no {tree}"),
                    format!("see `mcrctl show mroute {}` at {name}", self.group),
                ),
            };
        };
        if entry.olist.iter().any(|one| one == interface) {
            return Ok(entry);
        }
        let mut states = entry.interfaces.iter();
        let state = states.find(|one| one.interface == interface);
        if let Some(state) = state
            && state.assert == api::AssertState::Loser
        {
            let winner = state.assert_winner.map(|winner| self.who(winner));
            return fault(
                Kind::AssertLost,
                format!("{name}:{interface}"),
                format!(
                    "{name} has lost the Assert on {interface} to {}, which forwards nothing",
                    winner.unwrap_or_else(|| "another".to_owned())
                ),
                "see why the winner does not forward, and whether it is still there",
            );
        }
        match hop.below {
            Some(below) if state.is_none_or(|state| state.downstream.is_none()) => {
                self.join_not_taken(hop, below, &tree)
            }
            Some(_) | None => fault(
                Kind::NotJoinedUpstream,
                format!("{name}:{interface}"),
                format!("{tree} of {name} does not forward to {interface}"),
                format!("see `mcrctl show mroute {}` at {name}", self.group),
            ),
        }
    }

    /// The way to the root, where there is a sound one.
    fn usable_way(
        &self,
        hop: Hop<'a>,
        root: Ipv4Addr,
        source: Option<Ipv4Addr>,
    ) -> Step<&'a api::RpfOf> {
        let name = self.name(hop.at);
        let way = self.way_to(hop.told, hop.at, root)?;
        if way.is_me {
            return Ok(way);
        }
        if source.is_some() {
            self.heard_where_expected(hop.at, way)?;
        }
        if way.interface.is_none() {
            self.nothing_down(hop.at)?;
            let (kind, what) = match source {
                Some(_) => (Kind::MissingRoute, "the source"),
                None => (Kind::RpUnreachable, "the RP"),
            };
            return fault(
                kind,
                name,
                format!(
                    "{name} has no way to {what} {}: {}",
                    self.who(root),
                    way.reason
                ),
                format!("give {name} a unicast route to {root}"),
            );
        }
        Ok(way)
    }

    pub(super) fn way_to(&self, told: &'a Told, at: NodeId, to: Ipv4Addr) -> Step<&'a api::RpfOf> {
        let name = self.name(at);
        told.ways
            .get(&to)
            .ok_or_else(|| super::walk::Stop::Unknown(format!("{name} was not asked for {to}")))
    }

    /// A router on the source's own link must expect its datagrams there.
    pub(super) fn heard_where_expected(&self, at: NodeId, way: &api::RpfOf) -> Step<()> {
        let Some(own) = self.interface(at, self.source_link) else {
            return Ok(());
        };
        if way.interface.as_deref() == Some(own) {
            return Ok(());
        }
        let name = self.name(at);
        fault(
            Kind::RpfMismatch,
            format!("{name}:{own}"),
            format!(
                "datagrams of {} arrive at {name} on {own}, and its way to the source is {}: {}",
                self.address,
                way.interface.as_deref().unwrap_or("none"),
                way.reason
            ),
            format!("mend the (multicast) route to {} at {name}", self.address),
        )
    }
}

pub(super) fn tree_name(source: Option<Ipv4Addr>) -> String {
    match source {
        Some(_) => "(S,G)".to_owned(),
        None => "(*,G)".to_owned(),
    }
}
