//! The RP, and the tree from a router up to its root.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::Kind;
use super::neighbor::Next;
use super::outside;
use super::told::{Mroute, Told};
use super::walk::{Step, Stop, Walk, fault};
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
    /// The source of the tree; `None` in (*,G).
    pub(super) source: Option<Ipv4Addr>,
}

/// Where a walk up a tree ends.
pub(super) enum Top {
    /// At its root: the first hop of a source, or the RP.
    Root(NodeId),
    /// At a link that a router without PIM forwards onto.
    Below(LinkId),
    /// At a router that takes the source's datagrams out of Registers.
    Registers(NodeId),
}

impl<'a> Walk<'a> {
    /// The RP, which all routers that matter must agree on.
    pub(super) fn rp(&mut self, last_hop: NodeId) -> Step<Ipv4Addr> {
        let name = self.name(last_hop);
        let told = self.told(last_hop)?;
        let all = self.snapshot.routers.iter();
        let named: Vec<(NodeId, Ipv4Addr)> = all
            .filter_map(|(at, told)| Some((*at, told.as_ref().ok()?.rp.as_ref()?.rp?)))
            .collect();
        let Some(told) = told.rp.as_ref() else {
            return Err(Stop::Unknown(format!(
                "{name} cannot be asked for the RP of {}, and has named none in a Join or a \
                 Register",
                self.group
            )));
        };
        let Some(rp) = told.rp else {
            let elsewhere = match named.is_empty() {
                true => String::new(),
                false => format!(" Elsewhere: {}.", self.by_rp(&named)),
            };
            return fault(
                Kind::NoRp,
                name,
                format!("no RP for {}: {}{elsewhere}", self.group, told.reason),
                format!("give {name} an RP whose range has {}", self.group),
            );
        };
        if named.iter().any(|(_, other)| *other != rp) {
            // The one that no other router names is the wrong one.
            let alone = |one: &&(NodeId, Ipv4Addr)| {
                named.iter().filter(|(_, rp)| *rp == one.1).count() == 1
            };
            let wrong: Vec<NodeId> = named.iter().filter(alone).map(|(at, _)| *at).collect();
            let wrong = match wrong[..] {
                [wrong] => self.name(wrong),
                _ => name,
            };
            return fault(
                Kind::WrongRp,
                wrong,
                format!(
                    "routers differ in the RP for {}: {}",
                    self.group,
                    self.by_rp(&named)
                ),
                "configure the same RP on all routers",
            );
        }
        let evidence = self.who(rp);
        self.ok(name, "RP", &evidence);
        Ok(rp)
    }

    /// RPs, each with the routers that name it.
    fn by_rp(&self, named: &[(NodeId, Ipv4Addr)]) -> String {
        let mut routers: BTreeMap<Ipv4Addr, Vec<&str>> = BTreeMap::new();
        for (at, rp) in named {
            routers.entry(*rp).or_default().push(self.name(*at));
        }
        let all = routers.iter();
        let all = all.map(|(rp, at)| format!("{} at {}", self.who(*rp), at.join(", ")));
        all.collect::<Vec<_>>().join("; ")
    }

    /// Walks from a router up to the root.
    pub(super) fn tree(
        &mut self,
        from: NodeId,
        down: LinkId,
        source: Option<Ipv4Addr>,
        rp: Option<Ipv4Addr>,
    ) -> Step<Top> {
        let Some(root) = source.or(rp) else {
            return Ok(Top::Root(from));
        };
        let mut hop = Hop {
            at: from,
            told: self.told(from)?,
            down,
            below: None,
            source,
        };
        let mut passed = vec![from];
        loop {
            let name = self.name(hop.at);
            self.hops.push((hop.down, hop.at));
            // Without a way and a neighbour FRR forwards nothing, either.
            let way = self.usable_way(hop, root)?;
            if way.is_me || (source.is_some() && way.connected) {
                let entry = self.entry(hop)?;
                let evidence = format!("to {}", olist(entry));
                self.ok(name, &tree_name(source), &evidence);
                return Ok(Top::Root(hop.at));
            }
            if source.is_some() && self.takes_registers(hop) {
                self.ok(name, &tree_name(source), "out of Registers");
                return Ok(Top::Registers(hop.at));
            }
            let (next, link) = match self.next_hop(hop, way, root)? {
                Next::Router(next, link) => (next, link),
                Next::Static(next, link) => {
                    // What FRR takes comes from neighbours only.
                    if self.forwards(next, link) && self.entry(hop).is_err() {
                        return self.no_pim(next, link);
                    }
                    self.ok(name, &tree_name(source), "nobody to join above");
                    return Ok(Top::Below(link));
                }
            };
            let entry = self.entry(hop)?;
            self.has_joined(hop, entry, next, link)?;
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
            self.come_to(next, link)?;
            hop = Hop {
                at: next,
                told: self.told(next)?,
                down: link,
                below: Some(hop.at),
                source,
            };
        }
    }

