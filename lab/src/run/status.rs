//! How a lab that stays is: what passed its links, who sends and receives, and
//! what its routers know.

use std::net::Ipv4Addr;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::question::Router;
use super::stage::Stage;
use super::wires::Laid;
use crate::holder::protocol::Process;
use crate::node::Death;
use crate::topology::model::{Kind, Link, LinkId, Node, NodeId, Topology};

/// The most entries that are told of one router.
const ENTRIES: usize = 1000;

/// How a lab is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// When, in nanoseconds since 1970.
    pub at_ns: u64,
    /// The latest steps, oldest first.
    pub steps: Vec<StepDone>,
    /// The links.
    pub links: Vec<LinkStatus>,
    /// The receivers.
    pub receivers: Vec<ReceiverStatus>,
    /// The sources.
    pub sources: Vec<SourceStatus>,
    /// The routers.
    pub routers: Vec<RouterStatus>,
    /// The processes in the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
    /// The network, drawn as text, where that was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub network: String,
}

/// A step that was done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StepDone {
    /// When it ended, in nanoseconds since 1970.
    pub at_ns: u64,
    /// Its title.
    pub title: String,
    /// How it ended, in a word.
    pub outcome: String,
}

/// A link.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LinkStatus {
    /// Its name.
    pub name: String,
    /// No end was set down.
    pub up: bool,
    /// What its wire does to frames, where it has one that does something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
    /// Datagrams that passed it since the lab is watched.
    pub datagrams: u64,
    /// Their UDP payload bytes.
    pub bytes: u64,
}

/// A receiver.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ReceiverStatus {
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// What it joins.
    pub groups: Vec<Ipv4Addr>,
    /// It has joined.
    pub joined: bool,
    /// Datagrams received since it joined.
    pub received: u64,
    /// Datagrams missing between those.
    pub lost: u64,
    /// Datagrams received again.
    pub duplicated: u64,
}

/// A source.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Where it sends.
    pub groups: Vec<Ipv4Addr>,
    /// It sends.
    pub sending: bool,
    /// Datagrams sent since it started.
    pub sent: u64,
}

/// A router.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct RouterStatus {
    /// Its node.
    pub node: String,
    /// What runs there.
    pub kind: String,
    /// Why it does not answer.
    pub problem: Option<String>,
    /// PIM neighbours, by the names of their nodes where those are the lab's.
    pub neighbors: Vec<String>,
    /// Groups with members.
    pub groups: usize,
    /// Entries in all.
    pub entries: usize,
    /// The first entries.
    pub trees: Vec<Entry>,
}

/// An entry of a router.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// The group.
    pub group: Ipv4Addr,
    /// The source; none is (*,G).
    pub source: Option<Ipv4Addr>,
    /// The incoming interface.
    pub iif: Option<String>,
    /// The outgoing interfaces.
    pub oif: Vec<String>,
}

/// Looks at everything once.
pub(super) async fn look<S: Stage>(
    stage: &S,
    down: impl Fn(LinkId) -> bool,
    laid: &Laid,
) -> Status {
    let topology = stage.topology();
    let links = topology.links.iter().enumerate();
    let links = links.map(|(position, link)| {
        let (datagrams, bytes) = passed(stage, link);
        LinkStatus {
            name: link.name.clone(),
            up: !down(LinkId(position)),
            wire: laid.on(topology, LinkId(position)),
            datagrams,
            bytes,
        }
    });
    let nodes = topology.nodes.iter().enumerate();
    let routers = nodes.filter(|(_, node)| node.kind.is_router());
    let routers = join_all(routers.map(|(position, _)| router(stage, NodeId(position)))).await;
    Status {
        at_ns: stage.now_ns(),
        steps: Vec::new(),
        links: links.collect(),
        receivers: receivers(stage),
        sources: sources(stage),
        routers,
        processes: Vec::new(),
        network: String::new(),
    }
}

