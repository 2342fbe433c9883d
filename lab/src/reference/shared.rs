//! A lab in which some last hops stay on the RP tree: the packets come down the
//! source's tree to the RP, and from routers of that tree down the RP's.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_proto::id::UnicastAddr;
use mcr_sim::reference::{Flow, Scene, Step};

use super::{Undetermined, World};
use crate::topology::model::{LinkId, NodeId};

/// The cost of the RP tree comes after every cost of the source's: the RPT bit
/// of Asserts (RFC 7761 §4.6.3).
const RPT: u64 = 1 << 40;

/// The world of one source.
pub(super) struct Shared<'a, 'w> {
    pub(super) world: &'a World<'w>,
    pub(super) source: UnicastAddr,
    pub(super) rp: UnicastAddr,
    /// Routers that have joined the source: those of the RP's way to it, and of
    /// last hops that do leave the RP tree. SPTbit turns the others' ways away
    /// from the RP (RFC 7761 §4.2.2).
    pub(super) native: BTreeSet<NodeId>,
}

impl Shared<'_, '_> {
    fn root(&self, router: NodeId, to: UnicastAddr) -> UnicastAddr {
        match to == self.source && !self.native.contains(&router) {
            true => self.rp,
            false => to,
        }
    }

    /// Where the RP's way to the source shares a link with the RP tree and asks
    /// another router there, RFC 7761 has no steady state without a switch to
    /// the source's tree.
    pub(super) fn not_crossed(
        &self,
        flow: &Flow<NodeId, LinkId>,
        at_rp: NodeId,
    ) -> Result<(), Undetermined> {
        let to_source = self.world.asked(at_rp, self.source);
        for last in self.world.last_hops(flow) {
            for (link, asked) in self.world.asked(last, self.rp) {
                if to_source.get(&link).is_some_and(|other| *other != asked) {
                    return Err("the RP's way to the source crosses the RP tree".to_owned());
                }
            }
        }
        Ok(())
    }
}

impl Scene for Shared<'_, '_> {
    type Node = NodeId;
    type Link = LinkId;

    fn is_up(&self, link: LinkId) -> bool {
        self.world.is_up(link)
    }

    fn routers(&self) -> Vec<NodeId> {
        self.world.routers()
    }

    fn routers_on(&self, link: LinkId) -> BTreeSet<NodeId> {
        self.world.routers_on(link)
    }

    fn designated_router(&self, link: LinkId) -> Option<NodeId> {
        self.world.designated_router(link)
    }

    fn step(&self, router: NodeId, to: UnicastAddr) -> Option<Step<Self>> {
        self.world.step(router, self.root(router, to))
    }

    fn cost(&self, router: NodeId, to: UnicastAddr) -> Option<u64> {
        let root = self.root(router, to);
        let cost = self.world.cost(router, root)?;
        Some(if root == to { cost } else { cost + RPT })
    }

    fn address_on(&self, node: NodeId, link: LinkId) -> Option<Ipv4Addr> {
        self.world.address_on(node, link)
    }

    fn owner(&self, address: UnicastAddr) -> Option<NodeId> {
        self.world.owner(address)
    }
}
