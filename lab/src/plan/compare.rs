//! Links and segments of both topologies.

use std::collections::BTreeMap;

use super::{EndPlan, LinkPlan, Made, Plan, Sides, Verb, What};
use crate::topology::model::{Interface, Link, LinkId, Medium, NodeId, Topology, Wire};

/// An end's node and interface, by name.
fn named<'a>(topology: &'a Topology, end: &(NodeId, usize)) -> Option<(&'a str, &'a Interface)> {
    let node = topology.nodes.get(end.0.0)?;
    Some((&node.name, node.interfaces.get(end.1)?))
}

fn same_end(old: &Topology, a: &(NodeId, usize), new: &Topology, b: &(NodeId, usize)) -> bool {
    let names = |topology, end| named(topology, end).map(|(node, one)| (node, one.name.as_str()));
    names(old, a) == names(new, b)
}

fn what(link: &Link) -> What {
    match link.medium {
        Medium::Veth => What::Link,
        Medium::Bridge { .. } => What::Segment,
    }
}

fn words(addresses: &[ipnet::Ipv4Net]) -> String {
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}

impl Sides<'_> {
    pub(super) fn links(&self, plan: &mut Plan) {
        for (position, link) in self.old.links.iter().enumerate() {
            if !self.new.links.iter().any(|other| other.name == link.name) {
                plan.gone_links.push(LinkId(position));
                plan.tell(Verb::Remove, what(link), &link.name, "");
            }
        }
        let mut addresses = Plan::default();
        for link in &self.new.links {
            let made = self.link(link, plan, &mut addresses);
            plan.links.push(made);
        }
        plan.changes.append(&mut addresses.changes);
    }

    fn link(&self, link: &Link, plan: &mut Plan, addresses: &mut Plan) -> LinkPlan {
        let was = self.links.get(link.name.as_str()).copied();
        let before = was.and_then(|was| self.old.links.get(was.0));
        let (Some(was), Some(before)) = (was, before) else {
            let how = match link.medium {
                Medium::Veth if link.wire.is_some() => "over a wire",
                Medium::Veth | Medium::Bridge { .. } => "",
            };
            plan.tell(Verb::Add, what(link), &link.name, how);
            return LinkPlan {
                was: None,
                made: Made::New,
                ends: vec![MADE; link.ends.len()],
                wire: false,
            };
        };
        if let Some(why) = self.must_be_anew(before, link) {
            plan.gone_links.push(was);
            let how = format!("made anew: {why}");
            plan.tell(Verb::Change, what(link), &link.name, how);
            let ends = link.ends.iter().map(|end| EndPlan {
                was: self.end_before(before, end),
                ..MADE
            });
            return LinkPlan {
                was: Some(was),
                made: Made::Anew,
                ends: ends.collect(),
                wire: false,
            };
        }
        self.kept(was, before, link, plan, addresses)
    }

    fn kept(
        &self,
        was: LinkId,
        before: &Link,
        link: &Link,
        plan: &mut Plan,
        addresses: &mut Plan,
    ) -> LinkPlan {
        let mut members = Vec::new();
        for end in &before.ends {
            let mut now = link.ends.iter();
            if !now.any(|now| same_end(self.old, end, self.new, now)) {
                plan.gone_ends.push((was, end.0));
                let node = named(self.old, end).map_or("?", |(node, _)| node);
                members.push(format!("{node} leaves"));
            }
        }
        let mut ends = Vec::new();
        for end in &link.ends {
            let before = self.end_before(before, end);
            if before.is_none() {
                let node = named(self.new, end).map_or("?", |(node, _)| node);
                members.push(format!("{node} joins"));
            }
            ends.push(EndPlan {
                was: before,
                made: before.is_none(),
                addresses: before
                    .is_some_and(|before| self.addresses_differ(&before, end, addresses)),
            });
        }
        if !members.is_empty() {
            let how = members.join(", ");
            plan.tell(Verb::Change, what(link), &link.name, how);
        }
        let (wires_before, wires) = (wires(self.old, before), wires(self.new, link));
        let mut wire = false;
        for (name, does) in &wires {
            if wires_before.get(name).is_some_and(|before| before != does) {
                wire = true;
                let how = match name == &link.name {
                    true => "its wire does something else".to_owned(),
                    false => format!("the wire to {name} does something else"),
                };
                plan.tell(Verb::Change, what(link), &link.name, how);
            }
        }
        LinkPlan {
            was: Some(was),
            made: Made::Kept,
            ends,
            wire,
        }
    }

    fn end_before(&self, before: &Link, end: &(NodeId, usize)) -> Option<(NodeId, usize)> {
        let mut all = before.ends.iter();
        all.find(|one| same_end(self.old, one, self.new, end))
            .copied()
    }

    fn addresses_differ(
        &self,
        before: &(NodeId, usize),
        end: &(NodeId, usize),
        plan: &mut Plan,
    ) -> bool {
        let (Some((_, before)), Some((node, now))) =
            (named(self.old, before), named(self.new, end))
        else {
            return false;
        };
        let name = format!("{node}:{}", now.name);
        let undone = self.is_undone(What::Addresses, &name);
        if before.addresses == now.addresses && !undone {
            return false;
        }
        let (from, to) = (words(&before.addresses), words(&now.addresses));
        plan.tell(
            Verb::Change,
            What::Addresses,
            name,
            format!("{from} -> {to}"),
        );
        true
    }

    /// Why members that stay cannot: a wire comes or goes.
    fn other_wires(&self, before: &Link, link: &Link) -> Option<String> {
        link.ends.iter().find_map(|end| {
            let was = self.end_before(before, end)?;
            let (node, _) = named(self.new, end)?;
            match (before.wire(Some(was)), link.wire(Some(*end))) {
                (None, Some(_)) => Some(format!("{node} is joined by a wire now")),
                (Some(_), None) => Some(format!("{node} is joined by no wire any more")),
                (Some(_), Some(_)) | (None, None) => None,
            }
        })
    }

    /// Why a link cannot become another while it stands.
    fn must_be_anew(&self, before: &Link, link: &Link) -> Option<String> {
        if self.is_undone(what(link), &link.name) {
            return Some("it was left unfinished".to_owned());
        }
        if before.medium != link.medium {
            return Some(match (before.medium, link.medium) {
                (Medium::Bridge { .. }, Medium::Bridge { .. }) => "other snooping".to_owned(),
                (Medium::Veth, _) | (Medium::Bridge { .. }, Medium::Veth) => {
                    "link and segment".to_owned()
                }
            });
        }
        if before.mtu != link.mtu {
            return Some(format!("mtu {} -> {}", before.mtu, link.mtu));
        }
        if before.checksum_offload != link.checksum_offload {
            return Some("other checksum offload".to_owned());
        }
        match (before.wire.is_some(), link.wire.is_some()) {
            (false, true) => return Some("it leads over a wire now".to_owned()),
            (true, false) => return Some("it leads over no wire any more".to_owned()),
            (true, true) | (false, false) => {}
        }
        if let Some(why) = self.other_wires(before, link) {
            return Some(why);
        }
        let pair = matches!(link.medium, Medium::Veth);
        let ends = before.ends.iter().zip(&link.ends);
        let same = ends.fold(before.ends.len() == link.ends.len(), |same, (a, b)| {
            same && same_end(self.old, a, self.new, b)
        });
        (pair && !same).then(|| "other interfaces".to_owned())
    }
}

/// The wires of a link or segment, by name.
fn wires(topology: &Topology, link: &Link) -> BTreeMap<String, Wire> {
    // Where it is in the topology does not matter to its wires' names.
    let wires = link.wires(LinkId(0));
    let named = wires.map(|(at, wire)| {
        let links = std::slice::from_ref(link);
        (at.told(&topology.nodes, links).0, wire)
    });
    named.collect()
}

const MADE: EndPlan = EndPlan {
    was: None,
    made: true,
    addresses: false,
};
