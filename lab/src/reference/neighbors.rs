//! Which routers each router hears, and whom it takes for the Designated Router.

use std::net::Ipv4Addr;

use super::World;
use crate::assertion::router::Neighbors;
use crate::topology::model::{LinkId, NodeId};

impl World<'_> {
    /// The router runs PIM.
    #[must_use]
    pub fn speaks(&self, at: NodeId) -> bool {
        let config = self.config(at).filter(|_| self.runs(at));
        config.is_some_and(|config| config.interfaces.values().any(|on| on.pim.is_some()))
    }

    /// The PIM neighbours of a router.
    #[must_use]
    pub fn neighbors(&self, at: NodeId) -> Neighbors {
        let all = self.up(at).flat_map(|interface| {
            let heard = self.heard(at, interface.link).into_iter();
            heard.map(|(_, address)| (interface.name.clone(), address))
        });
        all.collect()
    }

    /// Whom a router takes for the DR, by the name of its interface; those that
    /// are passive are left out.
    #[must_use]
    pub fn designated_routers(&self, at: NodeId) -> Vec<(String, Ipv4Addr)> {
        let all = self.up(at).filter_map(|interface| {
            let pim = self.on(at, interface.link)?.pim.as_ref()?;
            let own = (pim.dr_priority, interface.addresses.first()?.addr());
            let heard = self.heard(at, interface.link).into_iter();
            let (_, address) = heard.chain([own]).max()?;
            (!pim.passive).then(|| (interface.name.clone(), address))
        });
        all.collect()
    }

    /// The routers of a link that one of them takes for neighbours, with their DR
    /// priorities.
    fn heard(&self, at: NodeId, link: LinkId) -> Vec<(u32, Ipv4Addr)> {
        let own = self.on(at, link).and_then(|on| on.pim.as_ref());
        let Some(own) = own.filter(|own| !own.passive) else {
            return Vec::new();
        };
        let others = self.ends(link);
        let others = others.filter(|(node, _)| *node != at && self.runs(*node));
        let heard = others.filter_map(|(node, interface)| {
            let pim = self.on(node, link)?.pim.as_ref()?;
            let address = interface.addresses.first()?.addr();
            let allowed = own.neighbors.as_ref();
            let allowed = allowed.is_none_or(|nets| nets.iter().any(|net| net.contains(&address)));
            (!pim.passive && allowed).then_some((pim.dr_priority, address))
        });
        heard.collect()
    }
}
