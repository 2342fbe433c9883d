//! Between two routers: PIM, Hellos and Joins.

use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::Kind;
use super::tree::Hop;
use super::walk::{Step, Stop, Walk, fault};
use crate::topology::model::{LinkId, NodeId};

impl<'a> Walk<'a> {
    /// The router that Joins go to, with the link they go over.
    pub(super) fn next_hop(
        &self,
        hop: Hop<'a>,
        way: &api::RpfOf,
        root: Ipv4Addr,
    ) -> Step<(NodeId, LinkId)> {
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
        let mut known = hop.told.neighbors.iter();
        if known.any(|one| one.interface == interface && self.has(next, link, one)) {
            return Ok((next, link));
        }
        self.no_neighbor(hop.at, next, link)
    }

    /// A router without a way may have lost it with a link of its own.
    pub(super) fn nothing_down(&self, at: NodeId) -> Step<()> {
        let node = self.topology.nodes.get(at.0);
        for own in node.iter().flat_map(|node| &node.interfaces) {
            for (router, interface) in self.routers(own.link)? {
                let told = self.told(router)?;
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

    fn has(&self, node: NodeId, link: LinkId, neighbor: &api::Neighbor) -> bool {
        self.owner_on(link, neighbor.address) == Some(node)
    }

    /// Why a router does not know another one on a link.
    fn no_neighbor<T>(&self, here: NodeId, there: NodeId, link: LinkId) -> Step<T> {
        let link_name = &self.link(link)?.name;
        for at in [here, there] {
            let (name, interface) = (self.name(at), self.interface(at, link).unwrap_or("?"));
            let place = format!("{name}:{interface}");
            match self.told(at)?.pim_on(interface) {
                None => {
                    return fault(
                        Kind::NoPim,
                        &place,
                        format!("PIM does not run on {place}, which is on the way"),
                        format!("run PIM on {link_name} at {name}, or route another way"),
                    );
                }
                Some(pim) if pim.passive => {
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

    /// Why what one router sends is not taken by the other, though PIM runs at
    /// both.
    fn unheard<T>(&self, from: NodeId, to: NodeId, link: LinkId) -> Step<T> {
        let link_name = &self.link(link)?.name;
        let (sender, taker) = (self.name(from), self.name(to));
        let out = self.interface(from, link).unwrap_or("?");
        let into = self.interface(to, link).unwrap_or("?");
        let sent = Self::counted(self.told(from)?, out, &["pim.tx"]);
        let taken = Self::counted(self.told(to)?, into, &["pim.rx", "pim.drop"]);
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
                 {sender} counts {sent}; {taker} counts {taken}"
            ),
            format!("see what {link_name} loses from {sender} to {taker}"),
        )
    }

    /// Why a router has not taken the Join of the one below.
    pub(super) fn join_not_taken<T>(&self, hop: Hop<'a>, below: NodeId, tree: &str) -> Step<T> {
        let (name, sender) = (self.name(hop.at), self.name(below));
        let interface = self.interface(hop.at, hop.down).unwrap_or("?");
        let place = format!("{name}:{interface}");
        let mut known = hop.told.neighbors.iter();
        if !known.any(|one| one.interface == interface && self.has(below, hop.down, one)) {
            return self.unheard(below, hop.at, hop.down);
        }
        let taken = Self::counted(hop.told, interface, &["pim.rx.join", "pim.drop", "pim.ign"]);
        let dropped = |reason: &str| hop.told.count(interface, reason) > 0;
        if dropped("pim.drop.ssm-range") {
            return fault(
                Kind::SsmRange,
                &place,
                format!(
                    "{name} refuses the {tree} Join of {sender}: {} ({taken})",
                    hop.told.rp.reason
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
            format!("see `mcrctl show mroute {}` at {name}", self.group),
        )
    }
}
