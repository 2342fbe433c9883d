//! An explanation as people read it, and where they look further.

use super::walk::Walk;
use super::{End, Explanation};
use crate::topology::model::{Kind as NodeKind, NodeId};

impl Walk<'_> {
    /// How to see a router's entries of the group.
    pub(super) fn see_mroute(&self, at: NodeId) -> String {
        let (name, group) = (self.name(at), self.group);
        match self.node(at).map(|node| &node.kind) {
            Some(NodeKind::Mcrd { .. }) => format!("see `mcrctl show mroute {group}` at {name}"),
            Some(NodeKind::Frr) => {
                format!("see `lab exec {name} -- vtysh -N {name} -c 'show ip pim upstream'`")
            }
            Some(NodeKind::Pimd | NodeKind::Smcroute { .. } | NodeKind::Kernel)
            | Some(NodeKind::Host | NodeKind::Custom(_))
            | None => format!("see `lab logs {name}` and `lab exec {name} -- ip mroute`"),
        }
    }

    /// The command that tells what a router dropped.
    pub(super) fn see_drops(&self, at: NodeId) -> String {
        match self.node(at).map(|node| &node.kind) {
            Some(NodeKind::Mcrd { .. }) => "`mcrctl stats inputs`".to_owned(),
            Some(NodeKind::Frr | NodeKind::Pimd | NodeKind::Smcroute { .. } | NodeKind::Kernel)
            | Some(NodeKind::Host | NodeKind::Custom(_))
            | None => format!("`lab exec {} -- ip -s mroute`", self.name(at)),
        }
    }
}

impl Explanation {
    /// One line each, not yet broken to a width.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let group = self
            .group
            .map_or_else(String::new, |group| format!(", {group}"));
        let mut lines = vec![format!("from {} to {}{group}:", self.receiver, self.source)];
        for seen in &self.seen {
            let (at, what) = (&seen.at, &seen.what);
            lines.push(format!("  ok  {at:<8} {what:<8} {}", seen.evidence));
        }
        match &self.end {
            End::Fault(fault) => {
                lines.push(format!("  NO  {:<8} {}", fault.at, fault.what));
                lines.push(format!("  do: {}", fault.advice));
            }
            End::Unknown(reason) => lines.push(format!("  ??  not known: {reason}")),
            End::Nothing => lines.push("  no fault found on the way".to_owned()),
        }
        lines
    }

    /// The fault in one line, for a report that has others beside it.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let End::Fault(fault) = &self.end else {
            return None;
        };
        let (receiver, source) = (&self.receiver, &self.source);
        let (at, what, advice) = (&fault.at, &fault.what, &fault.advice);
        Some(format!("{receiver} <- {source}: {at}: {what}; {advice}"))
    }
}
