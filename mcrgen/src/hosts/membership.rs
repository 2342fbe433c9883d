//! What one host wants of one group, and what it has to tell of it (RFC 9776
//! §5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_wire::igmp::{GroupRecord, RecordType};

/// The sources that are wanted, or, in EXCLUDE mode, not wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// EXCLUDE mode.
    pub exclude: bool,
    /// The sources.
    pub sources: BTreeSet<Ipv4Addr>,
}

impl Filter {
    /// From every source.
    pub fn any() -> Filter {
        Filter {
            exclude: true,
            sources: BTreeSet::new(),
        }
    }

    /// Something is wanted.
    pub(super) fn is_member(&self) -> bool {
        self.exclude || !self.sources.is_empty()
    }
}

/// A host's state of a group. The default is that of a group it never joined.
#[derive(Clone, Debug, Default)]
pub(super) struct Membership {
    pub(super) filter: Filter,
    /// When an answer to a query is due.
    pub(super) response: Option<u64>,
    /// The sources that were asked for; none means the whole group.
    pub(super) asked: BTreeSet<Ipv4Addr>,
    /// When a change is told of again.
    pub(super) change: Option<u64>,
    /// How often the mode is still to be told of.
    pub(super) mode_left: u8,
    /// How often a source's coming or going is still to be told of.
    sources_left: BTreeMap<Ipv4Addr, u8>,
}

impl Membership {
    /// The filter becomes another one (RFC 9776 §5.1).
    pub(super) fn set(&mut self, filter: Filter, robustness: u8) {
        if self.filter.exclude != filter.exclude {
            self.mode_left = robustness;
            self.sources_left.clear();
        } else {
            for source in self.filter.sources.symmetric_difference(&filter.sources) {
                self.sources_left.insert(*source, robustness);
            }
        }
        self.filter = filter;
    }

    /// The records that tell of what changed, for one more time.
    pub(super) fn take_changes(&mut self, group: Ipv4Addr) -> Vec<GroupRecord> {
        if self.mode_left > 0 {
            self.mode_left -= 1;
            let kind = if self.filter.exclude {
                RecordType::ToExclude
            } else {
                RecordType::ToInclude
            };
            return vec![record(kind, group, self.filter.sources.iter().copied())];
        }
        let (mut allow, mut block) = (Vec::new(), Vec::new());
        for source in self.sources_left.keys() {
            if self.filter.sources.contains(source) != self.filter.exclude {
                allow.push(*source);
            } else {
                block.push(*source);
            }
        }
        for left in self.sources_left.values_mut() {
            *left = left.saturating_sub(1);
        }
        self.sources_left.retain(|_, left| *left > 0);
        let lists = [(RecordType::Allow, allow), (RecordType::Block, block)];
        let some = lists.into_iter().filter(|(_, list)| !list.is_empty());
        some.map(|(kind, list)| record(kind, group, list)).collect()
    }

    /// Changes are to be told of again.
    pub(super) fn has_changes(&self) -> bool {
        self.mode_left > 0 || !self.sources_left.is_empty()
    }

    /// The whole current state; `None` where nothing is wanted.
    pub(super) fn state(&self, group: Ipv4Addr) -> Option<GroupRecord> {
        let kind = if self.filter.exclude {
            RecordType::IsExclude
        } else {
            RecordType::IsInclude
        };
        let record = record(kind, group, self.filter.sources.iter().copied());
        self.filter.is_member().then_some(record)
    }

    /// The answer to what was asked; `None` where none of the sources asked for
    /// is wanted (RFC 9776 §5.2).
    pub(super) fn answer(&self, group: Ipv4Addr) -> Option<GroupRecord> {
        if self.asked.is_empty() {
            return self.state(group);
        }
        let asked = self.asked.iter().copied();
        let wanted: Vec<Ipv4Addr> = asked
            .filter(|source| self.filter.sources.contains(source) != self.filter.exclude)
            .collect();
        (!wanted.is_empty()).then(|| record(RecordType::IsInclude, group, wanted))
    }
}

fn record(
    record_type: RecordType,
    group: Ipv4Addr,
    sources: impl IntoIterator<Item = Ipv4Addr>,
) -> GroupRecord {
    GroupRecord {
        record_type,
        group,
        sources: sources.into_iter().collect(),
    }
}
