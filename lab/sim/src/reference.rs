//! The tree that must be, computed without any protocol: from who is where, who
//! wants what, and which way unicast routes lead.
//!
//! Nothing is remembered between calls, and nothing is shared with the machines
//! that are checked, except the unicast routes.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_proto::id::UnicastAddr;

use crate::link::LinkId;
use crate::network::NodeId;

/// What the computation asks of a network, as it is now.
pub trait Scene {
    /// A router or a host.
    type Node: Copy + Ord;
    /// A link or LAN.
    type Link: Copy + Ord;

    /// Whether a link is up.
    fn is_up(&self, link: Self::Link) -> bool;
    /// All routers, whether they run or not.
    fn routers(&self) -> Vec<Self::Node>;
    /// Running routers on a link that is up.
    fn routers_on(&self, link: Self::Link) -> BTreeSet<Self::Node>;
    /// The running router that must be the DR of a link: of the highest
    /// priority, of equal ones the one with the highest address.
    fn designated_router(&self, link: Self::Link) -> Option<Self::Node>;
    /// The link towards an address, and the next router on it if there is one;
    /// `None` where the router does not run or knows no way.
    fn step(&self, router: Self::Node, to: UnicastAddr) -> Option<Step<Self>>;
    /// What the way to the address costs: nothing where it is on a link of the
    /// router.
    fn cost(&self, router: Self::Node, to: UnicastAddr) -> Option<u64>;
    /// A node's address on a link.
    fn address_on(&self, node: Self::Node, link: Self::Link) -> Option<Ipv4Addr>;
    /// The router that has an address of its own.
    fn owner(&self, address: UnicastAddr) -> Option<Self::Node>;
}

/// The link towards an address, and the next router on it if there is one.
pub type Step<S> = (<S as Scene>::Link, Option<<S as Scene>::Node>);

/// What is sent, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow<N = NodeId, L = LinkId> {
    /// Who sends.
    pub from: N,
    /// Its address.
    pub source: UnicastAddr,
    /// Its link.
    pub first: L,
    /// Who wants it, with the link of each.
    pub receivers: Vec<(N, L)>,
}

/// Routers that are asked to forward onto each link.
type Claims<S> = BTreeMap<<S as Scene>::Link, BTreeSet<<S as Scene>::Node>>;

/// Who sends onto each link.
pub type Senders<N = NodeId, L = LinkId> = BTreeMap<L, BTreeSet<N>>;

/// The source tree of a flow once all routers have settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree<N = NodeId, L = LinkId> {
    /// The links it goes over, with the only sender on each.
    pub links: BTreeMap<L, N>,
    /// Receivers that it reaches.
    pub receivers: BTreeSet<N>,
    /// Links onto which several routers are asked to forward: which of them
    /// does, an Assert decides.
    pub contested: BTreeSet<L>,
}

impl<N, L> Default for Tree<N, L> {
    fn default() -> Tree<N, L> {
        Tree {
            links: BTreeMap::new(),
            receivers: BTreeSet::new(),
            contested: BTreeSet::new(),
        }
    }
}

