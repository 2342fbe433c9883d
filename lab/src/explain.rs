//! Why a receiver gets nothing of a source: a walk from the receiver to the
//! source over what the routers answered and what the links showed. It is a
//! function of the topology and of a [`Snapshot`]; nothing here talks to anybody.

mod fixed;
pub mod heard;
mod idle;
mod member;
mod neighbor;
pub mod outside;
mod source;
mod text;
pub mod told;
mod tree;
mod walk;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::topology::model::{LinkId, NodeId, Topology};

use heard::Heard;
use told::Told;

#[cfg(test)]
mod tests;

/// What was asked, and what everybody answered.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The receiver has joined; `None` where nobody knows.
    pub joined: Option<bool>,
    /// Datagrams that the source has sent; `None` where nobody knows.
    pub sent: Option<u64>,
    /// The datagrams of the source that each link showed; empty where nobody
    /// looked.
    pub links: BTreeMap<LinkId, usize>,
    /// What the links showed of the protocols' messages.
    pub heard: Heard,
    /// What is known of each router, or why nothing is.
    pub routers: BTreeMap<NodeId, Result<Told, String>>,
}

/// What is wrong, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Receiver and source have no group in common, or another source is
    /// wanted.
    NotMeant,
    /// The receiver has not joined.
    NotJoined,
    /// The source sends nothing.
    NotSending,
    /// The daemon of a router does not run.
    DaemonEnded,
    /// The daemon of a router is frozen, or hangs.
    DaemonFrozen,
    /// No router is on the link.
    NoRouter,
    /// No router has the member.
    NoMembership,
    /// The membership is refused by a filter or a limit.
    MembershipRefused,
    /// The switch snoops, and nobody asks.
    NoQuerier,
    /// Routers differ in what is source-specific.
    SsmRange,
    /// The router that has the member or the source does not forward for its
    /// link.
    NotDr,
    /// There is no RP.
    NoRp,
    /// Routers differ in the RP.
    WrongRp,
    /// No route to the source.
    MissingRoute,
    /// No route to the RP, or it is no router.
    RpUnreachable,
    /// The way to the source is not the one it is heard on.
    RpfMismatch,
    /// PIM does not run on a link of the way.
    NoPim,
    /// A router that forwards by static multicast routes only has none for this.
    NoMroute,
    /// An interface of the way is down.
    LinkDown,
    /// A link of the way loses packets.
    LinkLoss,
    /// A router takes no Joins of its neighbour.
    JoinFiltered,
    /// An entry is missing, or has not joined, for no reason that is known.
    NotJoinedUpstream,
    /// Another router forwards onto the link, by Assert.
    AssertLost,
    /// The datagrams do not live long enough.
    Ttl,
    /// The RP takes no Registers of the source.
    RegisterBlocked,
    /// Routers are right, and datagrams are lost.
    DataLost,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fault {
    /// Its kind.
    pub kind: Kind,
    /// Where.
    pub at: String,
    /// What is wrong, with the evidence.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// A thing that was looked at and is right.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Seen {
    /// Where.
    pub at: String,
    /// What was asked.
    pub what: String,
    /// What the answer was.
    pub evidence: String,
}

/// Where the walk ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// At the first fault.
    Fault(Fault),
    /// Where somebody gave no answer; why not.
    Unknown(String),
    /// Nowhere: everything is right.
    Nothing,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Explanation {
    /// The receiver.
    pub receiver: String,
    /// The source.
    pub source: String,
    /// The group, where they have one in common.
    pub group: Option<Ipv4Addr>,
    /// What was right, from the receiver on.
    pub seen: Vec<Seen>,
    /// How it ended.
    pub end: End,
}

/// The positions of a receiver and a source by their names.
///
/// # Errors
/// There is none of that name; which ones there are.
pub fn ends(topology: &Topology, receiver: &str, source: &str) -> Result<(usize, usize), String> {
    let receivers = topology.receivers.iter().map(|one| one.name.as_str());
    let sources = topology.sources.iter().map(|one| one.name.as_str());
    Ok((
        position("receiver", receiver, receivers.collect())?,
        position("source", source, sources.collect())?,
    ))
}

fn position(what: &str, name: &str, known: Vec<&str>) -> Result<usize, String> {
    let found = known.iter().position(|known| *known == name);
    found.ok_or_else(|| {
        let known = known.join(", ");
        format!("the file has no {what} {name:?}; it has {known}")
    })
}

/// Walks from a receiver to a source, both positions in the topology's lists.
/// `None` where there are none such.
#[must_use]
pub fn explain(
    topology: &Topology,
    receiver: usize,
    source: usize,
    snapshot: &Snapshot,
) -> Option<Explanation> {
    walk::walk(topology, receiver, source, snapshot)
}
