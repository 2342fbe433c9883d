//! The router's timers, each named as in its RFC.

use serde::{Deserialize, Serialize};

use std::net::Ipv4Addr;

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::tib::TreeKey;

/// One timer. It belongs to the state that it ends: whoever removes the state
/// cancels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimerId {
    /// Of IGMP.
    Igmp(IgmpTimer),
    /// HT: the next Hello of an interface (RFC 7761 §4.11).
    Hello(IfIndex),
    /// NLT: a neighbour, by its primary address.
    NeighborLiveness(IfIndex, Ipv4Addr),
    /// ET: downstream state.
    Expiry(TreeKey, IfIndex),
    /// PPT: downstream state.
    PrunePending(TreeKey, IfIndex),
    /// JT of (*,G) and (S,G).
    UpstreamJoin(TreeKey),
    /// OT of (S,G,rpt).
    Override(UnicastAddr, GroupAddr),
    /// KAT.
    Keepalive(UnicastAddr, GroupAddr),
    /// RST.
    RegisterStop(UnicastAddr, GroupAddr),
    /// AT.
    Assert(TreeKey, IfIndex),
    /// Packets that nobody wanted are asked about again.
    Unwanted,
    /// The input side of an interface changed its way, and the old one is kept
    /// until then.
    OldUpstream(TreeKey),
}

/// A timer of IGMP (RFC 2236 §8, RFC 9776 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IgmpTimer {
    /// The next General Query.
    GeneralQuery(IfIndex),
    /// Other Querier Present.
    OtherQuerierPresent(IfIndex),
    /// Group Membership, or Group Timer.
    GroupMembership(IfIndex, GroupAddr),
    /// Source Timer.
    Source(IfIndex, GroupAddr, UnicastAddr),
    /// Older Host Present, version 1.
    V1HostPresent(IfIndex, GroupAddr),
    /// Older Host Present, version 2.
    V2HostPresent(IfIndex, GroupAddr),
    /// The next retransmission of group- and source-specific queries.
    SpecificQuery(IfIndex, GroupAddr),
}
