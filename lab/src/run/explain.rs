//! Asks every router what `lab explain` walks over.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use mcr_api::Method;
use mcr_api::router as api;
use serde::de::DeserializeOwned;

use super::probe;
use super::stage::Stage;
use crate::explain::{Snapshot, Told};
use crate::topology::model::{Kind, NodeId, Topology};

/// Who can be asked.
trait Answers {
    async fn one<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static;
    async fn all<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static;
}

impl<S: Stage> Answers for S {
    async fn one<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.ask(at, method).await
    }

    async fn all<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.pages(at, page).await
    }
}

/// The control sockets of a lab that runs, by node.
struct Sockets(BTreeMap<NodeId, PathBuf>);

impl Sockets {
    fn of(&self, at: NodeId) -> Result<PathBuf, String> {
        let socket = self.0.get(&at).cloned();
        socket.ok_or_else(|| "it has no control socket".to_owned())
    }
}

impl Answers for Sockets {
    async fn one<T>(&self, at: NodeId, method: Method) -> Result<T, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        probe::call(self.of(at)?, method).await
    }

    async fn all<T>(
        &self,
        at: NodeId,
        page: impl Fn(Option<String>) -> Method + Send + 'static,
    ) -> Result<Vec<T>, String>
    where
        T: DeserializeOwned + Send + 'static,
    {
        probe::pages(self.of(at)?, page).await
    }
}

/// What is known of a receiver and a source in a run.
pub(super) async fn of_run<S: Stage>(
    stage: &S,
    receiver: usize,
    source: usize,
    since_ns: u64,
) -> Snapshot {
    let topology = stage.topology();
    let mut snapshot = Snapshot {
        routers: ask_all(topology, stage, receiver, source).await,
        ..Snapshot::default()
    };
    let ledger = stage.ledger().borrow();
    let mut sessions = ledger.sessions(receiver);
    snapshot.joined = Some(sessions.any(|session| session.ended_at.is_none()));
    let runs: Vec<_> = ledger.runs().filter(|run| run.source == source).collect();
    let sent = runs.iter().map(|run| run.latest.sent).sum();
    snapshot.sent = Some(sent);
    let runs: BTreeSet<u64> = runs.iter().map(|run| run.run).collect();
    for passed in stage.passed(&runs, since_ns..u64::MAX) {
        let shown = snapshot.links.entry(passed.link).or_default();
        *shown = passed.datagrams.len().max(*shown);
    }
    snapshot
}

/// What is known of a receiver and a source in a lab that runs. Whether they
/// have joined and send is not known there.
pub async fn of_sockets(
    topology: &Topology,
    sockets: BTreeMap<NodeId, PathBuf>,
    receiver: usize,
    source: usize,
) -> Snapshot {
    Snapshot {
        routers: ask_all(topology, &Sockets(sockets), receiver, source).await,
        ..Snapshot::default()
    }
}

async fn ask_all(
    topology: &Topology,
    answers: &impl Answers,
    receiver: usize,
    source: usize,
) -> BTreeMap<NodeId, Result<Told, String>> {
    let mut all = BTreeMap::new();
    let receiver = topology.receivers.get(receiver);
    let source = topology.sources.get(source);
    let (Some(receiver), Some(source)) = (receiver, source) else {
        return all;
    };
    let mut shared = receiver.groups.iter();
    let group = shared.find(|group| group.is_multicast() && source.groups.contains(group));
    let node = topology.nodes.get(source.at.0);
    let interface = node.and_then(|node| node.interfaces.get(source.interface));
    let address = interface.and_then(|interface| interface.addresses.first());
    let (Some(group), Some(address)) = (group.copied(), address) else {
        return all;
    };
    let nodes = topology.nodes.iter().enumerate();
    for (position, node) in nodes.filter(|(_, node)| node.kind.is_router()) {
        let at = NodeId(position);
        let told = match &node.kind {
            Kind::Mcrd { .. } => ask(answers, at, group).await,
            Kind::Host
            | Kind::Frr
            | Kind::Pimd
            | Kind::Smcroute { .. }
            | Kind::Kernel
            | Kind::Custom(_) => Err(format!(
                "it runs {}, which explain does not ask",
                node.kind.word()
            )),
        };
        all.insert(at, told);
    }
    let rps = all.values().flatten().filter_map(|told| told.rp.rp);
    let wanted: BTreeSet<Ipv4Addr> = rps.chain([address.addr()]).collect();
    for (at, told) in &mut all {
        let Ok(known) = told else { continue };
        for address in &wanted {
            match way(answers, *at, *address, group).await {
                Ok(way) => {
                    known.ways.insert(*address, way);
                }
                Err(reason) => {
                    *told = Err(reason);
                    break;
                }
            }
        }
    }
    all
}

async fn ask(answers: &impl Answers, at: NodeId, group: Ipv4Addr) -> Result<Told, String> {
    Ok(Told {
        pim: answers.one(at, Method::PimInterfaces {}).await?,
        neighbors: answers.one(at, Method::PimNeighbors {}).await?,
        rp: answers.one(at, Method::PimRp { group }).await?,
        ways: BTreeMap::new(),
        igmp: answers.one(at, Method::IgmpInterfaces {}).await?,
        members: answers
            .all(at, |cursor| Method::IgmpGroups { cursor })
            .await?,
        mroutes: answers
            .all(at, move |cursor| Method::Mroute {
                group: Some(group),
                cursor,
            })
            .await?,
        counters: answers.one(at, Method::StatsProtocols {}).await?,
    })
}

async fn way(
    answers: &impl Answers,
    at: NodeId,
    address: Ipv4Addr,
    group: Ipv4Addr,
) -> Result<api::RpfOf, String> {
    let method = Method::Rpf {
        address,
        group: Some(group),
    };
    answers.one(at, method).await
}
