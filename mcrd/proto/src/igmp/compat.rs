//! Hosts of older versions (RFC 9776 §7.3.2): for each group, the oldest one
//! present decides what a message means.

use std::collections::BTreeSet;

use mcr_wire::igmp::{RecordType, Version};

use super::link::Scope;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::router::{IgmpTimer, TimerId};
use crate::timers::Timers;

/// The Group Compatibility Mode: the version of the oldest host that was heard
/// lately.
pub fn oldest_host(timers: &Timers<TimerId>, iface: IfIndex, group: GroupAddr) -> Version {
    let present = |timer| timers.is_set(TimerId::Igmp(timer));
    if present(IgmpTimer::V1HostPresent(iface, group)) {
        Version::V1
    } else if present(IgmpTimer::V2HostPresent(iface, group)) {
        Version::V2
    } else {
        Version::V3
    }
}

/// A host of this version is present: until the Older Host Present Interval
/// (RFC 9776 §8.13), which is as long as the Group Membership Interval.
pub(super) fn heard(scope: &mut Scope, group: GroupAddr, version: Version) {
    let iface = scope.link.index();
    let interval = scope.group_membership_interval();
    match version {
        Version::V1 => scope.set(IgmpTimer::V1HostPresent(iface, group), interval),
        Version::V2 => scope.set(IgmpTimer::V2HostPresent(iface, group), interval),
        Version::V3 => {}
    }
}

/// What a record means while the oldest host has this version; `None` where it
/// is to be ignored.
pub(super) fn meaning(
    oldest: Version,
    record: RecordType,
    sources: BTreeSet<UnicastAddr>,
) -> Option<(RecordType, BTreeSet<UnicastAddr>)> {
    match (oldest, record) {
        (Version::V1, RecordType::Block | RecordType::ToInclude)
        | (Version::V2, RecordType::Block) => None,
        (Version::V1 | Version::V2, RecordType::ToExclude) => Some((record, BTreeSet::new())),
        (Version::V1, RecordType::IsInclude | RecordType::IsExclude | RecordType::Allow)
        | (
            Version::V2,
            RecordType::IsInclude
            | RecordType::IsExclude
            | RecordType::Allow
            | RecordType::ToInclude,
        )
        | (
            Version::V3,
            RecordType::IsInclude
            | RecordType::IsExclude
            | RecordType::ToInclude
            | RecordType::ToExclude
            | RecordType::Allow
            | RecordType::Block,
        ) => Some((record, sources)),
    }
}
