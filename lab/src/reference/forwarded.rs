//! Which way packets go by the routers' own tables: from the source's link on,
//! into every router that takes them there and out of it again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Sending;
use crate::assertion::router::Mroute;
use crate::topology::model::{LinkId, NodeId, Topology};

/// The entries of each router.
pub type Tables = BTreeMap<NodeId, Vec<Mroute>>;

/// By router, the link that packets come from and those they go to.
pub type Forwarded = BTreeMap<NodeId, (LinkId, BTreeSet<LinkId>)>;

/// Follows a source's packets, and tells who sends onto each link.
#[must_use]
pub fn forwarded(
    topology: &Topology,
    tables: &Tables,
    (from, source, first): (NodeId, Ipv4Addr, LinkId),
    group: Ipv4Addr,
) -> (Forwarded, Sending) {
    let mut seen = Forwarded::new();
    let mut sending = Sending::from([(first, BTreeSet::from([from]))]);
    let mut open = vec![first];
    while let Some(link) = open.pop() {
        let ends = topology.links.get(link.0).map(|link| &link.ends);
        for (at, position) in ends.into_iter().flatten() {
            let sends = sending.get(&link).is_some_and(|who| who.contains(at));
            let table = tables.get(at).filter(|_| !sends && !seen.contains_key(at));
            let Some((table, node)) = table.zip(topology.nodes.get(at.0)) else {
                continue;
            };
            let Some(into) = node.interfaces.get(*position) else {
                continue;
            };
            let to: BTreeSet<LinkId> = out_of(table, &into.name, source, group)
                .iter()
                .filter_map(|name| node.interfaces.iter().find(|one| one.name == *name))
                .map(|one| one.link)
                .collect();
            for link in &to {
                sending.entry(*link).or_default().insert(*at);
                open.push(*link);
            }
            if !to.is_empty() {
                seen.insert(*at, (link, to));
            }
        }
    }
    (seen, sending)
}

/// The interfaces that a packet of the source leaves by which comes in here.
fn out_of(table: &[Mroute], into: &str, source: Ipv4Addr, group: Ipv4Addr) -> BTreeSet<String> {
    let entry = |of: Option<Ipv4Addr>| {
        let mut all = table.iter().filter(|one| one.group == Some(group));
        all.find(|one| one.source == of)
    };
    let takes = |one: &&Mroute| one.iif.as_deref() == Some(into);
    let (own, star) = (entry(Some(source)), entry(None));
    let found = match own {
        // Until SPTbit is set, packets come down the RP tree (RFC 7761 §4.2).
        Some(own) if own.spt == Some(false) => {
            let either = takes(&own) || star.as_ref().is_some_and(takes);
            either.then_some(own)
        }
        Some(own) => Some(own).filter(takes),
        None => star.filter(takes),
    };
    let mut to = found.map(|one| one.oif.clone()).unwrap_or_default();
    if let (Some(own), Some(star)) = (own.filter(|own| own.spt == Some(false)), star) {
        // What comes down the RP tree leaves by the way to the source too, which
        // the source's own entry does not name.
        let up = own.iif.as_ref().filter(|up| star.oif.contains(*up));
        to.extend(up.filter(|_| star.iif.as_deref() == Some(into)).cloned());
    }
    to.remove(into);
    to
}
