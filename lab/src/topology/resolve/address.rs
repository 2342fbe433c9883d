//! Addresses from pools. A link's network depends on its position in the file
//! only, so that a link added at the end changes no other.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Context;
use super::network::Network;
use super::nodes::Draft;
use super::router::is_router;
use crate::topology::file::File;
use crate::topology::model::{Medium, NodeId};
use crate::topology::place::OneOrMany;
use crate::topology::tree::Span;
use crate::topology::value::Loopback;

/// What the file says of a link's addresses.
pub(super) struct Wish {
    /// Where it says so.
    pub(super) span: Span,
    /// The network.
    pub(super) net: Option<Ipv4Net>,
    /// By end, the addresses; `None` where they are automatic.
    pub(super) addresses: Vec<Option<Vec<Ipv4Net>>>,
    /// The end that has the first of the automatic ones.
    pub(super) lowest: Option<usize>,
}

impl Wish {
    /// The networks that it names, so that no automatic one is among them.
    fn nets(&self) -> impl Iterator<Item = Ipv4Net> {
        let addresses = self.addresses.iter().flatten().flatten();
        self.net.into_iter().chain(addresses.map(Ipv4Net::trunc))
    }
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Where the automatic networks lie: links in the lower half of 10.0.0.0/8,
/// segments, which may need more than a /24, in the next quarter.
fn automatic(medium: Medium, position: u32, step: u32, members: usize) -> Option<Ipv4Net> {
    let (base, size, count) = match medium {
        Medium::Veth => (Ipv4Addr::new(10, 0, 0, 0), 24, 1 << 15),
        Medium::Bridge { .. } if members <= 253 => (Ipv4Addr::new(10, 128, 0, 0), 24, 1 << 13),
        Medium::Bridge { .. } => (Ipv4Addr::new(10, 160, 0, 0), 20, 1 << 9),
    };
    // A taken network moves its link far away, not onto its neighbours'.
    let position = (position + step * (count / 16 + 1)) % count;
    let address = base.to_bits().checked_add(position << (32 - size))?;
    Ipv4Net::new(Ipv4Addr::from_bits(address), size).ok()
}

/// Gives every link its network and every interface its addresses.
pub(super) fn give(cx: &Context<'_>, network: &mut Network, wishes: &[Wish]) {
    let mut taken: Vec<Ipv4Net> = wishes.iter().flat_map(Wish::nets).collect();
    taken.sort_unstable();
    taken.dedup();
    let mut automatics: BTreeSet<Ipv4Net> = BTreeSet::new();
    let mut of_medium = [0_u32, 0];
    for (link, wish) in wishes.iter().enumerate() {
        let medium = network.links[link].medium;
        let count = &mut of_medium[usize::from(medium != Medium::Veth)];
        let position = *count;
        *count += 1;
        let named = wish.net.or_else(|| wish.nets().next());
        let net = named.or_else(|| {
            let members = wish.addresses.len();
            let mut steps = (0..64).filter_map(|step| automatic(medium, position, step, members));
            steps.find(|net| {
                !taken.iter().any(|other| overlap(*net, *other)) && automatics.insert(*net)
            })
        });
        let Some(net) = net else {
            cx.tell(
                wish.span,
                "10.0.0.0/8 has no network left; give one with `net`",
            );
            continue;
        };
        network.links[link].net = net;
        check_overlap(cx, network, link, wish);
        ends(cx, network, link, wish);
    }
}

/// Two links of a node in one network would make its routes ambiguous.
fn check_overlap(cx: &Context<'_>, network: &Network, link: usize, wish: &Wish) {
    let Some(net) = wish.net else { return };
    for (node, own) in &network.links[link].ends {
        let node = &network.nodes[node.0];
        for (position, interface) in node.interfaces.iter().enumerate() {
            let other = &network.links[interface.link.0];
            let earlier = interface.link.0 < link && position != *own;
            if earlier && overlap(other.net, net) {
                let message = format!(
                    "`{}` has {} on {} already, which overlaps {net}",
                    node.name, other.net, other.name
                );
                cx.tell(wish.span, message);
            }
        }
    }
}

fn ends(cx: &Context<'_>, network: &mut Network, link: usize, wish: &Wish) {
    let net = network.links[link].net;
    let named = wish.addresses.iter().flatten().flatten();
    let mut used: BTreeSet<Ipv4Addr> = BTreeSet::new();
    for address in named {
        if !used.insert(address.addr()) {
            let message = format!("{} is there twice on this link", address.addr());
            cx.tell(wish.span, message);
        }
    }
    let mut free = net.hosts().filter(|host| !used.contains(host));
    let ends = network.links[link].ends.clone();
    let mut wanted: Vec<_> = ends.into_iter().zip(&wish.addresses).collect();
    if let Some(lowest) = wish.lowest.filter(|end| *end < wanted.len()) {
        wanted[..=lowest].rotate_right(1);
    }
    for ((node, interface), wanted) in wanted {
        let addresses = match wanted {
            Some(addresses) => addresses.clone(),
            None => match free.next().map(|host| Ipv4Net::new(host, net.prefix_len())) {
                Some(Ok(address)) => vec![address],
                Some(Err(_)) | None => {
                    cx.tell(
                        wish.span,
                        format!("{net} has too few addresses for this link"),
                    );
                    return;
                }
            },
        };
        network.nodes[node.0].interfaces[interface].addresses = addresses;
    }
}

/// Gives the loopbacks their addresses.
pub(super) fn loopbacks(cx: &Context<'_>, file: &File, drafts: &[Draft], network: &mut Network) {
    let read = |draft: &Draft| -> Vec<Loopback> {
        let part = draft.spec.lo.as_ref();
        let read = part.and_then(|part| part.read(&cx.scope, cx.sink));
        match read {
            Some(OneOrMany(list)) => list,
            // A router has one without being told.
            None if is_router(file, draft) => vec![Loopback(None)],
            None => Vec::new(),
        }
    };
    let wanted: Vec<Vec<Loopback>> = drafts.iter().map(read).collect();
    let named: BTreeSet<Ipv4Addr> = wanted
        .iter()
        .flatten()
        .filter_map(|Loopback(address)| address.map(|address| address.addr()))
        .collect();
    let pool = Ipv4Addr::new(10, 255, 0, 0).to_bits();
    for (node, wanted) in wanted.into_iter().enumerate() {
        // The pool has a place for every node, and as many again for those
        // whose place the file has given away.
        let own = u32::try_from(node).unwrap_or(u32::MAX).saturating_add(1);
        let mut places = [own, own + (1 << 15)]
            .map(|place| Ipv4Addr::from_bits(pool + place))
            .into_iter()
            .filter(|address| !named.contains(address));
        for Loopback(address) in wanted {
            let address = address.or_else(|| places.next().map(Ipv4Net::from));
            match address {
                Some(address) => network.nodes[NodeId(node).0].loopback.push(address),
                None => cx.tell(drafts[node].span, "10.255.0.0/16 has no address left"),
            }
        }
    }
}
