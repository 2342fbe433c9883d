//! Join/Prune (RFC 7761 §4.9.5).

use std::net::Ipv4Addr;

use super::{EncodedGroup, EncodedSource};

/// Holdtime: the state never times out.
pub const HOLDTIME_FOREVER: u16 = 0xffff;

/// A Join/Prune message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinPrune {
    /// The router it is for.
    pub upstream_neighbor: Ipv4Addr,
    /// In seconds; 0 ends the state at once, 0xffff keeps it for ever.
    pub holdtime: u16,
    /// The groups, in the order of the message.
    pub groups: Vec<JoinPruneGroup>,
}

/// What a message says of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinPruneGroup {
    /// The group.
    pub group: EncodedGroup,
    /// Joined sources.
    pub joins: Vec<EncodedSource>,
    /// Pruned sources.
    pub prunes: Vec<EncodedSource>,
}

impl JoinPruneGroup {
    /// The bytes this block has on the wire.
    pub fn encoded_len(&self) -> usize {
        12 + 8 * (self.joins.len() + self.prunes.len())
    }
}

/// The bytes of a message before its first group, with the PIM header.
pub const FIXED_LEN: usize = 14;