/// Tells of routers whose daemons ended by themselves.
pub(super) fn tell_dead(status: &mut Status, deaths: &[Death]) {
    for death in deaths {
        let mut routers = status.routers.iter_mut();
        if let Some(router) = routers.find(|router| router.node == death.node) {
            router.problem = Some(format!("{} ended: {}", death.program, death.status));
        }
    }
}

/// A segment is watched at every member, of which no one need see all.
fn passed<S: Stage>(stage: &S, link: &Link) -> (u64, u64) {
    let ends = link.ends.iter();
    let counts = ends.map(|(node, interface)| stage.count(*node, *interface, None));
    let most = counts.max_by_key(|count| count.datagrams);
    most.map_or((0, 0), |count| (count.datagrams, count.bytes))
}

fn node_name(topology: &Topology, at: NodeId) -> String {
    let node = topology.nodes.get(at.0);
    node.map(|node| node.name.clone()).unwrap_or_default()
}

fn receivers<S: Stage>(stage: &S) -> Vec<ReceiverStatus> {
    let topology = stage.topology();
    let ledger = stage.ledger().borrow();
    let all = topology.receivers.iter().enumerate();
    all.map(|(position, receiver)| {
        let latest = ledger.sessions(position).last();
        let joined = latest.is_some_and(|session| session.ended_at.is_none());
        let flows = latest.iter().flat_map(|session| &session.report().flows);
        let mut status = ReceiverStatus {
            name: receiver.name.clone(),
            node: node_name(topology, receiver.at),
            groups: receiver.groups.clone(),
            joined,
            ..ReceiverStatus::default()
        };
        for flow in flows {
            status.received += flow.received;
            status.lost += flow.lost;
            status.duplicated += flow.duplicated;
        }
        status
    })
    .collect()
}

fn sources<S: Stage>(stage: &S) -> Vec<SourceStatus> {
    let topology = stage.topology();
    let ledger = stage.ledger().borrow();
    let all = topology.sources.iter().enumerate();
    all.map(|(position, source)| {
        let latest = ledger.runs().filter(|run| run.source == position).last();
        SourceStatus {
            name: source.name.clone(),
            node: node_name(topology, source.at),
            groups: source.groups.clone(),
            sending: latest.is_some_and(|run| !run.ended),
            sent: latest.map_or(0, |run| run.latest.sent),
        }
    })
    .collect()
}

async fn router<S: Stage>(stage: &S, at: NodeId) -> RouterStatus {
    let topology = stage.topology();
    let kind = topology.nodes.get(at.0).map(|node| &node.kind);
    let mut status = RouterStatus {
        node: node_name(topology, at),
        kind: kind.map(|kind| kind.word().to_owned()).unwrap_or_default(),
        ..RouterStatus::default()
    };
    if !matches!(kind, Some(Kind::Mcrd { .. } | Kind::Frr)) {
        status.problem = Some("it cannot be asked".to_owned());
        return status;
    }
    if let Err(problem) = ask(stage, at, &mut status).await {
        status.problem = Some(problem);
    }
    status
}

/// The node with an address, or the address.
fn owner(topology: &Topology, address: Ipv4Addr) -> String {
    let mut nodes = topology.nodes.iter();
    let owns = |node: &&Node| {
        let mut own = node.interfaces.iter().flat_map(|one| &one.addresses);
        own.any(|one| one.addr() == address)
    };
    let found = nodes.find(owns);
    found.map_or_else(|| address.to_string(), |node| node.name.clone())
}

async fn ask<S: Stage>(stage: &S, at: NodeId, status: &mut RouterStatus) -> Result<(), String> {
    let router = Router::of(stage, at);
    let topology = stage.topology();
    let seen = router.neighbors().await?.into_iter();
    let seen = seen.map(|(_, address)| owner(topology, address));
    status.neighbors = seen.collect();
    status.groups = router.groups().await?.len();
    let all = router.mroutes(None).await?;
    status.entries = all.len();
    let told = all.into_iter().filter_map(|entry| {
        Some(Entry {
            group: entry.group?,
            source: entry.source,
            iif: entry.iif,
            oif: entry.oif.into_iter().collect(),
        })
    });
    status.trees = told.take(ENTRIES).collect();
    Ok(())
}