/// Who may be the forwarder of a link for which an Assert was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a, N = NodeId, L = LinkId> {
    /// The best of those that the source tree asks: nothing was ever different,
    /// and there is no other tree (RFC 7761 §4.6.3).
    Best,
    /// One of those that are asked for it on the way to the source or to the
    /// RP, and of these the one that does it.
    Asked(&'a Senders<N, L>, UnicastAddr),
    /// Whoever can: an Assert that was needed some time ago may have made it
    /// the one, and it stays so while there are receivers on the link.
    Able(&'a Senders<N, L>),
}

impl<N: Copy + Ord, L: Copy + Ord> Tree<N, L> {
    /// The tree of a flow.
    pub fn grown<S: Scene<Node = N, Link = L>>(
        scene: &S,
        flow: &Flow<N, L>,
        choice: Choice<'_, N, L>,
    ) -> Tree<N, L> {
        let mut claims = claims(scene, flow);
        let mut tree = Tree::default();
        tree.links.insert(flow.first, flow.from);
        for (receiver, last) in &flow.receivers {
            let reached = match *last == flow.first {
                true => scene.is_up(flow.first),
                false => tree.grow(scene, flow.source, *last, &mut claims, choice),
            };
            if reached {
                tree.receivers.insert(*receiver);
            }
        }
        let several = claims.iter().filter(|(_, asked)| asked.len() > 1);
        tree.contested = several.map(|(link, _)| *link).collect();
        tree
    }

    /// Adds the links from the tree to a receiver's one; whether there are any.
    fn grow<S: Scene<Node = N, Link = L>>(
        &mut self,
        scene: &S,
        source: UnicastAddr,
        last: L,
        claims: &mut Claims<S>,
        choice: Choice<'_, N, L>,
    ) -> bool {
        let mut way = Vec::new();
        let mut link = last;
        while !self.links.contains_key(&link) {
            let in_circles = way.iter().any(|(known, _)| *known == link);
            let sender = forwarder(scene, source, link, claims, choice);
            let Some((sender, (up, next))) = sender.filter(|_| !in_circles) else {
                return false;
            };
            // A forwarder that nobody asks, by an old Assert, asks others.
            claims.entry(up).or_default().extend(next);
            way.push((link, sender));
            link = up;
        }
        self.links.extend(way);
        true
    }
}

/// Who is asked by the routers on the ways from the receivers to the source.
fn claims<S: Scene>(scene: &S, flow: &Flow<S::Node, S::Link>) -> Claims<S> {
    let mut claims = Claims::<S>::new();
    for (_, last) in &flow.receivers {
        let Some(designated) = scene.designated_router(*last) else {
            continue;
        };
        for (link, sender) in way_down(scene, flow.source, Some(*last), designated) {
            claims.entry(link).or_default().insert(sender);
        }
    }
    claims
}

/// The forwarder of a link, with its own way on.
fn forwarder<S: Scene>(
    scene: &S,
    source: UnicastAddr,
    link: S::Link,
    claims: &Claims<S>,
    choice: Choice<'_, S::Node, S::Link>,
) -> Option<(S::Node, Step<S>)> {
    let asked = claims.get(&link).cloned().unwrap_or_default();
    let (may, senders) = match choice {
        Choice::Best => (asked.clone(), None),
        Choice::Asked(senders, rp) => {
            let mut may = asked.clone();
            may.extend(asked_on(scene, rp, link));
            may.extend(asked_on(scene, source, link));
            may.extend(asked_by_rp(scene, rp, source, link));
            (may, Some(senders))
        }
        Choice::Able(senders) => (scene.routers_on(link), Some(senders)),
    };
    let able = |node: &S::Node| {
        let step = scene.step(*node, source)?;
        (step.0 != link).then_some((*node, step))
    };
    let does = senders.and_then(|senders| senders.get(&link));
    let chosen = may.iter().filter_map(able);
    let chosen = chosen.filter(|(node, _)| does.is_some_and(|does| does.contains(node)));
    // RFC 7761 §4.6.3: the least preference and metric, then the highest
    // address.
    let best = || {
        asked.iter().filter_map(able).min_by_key(|(node, _)| {
            let cost = scene.cost(*node, source);
            (cost, std::cmp::Reverse(scene.address_on(*node, link)))
        })
    };
    chosen.into_iter().next().or_else(best)
}

/// Those on the link that others on it ask on their way to the address. For the
/// RP's tree these are routers with members or before others that have some; for
/// the source's, also who has won the (*,G) Assert of a link with members: it
/// serves them in place of their DR (RFC 7761 §4.1.6), and joins their sources,
/// be it over that link.
fn asked_on<S: Scene>(scene: &S, to: UnicastAddr, link: S::Link) -> BTreeSet<S::Node> {
    let routers = scene.routers_on(link).into_iter();
    routers
        .filter_map(|router| {
            let (up, next) = scene.step(router, to)?;
            next.filter(|_| up == link)
        })
        .collect()
}

/// The router on the link that the RP asks for the source's packets, before the
/// last hops do.
fn asked_by_rp<S: Scene>(
    scene: &S,
    rp: UnicastAddr,
    source: UnicastAddr,
    link: S::Link,
) -> Option<S::Node> {
    let way = way_down(scene, source, None, scene.owner(rp)?);
    way.into_iter()
        .find(|(of, _)| *of == link)
        .map(|(_, asked)| asked)
}

/// The links down to a receiver's, each with its sender: found upwards, from
/// router to router, as each looks for the source.
pub fn way_down<S: Scene>(
    scene: &S,
    to: UnicastAddr,
    last: Option<S::Link>,
    lowest: S::Node,
) -> Vec<(S::Link, S::Node)> {
    let mut way = Vec::new();
    let (mut router, mut below) = (lowest, last);
    // A way longer than there are routers goes in circles.
    for _ in scene.routers() {
        let Some((up, next)) = scene.step(router, to) else {
            break;
        };
        // The members' link is the one towards the source: the router above
        // forwards onto it, and the designated one need not.
        if let Some(below) = below.filter(|below| *below != up) {
            way.push((below, router));
        }
        match next {
            None => break,
            Some(next) => (router, below) = (next, Some(up)),
        }
    }
    way
}
