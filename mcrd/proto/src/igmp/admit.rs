//! Which groups and sources are learned: the group filter, the SSM range and
//! the sizes of tables. What is refused is counted, and a full table is told.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_wire::igmp::RecordType;

use super::interface::IgmpInterface;
use super::link::Scope;
use crate::id::{GroupAddr, UnicastAddr};
use crate::router::event::Table;

/// All groups of an interface may hold this many times as many sources as it
/// may hold groups, or one group sources, whichever is more.
const SOURCES_PER_GROUP: usize = 8;

/// The group, where hosts may join it here.
pub(super) fn group(scope: &mut Scope, address: Ipv4Addr) -> Option<GroupAddr> {
    let Ok(group) = GroupAddr::try_from(address) else {
        let link_local = address.is_multicast();
        scope.count(if link_local {
            "igmp.drop.link-local-group"
        } else {
            "igmp.drop.group-address"
        });
        return None;
    };
    if !scope.link.permits(group) {
        scope.count("igmp.drop.group-filter");
        return None;
    }
    Some(group)
}

/// The sources that can be hosts' addresses.
pub(super) fn sources(scope: &mut Scope, addresses: &[Ipv4Addr]) -> BTreeSet<UnicastAddr> {
    let mut sources = BTreeSet::new();
    for address in addresses {
        match UnicastAddr::try_from(*address) {
            Ok(source) => {
                sources.insert(source);
            }
            Err(_) => scope.count("igmp.drop.source-address"),
        }
    }
    sources
}

/// A record of this type and with these sources can make a group.
pub(super) fn joins(record: RecordType, sources: &BTreeSet<UnicastAddr>) -> bool {
    match record {
        RecordType::IsExclude | RecordType::ToExclude => true,
        RecordType::IsInclude | RecordType::ToInclude | RecordType::Allow => !sources.is_empty(),
        RecordType::Block => false,
    }
}

impl IgmpInterface {
    /// There is room for the group.
    pub(super) fn has_room(&self, scope: &mut Scope, group: GroupAddr) -> bool {
        let most = size(scope.link.config.max_groups);
        let fits = self.groups.contains_key(&group) || self.groups.len() < most;
        if !fits {
            scope.count("igmp.drop.max-groups");
            scope.cx.refused(scope.now, Table::Groups);
        }
        fits
    }

    /// The sources that the group has already, and of the others as many as
    /// there is room for, lowest first.
    pub(super) fn fitting(
        &self,
        scope: &mut Scope,
        group: GroupAddr,
        mut sources: BTreeSet<UnicastAddr>,
    ) -> BTreeSet<UnicastAddr> {
        let state = self.groups.get(&group);
        let config = scope.link.config;
        let most = size(config.max_sources);
        let all = size(config.max_sources.max(config.max_groups)).saturating_mul(SOURCES_PER_GROUP);
        let here = most.saturating_sub(state.map_or(0, |state| state.sources()));
        let mut room = here.min(all.saturating_sub(self.sources));
        let mut refused = 0_u32;
        sources.retain(|source| {
            if state.is_some_and(|state| state.knows(*source)) {
                return true;
            }
            let fits = room > 0;
            room = room.saturating_sub(1);
            refused += u32::from(!fits);
            fits
        });
        for _ in 0..refused {
            scope.count("igmp.drop.max-sources");
            scope.cx.refused(scope.now, Table::Sources);
        }
        sources
    }
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
