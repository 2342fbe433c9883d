//! Where datagrams were lost, as far as the packets of the links can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use mcrgen::payload;

use crate::run::capture::{Seen, datagram};
use crate::topology::model::{End, Kind, LinkId, NodeId, Topology};

#[cfg(test)]
mod tests;

/// A datagram: its run, flow and sequence.
pub type Datagram = (u64, u32, u64);

/// Who sent a datagram onto a link, and its run, flow and sequence.
type Sent = ([u8; 6], u64, u32, u64);

/// So many copies of a datagram are none that went in circles.
const COPIES: u32 = 8;
/// Where a frame has the TTL: behind the Ethernet header.
const TTL: usize = 14 + 8;

/// What a link showed of some datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The link.
    pub link: LinkId,
    /// The point's name.
    pub name: String,
    /// The datagrams of these senders that passed it: run, flow, sequence.
    pub datagrams: BTreeSet<Datagram>,
    /// The ring was too small, or the lab too slow: there may have been more.
    pub partial: bool,
}

/// What each link showed of the datagrams of these runs, sent in a time.
#[must_use]
pub fn passed(seen: &[(LinkId, &Seen)], runs: &BTreeSet<u64>, sent_ns: &Range<u64>) -> Vec<Passed> {
    seen.iter()
        .map(|(link, point)| {
            let mut known = BTreeSet::new();
            for frame in &point.frames {
                let header = datagram(&frame.bytes).and_then(|found| payload::peek(found.payload));
                if let Some(header) = header
                    && runs.contains(&header.run)
                    && sent_ns.contains(&header.sent_ns)
                {
                    known.insert((header.run, header.flow, header.sequence));
                }
            }
            let oldest = point.frames.front().map_or(0, |frame| frame.at_ns);
            Passed {
                link: *link,
                name: point.name.clone(),
                datagrams: known,
                partial: point.missed > 0 || (point.evicted > 0 && oldest > sent_ns.start),
            }
        })
        .collect()
}

/// Datagrams sent from `since` on that the same sender sent onto a link again:
/// with less left of their TTL, or, where a relay gives them a new one, more
/// often than what wires double explains.
#[must_use]
pub fn looped(seen: &[(LinkId, &Seen)], since: u64) -> u64 {
    let mut by_link: BTreeMap<LinkId, u64> = BTreeMap::new();
    for (link, point) in seen {
        // Frames are kept in order, so that a smaller TTL comes later.
        let mut known: BTreeMap<Sent, (u8, u32)> = BTreeMap::new();
        let mut again = 0;
        for frame in &point.frames {
            let found = datagram(&frame.bytes);
            let header = found.and_then(|found| payload::peek(found.payload));
            let sender = frame.bytes.get(6..12).and_then(|mac| mac.first_chunk());
            let (Some(header), Some(sender)) = (header, sender) else {
                continue;
            };
            let Some(ttl) = frame.bytes.get(TTL).copied() else {
                continue;
            };
            if header.sent_ns < since {
                continue;
            }
            let key = (*sender, header.run, header.flow, header.sequence);
            let (first, times) = known.entry(key).or_insert((ttl, 0));
            *times += 1;
            again += u64::from(ttl < *first || *times > COPIES);
        }
        // Every member of a segment may show the same.
        let most = by_link.entry(*link).or_default();
        *most = again.max(*most);
    }
    by_link.into_values().sum()
}

/// The way from an interface to a node, or to an interface of it: links and the
/// nodes they lead to. Where there are several, the one with most links that were
/// `seen` to carry something, and of those the one that unicast would take. Hosts
/// pass nothing on.
#[must_use]
pub fn path(
    topology: &Topology,
    from: End,
    to: (NodeId, Option<usize>),
    seen: &BTreeSet<LinkId>,
) -> Vec<(LinkId, NodeId)> {
    let link_of = |end: End| {
        topology
            .links
            .iter()
            .position(|link| link.ends.contains(&end))
    };
    let first = link_of(from);
    let last = to.1.and_then(|interface| link_of((to.0, interface)));
    let forwards = |node: NodeId| {
        let kind = topology.nodes.get(node.0).map(|node| &node.kind);
        kind.is_some_and(|kind| *kind != Kind::Host)
    };
    let mut best: BTreeMap<NodeId, Cost> = BTreeMap::from([(from.0, Cost::default())]);
    let mut came: BTreeMap<NodeId, (LinkId, NodeId)> = BTreeMap::new();
    let mut queue = BTreeSet::from([(Cost::default(), from.0)]);
    while let Some((cost, node)) = queue.pop_first() {
        if node == to.0 {
            break;
        }
        if node != from.0 && !forwards(node) {
            continue;
        }
        for (position, link) in topology.links.iter().enumerate() {
            let here = link.ends.iter().any(|(end, _)| *end == node);
            if !here || (node == from.0 && Some(position) != first) {
                continue;
            }
            let id = LinkId(position);
            let cost = cost.over(link.metric, seen.contains(&id));
            for (next, _) in &link.ends {
                let wrong = *next == to.0 && last.is_some_and(|last| last != position);
                if wrong || best.get(next).is_some_and(|known| *known <= cost) {
                    continue;
                }
                best.insert(*next, cost);
                came.insert(*next, (id, node));
                queue.insert((cost, *next));
            }
        }
    }
    let mut steps = Vec::new();
    let mut at = to.0;
    while let Some((link, before)) = came.get(&at).copied() {
        steps.push((link, at));
        at = before;
    }
    steps.reverse();
    steps
}