    /// Its kernel forwards what comes from no link: out of Registers.
    fn takes_registers(&self, hop: Hop<'a>) -> bool {
        let entry = outside::entry(&hop.told.forwarding, self.address);
        let iif = entry.and_then(|entry| entry.iif.as_deref());
        self.forwards(hop.at, hop.down)
            && iif.is_some_and(|iif| self.link_of(hop.at, iif).is_none())
    }

    /// The router has joined the next one.
    fn has_joined(&self, hop: Hop<'a>, entry: &Mroute, next: NodeId, link: LinkId) -> Step<()> {
        let (name, tree, up) = (self.name(hop.at), tree_name(hop.source), self.name(next));
        let what = match entry.joined {
            Some(true) => return Ok(()),
            Some(false) => format!("{name} has {tree} and has sent no Join to {up}"),
            // Another router may have joined for it.
            None if self.join_shown(link, next, hop.source) => return Ok(()),
            // Or it has joined before messages were kept.
            None if self.carries(link) && self.forwards(hop.at, hop.down) => return Ok(()),
            // What came to it over that Join is known to have gone on.
            None if hop.told.is_idle() => return Ok(()),
            None => {
                let link = &self.link(link)?.name;
                format!("{name} is to join {tree}, and {link} shows no such Join to {up}")
            }
        };
        let advice = self.see_mroute(hop.at);
        fault(Kind::NotJoinedUpstream, name, what, advice)
    }

    /// The entry, which must forward onto the link below.
    fn entry(&self, hop: Hop<'a>) -> Step<&'a Mroute> {
        let name = self.name(hop.at);
        let interface = self.interface(hop.at, hop.down).unwrap_or("?");
        let tree = tree_name(hop.source);
        let Some(entry) = hop.told.mroute(hop.source) else {
            return match hop.below {
                Some(below) => self.join_not_taken(hop, below, &tree),
                None => fault(
                    Kind::NotJoinedUpstream,
                    name,
                    format!("{name} has the member and no {tree}"),
                    self.see_mroute(hop.at),
                ),
            };
        };
        let olist = entry.olist.as_ref();
        if olist.is_none_or(|olist| olist.iter().any(|one| one == interface)) {
            return Ok(entry);
        }
        let state = entry.interfaces.get(interface);
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
            Some(below) if state.is_none_or(|state| !state.joined) => {
                self.join_not_taken(hop, below, &tree)
            }
            Some(_) | None => fault(
                Kind::NotJoinedUpstream,
                format!("{name}:{interface}"),
                format!("{tree} of {name} does not forward to {interface}"),
                self.see_mroute(hop.at),
            ),
        }
    }

    /// The way to the root, where there is a sound one.
    fn usable_way(&self, hop: Hop<'a>, root: Ipv4Addr) -> Step<&'a api::RpfOf> {
        let name = self.name(hop.at);
        let way = self.way_to(hop.told, hop.at, root)?;
        if way.is_me {
            return Ok(way);
        }
        if hop.source.is_some() {
            self.heard_where_expected(hop.at, way)?;
        }
        if way.interface.is_none() {
            self.nothing_down(hop.at)?;
            let (kind, what) = match hop.source {
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
            .ok_or_else(|| Stop::Unknown(format!("{name} was not asked for {to}")))
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

/// What an entry forwards to, where that is known.
fn olist(entry: &Mroute) -> String {
    let olist = entry.olist.as_ref();
    olist.map_or_else(
        || "where datagrams will show".to_owned(),
        |all| all.join(", "),
    )
}

pub(super) fn tree_name(source: Option<Ipv4Addr>) -> String {
    match source {
        Some(_) => "(S,G)".to_owned(),
        None => "(*,G)".to_owned(),
    }
}
