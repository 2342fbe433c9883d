//! Routers that forward by static multicast routes, and know no protocol.

use super::outside;
use super::walk::{Step, Stop, Walk, fault};
use super::{Kind, told::Told};
use crate::assertion::router;
use crate::assertion::tables::Forwarding;
use crate::topology::model::{Kind as NodeKind, LinkId, NodeId};

impl<'a> Walk<'a> {
    /// Its kernel forwards datagrams of the source onto a link.
    pub(super) fn forwards(&self, at: NodeId, onto: LinkId) -> bool {
        let told = self.told(at).ok();
        let entry = told.and_then(|told| outside::entry(&told.forwarding, self.address));
        let interface = self.interface(at, onto);
        entry
            .zip(interface)
            .is_some_and(|(entry, interface)| entry.oif.contains(interface))
    }

    /// From such a router to the link that its datagrams come from; `None` where
    /// that is the source's.
    pub(super) fn fixed(&mut self, at: NodeId, down: LinkId) -> Step<Option<LinkId>> {
        self.come_to(at, down)?;
        let (name, told) = (self.name(at), self.told(at)?);
        let onto = self.interface(at, down).unwrap_or("?");
        self.hops.push((down, at));
        let iif = match outside::entry(&told.forwarding, self.address) {
            Some(entry) if entry.oif.contains(onto) => entry.iif.as_deref(),
            Some(_) => return self.no_mroute(at, told, onto),
            // Without a datagram the kernel has no entry.
            None => match self.configured(at, onto) {
                Some(from) => Some(from),
                None => return self.no_mroute(at, told, onto),
            },
        };
        let iif = iif.unwrap_or("?");
        if let Some(own) = self.interface(at, self.source_link)
            && own != iif
        {
            return fault(
                Kind::RpfMismatch,
                format!("{name}:{own}"),
                format!(
                    "datagrams of {} arrive at {name} on {own}, and its multicast route takes \
                     them from {iif}",
                    self.address
                ),
                format!("let the multicast route of {name} come from {own}"),
            );
        }
        self.ok(name, "route", &format!("from {iif} to {onto}"));
        let link = self.link_of(at, iif).ok_or_else(|| {
            Stop::Unknown(format!("{name}'s multicast route is from {iif}, no link"))
        })?;
        if link == self.source_link {
            self.ttl(at)?;
            return Ok(None);
        }
        Ok(Some(link))
    }

    /// Where the lab's own configuration of a router takes the datagrams from
    /// that it is to forward to an interface.
    fn configured(&self, at: NodeId, onto: &str) -> Option<&'a str> {
        let node = self.node(at)?;
        let NodeKind::Smcroute { mroutes } = &node.kind else {
            return None;
        };
        if node.own.as_ref().is_some_and(|own| own.instead) {
            return None;
        }
        let mut all = mroutes.iter().filter(|route| route.group == self.group);
        let found = all.find(|route| {
            let source = route.source.is_none_or(|source| source == self.address);
            source && route.to.iter().any(|one| one == onto)
        });
        found.map(|route| route.from.as_str())
    }

    fn no_mroute<T>(&self, at: NodeId, told: &Told, onto: &str) -> Step<T> {
        let name = self.name(at);
        let (source, group) = (self.address, self.group);
        let held: Vec<String> = told.forwarding.iter().map(described).collect();
        let held = match held.is_empty() {
            true => "its kernel has no entry of the group".to_owned(),
            false => format!("its kernel has {}", held.join("; ")),
        };
        let node = self.node(at);
        let own = node.and_then(|node| node.own.as_ref());
        // Its routes are in a file that is not the lab's.
        if own.is_some() && told.forwarding.is_empty() && !self.reaches(at, onto) {
            return Err(Stop::Unknown(format!(
                "{name} has static multicast routes of its own file: {held}, and no datagram \
                 has come that it could be made of"
            )));
        }
        let from = told.ways.get(&source);
        let from = from.and_then(|way| way.interface.as_deref()).unwrap_or("?");
        let none = format!(
            "{name} forwards by static multicast routes only, and none leads from {source} to \
             {group} on {onto}: {held}"
        );
        let (what, advice) = match node.map(|node| &node.kind) {
            Some(NodeKind::Kernel) => (
                format!(
                    "{name} is a plain kernel, which forwards no multicast by itself, and is to \
                     forward {group} onto {onto}: {held}"
                ),
                format!("let {name} be a multicast router: another `kind` than `kernel`"),
            ),
            Some(NodeKind::Smcroute { .. }) => (
                none,
                format!(
                    "give {name} one: `mroutes: {{ from: {from}, group: {group}, to: {onto} }}`"
                ),
            ),
            Some(NodeKind::Mcrd { .. } | NodeKind::Frr | NodeKind::Pimd)
            | Some(NodeKind::Host | NodeKind::Custom(_))
            | None => (none, format!("let {name} make one, from {from}")),
        };
        fault(Kind::NoMroute, name, what, advice)
    }

    /// Datagrams of the source were seen on a link of a router beside that of an
    /// interface.
    fn reaches(&self, at: NodeId, beside: &str) -> bool {
        let links = self.node(at).map_or(&[][..], |node| &node.interfaces);
        let mut others = links.iter().filter(|one| one.name != beside);
        others.any(|one| self.carries(one.link))
    }

    /// A link showed datagrams of the source.
    pub(super) fn carries(&self, link: LinkId) -> bool {
        self.snapshot
            .links
            .get(&link)
            .is_some_and(|count| *count > 0)
    }
}

fn described(entry: &Forwarding) -> String {
    let oif: Vec<&str> = entry.oif.iter().map(String::as_str).collect();
    format!(
        "{} from {} to {}",
        router::entry(entry.source, entry.group),
        entry.iif.as_deref().unwrap_or("nowhere"),
        if oif.is_empty() {
            "nowhere".to_owned()
        } else {
            oif.join(" ")
        }
    )
}