/// The links that showed something.
#[must_use]
pub fn seen(passed: &[Passed]) -> BTreeSet<LinkId> {
    let points = passed.iter().filter(|point| !point.datagrams.is_empty());
    points.map(|point| point.link).collect()
}

/// What a way costs: links that showed nothing, then metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    dark: usize,
    metric: u64,
}

impl Cost {
    fn over(self, metric: u32, seen: bool) -> Cost {
        Cost {
            dark: self.dark + usize::from(!seen),
            metric: self.metric + u64::from(metric),
        }
    }
}

/// Where datagrams were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between two links.
    Node(NodeId),
    /// On a link, by its wire.
    Wire(LinkId),
}

impl Place {
    /// Its name in the file.
    #[must_use]
    pub fn name(self, topology: &Topology) -> Option<&str> {
        Some(match self {
            Place::Node(node) => &topology.nodes.get(node.0)?.name,
            Place::Wire(link) => &topology.links.get(link.0)?.name,
        })
    }
}

/// One sentence: how many passed each link of the way, and after which they
/// were fewer. Also the place of the first loss: the wire that took it, as
/// `taken` tells of each link, or the node between two links.
#[must_use]
pub fn sentence(
    topology: &Topology,
    way: &[(LinkId, NodeId)],
    passed: &[Passed],
    taken: &dyn Fn(LinkId) -> BTreeSet<Datagram>,
) -> Option<(String, Option<Place>)> {
    let at = |link: LinkId| {
        let points = passed.iter().filter(move |point| point.link == link);
        points.max_by_key(|point| point.datagrams.len())
    };
    let links: Vec<(&Passed, NodeId)> = way
        .iter()
        .filter_map(|(link, node)| Some((at(*link)?, *node)))
        .collect();
    let shown: Vec<String> = links
        .iter()
        .map(|(point, _)| {
            let sign = if point.partial { "at least " } else { "" };
            let link = topology.links.get(point.link.0);
            let name = link.map_or(point.name.as_str(), |link| &link.name);
            format!("{sign}{} on {name}", point.datagrams.len())
        })
        .collect();
    if shown.is_empty() {
        return None;
    }
    let mut text = format!("links saw {}", shown.join(", "));
    let lost = first_lost(&links, taken);
    let lost_at = lost.map(|(place, _)| place);
    match lost.and_then(|(place, lost)| Some((place, place.name(topology)?, lost))) {
        Some((place, name, (_, flow, sequence))) => {
            let wire = match place {
                Place::Wire(_) => "on the wire ",
                Place::Node(_) => "at ",
            };
            text.push_str(&format!(
                ": lost {wire}{name}, first sequence {sequence} of flow {flow}"
            ));
        }
        None if links
            .first()
            .is_some_and(|(point, _)| point.datagrams.is_empty()) =>
        {
            text.push_str(": never sent into the network");
        }
        None => text.push_str(": not lost before the receiver's link"),
    }
    Some((text, lost_at))
}

/// The first datagram that a link showed and the next one did not, or that the last
/// one's wire took, and where it was lost.
fn first_lost(
    links: &[(&Passed, NodeId)],
    taken: &dyn Fn(LinkId) -> BTreeSet<Datagram>,
) -> Option<(Place, Datagram)> {
    for pair in links.windows(2) {
        let ((one, node), (other, _)) = (pair[0], pair[1]);
        if let Some(lost) = one.datagrams.difference(&other.datagrams).next() {
            // A link is watched at one of its ends: its wire is behind or before.
            let mut wires = [one.link, other.link].into_iter();
            let wire = wires.find(|link| taken(*link).contains(lost));
            return Some((wire.map_or(Place::Node(node), Place::Wire), *lost));
        }
    }
    let (last, _) = links.last()?;
    let took = taken(last.link);
    let lost = last.datagrams.intersection(&took).next()?;
    Some((Place::Wire(last.link), *lost))
}
