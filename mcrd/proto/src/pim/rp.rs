//! The RP of a group (RFC 7761 §4.7).

use std::cmp::Reverse;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::config::PimConfig;
use crate::id::{GroupAddr, UnicastAddr};

/// All RPs, by group range.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RpSet {
    mappings: Vec<RpMapping>,
    hash_mask_len: u8,
    ssm_ranges: Vec<Ipv4Net>,
}

/// An RP for one range of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RpMapping {
    /// The range.
    pub groups: Ipv4Net,
    /// The lower the better.
    pub priority: u8,
    /// The RP.
    pub rp: UnicastAddr,
}

/// The RP of a group, and why it is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpChoice {
    /// The RP and its range.
    pub mapping: RpMapping,
    /// What set it apart from the others for the group.
    pub by: DecidedBy,
}

/// The step of RFC 7761 §4.7.1 that left one RP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// No other RP has the group.
    Only,
    /// The longest range.
    Range,
    /// The lowest priority number.
    Priority,
    /// The highest hash value.
    Hash,
    /// The highest address.
    Address,
}

/// Why a group has no RP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRp {
    /// The group is in this range of source-specific groups (RFC 4607).
    Ssm(Ipv4Net),
    /// No RP's range has it.
    NoRange,
}

impl RpSet {
    /// Takes the static RPs; whether any group's RP may differ now.
    pub fn configure(&mut self, config: &PimConfig) -> bool {
        let mut mappings: Vec<RpMapping> = config
            .static_rps
            .iter()
            .flat_map(|rp| {
                rp.groups.iter().map(|groups| RpMapping {
                    groups: groups.trunc(),
                    priority: rp.priority,
                    rp: rp.address,
                })
            })
            .collect();
        mappings.sort_unstable();
        mappings.dedup();
        let new = RpSet {
            mappings,
            hash_mask_len: config.hash_mask_len,
            ssm_ranges: config.ssm_ranges.clone(),
        };
        let differs = *self != new;
        *self = new;
        differs
    }

    /// RP(G). `None` for a group of the SSM range, and where no range has the
    /// group.
    pub fn rp(&self, group: GroupAddr) -> Option<UnicastAddr> {
        self.best(group).ok().map(|mapping| mapping.rp)
    }

    /// As [`RpSet::rp`], with the reason.
    ///
    /// # Errors
    /// Why the group has none.
    pub fn choose(&self, group: GroupAddr) -> Result<RpChoice, NoRp> {
        let mapping = self.best(group)?;
        let others = || self.of(group).filter(|other| **other != mapping);
        let equal_range = || others().filter(|other| same_range(other, &mapping));
        let equal_priority = || equal_range().filter(|other| other.priority == mapping.priority);
        let value = |rp| self.hash(group, rp);
        let by = if others().next().is_none() {
            DecidedBy::Only
        } else if equal_range().next().is_none() {
            DecidedBy::Range
        } else if equal_priority().next().is_none() {
            DecidedBy::Priority
        } else if equal_priority().all(|other| value(other.rp) != value(mapping.rp)) {
            DecidedBy::Hash
        } else {
            DecidedBy::Address
        };
        Ok(RpChoice { mapping, by })
    }

    /// Every RP with each of its ranges, by range and priority.
    pub fn mappings(&self) -> &[RpMapping] {
        &self.mappings
    }

    fn best(&self, group: GroupAddr) -> Result<RpMapping, NoRp> {
        let mut ssm = self.ssm_ranges.iter();
        if let Some(range) = ssm.find(|range| range.contains(&group.get())) {
            return Err(NoRp::Ssm(*range));
        }
        let best = self.of(group).max_by_key(|mapping| {
            (
                mapping.groups.prefix_len(),
                Reverse(mapping.priority),
                self.hash(group, mapping.rp),
                mapping.rp,
            )
        });
        best.copied().ok_or(NoRp::NoRange)
    }

    fn of(&self, group: GroupAddr) -> impl Iterator<Item = &RpMapping> {
        let mappings = self.mappings.iter();
        mappings.filter(move |mapping| mapping.groups.contains(&group.get()))
    }

    fn hash(&self, group: GroupAddr, rp: UnicastAddr) -> u32 {
        hash(group.get(), self.hash_mask_len, rp.get())
    }
}

fn same_range(one: &RpMapping, other: &RpMapping) -> bool {
    one.groups.prefix_len() == other.groups.prefix_len()
}

/// The hash function of RFC 7761 §4.7.2: Value(G,M,C(i)).
fn hash(group: Ipv4Addr, mask_len: u8, rp: Ipv4Addr) -> u32 {
    const A: u32 = 1_103_515_245;
    const C: u32 = 12_345;
    let mask = u32::MAX.checked_shl(32 - u32::from(mask_len.min(32)));
    let masked = group.to_bits() & mask.unwrap_or(0);
    // Modulo 2^32 first, then 2^31, is modulo 2^31.
    let inner = A.wrapping_mul(masked).wrapping_add(C) ^ rp.to_bits();
    A.wrapping_mul(inner).wrapping_add(C) & 0x7fff_ffff
}

#[cfg(test)]
mod tests;
