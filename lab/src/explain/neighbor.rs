//! Between two routers: PIM, Hellos and Joins.

use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::Kind;
use super::tree::Hop;
use super::walk::{Step, Stop, Walk, fault};
use crate::topology::model::{Kind as NodeKind, LinkId, NodeId};

/// Who is above a router.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// The router that Joins go to, with the link they go over.
    Router(NodeId, LinkId),
    /// One that knows no PIM, on this link.
    Static(NodeId, LinkId),
}

impl<'a> Walk<'a> {
    /// Who is next on the way.
    pub(super) fn next_hop(&self, hop: Hop<'a>, way: &api::RpfOf, root: Ipv4Addr) -> Step<Next> {
        let name = self.name(hop.at);
        let interface = way.interface.as_deref().unwrap_or("?");
        let link = self.link_of(hop.at, interface);
        let link = link.ok_or_else(|| {
            Stop::Unknown(format!(
                "{name}'s way to {root} is over {interface}, no link"
            ))
        })?;
        let address = way.neighbor.or(way.next_hop).unwrap_or(root);
        let Some(next) = self.owner_on(link, address) else {
            return fault(
                Kind::RpfMismatch,
                format!("{name}:{interface}"),
                format!(
                    "{name}'s way to {root} is {address} on {interface}, which nobody there \
                     has: {}",
                    way.reason
                ),
                format!("mend the (multicast) route to {root} at {name}"),
            );
        };
        // One that is frozen has forgotten nobody; its own Hellos may not hold.
        if hop.told.is_idle() || self.knows(hop, interface, next, link) {
            return Ok(Next::Router(next, link));
        }
        let kind = self.node(next).map(|node| &node.kind);
        if matches!(kind, Some(NodeKind::Smcroute { .. })) || self.forwards(next, link) {
            return Ok(Next::Static(next, link));
        }
        self.no_neighbor(hop.at, next, link)
    }

    /// A router without a way may have lost it with a link of its own.
    pub(super) fn nothing_down(&self, at: NodeId) -> Step<()> {
        let node = self.topology.nodes.get(at.0);
        for own in node.iter().flat_map(|node| &node.interfaces) {
            for (router, interface) in self.routers(own.link)? {
                let Ok(told) = self.told(router) else {
                    continue;
                };
                let place = format!("{}:{}", self.name(router), interface.name);
                if told.pim_on(&interface.name).is_some_and(|pim| !pim.up) {
                    let (link, name) = (&self.link(own.link)?.name, self.name(at));
                    return fault(
                        Kind::LinkDown,
                        &place,
                        format!("{place} is down or has no address, and {name} has no other way"),
                        format!("set {link} up"),
                    );
                }
            }
        }
        Ok(())
    }

    /// A router has another one on a link as its neighbour.
    fn knows(&self, hop: Hop<'_>, interface: &str, other: NodeId, link: LinkId) -> bool {
        let mut known = hop.told.neighbors.iter();
        known.any(|(on, address)| on == interface && self.owner_on(link, *address) == Some(other))
    }

    /// Why a router does not know another one on a link.
    fn no_neighbor<T>(&self, here: NodeId, there: NodeId, link: LinkId) -> Step<T> {
        self.idle(there, Some(link))?;
        let link_name = &self.link(link)?.name;
        for at in [here, there] {
            let (name, interface) = (self.name(at), self.interface(at, link).unwrap_or("?"));
            let place = format!("{name}:{interface}");
            match self.told(at)?.pim_on(interface) {
                None => return self.no_pim(at, link),
                Some(pim) if pim.passive.unwrap_or(self.told(at)?.is_silent(interface)) => {
                    return fault(
                        Kind::NoPim,
                        &place,
                        format!("PIM is passive on {place}, which is on the way"),
                        format!("let PIM speak on {link_name} at {name}"),
                    );
                }
                Some(pim) if !pim.up => {
                    return fault(
                        Kind::LinkDown,
                        &place,
                        format!("{place} is down or has no address"),
                        format!("set {link_name} up"),
                    );
                }
                Some(_) => {}
            }
        }
        self.unheard(there, here, link)
    }

    /// Why a router is none that Joins go to.
    pub(super) fn no_pim<T>(&self, at: NodeId, link: LinkId) -> Step<T> {
        let place = format!(
            "{}:{}",
            self.name(at),
            self.interface(at, link).unwrap_or("?")
        );
        let (name, link) = (self.name(at), &self.link(link)?.name);
        let on = format!("PIM does not run on {place}, which is on the way");
        let (what, run) = match self.node(at).map(|node| &node.kind) {
            Some(NodeKind::Kernel) => (
                format!("{on}: {name} is a plain kernel"),
                format!("let {name} be a multicast router: another `kind` than `kernel`"),
            ),
            Some(NodeKind::Pimd) => (
                format!("{on}: {link} shows no Hello of {name} that still holds"),
                format!("run PIM on {link} at {name}"),
            ),
            Some(NodeKind::Mcrd { .. } | NodeKind::Frr | NodeKind::Smcroute { .. })
            | Some(NodeKind::Host | NodeKind::Custom(_))
            | None => (on, format!("run PIM on {link} at {name}")),
        };
        fault(
            Kind::NoPim,
            place,
            what,
            format!("{run}, or route another way"),
        )
    }

