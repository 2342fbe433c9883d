//! What is asked of forwarding tables, and of what switches have learned.

use super::bounds::counted;
use super::packets::Judged;
use super::question::Asker;
use crate::topology::file::{MdbOf, MfcOf};
use crate::topology::model::{Check, Kind, Medium, NodeId};
use crate::topology::place::At;
use crate::topology::question::{Interfaces, MdbQuestion, MfcQuestion};
use crate::topology::tree::Span;
use crate::topology::value::{Address, Group};

impl Asker<'_> {
    /// A node with a table of its own.
    fn forwarder(&self, name: &At<String>) -> Option<NodeId> {
        let node = self.cast.node(self.cx, name)?;
        let model = &self.cast.nodes[node.0];
        let (message, help) = match &model.kind {
            Kind::Host => (
                format!("`{}` is a host, which forwards nothing", name.value),
                "ask a router",
            ),
            Kind::Mcrd { .. } if model.router.is_none() => (
                format!("`{}` runs mcrd with relay rules alone", name.value),
                "`counters: { at, rule, packets }` tells what they forward",
            ),
            Kind::Mcrd { .. }
            | Kind::Frr
            | Kind::Pimd
            | Kind::Smcroute { .. }
            | Kind::Kernel
            | Kind::Custom(_) => return Some(node),
        };
        let problem = self.cx.problem(name.span, message);
        self.cx.sink.add(problem.help(help));
        None
    }

    pub(super) fn mfc(&self, written: &MfcOf, at: &At<String>, judged: Judged) -> Option<Check> {
        let at = self.forwarder(at)?;
        let iif = match &written.iif {
            Some(word) => Some(self.interface(at, word)?),
            None => None,
        };
        let oif = match &written.oif {
            Some(part) => self.names(&part.tree, &|word| self.interface(at, word))?,
            None => Interfaces::default(),
        };
        let instead = "say how long it `holds`";
        let packets = match &written.packets {
            Some(limits) => Some(counted(self.cx, limits, judged, instead)?),
            None => None,
        };
        let Group(group) = written.group;
        Some(Check::Mfc(Box::new(MfcQuestion {
            at,
            group,
            source: written.source.map(|Address(source)| source),
            absent: written.absent,
            iif,
            oif,
            packets,
        })))
    }

    pub(super) fn mdb(&self, written: &MdbOf, span: Span) -> Option<Check> {
        let link = self.cast.link(self.cx, &written.at)?;
        let model = &self.cast.network.links[link.0];
        if !matches!(model.medium, Medium::Bridge { snooping: true, .. }) {
            let message = format!("no switch of {} snoops IGMP", model.name);
            let problem = self.cx.problem(written.at.span, message);
            let help = "write the segment as `{ members: [a, b], snooping: true }`";
            self.cx.sink.add(problem.help(help));
            return None;
        }
        let member = |word: &At<String>| {
            let node = self.cast.node(self.cx, word)?;
            if model.ends.iter().all(|(at, _)| *at != node) {
                let message = format!("`{}` is not on {}", word.value, model.name);
                self.cx.tell(word.span, message);
                return None;
            }
            Some(word.value.clone())
        };
        let members = match &written.members {
            Some(part) => Some(self.names(&part.tree, &member)?),
            None => None,
        };
        let routers = match &written.routers {
            Some(part) => Some(self.names(&part.tree, &member)?),
            None => None,
        };
        let group = written.group.map(|Group(group)| group);
        if group.is_none() == routers.is_none() || (group.is_none() && members.is_some()) {
            let problem = self.cx.problem(
                span,
                "`mdb` asks either for the ports of a `group` or for the `routers`",
            );
            let help = "write `{ at: lan, group: 239.1.1.1, members: [h1] }` or \
                        `{ at: lan, routers: [r1] }`";
            self.cx.sink.add(problem.help(help));
            return None;
        }
        Some(Check::Mdb(Box::new(MdbQuestion {
            at: link,
            group,
            ports: members.or(routers).unwrap_or_default(),
        })))
    }
}
