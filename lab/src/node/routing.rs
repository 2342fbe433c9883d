//! OSPF in the routers: with the daemons of FRR, and beside those of all others,
//! where no verb for these touches it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::Deserialize;
use tokio::time::{Duration, Instant, sleep};

use super::frr::{ask, ospf};
use super::{NodeError, Place, Unfit, tail, terminate};
use crate::backend::netns::Child;
use crate::oracle::{self, Down, Lost};
use crate::plan::Plan;
use crate::topology::model::{Kind, Node, NodeId, Ospf, Topology};

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What runs beside routers, by node.
#[derive(Default)]
pub(super) struct Routing(BTreeMap<NodeId, Beside>);

struct Beside {
    ospf: Ospf,
    children: Vec<Child>,
}

/// What is to run beside the daemon of a node.
fn wanted(node: &Node) -> Option<&Ospf> {
    node.ospf.as_deref().filter(|_| node.kind != Kind::Frr)
}

/// Whether all is installed that a node needs.
pub(super) fn check(node: &Node) -> Result<(), Unfit> {
    wanted(node).map_or(Ok(()), |_| ospf::check())
}

impl Routing {
    /// What is to run beside a node's daemon does, and nothing else.
    pub(super) fn is_right(&self, node: &Node, at: NodeId) -> bool {
        self.0.get(&at).map(|beside| &beside.ospf) == wanted(node)
    }

    /// Ends what runs beside a node's daemon, and starts what is to.
    pub(super) async fn set(&mut self, node: &Node, place: &Place<'_>) -> Result<(), NodeError> {
        let wanted = wanted(node);
        self.end(place).await?;
        if let Some(ospf) = wanted {
            let children = ospf::start(place, ospf)?;
            let ospf = ospf.clone();
            self.0.insert(place.node, Beside { ospf, children });
        }
        Ok(())
    }

    /// Ends what runs beside a node's daemon.
    pub(super) async fn end(&mut self, place: &Place<'_>) -> Result<(), NodeError> {
        let Some(beside) = self.0.remove(&place.node) else {
            return Ok(());
        };
        for child in beside.children.iter().rev() {
            terminate(place, child).await?;
        }
        Ok(())
    }

    /// Its processes, and what they are called.
    pub(super) fn children(
        &self,
        node: NodeId,
    ) -> impl Iterator<Item = (&Child, &'static str)> + use<'_> {
        let children = self.0.get(&node).map(|beside| beside.children.as_slice());
        children.unwrap_or_default().iter().zip(ospf::DAEMONS)
    }

    /// The same, of nodes that are elsewhere in another topology.
    pub(super) fn move_to(&mut self, plan: &Plan) {
        let moved = plan.moved_nodes();
        let all = std::mem::take(&mut self.0).into_iter();
        let all = all.filter_map(|(at, beside)| Some((*moved.get(&at)?, beside)));
        self.0 = all.collect();
    }
}

/// Waits until a router has a route to every network, where OSPF makes them.
pub(super) async fn settled(topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
    let node = topology.nodes.get(place.node.0);
    if node.is_none_or(|node| node.ospf.is_none()) {
        return Ok(());
    }
    let all = oracle::routes(topology, &Down::new(), &Lost::new());
    let wanted: BTreeSet<Ipv4Net> = match all.get(place.node.0) {
        Some(routes) => routes.keys().copied().collect(),
        None => BTreeSet::new(),
    };
    let deadline = Instant::now() + topology.ready;
    loop {
        // No answer yet is the ordinary case right after the start.
        let there = installed(place.name).await.unwrap_or_default();
        let Some(missing) = wanted.difference(&there).next() else {
            return Ok(());
        };
        if Instant::now() >= deadline {
            return Err(NodeError::NotRouted {
                node: place.name.to_owned(),
                missing: missing.to_string(),
                within: topology.ready,
                tail: tail(&match node.is_some_and(|node| node.kind == Kind::Frr) {
                    true => place.log(),
                    false => ospf::log(place),
                }),
            });
        }
        sleep(ASK_EVERY).await;
    }
}

/// The networks to which a router's kernel has a route by zebra.
async fn installed(router: &str) -> Result<BTreeSet<Ipv4Net>, String> {
    #[derive(Deserialize)]
    struct Told {
        #[serde(default)]
        installed: bool,
    }
    let told = ask::daemon(router, "zebra", "show ip route json").await?;
    let told: BTreeMap<Ipv4Net, Vec<Told>> =
        serde_json::from_str(&told).map_err(|error| error.to_string())?;
    let there = told.into_iter();
    let there = there.filter(|(_, routes)| routes.iter().any(|one| one.installed));
    Ok(there.map(|(net, _)| net).collect())
}