    /// Why what one router sends is not taken by the other, though PIM runs at
    /// both.
    fn unheard<T>(&self, from: NodeId, to: NodeId, link: LinkId) -> Step<T> {
        let link_name = &self.link(link)?.name;
        let (sender, taker) = (self.name(from), self.name(to));
        let out = self.interface(from, link).unwrap_or("?");
        let into = self.interface(to, link).unwrap_or("?");
        let sent = self.counts(from, out, &["pim.tx"])?;
        let taken = self.counts(to, into, &["pim.rx", "pim.drop"])?;
        if self.told(to)?.count(into, "pim.drop.neighbor-not-allowed") > 0 {
            return fault(
                Kind::JoinFiltered,
                format!("{taker}:{into}"),
                format!(
                    "{taker} takes no PIM message of {sender}: its list of neighbors does not \
                     allow it ({taken})"
                ),
                format!("allow {sender} in `pim.interfaces.{into}.neighbors` of {taker}"),
            );
        }
        fault(
            Kind::LinkLoss,
            link_name,
            format!(
                "PIM runs at both ends of {link_name}, and {taker} does not know {sender}: \
                 {sender} {sent}; {taker} {taken}"
            ),
            format!("see what {link_name} loses from {sender} to {taker}"),
        )
    }

    /// Why a router has not taken the Join of the one below.
    pub(super) fn join_not_taken<T>(&self, hop: Hop<'a>, below: NodeId, tree: &str) -> Step<T> {
        let (name, sender) = (self.name(hop.at), self.name(below));
        let interface = self.interface(hop.at, hop.down).unwrap_or("?");
        let place = format!("{name}:{interface}");
        // It cannot join again.
        self.idle(below, None)?;
        if !self.knows(hop, interface, below, hop.down) {
            return self.unheard(below, hop.at, hop.down);
        }
        if hop.told.counters.is_none() {
            return self.join_unanswered(hop, below, tree);
        }
        let taken = Self::counted(hop.told, interface, &["pim.rx.join", "pim.drop", "pim.ign"]);
        let dropped = |reason: &str| hop.told.count(interface, reason) > 0;
        if dropped("pim.drop.ssm-range") {
            return fault(
                Kind::SsmRange,
                &place,
                format!(
                    "{name} refuses the {tree} Join of {sender}: {} ({taken})",
                    hop.told.why_rp()
                ),
                "give all routers the same SSM range",
            );
        }
        if dropped("pim.drop.wrong-rp") {
            return fault(
                Kind::WrongRp,
                &place,
                format!(
                    "{name} refuses the {tree} Join of {sender}: it names another RP ({taken})"
                ),
                "configure the same RP on all routers",
            );
        }
        if hop.told.count(interface, "pim.rx.join-prune") == 0 {
            return self.unheard(below, hop.at, hop.down);
        }
        fault(
            Kind::NotJoinedUpstream,
            &place,
            format!("{sender} has joined {tree}, and {name} does not forward to it ({taken})"),
            self.see_mroute(hop.at),
        )
    }

    /// The same of a router that counts nothing.
    fn join_unanswered<T>(&self, hop: Hop<'a>, below: NodeId, tree: &str) -> Step<T> {
        let (name, sender) = (self.name(hop.at), self.name(below));
        let link = &self.link(hop.down)?.name;
        let interface = self.interface(hop.at, hop.down).unwrap_or("?");
        if !self.join_shown(hop.down, hop.at, hop.source) {
            return fault(
                Kind::LinkLoss,
                link,
                format!("{sender} has joined {tree}, and {link} shows no such Join to {name}"),
                format!("see what {link} loses from {sender} to {name}"),
            );
        }
        let olist = hop.told.mroute(hop.source);
        let olist = olist.and_then(|entry| entry.olist.as_deref());
        let olist = match olist.unwrap_or_default() {
            [] => "nothing".to_owned(),
            names => names.join(" "),
        };
        fault(
            Kind::NotJoinedUpstream,
            format!("{name}:{interface}"),
            format!(
                "{link} shows the {tree} Join of {sender} to {name}, whose kernel forwards to \
                 {olist}"
            ),
            self.see_mroute(hop.at),
        )
    }

    /// A link shows a Join of a tree to a router on it that still holds.
    pub(super) fn join_shown(&self, link: LinkId, to: NodeId, source: Option<Ipv4Addr>) -> bool {
        let on = self.node(to).map_or(&[][..], |node| &node.interfaces);
        let own = on.iter().filter(|one| one.link == link);
        let mut own = own.flat_map(|one| &one.addresses);
        own.any(|net| self.snapshot.heard.has_joined(link, net.addr(), source))
    }

    /// What a router counts on an interface, as it follows its name.
    fn counts(&self, at: NodeId, interface: &str, begins: &[&str]) -> Step<String> {
        let told = self.told(at)?;
        Ok(match told.counters {
            Some(_) => format!("counts {}", Self::counted(told, interface, begins)),
            None => "counts nothing".to_owned(),
        })
    }
}
