//! Join/Prune (RFC 7761 §4.9.5).

use std::net::Ipv4Addr;

use super::address::{emit_unicast, unicast};
use super::{EncodedGroup, EncodedSource};
use crate::BadMessage;
use crate::reader::{Reader, counted_u8, counted_u16};

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

impl JoinPrune {
    /// After the PIM header.
    pub(super) fn parse(mut reader: Reader<'_>) -> Result<JoinPrune, BadMessage> {
        let upstream_neighbor = unicast(&mut reader)?;
        let _reserved = reader.u8()?;
        let count = reader.u8()?;
        let holdtime = reader.u16()?;
        let mut reader = reader.counted();
        let mut groups = Vec::new();
        for _ in 0..count {
            groups.push(JoinPruneGroup::parse(&mut reader)?);
        }
        Ok(JoinPrune {
            upstream_neighbor,
            holdtime,
            groups,
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        let (count, groups) = counted_u8(&self.groups);
        emit_unicast(bytes, self.upstream_neighbor);
        bytes.extend([0, count]);
        bytes.extend(self.holdtime.to_be_bytes());
        for group in groups {
            group.emit(bytes);
        }
    }
}

impl JoinPruneGroup {
    fn parse(reader: &mut Reader<'_>) -> Result<JoinPruneGroup, BadMessage> {
        let group = EncodedGroup::parse(reader)?;
        let (joins, prunes) = (reader.u16()?, reader.u16()?);
        Ok(JoinPruneGroup {
            group,
            joins: sources(reader, joins)?,
            prunes: sources(reader, prunes)?,
        })
    }

    fn emit(&self, bytes: &mut Vec<u8>) {
        let (join_count, joins) = counted_u16(&self.joins);
        let (prune_count, prunes) = counted_u16(&self.prunes);
        self.group.emit(bytes);
        bytes.extend(join_count.to_be_bytes());
        bytes.extend(prune_count.to_be_bytes());
        for source in joins.iter().chain(prunes) {
            source.emit(bytes);
        }
    }
}

fn sources(reader: &mut Reader<'_>, count: u16) -> Result<Vec<EncodedSource>, BadMessage> {
    (0..count).map(|_| EncodedSource::parse(reader)).collect()
}
