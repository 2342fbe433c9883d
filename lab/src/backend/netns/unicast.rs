//! The routes that the lab computes, set in the nodes and kept up to date.

use futures_util::future::{TryFutureExt, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use ipnet::Ipv4Net;

use super::deploy::IN_FLIGHT;
use super::{NetError, Network, Session};
use crate::oracle::{self, Down, Lost, Routes};
use crate::topology::model::{LinkChange, LinkId, NodeId, Unicast};

impl Network {
    /// Notes which ends of links are down, for the routes that follow.
    pub(super) fn note(&self, link: LinkId, change: LinkChange, at: Option<NodeId>) {
        let Some(model) = self.topology.links.get(link.0) else {
            return;
        };
        let mut down = self.down.borrow_mut();
        let mut changed = self.changed.borrow_mut();
        for (node, interface) in &model.ends {
            if at.is_some_and(|at| at != *node) {
                continue;
            }
            changed.insert(*node);
            match change {
                LinkChange::Down | LinkChange::Delete | LinkChange::CarrierDown => {
                    down.insert((*node, *interface))
                }
                LinkChange::Up | LinkChange::Create | LinkChange::CarrierUp => {
                    down.remove(&(*node, *interface))
                }
            };
        }
    }

    /// Whether an end of a link was set down or deleted.
    #[must_use]
    pub fn is_down(&self, link: LinkId) -> bool {
        let down = self.down.borrow();
        let model = self.topology.links.get(link.0);
        model.is_some_and(|model| model.ends.iter().any(|end| down.contains(end)))
    }

    /// Notes that a router has lost a route, or has it again, for the routes
    /// that follow.
    pub fn lose(&self, node: NodeId, net: Ipv4Net, lost: bool) {
        let mut all = self.lost.borrow_mut();
        if lost {
            all.insert((node, net));
        } else {
            all.remove(&(node, net));
        }
    }

    /// Sets the routes of these nodes that the network, as it is now, asks for.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn reroute(&self, of: &[NodeId]) -> Result<(), NetError> {
        let down: Down = self.down.borrow().clone();
        let lost: Lost = self.lost.borrow().clone();
        let wanted = match self.topology.unicast {
            Unicast::Oracle { .. } => oracle::routes(&self.topology, &down, &lost),
            // Those that were set go.
            Unicast::None | Unicast::Static | Unicast::Ospf => {
                vec![Routes::new(); self.topology.nodes.len()]
            }
        };
        let nodes = wanted.into_iter().enumerate();
        let nodes = nodes.filter(|(node, _)| of.contains(&NodeId(*node)));
        // At once, as routers that all heard of the change would.
        try_join_all(nodes.map(|(node, wanted)| self.reroute_node(NodeId(node), wanted))).await?;
        self.changed.borrow_mut().retain(|node| !of.contains(node));
        Ok(())
    }

    async fn reroute_node(&self, node: NodeId, wanted: Routes) -> Result<(), NetError> {
        let old = self.routes.borrow().get(node.0).cloned();
        let old = old.unwrap_or_default();
        // The kernel removes the routes of an interface that goes down, so
        // what was set may be gone although it is still wanted.
        if old == wanted && !self.changed.borrow().contains(&node) {
            return Ok(());
        }
        let session = self.node_space(node)?.session()?;
        self.replace(session, node, &old, &wanted).await?;
        if let Some(routes) = self.routes.borrow_mut().get_mut(node.0) {
            *routes = wanted;
        }
        Ok(())
    }

    async fn replace(
        &self,
        session: &Session,
        node: NodeId,
        old: &Routes,
        wanted: &Routes,
    ) -> Result<(), NetError> {
        let failed = |to: Ipv4Net| {
            move |source| NetError::Route {
                node: self.topology.nodes[node.0].name.clone(),
                to,
                source,
            }
        };
        // New ones first: there is always a way.
        let (kept, new): (Vec<_>, Vec<_>) = wanted
            .iter()
            .partition(|(to, route)| old.get(to) == Some(route));
        let adding = new.into_iter().chain(kept);
        stream::iter(adding.map(|(to, (router, metric))| {
            let prefix = (to.network(), to.prefix_len());
            let added = session.netlink.route_metric(prefix, *router, *metric);
            added.map_err(failed(*to))
        }))
        .buffered(IN_FLIGHT)
        .try_collect::<()>()
        .await?;
        // One of the node's own is the same to the kernel.
        let own = &self.topology.nodes[node.0].routes;
        let stays = |to: &Ipv4Net, metric| metric == 0 && own.iter().any(|(own, _)| own == to);
        for (to, (_, metric)) in old {
            let goes = wanted.get(to).is_none_or(|(_, now)| now != metric);
            if goes && !stays(to, *metric) {
                let prefix = (to.network(), to.prefix_len());
                let removed = session.netlink.remove_route(prefix, *metric).await;
                removed.map_err(failed(*to))?;
            }
        }
        Ok(())
    }
}
